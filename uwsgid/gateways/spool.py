"""Bytes on their way between a slow side and a fast one: in memory first, then in a file that has no name.

Whoever reads slowly must not keep the other side waiting, and must not fill the memory either.  So the first
bytes stay in memory, what goes beyond is written to an unnamed file, and when even that is full the spool
says so: then the fast side has to wait after all.
"""

from __future__ import annotations

import os
import tempfile
from collections import deque
from typing import IO, Final

MEMORY: Final = 1 << 18  #: bytes that are kept in memory
FILE: Final = 1 << 30  #: bytes that are kept in all
PIECE: Final = 1 << 16  #: bytes that `Spool.pop` returns at most from a file


class Spool:
    """A queue of bytes.

    :param memory: bytes that stay in memory.
    :param most: bytes from which on it is `full`.
    """

    __slots__ = ("_end", "_file", "_held", "_memory", "_most", "_pieces", "_start")

    def __init__(self, memory: int = MEMORY, most: int = FILE) -> None:
        self._memory = memory
        self._most = most
        self._pieces: deque[bytes] = deque()
        self._held = 0  # bytes in memory, all of them before those of the file
        self._file: IO[bytes] | None = None
        self._start = self._end = 0  # what of the file is still to be read

    def __len__(self) -> int:
        return self._held + self._end - self._start

    @property
    def full(self) -> bool:
        """Nothing more should be pushed for the time being."""
        return self._held + self._end - self._start >= self._most

    @property
    def outgrown(self) -> bool:
        """There is more than memory takes."""
        return self._end > self._start or self._held >= self._memory

    def push(self, data: bytes) -> None:
        """Add *data* at the end.

        :raises OSError: it had to go to the disk, and that is full.
        """
        if self._end == self._start and self._held + len(data) <= self._memory:
            self._pieces.append(data)
            self._held += len(data)
            return
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="uwsgid", buffering=0)  # noqa: SIM115
        view = memoryview(data)
        while view:
            written = os.pwrite(self._file.fileno(), view, self._end)
            self._end += written
            view = view[written:]

    def pop(self) -> bytes:
        """The next bytes, removed; empty where there are none."""
        if self._pieces:
            data = self._pieces.popleft()
            self._held -= len(data)
            return data
        if self._file is None or self._end == self._start:
            return b""
        data = os.pread(self._file.fileno(), min(PIECE, self._end - self._start), self._start)
        self._start += len(data)
        if self._start == self._end:
            self._file.truncate(0)
            self._start = self._end = 0
        return data

    def put_back(self, data: bytes) -> None:
        """*data*, which was popped, is the beginning again."""
        self._pieces.appendleft(data)
        self._held += len(data)

    def close(self) -> None:
        """Forget everything."""
        self._pieces.clear()
        self._held = self._start = self._end = 0
        if self._file is not None:
            self._file.close()
            self._file = None
