"""Functions for the actions that call them."""

from __future__ import annotations

calls: list[tuple[object, ...]] = []


def note(*arguments: object) -> None:
    calls.append(arguments)


def three(*arguments: object) -> int:
    calls.append(arguments)
    return 3


def zero(*arguments: object) -> int:
    return 0


def text() -> str:
    return "text"


def broken() -> None:
    raise LookupError("nothing there")


class Kept:
    """A class with a function."""

    @staticmethod
    def inner() -> None:
        calls.append(("inner",))


constant = 1
