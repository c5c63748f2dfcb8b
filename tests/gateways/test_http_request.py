"""From what a client says to a packet."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire import corpus
from uwsgid.errors import PeerError
from uwsgid.gateways.http_request import Ask, Asking
from uwsgid.wire.events import NEED_DATA, BodyChunk, EndOfBody
from uwsgid.wire.limits import Limits

LIMITS = Limits(buffer_size=4096, max_vars=50, extension=0)
GET = b"GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
CHUNKS = b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"


def tell(asking: Asking, found: list[object]) -> None:
    """Add what it says of what it has.

    :raises PeerError: it refuses.
    """
    while (event := asking.next()) is not NEED_DATA:
        if isinstance(event, Ask):
            found.append((event.what, event.length, event.block))
        elif isinstance(event, BodyChunk):
            found.append(event.data)
        elif isinstance(event, EndOfBody):
            found.append("end")


def joined(found: list[object]) -> list[object]:
    """The same with bodies in one piece."""
    made: list[object] = []
    for one in found:
        before = made[-1] if made else None
        if isinstance(one, bytes) and isinstance(before, bytes):
            made[-1] = before + one
        else:
            made.append(one)
    return made


def told(asking: Asking) -> list[object]:
    """What it says of what it has; bodies in one piece."""
    found: list[object] = []
    tell(asking, found)
    return joined(found)


class AskingTests(SynchronousTestCase):
    def test_known(self) -> None:
        """A head that came before is known to all clients, and means the same."""
        known: dict[bytes, Ask] = {}
        first, second = Asking(LIMITS, known), Asking(LIMITS, known)
        first.feed(GET)
        wanted = told(first)
        self.assertEqual(list(known), [GET])
        second.feed(GET)
        self.assertFalse(second.idle)
        self.assertEqual(told(second), wanted)
        self.assertTrue(second.idle)
        self.assertIs(second._decoder, None)

    def test_not_remembered(self) -> None:
        """What has a body, closes, waits, or is too long is not remembered, nor two heads at once."""
        known: dict[bytes, Ask] = {}
        for data in (
            POST,
            CHUNKS,
            GET + GET,
            GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
            GET.replace(b"x\r\n", b"x\r\nA: " + b"a" * 3000 + b"\r\n"),
            GET.replace(b"GET", b"DELETE"),
            b"\r\n" + GET,
        ):
            asking = Asking(LIMITS, known)
            asking.feed(data)
            told(asking)
            self.assertEqual(known, {}, data)

    def test_not_many(self) -> None:
        """Nobody can fill the memory with heads."""
        known: dict[bytes, Ask] = {}
        asking = Asking(LIMITS, known)
        for number in range(1000):
            asking.feed(GET.replace(b"/a", b"/%d" % number))
            told(asking)
        self.assertEqual(len(known), 512)

    def test_known_in_the_middle(self) -> None:
        """A known head within the body of another request is a part of that."""
        known: dict[bytes, Ask] = {}
        asking = Asking(LIMITS, known)
        asking.feed(GET)
        told(asking)
        asking.feed(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(GET))
        self.assertEqual(len(told(asking)), 1)
        asking.feed(GET)
        self.assertEqual(told(asking), [GET, "end"])

    def test_refusal_is_final(self) -> None:
        """Behind a refusal nothing is a request, not even one that is known."""
        known: dict[bytes, Ask] = {}
        asking = Asking(LIMITS, known)
        asking.feed(GET)
        told(asking)
        asking.feed(b"junk\r\n\r\n")
        self.assertRaises(PeerError, asking.next)
        asking.feed(GET)
        self.assertRaises(PeerError, asking.next)

    @settings(deadline=None, max_examples=80)
    @given(st.lists(st.sampled_from([GET, POST, CHUNKS]), max_size=5), st.integers(1, 40))
    def test_any_slicing(self, requests: list[bytes], size: int) -> None:
        """Requests mean the same however the network cuts them."""
        data = b"".join(requests)
        whole = []
        for request in requests:
            one = Asking(LIMITS, {})
            one.feed(request)
            whole += told(one)
        cut = Asking(LIMITS, {})
        found: list[object] = []
        for at in range(0, len(data), size):
            cut.feed(data[at : at + size])
            tell(cut, found)
        self.assertEqual(joined(found), whole)

    def test_corpus(self) -> None:
        """What workers refuse is refused, and what they take is taken, but for extensions of chunks."""
        for kind in ("good", "bad"):
            for case in corpus.http(kind):
                limits = Limits(case.limits.buffer_size, case.limits.max_vars, extension=0)
                asking = Asking(limits, {})
                asking.feed(case.data)
                try:
                    tell(asking, [])
                    status = 0
                except PeerError as error:
                    status = error.status
                if kind == "good":
                    self.assertTrue(not status or b";" in case.data, (case.name, status))
                else:
                    self.assertEqual(status, case.expected["status"], case.name)
