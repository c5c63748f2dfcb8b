"""A refusal of the kernel as the line that an operator reads.

uWSGI writes ``WHAT: STRERROR [FILE line N]``, and tools match the part before the bracket.  Here the bracket
holds the object instead: ``bind(): Permission denied [:80]``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from uwsgid.errors import KernelError

T = TypeVar("T")


def refused(what: str, error: OSError, about: object) -> KernelError:
    """The error for a call *what*, made for *about*, that the kernel answered with *error*."""
    return KernelError(f"{what}: {error.strerror or error} [{about}]")


def attempt(what: str, about: object, call: Callable[[], T]) -> T:
    """The result of *call*.

    :raises KernelError: instead of the `OSError` of the call.
    """
    try:
        return call()
    except OSError as error:
        raise refused(what, error, about) from None
