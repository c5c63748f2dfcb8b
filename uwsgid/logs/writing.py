"""How a record of the log leaves a process: in one call, and without ever failing.

What can not be written is counted by who wanted to write it, because nobody else knows.  Once the log takes
records again the first of them says how many are missing.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from os import getpid
from os import write as put
from typing import Final

_PIECE: Final = 8192  #: how a text is cut that is too long for one record of the log pipe

Write = Callable[[bytes], None]


def writer(descriptor: int) -> Write:
    """A function that writes a whole record to *descriptor* and never fails.

    A log that can not be written must not end the one who logs, so an error drops the record, as uWSGI does;
    before the next one that can be written stands a line with the number of those that were dropped.
    Only a record too long for a datagram is written in pieces.
    """
    lost = 0

    def write(data: bytes) -> None:
        nonlocal lost
        try:
            if lost:
                records = "record" if lost == 1 else "records"
                put(
                    descriptor,
                    b"[pid: %d] %d %s lost: the log took no more\n" % (getpid(), lost, records.encode()),
                )
                lost = 0
            put(descriptor, data)
        except OSError as error:
            if error.errno == errno.EMSGSIZE and len(data) > _PIECE:
                for start in range(0, len(data), _PIECE):
                    write(data[start : start + _PIECE])
            else:
                lost += 1

    return write
