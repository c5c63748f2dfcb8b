"""Python statements, line by line, with the answers as text: an interactive console, for several at a time.

It differs from the one of the standard library where that one thinks it is alone in its process: what a
statement prints is found by its thread (`uwsgid.manhole.streams`), ``exit()`` ends the session and not the
process, and whatever a statement raises stays here.
"""

from __future__ import annotations

import codeop
import enum
import itertools
import linecache
import traceback
from collections.abc import Callable
from typing import Any, Final

from uwsgid.manhole.completion import Completion, complete
from uwsgid.manhole.streams import borrowed

NAME: Final = "<manhole>"

_REMEMBERED: Final = 1000  #: statements whose source a traceback can show
_numbers: Final = itertools.count(1)

#: What begins a line that belongs to the block above it, though it stands at the margin.
_GO_ON: Final = ("else", "elif", "except", "finally", "case")


class ClientGone(BaseException):
    """Nobody takes what a statement prints: it shall end.  No ``except Exception`` keeps it alive."""


class Outcome(enum.Enum):
    """What became of a line."""

    MORE = "more"  #: the statement goes on
    DONE = "done"
    FAILED = "failed"  #: it raised, or is no Python
    LEFT = "left"  #: it wants the session to end


class Console:
    """Runs statements.

    :param names: what they know; they may change it.
    :param write: takes what they print.
    """

    def __init__(self, names: dict[str, Any], write: Callable[[str], None]) -> None:
        self.names = names
        self._write = write
        self._lines: list[str] = []
        self._compile = codeop.CommandCompiler()
        names.setdefault("__name__", "__manhole__")

    @property
    def is_open(self) -> bool:
        """Whether a statement has begun that is not complete."""
        return bool(self._lines)

    def forget(self) -> None:
        """Drop the statement that has begun."""
        self._lines.clear()

    def push(self, line: str) -> Outcome:
        """Take a line, and run the statement that it completes."""
        self._lines.append(line)
        source = "\n".join(self._lines)
        number = next(_numbers)
        name = f"{NAME[:-1]} {number}>"
        try:
            code = self._compile(source, name, "single")
        except (SyntaxError, ValueError, OverflowError) as error:
            self._lines.clear()
            self._tell(error, 0)
            return Outcome.FAILED
        if code is None:
            return Outcome.MORE
        self._lines.clear()
        # so that a traceback shows the line
        linecache.cache.pop(f"{NAME[:-1]} {number - _REMEMBERED}>", None)
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        return self._run(code)

    def ends_before(self, line: str) -> bool:
        """Whether the open statement is complete, and *line* begins another one without a blank line between.

        A person at a prompt ends a block by a blank line; a file that comes through a pipe often does not.
        """
        words = line.replace(":", " ").split()
        if not self._lines or not words or line[0].isspace() or words[0] in _GO_ON:
            return False
        try:
            return self._compile("\n".join(self._lines) + "\n", NAME, "single") is not None
        except (SyntaxError, ValueError, OverflowError):
            return False

    def complete(self, line: str) -> Completion:
        """How *line* can go on."""
        return complete(self.names, line)

    def _run(self, code: Any) -> Outcome:
        try:
            with borrowed(self._write, self._show):
                exec(code, self.names)
        except SystemExit:
            return Outcome.LEFT
        except ClientGone:
            return Outcome.LEFT
        except KeyboardInterrupt:
            self._write("KeyboardInterrupt\n")
            return Outcome.FAILED
        except BaseException as error:
            self._tell(error, 1)
            return Outcome.FAILED
        return Outcome.DONE

    def _show(self, value: Any) -> None:
        if value is not None:
            self.names["_"] = None  # repr may ask for it
            self._write(f"{value!r}\n")
            self.names["_"] = value

    def _tell(self, error: BaseException, ours: int) -> None:
        """Write the traceback of *error*, without the frames that are *ours*."""
        frames = error.__traceback__
        for _ in range(ours):
            frames = frames.tb_next if frames is not None else None
        try:
            text = "".join(traceback.format_exception(type(error), error, frames if ours else None))
        except Exception as another:  # its text can not be had
            text = f"{type(error).__name__}, and its text can not be shown: {type(another).__name__}\n"
        try:
            self._write(text)
        except ClientGone:
            pass  # whoever wrote last finds out
