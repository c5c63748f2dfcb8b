"""`uwsgid.wire.control`: the records between the processes of one instance."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import InternalError, PeerError
from uwsgid.wire import control
from uwsgid.wire.control import (
    MAX_RECORD,
    Ask,
    Born,
    Deliver,
    Failed,
    Fork,
    Leave,
    Loaded,
    LoadFailed,
    Pause,
    Ready,
    Record,
    Report,
    Resume,
    Retire,
    unpack,
)

NUMBER = st.integers(-(2**31), 2**31 - 1)
TEXT = st.text(st.characters(), max_size=200)
RECORD: st.SearchStrategy[Record] = st.one_of(
    st.builds(Fork, NUMBER, TEXT, NUMBER, NUMBER, NUMBER),
    st.builds(Born, NUMBER, NUMBER),
    st.builds(Failed, NUMBER, TEXT),
    st.just(Retire()),
    st.builds(Ready, NUMBER),
    st.builds(Loaded, NUMBER),
    st.builds(LoadFailed, TEXT, NUMBER),
    st.builds(Deliver, NUMBER),
    st.builds(Ask, TEXT),
    st.builds(Leave, TEXT),
    st.sampled_from([Pause(), Resume(), Report()]),
)


class RecordTests(SynchronousTestCase):
    """Records go out and come back the same."""

    @settings(deadline=None, max_examples=200)
    @given(RECORD)
    def test_round_trip(self, record: Record) -> None:
        """What one process packs is what the other unpacks, lone surrogates included."""
        self.assertEqual(unpack(record.pack()), record)
        self.assertIs(type(unpack(record.pack())), type(record))

    @settings(deadline=None, max_examples=300)
    @given(st.binary(max_size=40))
    def test_any_bytes(self, data: bytes) -> None:
        """Any datagram is a record that packs to the same bytes, or a PeerError."""
        try:
            record = unpack(data)
        except PeerError:
            return
        self.assertEqual(record.pack(), data)

    def test_compact(self) -> None:
        """A fork request is one tag, four 32 bit integers and the role."""
        self.assertEqual(
            Fork(ticket=1, role="worker", slot=2, seat=3, generation=-1).pack(),
            b"\x01\x01\0\0\0\x02\0\0\0\x03\0\0\0\xff\xff\xff\xffworker",
        )
        self.assertEqual(Retire().pack(), b"\x04")

    def test_wrong_records(self) -> None:
        """Empty, unknown, short, long and undecodable records are refused, and say why."""
        for data, words in (
            (b"", "empty"),
            (b"\xfe", "unknown tag 254"),
            (b"\x02\0", "Born of 2 bytes"),
            (b"\x04x", "Retire of 2 bytes"),
            (b"\x13\xff", "not UTF-8"),
        ):
            with self.assertRaises(PeerError) as caught:
                unpack(data)
            self.assertIn(words, str(caught.exception))

    def test_long_text_is_cut(self) -> None:
        """A traceback of any length still fits one record."""
        for letter in ("x", "\u20ac", "\U0001f600"):
            data = Failed(1, letter * 100_000).pack()
            self.assertLessEqual(len(data), MAX_RECORD)
            back = unpack(data)
            assert isinstance(back, Failed)
            self.assertEqual(set(back.reason), {letter})

    def test_number_too_large(self) -> None:
        """An integer beyond 32 bits is our own mistake."""
        with self.assertRaises(InternalError):
            Born(2**40, 1).pack()

    def test_tags_are_unique(self) -> None:
        """Two records can not share a tag."""
        with self.assertRaises(InternalError):
            control._record(1)(Retire)
