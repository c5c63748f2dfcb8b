"""Directives become settings: a frozen instance of every section, and all problems at once.

A section that a configuration says nothing of is the same object for all settings.  So an instance that is
forked from another shares with it whatever it does not configure, and reading costs what there is to read.

A scalar takes its last occurrence, a list all of them in their order, whichever names fed it.  What an
option implies is turned on unless the configuration says otherwise in so many words.  Names that nobody
knows are kept, as in uWSGI, for ``%(name)``; names that uWSGI has and uwsgid does not act on are noted or
refused, as the table of known options says.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from uwsgid.config.directive import Directive, Origin
from uwsgid.config.index import Declared, Index, index
from uwsgid.config.kinds import FALSE, FLAG, TRUE, Flag
from uwsgid.config.known import KnownOption, Support
from uwsgid.config.section import Section, flag, section
from uwsgid.errors import ConfigError, ConfigProblems, InternalError

if TYPE_CHECKING:
    from uwsgid.config.reading import Reading

T = TypeVar("T", bound=Section)
Place = tuple[type[Section], str]


@section("Configuration")
class Strictness(Section):
    """What happens to names that nobody knows."""

    strict: Flag = flag(
        "strict",
        default=False,
        immediate=True,
        help="refuse options that nobody knows",
        note="the whole configuration is checked, wherever the option stands",
    )


#: What a section is that no configuration says anything of.
_defaults: Final[dict[type[Section], Section]] = {}


@dataclass(frozen=True, slots=True)
class Settings:
    """All sections, filled.

    Plain data: it can be pickled and is the same in every process forked after it was made.

    :ivar directives: what it was made of, in order, with the names that nobody knows.
    :ivar warnings: what a user ought to look at, one text each.
    :ivar notices: options that were accepted and do nothing, one text each.
    """

    directives: tuple[Directive, ...]
    warnings: tuple[str, ...]
    notices: tuple[str, ...]
    _sections: Mapping[type[Section], Section] = field(repr=False)
    _listed: frozenset[type[Section]] = field(repr=False)
    _origins: Mapping[Place, Origin] = field(repr=False)

    @classmethod
    def from_directives(
        cls,
        directives: Iterable[Directive],
        names: Index | None = None,
        *,
        strict: bool | None = None,
        warnings: Sequence[str] = (),
        used_placeholders: frozenset[str] = frozenset(),
        set_placeholders: frozenset[str] = frozenset(),
    ) -> Settings:
        """Read *directives*.  The parameters are those of `judge`.

        :raises ConfigProblems: with everything that is wrong.
        """
        return judge(
            directives,
            names,
            strict=strict,
            warnings=warnings,
            used_placeholders=used_placeholders,
            set_placeholders=set_placeholders,
        ).settings_or_raise()

    def __getitem__(self, section: type[T]) -> T:
        """The values of a section.

        :raises InternalError: when the section was not yet imported when these settings were read.
        """
        made = self._sections.get(section)
        if made is None:
            if section not in self._listed:
                raise InternalError(
                    f"the section {section.__qualname__} was imported after the configuration was read"
                )
            made = _defaults.get(section)
            if made is None:
                made = _defaults[section] = section()
        return cast(T, made)

    @property
    def configured(self) -> frozenset[type[Section]]:
        """The sections that the configuration says something of."""
        return frozenset(self._sections)

    def origin(self, section: type[Section], field: str) -> Origin | None:
        """The line that set or implied the value of a field, the last one of a list; None for a default."""
        return self._origins.get((section, field))

    def is_set(self, section: type[Section], field: str) -> bool:
        """Whether the configuration gives the field a value, be it the same as the default."""
        return (section, field) in self._origins

    def problem(self, section: type[Section], field: str, text: str) -> str:
        """*text* after the place and the name of the option: ``shop.ini:3: cheaper: must be …``."""
        name = next((option.name for option in section.options if option.field == field), field)
        origin = self.origin(section, field)
        return f"{origin}: {name}: {text}" if origin is not None else f"{name}: {text}"

    def opt(self) -> dict[str, bytes | bool | list[bytes | bool]]:
        """The dictionary that applications see as ``uwsgi.opt``.

        A text is bytes, an option without a value is True, and a repeated one is a list.
        uWSGI 1.9.16 keeps only the last of a list under Python 3 (plugins/python/python_plugin.c).
        """
        found: dict[str, bytes | bool | list[bytes | bool]] = {}
        for directive in self.directives:
            text = directive.value
            value: bytes | bool = True if text is None else text.encode("utf-8", "surrogateescape")
            before = found.get(directive.name)
            if before is None:
                found[directive.name] = value
            elif isinstance(before, list):
                before.append(value)
            else:
                found[directive.name] = [before, value]
        return found


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is to be said of a configuration.

    :ivar settings: None when there are problems.
    :ivar problems: what is wrong; one text each, as the others.
    :ivar warnings: what ought to be looked at.
    :ivar notices: options that do nothing.
    """

    settings: Settings | None
    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    notices: tuple[str, ...]

    def settings_or_raise(self) -> Settings:
        """The settings.

        :raises ConfigProblems: when there are none.
        """
        if self.settings is None:
            raise ConfigProblems(self.problems)
        return self.settings


