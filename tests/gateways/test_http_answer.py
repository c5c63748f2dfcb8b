"""From what an instance says to what a client gets."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import PeerError
from uwsgid.gateways.http_answer import Answer
from uwsgid.gateways.http_request import Ask
from uwsgid.wire.events import RequestHead

PLAIN = b"HTTP/1.1 200 OK\r\n\r\nsome bytes"
COUNTED = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nsome bytes"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n6\r\n bytes\r\n0\r\n\r\n"


def ask(method: str = "GET", minor: int = 1, *, is_tunnel: bool = False, keep_alive: bool = True) -> Ask:
    vars = {"REQUEST_METHOD": method, "REQUEST_URI": "/"}
    return Ask(RequestHead(vars, http_version=(1, minor), keep_alive=keep_alive), b"", is_tunnel)


def run(
    data: bytes,
    asked: Ask | None = None,
    *,
    auto_chunked: bool = False,
    framed: bool = False,
    size: int = 0,
    keep_alive: bool = True,
) -> tuple[bytes, bool, bool]:
    """What the client gets, whether its connection stays, and whether that of the instance does."""
    answer = Answer(asked or ask(), keep_alive, auto_chunked, framed)
    got = b""
    for at in range(0, len(data), size or len(data)):
        if answer.ended:
            raise AssertionError(f"ended at {at} of {len(data)}")
        got += answer.take(data[at : at + (size or len(data))])
    reusable = answer.ended and answer.reusable
    got += answer.finish()
    return got, answer.keep_alive, reusable


class AnswerTests(SynchronousTestCase):
    def test_as_it_is(self) -> None:
        """An answer is passed on as it was said; a length or chunks let the client stay."""
        for data, stays in ((PLAIN, False), (COUNTED, True), (CHUNKED, True)):
            self.assertEqual(run(data), (data, stays, False), data)

    def test_who_may_stay(self) -> None:
        """The client does not stay where it, the application or the configuration does not want it."""
        self.assertFalse(run(COUNTED, ask(keep_alive=False))[1])
        self.assertFalse(run(COUNTED, ask(minor=0))[1])
        self.assertFalse(run(COUNTED, keep_alive=False)[1])
        self.assertFalse(run(COUNTED.replace(b"1.1", b"1.0"))[1])
        self.assertFalse(run(COUNTED.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n"))[1])

    def test_auto_chunked(self) -> None:
        """What has no length gets chunks, where the client would stay and knows them."""
        said = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nsome bytes\r\n0\r\n\r\n"
        self.assertEqual(run(PLAIN, auto_chunked=True), (said, True, False))
        self.assertEqual(run(PLAIN, ask(minor=0), auto_chunked=True), (PLAIN, False, False))
        self.assertEqual(run(PLAIN, ask(keep_alive=False), auto_chunked=True), (PLAIN, False, False))

    def test_no_body(self) -> None:
        """Answers to HEAD, 204 and 304 have none, whatever their head says."""
        for data, method in (
            (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", "HEAD"),
            (b"HTTP/1.1 204 No Content\r\n\r\n", "GET"),
            (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", "GET"),
        ):
            self.assertEqual(run(data, ask(method)), (data, True, False))
            self.assertEqual(run(data, ask(method), framed=True), (data, True, True))

    def test_first_words(self) -> None:
        """A 1xx answer comes before the one that counts."""
        data = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + COUNTED
        self.assertEqual(run(data), (data, True, False))

    def test_framed(self) -> None:
        """What our own worker adds for the gateway is taken off where the client should not see it."""
        plain = PLAIN.replace(b"\r\n\r\n", b"\r\n\r\n")
        self.assertEqual(run(CHUNKED, framed=True), (plain, False, True))
        self.assertEqual(run(CHUNKED, auto_chunked=True, framed=True), (CHUNKED, True, True))
        self.assertEqual(run(COUNTED, framed=True), (COUNTED, True, True))
        last = COUNTED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        self.assertEqual(run(last, framed=True), (COUNTED, True, False))

    def test_too_much(self) -> None:
        """What an instance says beyond its length reaches nobody, and its connection is not used again."""
        answer = Answer(ask(), True, False, True)
        self.assertEqual(answer.take(COUNTED + b"HTTP/1.1 200 OK\r\n"), COUNTED)
        self.assertEqual((answer.ended, answer.reusable), (True, False))

    def test_tunnel(self) -> None:
        """Behind a switch of protocols nothing is looked at."""
        data = b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n\x81\x05hello"
        self.assertEqual(run(data, ask(is_tunnel=True)), (data, False, False))

    def test_broken_chunks(self) -> None:
        """Chunks that are none end the answer."""
        answer = Answer(ask(), True, False, False)
        with self.assertRaises(PeerError):
            answer.take(CHUNKED.replace(b"\r\n4\r\n", b"\r\nx\r\n"))

    @settings(deadline=None, max_examples=60)
    @given(
        st.sampled_from([PLAIN, COUNTED, CHUNKED]),
        st.integers(1, 30),
        st.booleans(),
        st.booleans(),
        st.sampled_from([0, 1]),
    )
    def test_any_slicing(self, data: bytes, size: int, auto: bool, framed: bool, minor: int) -> None:
        """An answer means the same however it comes."""
        framed = framed and data is not PLAIN
        whole = run(data, ask(minor=minor), auto_chunked=auto, framed=framed)
        cut = run(data, ask(minor=minor), auto_chunked=auto, framed=framed, size=size)
        self.assertEqual(cut[1:], whole[1:])
        if not (auto and data is PLAIN):
            self.assertEqual(cut[0], whole[0])
