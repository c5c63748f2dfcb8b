"""`uwsgid.wire.scgi`: netstrings of front ends."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire import corpus
from tests.wire.driving import drive, meaning
from uwsgid.errors import PeerError
from uwsgid.wire.events import NEED_DATA, RequestHead
from uwsgid.wire.limits import Limits
from uwsgid.wire.scgi import ScgiDecoder, read_headers, request

BASE: dict[str, Any] = {"SERVER_NAME": "here"}
WIDE = Limits(buffer_size=65535, max_vars=64)
TEXT = st.characters(min_codepoint=1, max_codepoint=255)
VARS = st.dictionaries(
    st.text(TEXT, min_size=1, max_size=100).filter(lambda key: key != "CONTENT_LENGTH"),
    st.text(TEXT, max_size=100),
    max_size=8,
)
CUTS = st.lists(st.integers(0, 5000), max_size=6)


def decoder(limits: Limits = WIDE) -> ScgiDecoder:
    return ScgiDecoder(BASE, limits)


class CorpusTests(SynchronousTestCase):
    """`tests/corpus/scgi`."""

    def test_good(self) -> None:
        """Each good request means what its file says, however it is cut."""
        for case in corpus.scgi("good"):
            whole = drive(decoder(case.limits), case.data)
            self.assertIsNone(whole.error, case.name)
            (said,) = whole.requests
            want = case.expected
            self.assertEqual(said.head.vars, {**BASE, **want["vars"]}, case.name)
            self.assertEqual(
                (said.head.body_length, said.body.decode("latin-1"), said.head.count),
                (want.get("length", 0), want.get("body", ""), said.head.count),
                case.name,
            )
            self.assertIsNotNone(said.end, case.name)
            pieces = drive(decoder(case.limits), case.data, range(len(case.data)))
            self.assertEqual(meaning(whole), meaning(pieces), case.name)

    def test_bad(self) -> None:
        """Each bad request is refused, with words an operator can search for, however it is cut."""
        for case in corpus.scgi("bad"):
            whole = drive(decoder(case.limits), case.data)
            self.assertEqual(whole.error, ("PeerError", 0, case.expected.get("option", "")), case.name)
            pieces = drive(decoder(case.limits), case.data, range(len(case.data)))
            self.assertEqual(meaning(whole), meaning(pieces), case.name)
            reader = decoder(case.limits)
            reader.feed(case.data)
            for _ in range(2):
                error = self.assertRaises(PeerError, reader.next_event)
                self.assertIn(case.expected["words"], str(error), case.name)


class DecoderTests(SynchronousTestCase):
    """Requests."""

    @settings(deadline=None, max_examples=100)
    @given(VARS, st.binary(max_size=100), CUTS)
    def test_any_slicing(self, vars: dict[str, str], body: bytes, cuts: list[int]) -> None:
        """A request means the same however the network cuts it."""
        told = {"CONTENT_LENGTH": str(len(body)), **vars}
        heard = drive(decoder(), request(told.items(), body), cuts)
        (said,) = heard.requests
        self.assertEqual((said.head.vars, said.body), ({**BASE, **told}, body))
        self.assertEqual((said.head.count, heard.error), (len(told), None))
        self.assertIsNotNone(said.end)

    @settings(deadline=None, max_examples=300)
    @given(st.text(st.sampled_from("\0ab"), max_size=12))
    def test_agrees_with_a_naive_reader(self, text: str) -> None:
        """Exactly the blocks are refused that a reader of one string after the other refuses."""
        rest, wanted = text, dict[str, Any]()
        broken = not text
        while rest and not broken:
            name, end, rest = rest.partition("\0")
            value, end, rest = rest.partition("\0")
            broken = not (name and end)
            wanted[name] = value
        found: dict[str, Any] = {}
        try:
            read_headers(text.encode(), found)
        except PeerError:
            self.assertTrue(broken, text)
        else:
            self.assertEqual((found, broken), (wanted, False))

    def test_leftover(self) -> None:
        """A driver may take the body itself; nothing follows then."""
        reader = decoder()
        self.assertTrue(reader.idle)
        reader.feed(request([("CONTENT_LENGTH", "5")], b"hel"))
        self.assertFalse(reader.idle)
        self.assertIsInstance(reader.next_event(), RequestHead)
        self.assertEqual((reader.leftover(), reader.next_event()), (b"hel", NEED_DATA))
        self.assertTrue(reader.idle)

    def test_modifiers(self) -> None:
        """The modifiers of the options are those of the request."""
        reader = ScgiDecoder(BASE, WIDE, modifier1=7, modifier2=1)
        reader.feed(request([("A", "b")]))
        event = reader.next_event()
        assert isinstance(event, RequestHead)
        self.assertEqual((event.modifier1, event.modifier2, reader.block), (7, 1, b"A\0b\0"))