def judge(
    directives: Iterable[Directive],
    names: Index | None = None,
    *,
    strict: bool | None = None,
    problems: Sequence[str] = (),
    warnings: Sequence[str] = (),
    used_placeholders: frozenset[str] = frozenset(),
    set_placeholders: frozenset[str] = frozenset(),
) -> Judgement:
    """Read *directives* and say all that is to be said of them.

    :param names: which option a name means; the sections imported so far where not given.
    :param strict: whether unknown names are problems; None leaves it to the option ``strict``.
    :param problems: those of the reading, which come first; with any of them there are no settings.
    :param warnings: those of the reading, which come first.
    :param used_placeholders: names that some ``%(name)`` refers to: no warning about those.
    :param set_placeholders: names that ``set`` and its kin made: fine even when strict.
    """
    reader = _Reader(names if names is not None else index(), tuple(directives))
    reader.problems.extend(problems)
    reader.warnings.extend(warnings)
    return reader.judge(strict, used_placeholders, set_placeholders)


def judge_reading(reading: Reading, names: Index | None = None) -> Judgement:
    """Say all that is to be said of a whole configuration."""
    return judge(
        reading.directives,
        names,
        problems=reading.problems,
        warnings=reading.warnings,
        used_placeholders=reading.used_placeholders,
        set_placeholders=reading.set_placeholders,
    )


def settings_of(text: str = "", **more: Any) -> Settings:
    """Settings from lines of ``name = value``, for tests and for code that starts without a file.

    >>> settings_of("harakiri = 30")[Harakiri].timeout  # doctest: +SKIP
    30

    A line without ``=`` is a bare flag.  *more* goes to `Settings.from_directives`.

    :raises ConfigProblems: as that does.
    """
    directives = []
    for number, line in enumerate(text.splitlines(), 1):
        if line := line.strip():
            name, equals, value = line.partition("=")
            directives.append(
                Directive(name.strip(), value.strip() if equals else None, Origin("lines", number))
            )
    return Settings.from_directives(directives, **more)


