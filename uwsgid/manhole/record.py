"""What the log is told of a session: who came, how and from where, each line before it is run, the end."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Final

#: Characters of an entered line that one line of the log has; the rest follows in others.
PIECE: Final = 1000

_numbers: Final[Iterator[int]] = itertools.count(1)


def escaped(text: str) -> str:
    """*text* with everything that a terminal or a log might obey, instead of show, written as an escape."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape", "surrogatepass").decode("ascii")
        for letter in text
    )


class Record:
    """Tells the log of one session.

    :param say: writes a line to the log.
    :param where: which manhole it is.
    :param whose: who runs the lines, where that is not the master, behind a space: ``of worker 2``.
    """

    def __init__(self, say: Callable[[str], None], where: str, whose: str = "") -> None:
        self._say = say
        self._where = where
        self._name = f"manhole session {next(_numbers)}{whose}"
        self._is_open = False

    def login(self, who: str) -> None:
        """Somebody came in.

        :param who: with how and from where.
        """
        self._is_open = True
        self._say(f"{self._name}: {escaped(who)} at {self._where}")

    def refused(self, who: str, why: str) -> None:
        """Somebody was kept out."""
        self._say(f"manhole: refused {escaped(who)} at {self._where}: {escaped(why)}")

    def line(self, text: str) -> None:
        """A line was entered, and is about to be run."""
        if text:
            for start in range(0, len(text), PIECE):
                mark = ">" if not start else "+"
                self._say(f"{self._name}{mark} {escaped(text[start : start + PIECE])}")

    def logout(self, why: str = "") -> None:
        """The session is over.  Only the first call counts."""
        if self._is_open:
            self._is_open = False
            self._say(f"{self._name}: over{f' ({escaped(why)})' if why else ''}")
