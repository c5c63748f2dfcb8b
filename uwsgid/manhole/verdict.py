"""The last two bytes that a pipe gets: a NUL, and a digit that tells whether all went well.

`uwsgid.manhole.session` says them to whoever began with a NUL.
"""

from __future__ import annotations

from typing import Final

FAILED: Final = 1
UNREACHABLE: Final = 2
CUT: Final = 3  #: the connection ended before there was a verdict


class Ends:
    """Holds the last two bytes back, which are the verdict.

    :ivar last: what is held.
    """

    def __init__(self) -> None:
        self.last = b""

    def feed(self, data: bytes) -> bytes:
        """What of *data*, and of what came before, is surely no verdict."""
        whole = self.last + data
        self.last = whole[-2:]
        return whole[:-2]

    @property
    def code(self) -> int:
        """The exit code, when nothing more comes."""
        return {b"\x000": 0, b"\x001": FAILED}.get(self.last, CUT)
