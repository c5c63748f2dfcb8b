"""``msgpack``: a record as MessagePack, in the grammar of uWSGI's plugin.

``msgpack map:2|str:timestamp|unix|str:msg|msg`` lists what is packed one after the other: a type, and for
some an argument behind a colon.  Items without any text are skipped; ``|`` can not stand in an argument.

The bytes are uWSGI's (plugins/msgpack/msgpack.c), which any decoder reads.  Where its plugin packs as the
library does, the library packs.  It differs in numbers: uWSGI has no unsigned ones, and chooses between the
two sizes of a float by the value.
"""

from __future__ import annotations

import difflib
import struct
from collections.abc import Callable
from typing import Final

import msgpack

from uwsgid.errors import ConfigError
from uwsgid.families import log_encoders
from uwsgid.logs.encoders import Encoder
from uwsgid.logs.encoders.assembly import EachMoment, EachSecond, OfRecord, Piece, assemble
from uwsgid.logs.encoders.moments import MICROSECOND, checked_strftime, local_time
from uwsgid.logs.lines import encode

Pack = Callable[[bytes], bytes]

_EXAMPLE: Final = "map:2|str:timestamp|unix|str:msg|msg"
_MOST: Final = (1 << 32) - 1


@log_encoders.member("msgpack")
def messagepack(arguments: str) -> Encoder:
    """Packs each record as MessagePack, as a list of items says."""
    return assemble(parse(arguments))


def parse(arguments: str) -> list[Piece]:
    """The pieces that *arguments* ask for.

    :raises ConfigError: an item can not be used, or there is none.
    """
    pieces = [_piece(*item.partition(":")) for item in arguments.split("|") if item]
    if not pieces:
        raise ConfigError(f"msgpack: a list of items is missing, such as {_EXAMPLE!r}")
    return pieces


def pack_int(number: int) -> bytes:
    """A number from -2**63 to 2**63 - 1, in as many bytes as uWSGI takes for it.

    Of the numbers that fit into one byte it gives two to 0 and to -32.  Otherwise it looks at the absolute
    value, so that the smallest number of a size gets the next one, but for -2**31.
    """
    if -32 < number <= 127 and number:
        return struct.pack("b", number)
    size = abs(number)
    if size <= 127:
        return struct.pack(">Bb", 0xD0, number)
    if size <= 32767:
        return struct.pack(">Bh", 0xD1, number)
    if -(2**31) <= number < 2**31:
        return struct.pack(">Bi", 0xD2, number)
    return struct.pack(">Bq", 0xD3, number)


def pack_float(number: float) -> bytes:
    """Four bytes for what lies between -126 and 127, eight for all others."""
    single = -126 <= number <= 127
    packed: bytes = msgpack.Packer(use_single_float=single).pack(number)
    return packed


def _texts() -> Pack:
    """What packs texts: the library calls the lengths that uWSGI knows the old ones."""
    pack: Pack = msgpack.Packer(use_bin_type=False).pack
    return pack


def _binary() -> Pack:
    pack: Pack = msgpack.Packer(use_bin_type=True).pack
    return pack


def _piece(kind: str, _: str, argument: str) -> Piece:
    match kind:
        case "map":
            head: bytes = msgpack.Packer().pack_map_header(_count(kind, argument))
            return head
        case "array":
            head = msgpack.Packer().pack_array_header(_count(kind, argument))
            return head
        case "str":
            return _texts()(encode(argument))
        case "bin":
            return _binary()(encode(argument))
        case "int":
            return pack_int(_integer(argument))
        case "float":
            return pack_float(_float(argument))
        case "nil":
            return b"\xc0"
        case "true":
            return b"\xc3"
        case "false":
            return b"\xc2"
        case "msg":
            return OfRecord(_of_line(_texts()))
        case "msgnl":
            return OfRecord(_texts())
        case "msgbin":
            return OfRecord(_of_line(_binary()))
        case "msgbinnl":
            return OfRecord(_binary())
        case "unix":
            return EachSecond(pack_int)
        case "micros":
            return EachMoment(lambda moment: pack_int(moment // MICROSECOND))
        case "strftime":
            shape, pack = checked_strftime(argument), _texts()
            return EachSecond(lambda second: pack(local_time(shape, second)))
    near = difflib.get_close_matches(kind, _KINDS, n=2)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(_KINDS)}"
    raise ConfigError(f"msgpack: there is no type called {kind!r}; {hint}")


_KINDS: Final = (
    *("map", "array", "str", "bin", "int", "float", "nil", "true", "false"),
    *("msg", "msgnl", "msgbin", "msgbinnl", "unix", "micros", "strftime"),
)


# hot path, watched by bench-logs
def _of_line(pack: Pack) -> Pack:
    return lambda record: pack(record[:-1] if record[-1:] == b"\n" else record)


def _count(kind: str, text: str) -> int:
    number = _number(text)
    if number is None or not 0 <= number <= _MOST:
        raise ConfigError(
            f"msgpack: {kind} needs the number of what follows it, such as {kind}:2, not {text!r}"
        )
    return number


def _integer(text: str) -> int:
    number = _number(text)
    if number is None or not -(2**63) <= number < 2**63:
        raise ConfigError(f"msgpack: int needs a whole number of 64 bits, such as int:42, not {text!r}")
    return number


def _number(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"msgpack: float needs a number, such as float:1.5, not {text!r}") from None
