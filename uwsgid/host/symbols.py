"""Functions of C by their names: those of the interpreter and of every library that it has loaded.

What stands here is for the calls of hooks, whose functions get nothing, a text or a number.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from typing import Final

_PROCESS: Final = ctypes.CDLL(None, use_errno=True)
_SIG_ERR: Final = ctypes.c_void_p(-1).value


def find_symbol(name: str) -> Callable[..., int] | None:
    """The C function *name*, which takes texts and whole numbers and returns an int; None for none."""
    try:
        found = _PROCESS[name]
    except (AttributeError, ValueError):  # ValueError: a NUL character in the name
        return None
    found.restype = ctypes.c_int

    def call(*arguments: str | int) -> int:
        result: int = found(*(os.fsencode(item) if isinstance(item, str) else item for item in arguments))
        return result

    return call


def handle_signal(number: int, name: str) -> bool:
    """Have the C function *name* handle a signal, as signal(3) does; False where there is no such function.

    Python does not hear of it, so that the function runs at once, wherever the process is.

    :raises OSError: the kernel refuses.
    """
    try:
        handler = ctypes.cast(_PROCESS[name], ctypes.c_void_p)
    except (AttributeError, ValueError):
        return False
    install = _PROCESS["signal"]
    install.restype = ctypes.c_void_p
    install.argtypes = [ctypes.c_int, ctypes.c_void_p]
    if install(number, handler) == _SIG_ERR:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), "signal()")
    return True
