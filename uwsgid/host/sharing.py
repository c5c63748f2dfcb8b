"""What a process does before it forks many children, so that they go on sharing its memory.

A page is shared until somebody writes to it, and CPython writes a lot: the collector links objects, new
objects go where others were freed, and each lookup of an attribute replaces a name in a table.  `forget` and
`settle` do all three in advance, once, in the parent.
"""

from __future__ import annotations

import gc
import itertools
import sys
from collections.abc import Callable
from typing import Any, Final

from uwsgid.host.syscalls import fill_heap

_POOL: Final = 14  #: bits of the address within a pool of CPython's allocator (Objects/obmalloc.c)
_STEP: Final = 16  #: bytes between two sizes of objects
_LARGEST: Final = 512  #: bytes; what is larger is left to malloc
_HEAD: Final = sys.getsizeof(b"")
_SMALL: Final = 64  #: bytes; of such sizes are things that come and go while places are filled, as numbers
_OTHERS: Final = 16  #: places that these, and the head, may take in a pool
_MOST: Final = 65536  #: objects of one size that are made at most

#: Keeps the objects that stand where others were freed.
_fillers: list[list[object]] = []


def forget() -> None:
    """Empty the table of lookups.  To be called before the fork of the process that is going to fork.

    The entries of imports hold names from all over the memory, and whoever replaces one writes to its page.
    What that process looks up after its own fork is what its children look up after theirs: they find it.
    """
    sys._clear_type_cache()


def settle() -> None:
    """Collect, keep the collector away from what is there, and have new objects in pages of their own."""
    gc.collect()
    fill_heap()
    _fillers.extend(_fill(size) for size in range(_STEP, _LARGEST + 1, _STEP))
    gc.freeze()


def _fill(size: int) -> list[object]:
    """Objects of *size* bytes for every place that is free in a page which has others.

    They are made until a pool holds nothing else.
    """
    make = _maker(size)
    room = (1 << _POOL) // size - (_OTHERS if size <= _SMALL else 4)  # a pool has a head
    kept: list[object] = []
    fresh: list[object] = []
    pool = -1
    while len(fresh) < room and len(kept) < _MOST:
        thing = make()
        if id(thing) >> _POOL != pool:
            pool = id(thing) >> _POOL
            kept += fresh
            fresh = []
        fresh.append(thing)
    return kept


def _maker(size: int) -> Callable[[], Any]:
    if size == _STEP:
        return object
    if size < _HEAD:
        return itertools.count(0.5).__next__  # numbers of 24 bytes
    padding = b"." * (size - _HEAD)
    return lambda: b"%b" % padding
