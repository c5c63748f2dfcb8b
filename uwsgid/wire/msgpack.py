"""The part of msgpack that processes of this house need to tell each other small maps.

Nothing, truth, integers of 64 bits, texts, bytes, lists and maps go out in the shortest form that the format
has (https://github.com/msgpack/msgpack/blob/master/spec.md) and are read in any form.  Floats, extensions and
times are not taken.  Reading is strict, for the bytes may come from a process that is not trusted: no byte
may be left over, no key may come twice, texts are UTF-8, and nothing is nested deeper than `MAX_DEPTH`.
"""

from __future__ import annotations

from struct import Struct
from typing import Any, Final

from uwsgid.errors import InternalError, PeerError

MAX_DEPTH: Final = 8  #: lists and maps inside each other

Value = None | bool | int | str | bytes | list[Any] | tuple[Any, ...] | dict[str, Any]

#: First byte of a value to the integer that follows it.
_INTEGERS: Final = {
    0xCC: Struct(">B"),
    0xCD: Struct(">H"),
    0xCE: Struct(">I"),
    0xCF: Struct(">Q"),
    0xD0: Struct(">b"),
    0xD1: Struct(">h"),
    0xD2: Struct(">i"),
    0xD3: Struct(">q"),
}
#: First byte of a value to what it is, and how many bytes of size follow.
_SIZED: Final = {
    0xC4: ("bytes", 1),
    0xC5: ("bytes", 2),
    0xC6: ("bytes", 4),
    0xD9: ("text", 1),
    0xDA: ("text", 2),
    0xDB: ("text", 4),
    0xDC: ("list", 2),
    0xDD: ("list", 4),
    0xDE: ("map", 2),
    0xDF: ("map", 4),
}


def pack(value: Value) -> bytes:
    """The bytes of a value.

    :raises InternalError: it is of a type that is not taken, too large, or a text with lone surrogates.
    """
    if value is None:
        return b"\xc0"
    if value is True:
        return b"\xc3"
    if value is False:
        return b"\xc2"
    if isinstance(value, int):
        return _pack_integer(value)
    if isinstance(value, str):
        try:
            data = value.encode()
        except UnicodeEncodeError as error:
            raise InternalError(f"{value!r} can not be told in msgpack: {error}") from error
        return (bytes((0xA0 | len(data),)) if len(data) < 32 else _head("text", len(data))) + data
    if isinstance(value, bytes):
        return _head("bytes", len(value)) + value
    if isinstance(value, list | tuple):
        start = bytes((0x90 | len(value),)) if len(value) < 16 else _head("list", len(value))
        return start + b"".join(map(pack, value))
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        start = bytes((0x80 | len(value),)) if len(value) < 16 else _head("map", len(value))
        return start + b"".join(pack(key) + pack(item) for key, item in value.items())
    raise InternalError(f"{value!r} can not be told in msgpack")


def unpack(data: bytes) -> Any:
    """The value that *data* holds, all of it: None, bool, int, str, bytes, list or dict with texts as keys.

    :raises PeerError: the bytes are cut, go on behind the value, or say what is not taken.
    """
    value, at = _read(data, 0, 0)
    if at != len(data):
        raise PeerError(f"{len(data) - at} bytes behind a msgpack value", status=0)
    return value


def _pack_integer(value: int) -> bytes:
    if -32 <= value < 128:
        return bytes((value & 0xFF,))
    for first in (0xCC, 0xCD, 0xCE, 0xCF) if value > 0 else (0xD0, 0xD1, 0xD2, 0xD3):
        size = _INTEGERS[first].size
        low, high = (0, 1 << 8 * size) if value > 0 else (-1 << 8 * size - 1, 0)
        if low <= value < high:
            return bytes((first,)) + value.to_bytes(size, "big", signed=value < 0)
    raise InternalError(f"{value} can not be told in msgpack, it needs more than 64 bits")


def _head(kind: str, size: int) -> bytes:
    for first, (name, width) in _SIZED.items():
        if name == kind and size < 1 << 8 * width:
            return bytes((first,)) + size.to_bytes(width, "big")
    raise InternalError(f"{kind} of {size} items can not be told in msgpack")


def _take(data: bytes, at: int, size: int) -> bytes:
    if size > len(data) - at:
        raise PeerError(f"a msgpack value that is cut at byte {len(data)}", status=0)
    return data[at : at + size]


def _read(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    """The value at byte *at*, and where the next one would start."""
    first = _take(data, at, 1)[0]
    at += 1
    if first < 0x80:
        return first, at
    if first >= 0xE0:
        return first - 256, at
    if first in _INTEGERS:
        number = _INTEGERS[first]
        return number.unpack(_take(data, at, number.size))[0], at + number.size
    if first in _SIZED:
        kind, width = _SIZED[first]
        size = int.from_bytes(_take(data, at, width), "big")
        at += width
    elif first < 0xA0:
        kind, size = ("map" if first < 0x90 else "list"), first & 0x0F
    elif first < 0xC0:
        kind, size = "text", first & 0x1F
    elif first in (0xC0, 0xC2, 0xC3):
        return (None if first == 0xC0 else first == 0xC3), at
    else:
        raise PeerError(f"a msgpack value of the type 0x{first:02x}, which is not taken", status=0)
    if kind == "bytes":
        return _take(data, at, size), at + size
    if kind == "text":
        try:
            return _take(data, at, size).decode(), at + size
        except UnicodeDecodeError as error:
            raise PeerError(f"a msgpack text that is not UTF-8: {error}", status=0) from error
    if depth >= MAX_DEPTH:
        raise PeerError(f"msgpack values nested deeper than {MAX_DEPTH}", status=0)
    _take(data, at, size if kind == "list" else 2 * size)  # each has a byte at least, so no list is absurd
    return _read_list(data, at, depth, size) if kind == "list" else _read_map(data, at, depth, size)


def _read_list(data: bytes, at: int, depth: int, size: int) -> tuple[list[Any], int]:
    items: list[Any] = []
    for _ in range(size):
        item, at = _read(data, at, depth + 1)
        items.append(item)
    return items, at


def _read_map(data: bytes, at: int, depth: int, size: int) -> tuple[dict[str, Any], int]:
    items: dict[str, Any] = {}
    for _ in range(size):
        key, at = _read(data, at, depth + 1)
        if not isinstance(key, str):
            raise PeerError(f"a msgpack map with the key {key!r}, which is no text", status=0)
        if key in items:
            raise PeerError(f"a msgpack map with the key {key!r} twice", status=0)
        items[key], at = _read(data, at, depth + 1)
    return items, at
