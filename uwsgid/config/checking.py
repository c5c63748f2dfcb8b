"""What ``uwsgid check`` says about a configuration: everything at once, then a verdict.

Nothing is started, opened or printed here; the door prints the lines and exits with the code.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from uwsgid.config.index import Index
from uwsgid.config.settings import Judgement, judge_reading

if TYPE_CHECKING:
    from uwsgid.config.reading import Reading


class Verdict(enum.IntEnum):
    """The exit codes of ``uwsgid check``."""

    FINE = 0
    WOULD_START = 1  #: with warnings
    WOULD_NOT_START = 2


@dataclass(frozen=True, slots=True)
class Report:
    """The answer of ``uwsgid check``.

    :ivar lines: to be printed, the verdict last.
    """

    lines: tuple[str, ...]
    verdict: Verdict

    @property
    def exit_code(self) -> int:
        return int(self.verdict)

    def __str__(self) -> str:
        return "\n".join(self.lines)


def check(reading: Reading, names: Index | None = None) -> Report:
    """Judge a configuration that was read.

    :param names: which option a name means; the sections imported so far where not given.
    """
    return report(reading, judge_reading(reading, names))


def report(reading: Reading, judgement: Judgement) -> Report:
    """Put a judgement into words."""
    if judgement.problems:
        verdict = Verdict.WOULD_NOT_START
    elif judgement.warnings:
        verdict = Verdict.WOULD_START
    else:
        verdict = Verdict.FINE
    lines = [*_lines(reading, judgement), f"{_name(reading)}: {_words(verdict, judgement)}"]
    return Report(tuple(lines), verdict)


def _lines(reading: Reading, judgement: Judgement) -> Iterator[str]:
    yield from _marked("error", judgement.problems)
    yield from _marked("warning", judgement.warnings)
    yield from _marked("note", judgement.notices)
    if reading.exit_code is not None:
        yield f"note: the configuration ends with an exit of its own, code {reading.exit_code}"


def _marked(mark: str, texts: Iterable[str]) -> Iterator[str]:
    yield from (f"{mark}: {line}" for text in texts for line in text.splitlines())


def _name(reading: Reading) -> str:
    if not reading.sources:
        return "the command line"
    more = f" and {len(reading.sources) - 1} more" if len(reading.sources) > 1 else ""
    return reading.asked + more


def _words(verdict: Verdict, judgement: Judgement) -> str:
    warnings = _count(len(judgement.warnings), "warning")
    if verdict is Verdict.WOULD_NOT_START:
        problems = _count(len(judgement.problems), "problem")
        return f"would not start: {problems}" + (f" and {warnings}" if judgement.warnings else "")
    if verdict is Verdict.WOULD_START:
        return f"would start, with {warnings}"
    return "fine"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
