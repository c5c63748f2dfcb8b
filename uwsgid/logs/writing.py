"""How a record of the log leaves a process: in one call, and without ever failing."""

from __future__ import annotations

import errno
from collections.abc import Callable
from os import write as put
from typing import Final

_PIECE: Final = 8192  #: how a text is cut that is too long for one record of the log pipe

Write = Callable[[bytes], None]


def writer(descriptor: int) -> Write:
    """A function that writes a whole record to *descriptor* and never fails.

    A log that can not be written must not end the one who logs, so an error drops the record, as uWSGI does.
    Only a record too long for a datagram is written in pieces.
    """

    def write(data: bytes) -> None:
        try:
            put(descriptor, data)
        except OSError as error:
            if error.errno == errno.EMSGSIZE and len(data) > _PIECE:
                for start in range(0, len(data), _PIECE):
                    write(data[start : start + _PIECE])

    return write
