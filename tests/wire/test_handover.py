"""`uwsgid.wire.handover`: the hello of a vassal that hands its device over, and the answer."""

from __future__ import annotations

from typing import Any

import msgpack
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import ConfigError, PeerError
from uwsgid.wire.handover import MAX_RECORD, Answer, Hello

NAME = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="/:"), min_size=1, max_size=15
)
TEXT = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=60)
TEXTS = st.lists(TEXT, max_size=8).map(tuple)


def hello(**changes: Any) -> bytes:
    """A hello with some fields changed; None takes one away."""
    said = {"v": 1, "device": "uwsgi0", "rules": [], "addresses": [], **changes}
    data: bytes = msgpack.packb({key: value for key, value in said.items() if value is not None})
    return data


class HelloTests(SynchronousTestCase):
    """A vassal says what it hands over, and nothing else is taken for that."""

    def test_bytes(self) -> None:
        """The record is a map of msgpack."""
        said = Hello("uwsgi0", ("out 10.0.0.0/8 0.0.0.0 deny",), ("192.168.0.2", "fd00::2"))
        self.assertEqual(
            msgpack.unpackb(said.pack()),
            {
                "v": 1,
                "device": "uwsgi0",
                "rules": ["out 10.0.0.0/8 0.0.0.0 deny"],
                "addresses": ["192.168.0.2", "fd00::2"],
            },
        )
        self.assertEqual(Hello.unpack(said.pack()), said)
        self.assertEqual(Hello("uwsgi0").pack(), hello())

    @settings(deadline=None, max_examples=200)
    @given(NAME.filter(lambda name: name not in (".", "..")), TEXTS, TEXTS)
    def test_round_trip(self, device: str, rules: tuple[str, ...], addresses: tuple[str, ...]) -> None:
        """What a vassal packs is what the router unpacks."""
        said = Hello(device, rules, addresses)
        self.assertEqual(Hello.unpack(said.pack()), said)

    @settings(deadline=None, max_examples=300)
    @given(st.binary(max_size=80))
    def test_any_bytes(self, data: bytes) -> None:
        """Any datagram is a hello or an answer or a PeerError, and never both."""
        taken = 0
        for kind in (Hello, Answer):
            try:
                kind.unpack(data)
            except PeerError:
                continue
            taken += 1
        self.assertLess(taken, 2)

    @settings(deadline=None, max_examples=200)
    @given(st.integers(0, 60), st.integers(0, 255))
    def test_one_wrong_byte(self, at: int, value: int) -> None:
        """One changed byte makes another possible hello, or a PeerError."""
        data = bytearray(Hello("uwsgi0", ("in 1.2.3.4 5.6.7.8 deny",), ("10.0.0.2",)).pack())
        data[at % len(data)] = value
        try:
            said = Hello.unpack(bytes(data))
        except PeerError:
            return
        self.assertEqual(Hello.unpack(said.pack()), said)

    def test_names_of_devices(self) -> None:
        """A name is one that the kernel would take."""
        for name in ("a", "uwsgi0", "x" * 15, "tun-1.2", "é" * 7):
            self.assertEqual(Hello.unpack(hello(device=name)).device, name)
        wrong: list[object] = [
            "",
            "x" * 16,
            "é" * 8,
            "a/b",
            "a b",
            "a\tb",
            "a\nb",
            "a:1",
            ".",
            "..",
            "a\0",
            "a\x1b[2J",
            7,
            b"a",
        ]
        for odd in wrong:
            with self.assertRaises(PeerError) as caught:
                Hello.unpack(hello(device=odd))
            self.assertIn(repr(odd), str(caught.exception))

    def test_wrong_records(self) -> None:
        """Another version, missing and additional fields and wrong types are refused, and say why."""
        for data, words in (
            (b"", "no msgpack"),
            (b"\x82\xa1v\x01\xa1v\x01", "twice"),
            (b"\x81\xa1v\xd4\x05x", "extension"),
            (b"\x81\xa1v\xa1\xff", "no msgpack"),
            (b"\x90", "no map"),
            (hello() + b"\0", "no msgpack"),
            (hello(v=2), "version 2"),
            (hello(v="1"), "version '1'"),
            (hello(v=True), "version True"),
            (hello(v=None), "version None"),
            (hello(rules=None), "names addresses, device, v"),
            (hello(more=1), "more"),
            (hello(why="x"), "why"),
            (hello(rules="x"), "rules"),
            (hello(rules={"x": "y"}), "rules"),
            (hello(rules=[1]), "rules"),
            (hello(rules=[""]), "rules"),
            (hello(rules=["deny\nallow"]), "rules"),
            (hello(addresses=[b"1234"]), "addresses"),
            (hello(addresses=["x" * MAX_RECORD]), f"more than {MAX_RECORD}"),
        ):
            with self.assertRaises(PeerError) as caught:
                Hello.unpack(data)
            self.assertIn(words, str(caught.exception))
            self.assertEqual(caught.exception.status, 0)

    def test_too_many_rules(self) -> None:
        """Rules that do not fit one record are the configuration's mistake, and the text says what to do."""
        with self.assertRaises(ConfigError) as caught:
            Hello("uwsgi0", ("in 10.0.0.0/8 10.0.0.0/8 deny",) * 150).pack()
        self.assertIn("uwsgi0", str(caught.exception))
        self.assertIn("fewer", str(caught.exception))


class AnswerTests(SynchronousTestCase):
    """A router takes a device, or says why not."""

    def test_round_trip(self) -> None:
        """Yes is short, and no brings its reason."""
        for answer, said in (
            (Answer(True), {"v": 1, "ok": True}),
            (Answer(False, "that is a tap"), {"v": 1, "ok": False, "why": "that is a tap"}),
            (Answer(False), {"v": 1, "ok": False, "why": ""}),
        ):
            self.assertEqual(msgpack.unpackb(answer.pack()), said)
            self.assertEqual(Answer.unpack(answer.pack()), answer)

    def test_long_reason(self) -> None:
        """A reason of any length fits a record, and so does one with a lone surrogate."""
        for why in ("x" * 9999, "\U0001f600" * 9999, "\ud800" * 9999):
            data = Answer(False, why).pack()
            self.assertLessEqual(len(data), MAX_RECORD)
            self.assertEqual(len(Answer.unpack(data).why), 1000)

    def test_wrong_records(self) -> None:
        """What makes no sense is no answer."""
        for said in (
            {"v": 1},
            {"v": 1, "ok": 1},
            {"v": 1, "ok": None},
            {"v": 1, "ok": False},
            {"v": 1, "ok": True, "why": ""},
            {"v": 1, "ok": False, "why": 5},
            {"v": 2, "ok": True},
            {"v": 1, "ok": True, "more": 1},
        ):
            with self.assertRaises(PeerError):
                Answer.unpack(msgpack.packb(said))
