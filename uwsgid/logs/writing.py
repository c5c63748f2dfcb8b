"""How a record of the log leaves a process: in one call, and without ever failing.

What can not be written is counted by who wanted to write it, because nobody else knows.  Once the log takes
records again the first of them says how many are missing.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from os import getpid
from os import write as put
from typing import Final, Protocol

_PIECE: Final = 8192  #: how a text is cut that is too long for one record of the log pipe

Write = Callable[[bytes], None]

_first: Callable[[], None] | None = None


def write_first(waiting: Callable[[], None] | None) -> None:
    """Have *waiting* called before this process writes anything to the log; None calls nothing."""
    global _first
    _first = waiting


class Writer(Protocol):
    """Writes a whole record; *records* of them where they are put together, a newline behind each."""

    def __call__(self, data: bytes, records: int = 1, /) -> None: ...


def writer(descriptor: int) -> Writer:
    """A function that writes a whole record to *descriptor* and never fails.

    A log that can not be written must not end the one who logs, so an error drops the record, as uWSGI does;
    before the next one that can be written stands a line with the number of those that were dropped.
    Only a record too long for a datagram is written in pieces.
    """
    lost = 0
    torn = False

    def write(data: bytes, records: int = 1) -> None:
        nonlocal lost, torn
        if _first is not None:
            _first()
        done = 0
        try:
            if lost:
                note = b"[pid: %d] %d %s lost: the log took no more\n" % (
                    getpid(),
                    lost,
                    b"record" if lost == 1 else b"records",
                )
                if torn:
                    note = b"\n" + note
                if put(descriptor, note) < len(note):
                    torn = True
                    lost += records
                    return
                lost, torn = 0, False
            done = put(descriptor, data)
            while done < len(data):
                done += put(descriptor, data[done:])
        except OSError as error:
            if error.errno == errno.EMSGSIZE and len(data) > _PIECE:
                for start in range(0, len(data), _PIECE):
                    write(data[start : start + _PIECE])
                return
            if not done:
                lost += records
            else:  # a disk that is full takes a part
                torn = data[done - 1 : done] != b"\n"
                lost += max(1, records - data.count(b"\n", 0, done))

    return write
