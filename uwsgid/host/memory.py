"""Memory that all processes of an instance share.

Boot maps it once, anonymously, before the first fork; every descendant sees the same bytes.  It is given
out in columns, flat arrays of one type, and each cell has one writer.  A cell of eight bytes lies at a
multiple of eight and is written by one store, so that a reader sees the old value or the new one and never
a mixture.
"""

from __future__ import annotations

import mmap
from typing import Final

from uwsgid.errors import InternalError

CELL: Final = 8  #: bytes; every column begins at a multiple of it


def room_for(*columns: tuple[int, int]) -> int:
    """The size of a map that holds these columns, each given as ``(cells, bytes per cell)``.  Pure."""
    return sum(_aligned(cells * size) for cells, size in columns)


class SharedMap:
    """An anonymous shared mapping, filled with zeros, that gives itself out from front to back.

    :param size: in bytes, rounded up to whole pages.
    """

    def __init__(self, size: int) -> None:
        pages = -(-max(size, 1) // mmap.PAGESIZE)
        self._map = mmap.mmap(-1, pages * mmap.PAGESIZE, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)
        self._whole = memoryview(self._map)
        self._given = 0
        self._views: list[memoryview] = [self._whole]

    @property
    def size(self) -> int:
        """The bytes that were mapped."""
        return len(self._map)

    @property
    def free(self) -> int:
        """The bytes that were not given out yet."""
        return len(self._map) - self._given

    def counters(self, cells: int) -> memoryview[int]:
        """A column of unsigned 64-bit integers."""
        return self._keep(self.octets(cells * CELL).cast("Q"))

    def integers(self, cells: int) -> memoryview[int]:
        """A column of signed 64-bit integers."""
        return self._keep(self.octets(cells * CELL).cast("q"))

    def floats(self, cells: int) -> memoryview[float]:
        """A column of double-precision floats."""
        column = self.octets(cells * CELL).cast("d")
        self._views.append(column)  # type: ignore[arg-type]
        return column

    def octets(self, cells: int) -> memoryview[int]:
        """A column of bytes.

        :raises InternalError: when the map is too small, which is a mistake of whoever made it.
        """
        wanted = _aligned(cells)
        if cells < 0 or wanted > self.free:
            raise InternalError(f"the shared map has {self.free} bytes left, {cells} were asked for")
        column = self._whole[self._given : self._given + cells]
        self._given += wanted
        return self._keep(column)

    def close(self) -> None:
        """Give the memory of this process back.  All columns become unusable."""
        for view in reversed(self._views):
            view.release()
        self._views.clear()
        self._map.close()

    def _keep(self, view: memoryview[int]) -> memoryview[int]:
        self._views.append(view)
        return view


def _aligned(size: int) -> int:
    return -(-size // CELL) * CELL
