"""Has the code that vassals run side by side in memory.

Python writes into code when it runs: how often it was called, what it found there.  The page where it lies is
copied then in each process of each vassal, and code lies where its module was imported, between all that is
never called.  So the nest has the code of those functions made once more, one after the other.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import CodeType, FunctionType
from typing import Any, Final

_SOME: Final = 2000  #: bytes, more than what Python's own allocator takes on
_ROW: Final = 64  #: blocks of which the last one is at the end of the heap
_MOST: Final = 8192  #: codes that are kept at most

#: Code as it was, and what came to lie too far in front: nothing else shall come to lie there.
_left_behind: list[CodeType] = []


def gather(functions: Sequence[tuple[str, str]]) -> int:
    """Make the code of *functions* once more; of how many there is any.

    :param functions: their modules and qualified names, in the order that they are to have in memory.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    gc.unfreeze()  # what is frozen is not among the objects that the collector tells of
    found = list(_find({function: place for place, function in enumerate(functions)}))
    found.sort(key=lambda each: each[0])
    for _, function in found:
        _left_behind.append(function.__code__)
        _read(function.__code__)
    made: dict[int, CodeType] = {}
    behind = id([bytes(_SOME) for _ in range(_ROW)][-1])
    for _, function in found:
        code = function.__code__
        if id(code) not in made:
            made[id(code)] = _again(code, behind)
        function.__code__ = made[id(code)]
    gc.freeze()
    if was_enabled:
        gc.enable()
    return len(made)


def _find(places: Mapping[tuple[str, str], int]) -> Iterator[tuple[int, FunctionType]]:
    """The functions that are there, and where each belongs."""
    modules = {module for module, _ in places}
    theirs = {id(vars(sys.modules[name])): name for name in modules if name in sys.modules}
    for function in [thing for thing in gc.get_objects() if type(thing) is FunctionType]:
        module = theirs.get(id(function.__globals__))
        if module is not None:
            place = places.get((module, function.__code__.co_qualname))
            if place is not None:
                yield place, function


def _read(code: CodeType) -> None:
    """Have *code* keep a copy of its bytes now, which it does when somebody asks, and not between others."""
    _ = code.co_code
    for each in _codes_in(code):
        _read(each)


def _codes_in(code: CodeType) -> list[CodeType]:
    return [each for each in code.co_consts if isinstance(each, CodeType)]


def _again(code: CodeType, behind: int) -> CodeType:
    """The same code, and that within it, anew, at an address behind *behind*."""
    consts: tuple[Any, ...] = tuple(
        _again(each, behind) if isinstance(each, CodeType) else each for each in code.co_consts
    )
    new = code.replace(co_consts=consts)
    while id(new) < behind and len(_left_behind) < _MOST:
        _left_behind.append(new)
        new = code.replace(co_consts=consts)
    return new
