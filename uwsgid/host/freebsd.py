"""The two system calls of FreeBSD that lock a process into a jail, as bytes and as calls.

`jail_struct` and `iovecs` lay out the memory that ``sys/jail.h`` and ``sys/uio.h`` describe; they are pure,
and work for pointers of either width.  `jail` and `jail_set` put the texts somewhere, and call.  On a system
whose C library has no such call they fail with ENOSYS.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
from collections.abc import Sequence
from typing import Any, Final

#: JAIL_API_VERSION of the struct with several addresses, since FreeBSD 7.2
JAIL_API_VERSION: Final = 2

JAIL_CREATE: Final = 0x01
JAIL_UPDATE: Final = 0x02
JAIL_ATTACH: Final = 0x04

#: How much the kernel may write into the parameter ``errmsg``.
ERRMSG: Final = 1024

_POINTER: Final = ctypes.sizeof(ctypes.c_void_p)


def jail_struct(
    path: int, hostname: int, name: int, ip4: tuple[int, int], ip6: tuple[int, int], pointer: int = _POINTER
) -> bytes:
    """A ``struct jail`` of version 2.

    :param path: where its text is in memory, as *hostname* and *name*; 0 for none.
    :param ip4: how many addresses there are, and where; *ip6* likewise.
    :param pointer: the bytes of a pointer.
    """
    if pointer == 8:
        return struct.pack(
            "=I4xQQQIIQQ", JAIL_API_VERSION, path, hostname, name, ip4[0], ip6[0], ip4[1], ip6[1]
        )
    return struct.pack("=8I", JAIL_API_VERSION, path, hostname, name, ip4[0], ip6[0], ip4[1], ip6[1])


def iovecs(pieces: Sequence[tuple[int, int]], pointer: int = _POINTER) -> bytes:
    """An array of ``struct iovec``: where each piece is, and how long."""
    word = "Q" if pointer == 8 else "I"
    return struct.pack(f"={2 * len(pieces)}{word}", *(number for piece in pieces for number in piece))


def jail(
    path: str,
    hostname: str,
    name: str,
    ip4: Sequence[str],
    ip6: Sequence[str],
    library: Any = None,
) -> int:
    """Lock this process into a new jail: its number.

    :param ip4: addresses as text, as *ip6*.
    :param library: the C library.
    :raises OSError: where the kernel refuses.
    """
    call = _function(library, "jail")
    texts = [_text(text) for text in (path, hostname)] + ([_text(name)] if name else [])
    four, six = _addresses(socket.AF_INET, ip4), _addresses(socket.AF_INET6, ip6)
    places = [ctypes.addressof(text) for text in texts] + [0] * (3 - len(texts))
    made = jail_struct(
        places[0],
        places[1],
        places[2],
        (len(ip4), ctypes.addressof(four) if ip4 else 0),
        (len(ip6), ctypes.addressof(six) if ip6 else 0),
    )
    return _check(call(ctypes.c_char_p(made)), "jail()")


def jail_set(parameters: Sequence[tuple[bytes, bytes | None]], flags: int, library: Any = None) -> int:
    """Make, change or enter a jail: its number.

    :param parameters: pairs of name and value, both as the kernel takes them but for the name's final NUL.
    :raises OSError: where the kernel refuses, with its own words where it has any.
    """
    call = _function(library, "jail_set")
    said = ctypes.create_string_buffer(ERRMSG)
    buffers: list[Any] = []
    pieces: list[tuple[int, int]] = []
    for name, value in parameters:
        for content in (name + b"\0", value):
            if content is None:
                pieces.append((0, 0))
                continue
            buffers.append(ctypes.create_string_buffer(content, max(1, len(content))))
            pieces.append((ctypes.addressof(buffers[-1]), len(content)))
    buffers.append(ctypes.create_string_buffer(b"errmsg"))
    pieces += [(ctypes.addressof(buffers[-1]), len(b"errmsg\0")), (ctypes.addressof(said), ERRMSG)]
    table = iovecs(pieces)
    result = int(call(ctypes.c_char_p(table), ctypes.c_uint(len(pieces)), ctypes.c_int(flags)))
    if result < 0 and said.value:
        raise OSError(ctypes.get_errno(), said.value.decode(errors="replace"), "jail_set()")
    return _check(result, "jail_set()")


def _function(library: Any, name: str) -> Any:
    found = getattr(library if library is not None else ctypes.CDLL(None, use_errno=True), name, None)
    if found is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), f"{name}()")
    return found


def _text(text: str) -> Any:
    return ctypes.create_string_buffer(os.fsencode(text))


def _addresses(family: int, texts: Sequence[str]) -> Any:
    content = b"".join(socket.inet_pton(family, text) for text in texts)
    return ctypes.create_string_buffer(content, max(1, len(content)))


def _check(result: int, call: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), call)
    return int(result)
