"""All sources of a configuration, in their order, as one list.

First the environment, then the command line from left to right, then the words of it that are no options,
wherever they stood; ``ini`` and its kin put their lines where they are met; ``inherit`` puts them at the end.
Once the list is there, its values are expanded, and what custom options stand for is put in
(core/uwsgi.c, uwsgi_setup and uwsgi_configure).

Nothing is judged here but the language itself: whether a name is an option and its value any good is for
`uwsgid.config.settings`.  Mistakes are collected, so that one reading tells all of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from uwsgid.config.argv import COMMAND_LINE, Mistake, Positional, application_of, scan
from uwsgid.config.directive import Directive, Origin
from uwsgid.config.environ import environment_options
from uwsgid.config.expand import Lookup, expand, reference
from uwsgid.config.facts import Facts
from uwsgid.config.lexicon import CLOSERS, LOADERS, OPENERS, Lexicon, OptionIndex
from uwsgid.config.loading import Loader, Target, format_of, split_section
from uwsgid.config.logic import Block, open_block
from uwsgid.config.words import LeaveNow, Words
from uwsgid.errors import ConfigError

__all__ = ["Facts", "OptionIndex", "Reading", "read"]

_DEEPEST: Final = 64


@dataclass(frozen=True, slots=True)
class Reading:
    """What a configuration says.

    :ivar directives: final and expanded, in list order.  The lines of the language itself (``ini``, ``set``,
        ``print``, …) are among them, except those of its logic.
    :ivar warnings: what a user ought to look at, one text each.
    :ivar notices: lines for the start-up log, among them what ``print`` prints.
    :ivar sources: every source that was read, paths made absolute.
    :ivar asked: the first of them as it was written.
    :ivar problems: what is wrong, one text each; with any of them the configuration can not be used.
    :ivar used_placeholders: names that some ``%(name)`` or ``if-opt`` looked up.
    :ivar set_placeholders: names that ``set`` and its kin, or ``declare-option``, made.
    :ivar variables: what ``early-envdir`` changes in the environment; None unsets a variable.
    :ivar fallback: the last ``fallback-config``.
    :ivar exit_code: what ``exit`` asked for; the list ends there.
    :ivar fetch_failed: a source could not be read.  Under an emperor that is exit code 26 instead of 1.
    """

    directives: tuple[Directive, ...]
    warnings: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    asked: str = ""
    problems: tuple[str, ...] = ()
    used_placeholders: frozenset[str] = frozenset()
    set_placeholders: frozenset[str] = frozenset()
    variables: Mapping[str, str | None] = field(default_factory=dict)
    fallback: str | None = None
    exit_code: int | None = None
    fetch_failed: bool = False

    def first(self, name: str) -> Directive | None:
        """The first directive called *name*: what ``--get`` prints."""
        return next((directive for directive in self.directives if directive.name == name), None)


def read(
    argv: Sequence[str],
    environ: Mapping[str, str],
    *,
    facts: Facts,
    options: OptionIndex,
    is_reload: bool = False,
    act: Callable[[Directive], None] | None = None,
) -> Reading:
    """Read everything.

    :param argv: the command line without the name of the program.
    :param is_reload: this process image replaced an earlier one, for ``if-reload``.
    :param act: called with each option that acts as soon as it is read, such as ``immediate-uid``.  A
        `ConfigError` that it raises is a problem of the configuration.
    """
    reader = _Reader(environ, facts, options, is_reload, act)
    try:
        reader.collect(argv)
        reader.configure()
    except LeaveNow as left:
        return reader.reading(left.code)
    return reader.reading(None)


@dataclass(frozen=True, slots=True)
class _Step:
    """A file or custom option that is being read."""

    key: tuple[str, str]
    shown: str


@dataclass(slots=True)
class _Entry:
    """A line of the list.

    :ivar done: its setter ran, so that it is neither expanded nor run again.
    :ivar path: the files and custom options it comes from, to find loops.
    """

    directive: Directive
    done: bool
    path: tuple[_Step, ...]


class _Reader:
    """The working state of a reading.  It is the `uwsgid.config.logic.World` of conditions."""

    def __init__(
        self,
        environ: Mapping[str, str],
        facts: Facts,
        options: OptionIndex,
        is_reload: bool,
        act: Callable[[Directive], None] | None,
    ) -> None:
        self.facts = facts
        self.is_reload = is_reload
        self.environ: dict[str, str] = dict(environ)
        self._act = act
        self._lexicon = Lexicon(options)
        self._loader = Loader(facts)
        self._entries: list[_Entry] = []
        self._target = self._entries  #: where new lines go
        self._firsts: dict[str, _Entry] = {}
        self._path: tuple[_Step, ...] = ()
        self._block: Block | None = None
        self._in_line = False  #: a line of the open block is being added
        self._warnings: list[str] = []
        self._problems: list[str] = []
        self._used: set[str] = set()
        self._words = Words(self.environ, facts, self._lexicon, self._loader, self._append)

    def reading(self, exit_code: int | None) -> Reading:
        return Reading(
            directives=tuple(entry.directive for entry in self._entries),
            warnings=tuple(self._warnings),
            notices=tuple(self._loader.notices),
            sources=tuple(dict.fromkeys(self._loader.sources)),
            asked=self._loader.asked,
            problems=tuple(dict.fromkeys(self._problems)),
            used_placeholders=frozenset(self._used),
            set_placeholders=frozenset(self._words.placeholders),
            variables=self._words.variables,
            fallback=self._words.fallback,
            exit_code=exit_code,
            fetch_failed=self._loader.fetch_failed,
        )

    # What conditions ask ---------------------------------------------------------------------------------

    def first(self, name: str) -> Directive | None:
        self._used.add(name)
        entry = self._firsts.get(name)
        return entry.directive if entry is not None else None

    def text_of(self, uri: str) -> str:
        return self._loader.text_of(uri)

    # Collecting ------------------------------------------------------------------------------------------

    def collect(self, argv: Sequence[str]) -> None:
        """Everything up to the passes of expansion."""
        for directive in environment_options(self.environ, self._lexicon):
            self._add(directive)
        for plugin in self._plugins_of_program():
            self._add(Directive("plugin", plugin, Origin("program name")))
        positionals = []
        for item in scan(argv, self._lexicon):
            if isinstance(item, Directive):
                self._add(item)
            elif isinstance(item, Positional):
                positionals.append(item)
            else:
                self._mistake(item)
        for positional in positionals:
            if not positional.word.startswith("["):  # room for the title of the process, in old start scripts
                self._add_positional(positional)
        self._end_of_input()
        self._expand(self._entries)

    def _plugins_of_program(self) -> list[str]:
        name = os.path.basename(self.facts.binary)
        return [part for part in name.split("_")[1:] if part] if name.startswith("uwsgi_") else []

    def _mistake(self, mistake: Mistake) -> None:
        self._problems.append(f"{COMMAND_LINE}: {mistake.text}")

    def _problem(self, directive: Directive, text: str) -> None:
        self._problems.append(f"{directive.origin}: {text}")

    def _add_positional(self, positional: Positional) -> None:
        word = positional.word
        whole = Directive("", word, COMMAND_LINE)
        try:
            if word.startswith(":") or format_of(split_section(word)[0]):
                self._load(whole, "")
            elif application := application_of(word):
                for directive in application:
                    self._add(directive)
            elif not positional.doubtful:
                self._loader.target(word)
        except ConfigError as error:
            self._problem(whole, str(error))

    def _add(self, directive: Directive) -> None:
        """A line, as far as the logic lets it through."""
        name = directive.name
        try:
            if name in CLOSERS:
                if self._block is None:
                    self._warnings.append(f'{directive.origin}: "{name}" closes nothing')
                self._block = None
            elif name == "else":
                self._otherwise(directive)
            elif name in OPENERS:
                self._open(directive)
            elif self._block is None or self._in_line:
                self._append(directive)
            else:
                self._add_in_block(self._block, directive)
        except ConfigError as error:
            self._problem(directive, str(error))

    def _otherwise(self, directive: Directive) -> None:
        if self._block is None:
            raise ConfigError('"else" without an open "if-…"')
        self._block = self._block.otherwise()

    def _open(self, directive: Directive) -> None:
        if self._block is not None:
            raise ConfigError(
                f"recursive logic in options is not supported (option = {directive.name}); "
                f"{self._block} is still open"
            )
        self._block = Block(directive, ())
        self._block = open_block(directive, self)

    def _add_in_block(self, block: Block, directive: Directive) -> None:
        self._in_line = True
        try:
            for line in block.lines(directive):
                self._append(line)
        finally:
            self._in_line = False

    def _end_of_input(self) -> None:
        if self._block is not None:
            opener = self._block.opener
            self._problem(opener, f'unclosed "{opener.name}" block')
            self._block = None

    def _append(self, directive: Directive) -> None:
        name = directive.name
        self._words.check(name)
        entry = _Entry(directive, self._lexicon.is_immediate(name), self._path)
        self._target.append(entry)
        self._firsts.setdefault(name, entry)
        if name in LOADERS:
            self._load(directive, LOADERS[name], is_first=name != "include")
        else:
            self._words.act(directive)
            if entry.done and self._act is not None:
                self._act(directive)

    # Files -----------------------------------------------------------------------------------------------

    def _load(self, directive: Directive, kind: str, *, is_first: bool = False) -> None:
        """Put the lines of a file here."""
        if not directive.value:
            raise ConfigError(f"{directive.name}: expected the name of a configuration, got none")
        target = self._loader.target(directive.value, kind)
        before = self._path
        self._path = self._deeper(_Step(target.key(self.facts), str(target)))
        mode = self._firsts.get("mode")
        try:
            parsed = self._loader.load(
                target, is_first=is_first, mode=(mode.directive.value or "") if mode and mode.done else ""
            )
            self._warnings.extend(parsed.warnings)
            for line in parsed.directives:
                self._add(line)
        except ConfigError as error:
            text = str(error)
            located = text.startswith(f"{target.uri}:")
            self._problems.append(
                text if located else f"{directive.origin}: {text}{_beside(directive, target)}"
            )
        finally:
            self._path = before

    def _deeper(self, step: _Step) -> tuple[_Step, ...]:
        for position, earlier in enumerate(self._path):
            if earlier.key == step.key:
                loop = " -> ".join(each.shown for each in (*self._path[position:], step))
                raise ConfigError(f"config loop: {loop}")
        if len(self._path) >= _DEEPEST:
            raise ConfigError(f"{step.shown}: more than {_DEEPEST} configurations inside each other")
        return (*self._path, step)

    # Expanding and configuring -----------------------------------------------------------------------------

    def _expand(self, entries: Iterable[_Entry]) -> None:
        """The passes, each over all entries before the next one begins."""
        waiting = [entry for entry in entries if not entry.done]
        passes: tuple[tuple[str, Lookup], ...] = (
            ("$", self.environ.get),
            ("@", self._content),
            ("%", lambda name: reference(name, self._placeholder)),
        )
        for mark, lookup in passes:
            for entry in waiting:
                value = entry.directive.value
                if value is None or mark + "(" not in value:
                    continue
                try:
                    entry.directive = entry.directive.with_value(expand(value, mark, lookup))
                except ConfigError as error:
                    self._problem(entry.directive, str(error))

    def _content(self, uri: str) -> str:
        try:
            return self._loader.text_of(uri).removesuffix("\n").removesuffix("\r")
        except ConfigError as error:
            self._warnings.append(f"@({uri}) is nothing: {error}")
            return ""

    def _placeholder(self, name: str) -> str | None:
        found = self.first(name)
        return found.value if found is not None else None

    def configure(self) -> None:
        """Run what acts once the list is there; the list may grow while this goes on."""
        position = 0
        while position < len(self._entries):
            entry = self._entries[position]
            position += 1
            if entry.done:
                continue
            entry.done = True
            try:
                self._configure(entry, position)
            except ConfigError as error:
                self._problem(entry.directive, str(error))

    def _configure(self, entry: _Entry, following: int) -> None:
        directive = entry.directive
        if self._lexicon.is_custom(directive.name):
            custom = self._words.customs[directive.name]
            step = _Step((directive.name, ""), f"option {directive.name}")
            with_lines = self._aside(entry, step, lambda: self._add_all(custom.lines(directive)))
            self._entries[following:following] = with_lines
        elif directive.name == "inherit":
            self._entries.extend(self._aside(entry, None, lambda: self._load(directive, "")))
        else:
            self._words.act_late(directive)

    def _add_all(self, lines: Iterator[Directive]) -> None:
        for line in lines:
            self._add(line)

    def _aside(self, entry: _Entry, step: _Step | None, fill: Callable[[], None]) -> list[_Entry]:
        """The expanded lines that *fill* adds, kept out of the list."""
        made: list[_Entry] = []
        self._path = entry.path
        if step is not None:
            self._path = self._deeper(step)
        self._target = made
        try:
            fill()
            self._end_of_input()
        finally:
            self._target = self._entries
            self._path = ()
        self._expand(made)
        return made


def _beside(directive: Directive, target: Target) -> str:
    """A hint where a relative name was meant relative to the file that says it."""
    place = os.path.dirname(directive.origin.source)
    if not place or target.uri.startswith("/") or not os.path.exists(os.path.join(place, target.uri)):
        return ""
    return f"; names are relative to the current directory, %d{target.uri} is the one beside this file"
