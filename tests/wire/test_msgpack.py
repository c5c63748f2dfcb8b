"""`uwsgid.wire.msgpack`: small maps between processes."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import InternalError, PeerError
from uwsgid.wire.msgpack import MAX_DEPTH, Value, pack, unpack

LEAF = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.text(max_size=40), st.binary(max_size=40)
)
VALUE = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=9), inner, max_size=20),
    max_leaves=20,
)


def depth(value: Any) -> int:
    """How many lists and maps are inside each other."""
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


class PackTests(SynchronousTestCase):
    """Values go out in their shortest form and come back the same."""

    def test_shortest_form(self) -> None:
        """The bytes are those of the format's own tables."""
        table: list[tuple[Value, str]] = [
            (None, "c0"),
            (False, "c2"),
            (True, "c3"),
            (0, "00"),
            (127, "7f"),
            (128, "cc80"),
            (255, "ccff"),
            (256, "cd0100"),
            (65536, "ce00010000"),
            (2**32, "cf0000000100000000"),
            (2**64 - 1, "cfffffffffffffffff"),
            (-1, "ff"),
            (-32, "e0"),
            (-33, "d0df"),
            (-128, "d080"),
            (-129, "d1ff7f"),
            (-32769, "d2ffff7fff"),
            (-(2**31) - 1, "d3ffffffff7fffffff"),
            (-(2**63), "d38000000000000000"),
            ("", "a0"),
            ("hé", "a368c3a9"),
            ("x" * 31, "bf" + "78" * 31),
            ("x" * 32, "d920" + "78" * 32),
            ("x" * 256, "da0100" + "78" * 256),
            ("x" * 65536, "db00010000" + "78" * 65536),
            (b"", "c400"),
            (b"\0", "c40100"),
            (bytes(256), "c50100" + "00" * 256),
            (bytes(65536), "c600010000" + "00" * 65536),
            ([], "90"),
            ((1, 2), "920102"),
            ([0] * 16, "dc0010" + "00" * 16),
            ([0] * 65536, "dd00010000" + "00" * 65536),
            ({}, "80"),
            ({"v": 1}, "81a17601"),
            (
                {str(key): 0 for key in range(16)},
                "de0010" + "".join(pack(str(k)).hex() + "00" for k in range(16)),
            ),
        ]
        for value, wanted in table:
            self.assertEqual(pack(value).hex(), wanted, repr(value)[:40])
            self.assertEqual(unpack(bytes.fromhex(wanted)), list(value) if value == (1, 2) else value)

    def test_longer_forms(self) -> None:
        """A value in a longer form than it needs is read all the same."""
        for text, value in (
            ("cd0001", 1),
            ("d30000000000000001", 1),
            ("db0000000161", "a"),
            ("df00000000", {}),
        ):
            self.assertEqual(unpack(bytes.fromhex(text)), value)

    @settings(deadline=None, max_examples=200)
    @given(VALUE)
    def test_round_trip(self, value: Value) -> None:
        """What one packs is what the other unpacks, types included."""
        if depth(value) > MAX_DEPTH:
            with self.assertRaises(PeerError):
                unpack(pack(value))
            return
        self.assertEqual(repr(unpack(pack(value))), repr(value))

    @settings(deadline=None, max_examples=400)
    @given(st.binary(max_size=60))
    def test_any_bytes(self, data: bytes) -> None:
        """Any bytes are a value that comes back the same, or a PeerError."""
        try:
            value = unpack(data)
        except PeerError:
            return
        self.assertEqual(unpack(pack(value)), value)

    @settings(deadline=None, max_examples=100)
    @given(VALUE, st.integers(0, 10**6))
    def test_cuts(self, value: Value, at: int) -> None:
        """A value that lost its end is refused, and so is one with something behind it."""
        data = pack(value)
        for wrong in (data[: at % len(data)], data + b"\0"):
            with self.assertRaises(PeerError):
                unpack(wrong)

    def test_refused(self) -> None:
        """What is not taken is named, and no size makes us reserve memory."""
        for text, words in (
            ("", "cut"),
            ("c1", "0xc1"),
            ("ca00000000", "0xca"),
            ("d40100", "0xd4"),
            ("a1ff", "UTF-8"),
            ("8101c0", "no text"),
            ("82a16101a16102", "twice"),
            ("ddffffffff", "cut"),
            ("dfffffffff", "cut"),
            ("c6ffffffff", "cut"),
            ("91" * 5000 + "00", "deeper"),
            ("0000", "behind"),
        ):
            with self.assertRaises(PeerError) as caught:
                unpack(bytes.fromhex(text))
            self.assertIn(words, str(caught.exception))

    def test_not_told(self) -> None:
        """What can not be packed is our own mistake."""
        wrong: list[Any] = [1.5, 2**64, -(2**63) - 1, {1: 2}, object(), "\ud800", [set()]]
        for value in wrong:
            with self.assertRaises(InternalError):
                pack(value)
