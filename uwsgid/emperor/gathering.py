"""Has the code that vassals run side by side in memory.

Python writes into code when it runs: how often it was called, what it found there, and how many refer to it,
to the function around it and to each constant in it.  The page where it lies is copied then in each process
of each vassal, and code lies where its module was imported, between all that is never called.  So the nest
has the code of those functions made once more, one after the other, with their constants, and the functions
themselves where nobody but their module or their class refers to them.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any, Final

_SOME: Final = 2000  #: bytes, more than what Python's own allocator takes on
_ROW: Final = 64  #: blocks of which the last one is at the end of the heap
_MOST: Final = 8192  #: codes that are kept at most
_SHORT: Final = 256  #: letters of a text that is made once more; what is longer is documentation

#: What was as it was, and code that came to lie too far in front: nothing else shall come to lie there.
_left_behind: list[object] = []
#: What a function is, or may be in.
_HOLD_FUNCTIONS: Final = frozenset({FunctionType, property, classmethod, staticmethod})
#: The names of modules that were made anew.
_renamed: dict[int, str] = {}


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
    ordered = [function for _, function in found]
    found.clear()
    move([module for module in sys.modules.values() if isinstance(module, ModuleType)], ordered)
    for function in ordered:
        _name_anew(function.__globals__)
    gc.freeze()
    if was_enabled:
        gc.enable()
    return len(made)


def move(modules: Iterable[ModuleType], functions: list[FunctionType]) -> int:
    """Make *functions* once more, in this order, and put them where they were; how many.

    A method may be known to others as well, who keep what they have.  What stands in a module is moved only
    where nobody else has it, since functions of modules are told from each other by identity.

    :param modules: where they are looked for.
    """
    holders = _holders(modules, functions)
    moved = 0
    for place in range(len(functions)):
        function = functions[place]
        held = holders.get(id(function), ())
        # besides these refer to it: the list, this name, and the argument of getrefcount
        if held and (isinstance(held[0][0], type) or sys.getrefcount(function) == len(held) + 3):
            _left_behind.append(function)
            new = functions[place] = _clone(function)
            for owner, name in held:
                _put(owner, name, new)
            moved += 1
    return moved


def _holders(
    modules: Iterable[ModuleType], functions: Iterable[FunctionType]
) -> dict[int, list[tuple[ModuleType | type, str]]]:
    """Where functions stand, by their ids: in modules, and in the classes of their own modules."""
    wanted = {id(function) for function in functions}
    holders: dict[int, list[tuple[ModuleType | type, str]]] = {}
    for owner in _owners(modules, {function.__module__ for function in functions}):
        for name, thing in vars(owner).items():
            if type(thing) in _HOLD_FUNCTIONS:
                function = _within(thing)
                if id(function) in wanted:
                    holders.setdefault(id(function), []).append((owner, name))
    return holders


def _owners(modules: Iterable[ModuleType], own: Container[str]) -> Iterator[ModuleType | type]:
    """The modules, and the classes that are defined in *own* among them, each once."""
    seen: set[int] = set()
    for module in modules:
        if id(module) in seen:
            continue
        seen.add(id(module))
        yield module
        name = module.__name__
        if name not in own:
            continue
        for thing in list(vars(module).values()):
            if isinstance(thing, type) and id(thing) not in seen and thing.__module__ == name:
                seen.add(id(thing))
                yield thing


def _within(thing: Any) -> FunctionType | None:
    """The function that *thing* is, or is made of."""
    kind = type(thing)
    if kind is property and thing.fset is None and thing.fdel is None:
        thing = thing.fget
    elif kind is classmethod or kind is staticmethod:
        thing = thing.__func__
    return thing if type(thing) is FunctionType else None


def _put(owner: ModuleType | type, name: str, function: FunctionType) -> None:
    """Put *function* where one like it stands."""
    before: Any = vars(owner)[name]
    kind = type(before)
    new: Any = function
    if kind is property:
        new = property(function, doc=before.__doc__)
    elif kind is not FunctionType:
        new = kind(function)
    _left_behind.append(before)
    if isinstance(owner, type):
        type.__setattr__(owner, name, new)
    else:
        vars(owner)[name] = new


def _clone(function: FunctionType) -> FunctionType:
    """The same function anew."""
    new = FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        _closure(function),
    )
    new.__qualname__ = function.__qualname__
    new.__module__ = function.__module__
    new.__doc__ = function.__doc__
    new.__kwdefaults__ = function.__kwdefaults__
    if function.__annotations__:
        new.__annotations__ = function.__annotations__
    new.__dict__.update(function.__dict__)
    return new


def _closure(function: FunctionType) -> tuple[CellType, ...] | None:
    """What *function* is closed over; the class that ``super`` looks for never changes: its cell is new."""
    names, cells = function.__code__.co_freevars, function.__closure__
    if cells is None or "__class__" not in names:
        return cells
    return tuple(
        CellType(cell.cell_contents) if name == "__class__" else cell
        for name, cell in zip(names, cells, strict=True)
    )


def _name_anew(namespace: dict[str, Any]) -> None:
    """Have the name of a module beside others: each function that is made there refers to it."""
    name = namespace.get("__name__")
    if type(name) is str and id(name) not in _renamed:
        new = _constant(f"{name} ")[:-1]
        namespace["__name__"] = new
        _renamed[id(new)] = new


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
        _again(each, behind) if isinstance(each, CodeType) else _constant(each) for each in code.co_consts
    )
    name, qualname = sys.intern(code.co_name), _constant(code.co_qualname)
    new = code.replace(co_consts=consts, co_name=name, co_qualname=qualname)
    while id(new) < behind and len(_left_behind) < _MOST:
        _left_behind.append(new)
        new = code.replace(co_consts=consts, co_name=name, co_qualname=qualname)
    return new


def _constant(thing: Any) -> Any:
    """The same constant anew, where that is somewhere else in memory; names are where they are."""
    kind = type(thing)
    if kind is str and len(thing) <= _SHORT and not (thing.isascii() and thing.isidentifier()):
        return thing.encode("utf-8", "surrogatepass").decode("utf-8", "surrogatepass")
    if kind is bytes and len(thing) <= _SHORT:
        return bytes(bytearray(thing))
    if kind is tuple:
        return tuple([_constant(each) for each in thing])
    return thing
