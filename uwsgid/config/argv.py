"""The command line, by the grammar of GNU ``getopt_long``.

``--opt value``, ``--opt=value``, ``-o value``, ``-ovalue`` and grouped flags ``-Mz``; an unambiguous
beginning of a long name is as good as the name; an optional argument has to be attached; ``--`` ends the
options, and what is no option may stand anywhere.  Words come out one by one, because an option that is met
early (``--ini``, ``--declare-option``) may change what the later ones mean.

uWSGI lets getopt complain and stops at the first mistake (core/uwsgi.c); here all of them are found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from uwsgid.config.directive import Directive, Origin
from uwsgid.config.kinds import Takes
from uwsgid.config.lexicon import OptionIndex

COMMAND_LINE: Final = Origin("command line")


@dataclass(frozen=True, slots=True)
class Positional:
    """A word that is no option.

    :ivar doubtful: it follows an option that nobody knows, so it may be the value of that.
    """

    word: str
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a word, and what to try."""

    text: str


Item = Directive | Positional | Mistake


def scan(argv: Sequence[str], options: OptionIndex) -> Iterator[Item]:
    """The options, other words and mistakes of *argv*, in their order.

    :param argv: without the name of the program.
    """
    words = iter(argv)
    item: Item | None = None
    for word in words:
        if word == "--":
            yield from (Positional(rest) for rest in words)
        elif word.startswith("--"):
            yield (item := _long(word[2:], words, options))
        elif word.startswith("-") and word != "-":
            for item in _letters(word[1:], words, options):
                yield item
        else:
            yield (item := Positional(word, doubtful=isinstance(item, Mistake)))


def _long(text: str, words: Iterator[str], options: OptionIndex) -> Item:
    typed, equals, attached = text.partition("=")
    name = _full_name(typed, options)
    if isinstance(name, Mistake):
        return name
    takes = options.takes(name)
    if takes is Takes.NOTHING:
        if equals:
            return Mistake(f"option --{name} takes no value, got {attached!r}; write --{name} alone")
        return Directive(name, None, COMMAND_LINE)
    if equals:
        return Directive(name, attached, COMMAND_LINE)
    if takes is Takes.MAYBE:
        return Directive(name, None, COMMAND_LINE)
    return _with_next(name, f"--{name}", words)


def _with_next(name: str, shown: str, words: Iterator[str]) -> Item:
    value = next(words, None)
    if value is None:
        return Mistake(f"option {shown} needs a value; write {shown} VALUE")
    return Directive(name, value, COMMAND_LINE)


def _full_name(typed: str, options: OptionIndex) -> str | Mistake:
    if options.takes(typed) is not None:
        return typed
    longer = sorted(name for name in options.names() if name.startswith(typed)) if typed else []
    if len(longer) == 1:
        return longer[0]
    if longer:
        some = ", ".join(f"--{name}" for name in longer[:6]) + (", …" if len(longer) > 6 else "")
        return Mistake(f"option --{typed} is ambiguous: it may mean {some}")
    near = options.nearest(typed)
    hint = f"; did you mean {' or '.join(f'--{name}' for name in near)}?" if near else "; see --help"
    return Mistake(f"unknown option --{typed}{hint}")


def _letters(letters: str, words: Iterator[str], options: OptionIndex) -> Iterator[Item]:
    for position, letter in enumerate(letters):
        name = options.by_letter(letter)
        if name is None:
            meant = options.takes(letters) is not None and len(letters) > 1
            hint = f"; did you mean --{letters}?" if meant else "; see --help"
            yield Mistake(f"unknown option -{letter}{hint}")
            if meant:
                return
            continue
        takes = options.takes(name)
        rest = letters[position + 1 :]
        if takes is Takes.NOTHING:
            yield Directive(name, None, COMMAND_LINE)
            continue
        if rest or takes is Takes.MAYBE:
            yield Directive(name, rest or None, COMMAND_LINE)
        else:
            yield _with_next(name, f"-{letter}", words)
        return


def application_of(word: str) -> tuple[Directive, ...]:
    """What a word that is no configuration says about the application; nothing where it is none either.

    ``x.py`` and ``x.wsgi`` are files, ``module:callable`` is a module (plugins/python/python_plugin.c);
    ``x.py:callable`` is uwsgid's own.  ``x.psgi`` and ``x.pl`` are Perl, ``x.ru`` and ``x.rb`` Ruby.
    """
    file, colon, function = word.partition(":")
    if file.endswith((".py", ".wsgi")):
        named = (Directive("callable", function, COMMAND_LINE),) if function else ()
        return (Directive("wsgi-file", file, COMMAND_LINE), *named)
    if word.endswith((".psgi", ".pl")):
        return (Directive("psgi", word, COMMAND_LINE),)
    if word.endswith((".ru", ".rb")):
        return (Directive("rack", word, COMMAND_LINE),)
    if colon and function and "/" not in word:
        return (Directive("module", word, COMMAND_LINE),)
    return ()
