"""How an option is declared: once, beside the feature that reads it.

A section is a frozen dataclass whose fields are options.  The declaration is all there is: the command line,
``--help``, the reference page, ``uwsgid check`` and validation are read from it::

    @section("Workers")
    class Harakiri(Section):
        \"\"\"Ends workers that never come back from a request.\"\"\"

        timeout: Seconds = option("harakiri", "t", default=0,
                                  help="kill a worker busy with one request for longer than this")
        verbose: Flag = flag("harakiri-verbose", default=False, help="also log what the worker was doing")

`uwsgid.config.settings.Settings` holds one instance of each: ``settings[Harakiri].timeout``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Final,
    TypeVar,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

from uwsgid.config.kinds import Kind
from uwsgid.errors import InternalError

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings

_OPTION: Final = "uwsgid.option"


@dataclass(frozen=True, slots=True)
class Option:
    """One declared option.

    :ivar names: long names, the first one is what messages use.
    :ivar letters: one-letter names of the command line.
    :ivar help: one sentence without a full stop, for ``--help``.
    :ivar also: more names that feed the same field, each with a help of its own; their kind gets the whole
        directive and so knows the name.
    :ivar implies: options that this one turns on when it is seen with a value that is not false
        (uWSGI's option flags M, L, R, T …).
    :ivar immediate: acts while the configuration is being read, before any expansion (uWSGI's flag I).
    :ivar note: where uwsgid differs from uWSGI 1.9.16, for the reference.
    """

    names: tuple[str, ...]
    letters: tuple[str, ...]
    kind: Kind
    default: Any
    help: str
    also: Mapping[str, str]
    implies: tuple[str, ...]
    immediate: bool
    note: str
    section: str
    field: str

    @property
    def name(self) -> str:
        return self.names[0]

    def spellings(self) -> Iterator[str]:
        """Every long name that sets this option."""
        yield from self.names
        yield from self.also


def option(
    *names: str,
    default: Any,
    help: str,
    also: Mapping[str, str] | None = None,
    implies: tuple[str, ...] = (),
    immediate: bool = False,
    note: str = "",
) -> Any:
    """Declare an option as the default of a section's field.  The parameters are those of `Option`.

    ``default`` is always written out, so that mypy knows the field need not be given.
    """
    return dataclasses.field(
        default=default,
        metadata={
            _OPTION: {
                "names": tuple(name for name in names if len(name) > 1),
                "letters": tuple(name for name in names if len(name) == 1),
                "default": default,
                "help": help,
                "also": dict(also or {}),
                "implies": implies,
                "immediate": immediate,
                "note": note,
            }
        },
    )


def flag(*names: str, default: bool, help: str, **more: Any) -> Any:
    """Declare an option that is on or off."""
    return option(*names, default=default, help=help, **more)


class Section:
    """The base of all sections.

    It makes, compares and shows them, and keeps them as they are.  A dataclass could do that by functions of
    its own, which every start would write and compile for each of them.
    """

    title: ClassVar[str] = ""
    options: ClassVar[tuple[Option, ...]] = ()
    defaults: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, **values: Any) -> None:
        unknown = values.keys() - self.defaults.keys()
        if unknown:
            raise TypeError(f"{type(self).__qualname__} has no {', '.join(sorted(unknown))}")
        for name, value in self.defaults.items():  # one by one, so that Python keeps them without a dict
            object.__setattr__(self, name, values.get(name, value))

    def __setattr__(self, name: str, value: object) -> None:
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash(tuple(vars(self).values()))

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__qualname__}({values})"

    def check(self, settings: Settings) -> Iterable[str]:
        """What is wrong with these values together, also with those of other sections: one text a problem.

        Called once every section was made, where the configuration says something of this one.
        `Settings.problem` adds the file and the line.
        """
        return ()


S = TypeVar("S", bound=type[Section])

_sections: tuple[type[Section], ...] = ()


def _kind_of(hint: Any, where: str) -> Kind:
    if get_origin(hint) is Annotated:
        for extra in get_args(hint)[1:]:
            if isinstance(extra, Kind):
                return extra
    for part in get_args(hint):  # Kind | None
        if get_origin(part) is Annotated:
            return _kind_of(part, where)
    raise InternalError(f"the option {where} has a type without a kind: {hint!r}")


@dataclass_transform(eq_default=False, frozen_default=True, field_specifiers=(option, flag))
def section(title: str, *, listed: bool = True) -> Callable[[S], S]:
    """Make a frozen dataclass of a `Section` and note its options under *title* of the reference.

    :param listed: whether ``declared_sections`` has it; False is for sections that a test makes for itself.
    """

    def declare(cls: S) -> S:
        made: Any = dataclass(init=False, eq=False, repr=False)(cls)
        hints = get_type_hints(cls, include_extras=True)
        made.title = title
        made.defaults = {field.name: field.default for field in dataclasses.fields(made)}
        made.options = tuple(
            Option(
                kind=_kind_of(hints[field.name], f"{cls.__name__}.{field.name}"),
                section=title,
                field=field.name,
                **field.metadata[_OPTION],
            )
            for field in dataclasses.fields(made)
            if _OPTION in field.metadata
        )
        if listed:
            global _sections
            _sections += (made,)
        return made  # type: ignore[no-any-return]

    return declare


def declared_sections() -> tuple[type[Section], ...]:
    """All sections that were imported so far, in the order of their declaration."""
    return _sections