class _Reader:
    """The working table of one reading."""

    def __init__(self, names: Index, directives: tuple[Directive, ...]) -> None:
        self._names = names
        self._directives = directives
        self._values: dict[Place, Any] = {}
        self._origins: dict[Place, Origin] = {}
        self._implied: dict[str, Directive] = {}
        self._told: set[str] = set()
        self._unreadable = False
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self.notices: list[str] = []

    def judge(self, strict: bool | None, used: frozenset[str], made: frozenset[str]) -> Judgement:
        unknown: dict[str, Directive] = {}
        for directive in self._directives:
            if (declared := self._names.declared(directive.name)) is not None:
                self._read(declared, directive)
            elif (row := self._names.known(directive.name)) is not None:
                self._pass_over(row, directive)
            else:
                unknown.setdefault(directive.name, directive)
        self._turn_on_implied()
        if strict is None:
            strict = bool(self._values.get((Strictness, "strict"), False))
        for directive in unknown.values():
            self._note_unknown(directive, strict, used, made)
        given = dict.fromkeys(cls for cls, _ in self._values)
        settings = Settings(
            directives=self._directives,
            warnings=tuple(self.warnings),
            notices=tuple(self.notices),
            _sections={cls: self._instance(cls) for cls in given},
            _listed=self._names.listed,
            _origins=self._origins,
        )
        if not self._unreadable:  # a default in place of an unreadable value would mislead the checks
            for cls in given:
                self.problems.extend(settings[cls].check(settings))
        return Judgement(
            settings=None if self.problems else settings,
            problems=tuple(dict.fromkeys(self.problems)),
            warnings=settings.warnings,
            notices=settings.notices,
        )

    def _read(self, declared: Declared, directive: Directive) -> None:
        option = declared.option
        place = (declared.section, option.field)
        if option.kind.reads_directive and directive.name not in option.spellings():
            directive = dataclasses.replace(directive, name=option.name)
        try:
            value = self._convert(declared, directive)
        except ConfigError as error:
            self.problems.append(str(error))
            self._unreadable = True
            return
        if not option.kind.many:
            self._values[place] = value
        else:
            values = self._values.setdefault(place, [])
            values.extend(value if option.kind.spreads else (value,))
        self._origins[place] = directive.origin
        if value is not False and value != 0:
            self._imply(directive)

    def _convert(self, declared: Declared, directive: Directive) -> Any:
        # a flag of our own must be a boolean, uWSGI takes any other word for true (core/config.c)
        odd = declared.option.kind is FLAG and self._odd_boolean(directive)
        if odd and self._names.known(directive.name) is not None:
            self.warnings.append(f"{directive.origin}: {directive.name}: {directive.value!r} taken as true")
            return True
        return declared.option.kind.convert(directive)

    @staticmethod
    def _odd_boolean(directive: Directive) -> bool:
        return directive.value is not None and directive.value.strip().lower() not in TRUE | FALSE

    def _imply(self, directive: Directive) -> None:
        for name in self._names.implies(directive.name):
            if name != directive.name and name not in self._implied:
                self._implied[name] = Directive(name, None, directive.origin)
                self._imply(self._implied[name])

    def _turn_on_implied(self) -> None:
        # uWSGI turns these on while it collects options and sets the written ones after that, so words win
        # over implications (core/config.c, add_exported_option and uwsgi_configure)
        for name, directive in self._implied.items():
            declared = self._names.declared(name)
            if declared is not None and (declared.section, declared.option.field) not in self._origins:
                self._read(declared, directive)

    def _pass_over(self, row: KnownOption, directive: Directive) -> None:
        off = row.is_flag and (directive.value or "").strip().lower() in FALSE - {""}
        if off or row.support is Support.HONOURED:
            return
        self._imply(directive)
        if row.support is Support.REFUSED:
            self.problems.append(f"{directive.origin}: {directive.name}: {row.reason}")
        elif directive.name not in self._told:
            self._told.add(directive.name)
            self.notices.append(
                f"{directive.origin}: {directive.name}: accepted without effect: {row.reason}"
            )

    def _note_unknown(
        self, directive: Directive, strict: bool, used: frozenset[str], made: frozenset[str]
    ) -> None:
        if directive.name in made or (directive.name in used and not strict):
            return
        near = self._names.nearest(directive.name)
        if near and near[0] == directive.name.replace("_", "-"):
            hint = f"; options are written with dashes: {near[0]}"
        elif near:
            hint = f"; did you mean {' or '.join(near)}?"
        else:
            hint = "; set-ph makes a placeholder" if strict else ""
        text = f"{directive.origin}: {directive.name}: no such option{hint}"
        (self.problems if strict else self.warnings).append(text)

    def _instance(self, cls: type[Section]) -> Section:
        given = {
            place[1]: tuple(value) if isinstance(value, list) else value
            for place, value in self._values.items()
            if place[0] is cls
        }
        return cls(**given)
