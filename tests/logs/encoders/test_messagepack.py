"""msgpack, in uWSGI's grammar and with its bytes."""

from __future__ import annotations

import io
import math
import struct
import time
from typing import Any

import msgpack
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import ConfigError
from uwsgid.logs.encoders.assembly import assemble
from uwsgid.logs.encoders.messagepack import messagepack, pack_float, pack_int, parse

#: What uWSGI 2.0.21 made of numbers.
INTEGERS = {
    0: "d000",
    1: "01",
    31: "1f",
    126: "7e",
    127: "7f",
    128: "d10080",
    255: "d100ff",
    256: "d10100",
    32767: "d17fff",
    32768: "d200008000",
    65535: "d20000ffff",
    65536: "d200010000",
    2147483647: "d27fffffff",
    2147483648: "d30000000080000000",
    4294967295: "d300000000ffffffff",
    9223372036854775807: "d37fffffffffffffff",
    -1: "ff",
    -2: "fe",
    -31: "e1",
    -32: "d0e0",
    -33: "d0df",
    -127: "d081",
    -128: "d1ff80",
    -129: "d1ff7f",
    -32767: "d18001",
    -32768: "d2ffff8000",
    -32769: "d2ffff7fff",
    -2147483647: "d280000001",
    -2147483648: "d280000000",
    -2147483649: "d3ffffffff7fffffff",
    -9223372036854775808: "d38000000000000000",
}
FLOATS = {
    "0": "ca00000000",
    "0.1": "ca3dcccccd",
    "1.5": "ca3fc00000",
    "-1.5": "cabfc00000",
    "127": "ca42fe0000",
    "127.5": "cb405fe00000000000",
    "128": "cb4060000000000000",
    "-126": "cac2fc0000",
    "-126.5": "cbc05fa00000000000",
    "-127": "cbc05fc00000000000",
    "1e300": "cb7e37e43c8800759c",
    "inf": "cb7ff0000000000000",
    "nan": "cb7ff8000000000000",
}

#: Items, and what a decoder makes of those that are always the same.
ITEMS: dict[str, object] = {
    "msg": None,
    "msgnl": None,
    "msgbin": None,
    "msgbinnl": None,
    "nil": None,
    "true": True,
    "false": False,
    "int:-5": -5,
    "float:0.5": 0.5,
    "str:text": "text",
    "bin:text": b"text",
    "strftime:%%": "%",
    "map:0": {},
    "array:0": [],
}


def made(arguments: str, record: bytes = b"line\n") -> bytes:
    """What the encoder makes of a record."""
    found: bytes = messagepack(arguments)(record)
    return found


