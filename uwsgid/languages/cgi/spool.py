"""What a script has written and the client has not taken: in memory, and in a file where it is much.

While a client still sends its body it may not read yet, and a script may answer before it has read all.  If
either of them had to wait for the other both would wait for ever, so what is written meanwhile is kept here.
"""

from __future__ import annotations

import os
from typing import Final

from uwsgid.request.buffering import nameless_file

_IN_MEMORY: Final = 1 << 18  #: bytes, from which on a file takes the rest


class Spool:
    """A queue of bytes.

    :ivar size: how many there are.
    """

    def __init__(self, in_memory: int = _IN_MEMORY) -> None:
        self._most = in_memory
        self._memory = bytearray()
        self._file: int = -1
        self._read = self._written = 0  # places in the file; what it has comes behind what is in memory
        self.size = 0

    def add(self, data: bytes) -> None:
        """Put *data* at the end.

        :raises OSError: there is no room for a file.
        """
        self.size += len(data)
        if self._file < 0 and len(self._memory) + len(data) <= self._most:
            self._memory += data
            return
        if self._file < 0:
            with nameless_file() as file:
                self._file = os.dup(file.fileno())
        rest = memoryview(data)
        while rest:
            count = os.pwrite(self._file, rest, self._written)
            self._written += count
            rest = rest[count:]

    def take(self, most: int) -> bytes:
        """Up to *most* bytes from the start; none where there are none."""
        if self._memory:
            data = bytes(self._memory[:most])
            del self._memory[:most]
        elif self._file >= 0:
            data = os.pread(self._file, most, self._read)
            self._read += len(data)
            if self._read == self._written:
                self.close()
        else:
            data = b""
        self.size -= len(data)
        return data

    def close(self) -> None:
        """Give the file back."""
        if self._file >= 0:
            os.close(self._file)
            self._file, self._read, self._written = -1, 0, 0