class MsgpackTests(SynchronousTestCase):
    """Each row of the table."""

    def test_counts(self) -> None:
        """Maps and arrays say how many follow, in the shortest way."""
        self.assertEqual(made("map:0|map:15|map:16"), b"\x80\x8f\xde\0\x10")
        self.assertEqual(made("map:65535|map:65536"), b"\xde\xff\xff\xdf\0\1\0\0")
        self.assertEqual(made("array:0|array:15|array:16"), b"\x90\x9f\xdc\0\x10")
        self.assertEqual(made("array:65535|array:65536"), b"\xdc\xff\xff\xdd\0\1\0\0")

    def test_texts(self) -> None:
        """Texts know two lengths beyond the short one, and not the one of one byte."""
        self.assertEqual(made("str:a:b|str:|str"), b"\xa3a:b\xa0\xa0")
        for length, head in ((31, b"\xbf"), (32, b"\xda\0\x20"), (255, b"\xda\0\xff"), (256, b"\xda\1\0")):
            self.assertEqual(made(f"str:{'x' * length}"), head + b"x" * length)
        self.assertEqual(made(f"str:{'x' * 65536}"), b"\xdb\0\1\0\0" + b"x" * 65536)

    def test_binary(self) -> None:
        """Bytes know three lengths."""
        self.assertEqual(made("bin:abc|bin:|bin"), b"\xc4\3abc\xc4\0\xc4\0")
        self.assertEqual(made(f"bin:{'x' * 300}"), b"\xc5\1\x2c" + b"x" * 300)
        self.assertEqual(made(f"bin:{'x' * 65536}"), b"\xc6\0\1\0\0" + b"x" * 65536)

    def test_integers_as_by_uwsgi(self) -> None:
        """Numbers take the bytes that they take with uWSGI."""
        for number, packed in INTEGERS.items():
            self.assertEqual(made(f"int:{number}").hex(), packed, number)

    def test_floats_as_by_uwsgi(self) -> None:
        """Small numbers lose half of their bytes."""
        for text, packed in FLOATS.items():
            self.assertEqual(made(f"float:{text}").hex(), packed, text)

    def test_constants(self) -> None:
        """nil, true and false, with an argument that means nothing."""
        self.assertEqual(made("nil|true|false|nil:x"), b"\xc0\xc3\xc2\xc0")

    def test_record(self) -> None:
        """The record with and without its newline, as text and as bytes."""
        self.assertEqual(made("msg|msgnl"), b"\xa4line\xa5line\n")
        self.assertEqual(made("msgbin|msgbinnl"), b"\xc4\4line\xc4\5line\n")
        self.assertEqual(made("msg", b"x" * 32), b"\xda\0\x20" + b"x" * 32)

    def test_time(self) -> None:
        """The time as numbers, and as text."""
        moment = 1795285357_123456_789
        encode = assemble(parse("unix|micros|strftime:%Y:%m"), lambda: moment)
        local = time.strftime("%Y:%m", time.localtime(moment // 10**9)).encode()
        expected = b"\xd2" + struct.pack(">i", 1795285357) + b"\xd3" + struct.pack(">q", 1795285357123456)
        self.assertEqual(encode(b""), expected + b"\xa7" + local)

    def test_strftime_limit(self) -> None:
        """What makes 64 bytes or more makes an empty text."""
        self.assertEqual(made(f"strftime:{'x' * 64}|strftime"), b"\xa0\xa0")

    def test_example(self) -> None:
        """The example of uWSGI's documentation is read by the library."""
        found = msgpack.unpackb(made("map:2|str:timestamp|unix|str:msg|msg"))
        self.assertEqual(found["msg"], "line")
        self.assertLess(abs(found["timestamp"] - time.time()), 60)

    def test_empty_items(self) -> None:
        """Items without any text are skipped, as by uWSGI."""
        self.assertEqual(made("|nil||true|"), b"\xc0\xc3")

    def test_any_byte(self) -> None:
        """What is no UTF-8 is packed as it is, as by uWSGI: msgbin is for records that may be none."""
        self.assertEqual(made("msg", b"\xff\n"), b"\xa1\xff")
        self.assertEqual(made("str:\udcff"), b"\xa1\xff")

    def test_unknown_type(self) -> None:
        """It is refused, with the nearest there is; uWSGI skips it."""
        for arguments, hint in (
            ("mag", "there is no type called 'mag'; did you mean ma?[ps]"),
            ("nil|boolean", "there is no type called 'boolean'; known: map, array, str"),
            (" nil", "did you mean nil"),
        ):
            with self.assertRaisesRegex(ConfigError, hint):
                made(arguments)

    def test_bad_numbers(self) -> None:
        """Where uWSGI takes what is no number for 0, or for the largest, it is refused."""
        for arguments in (
            *("map", "map:x", "map:-1", "map:4294967296", "array:", "int", "int:5x", "int:0x10", "int:1.5"),
            *("int:9223372036854775808", "int:-9223372036854775809", "float", "float:x"),
        ):
            with self.assertRaisesRegex(ConfigError, rf"^msgpack: {arguments.partition(':')[0]} needs"):
                made(arguments)

    def test_nothing(self) -> None:
        """A list is needed."""
        with self.assertRaisesRegex(ConfigError, "a list of items is missing"):
            made("")

    @settings(deadline=None, max_examples=200)
    @given(st.integers(-(2**63), 2**63 - 1))
    def test_any_integer(self, number: int) -> None:
        """A decoder reads any number."""
        self.assertEqual(msgpack.unpackb(pack_int(number)), number)

    @settings(deadline=None, max_examples=200)
    @given(st.floats())
    def test_any_float(self, number: float) -> None:
        """A decoder reads any float, as exactly as its size allows."""
        found = msgpack.unpackb(pack_float(number))
        if -126 <= number <= 127:
            self.assertEqual(found, struct.unpack("f", struct.pack("f", number))[0])
        else:
            self.assertTrue(found == number or math.isnan(number))

    @settings(deadline=None, max_examples=100)
    @given(st.lists(st.sampled_from(sorted(ITEMS)), max_size=5), st.binary(max_size=70_000))
    def test_any_list(self, kinds: list[str], record: bytes) -> None:
        """A decoder of standard MessagePack reads all of it."""
        packed = made("|".join(["array:" + str(len(kinds)), *kinds]), record)
        reader: Any = msgpack.Unpacker(io.BytesIO(packed), unicode_errors="surrogateescape")
        (found,) = list(reader)
        self.assertEqual(len(found), len(kinds))
        line = record[:-1] if record.endswith(b"\n") else record
        for kind, value in zip(kinds, found, strict=True):
            expected = {
                "msg": line.decode("utf-8", "surrogateescape"),
                "msgnl": record.decode("utf-8", "surrogateescape"),
                "msgbin": line,
                "msgbinnl": record,
            }
            self.assertEqual(value, expected.get(kind, ITEMS[kind]))
