"""The corpus of raw requests: each means what the file beside it says, in one piece and byte by byte."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.wire import corpus
from tests.wire.driving import drive, meaning
from uwsgid.errors import PeerError
from uwsgid.wire.http1 import HttpDecoder
from uwsgid.wire.uwsgi import UwsgiDecoder

BASE = {"SERVER_NAME": "here", "wsgi.multithread": False}


class CorpusTests(SynchronousTestCase):
    """Walks the corpus."""

    def test_size(self) -> None:
        """The corpus is there, and no case of it lost its bytes."""
        cases = [case for kind in ("good", "bad") for case in corpus.http(kind) + corpus.uwsgi(kind)]
        self.assertGreater(len(cases), 150)
        self.assertEqual(len({case.data for case in cases}), len(cases), "two cases are the same bytes")

    def test_good_http(self) -> None:
        """Each good HTTP connection gives its requests, however it is cut."""
        for case in corpus.http("good"):
            whole = drive(HttpDecoder(BASE, case.limits), case.data)
            pieces = drive(HttpDecoder(BASE, case.limits), case.data, range(len(case.data)))
            self.assertEqual(meaning(whole), meaning(pieces), case.name)
            self.assertIsNone(whole.error, case.name)
            wanted = case.expected["requests"]
            self.assertEqual(len(whole.requests), len(wanted), case.name)
            for said, want in zip(whole.requests, wanted, strict=True):
                vars = said.head.vars
                self.assertEqual({key: vars.get(key) for key in want["vars"]}, want["vars"], case.name)
                self.assertEqual([key for key in want.get("absent", ()) if key in vars], [], case.name)
                self.assertEqual(vars["SERVER_NAME"], "here")
                self.assertEqual(said.body.decode("latin-1"), want.get("body", ""), case.name)
                self.assertEqual(said.head.keep_alive, want.get("keep_alive", True), case.name)
                self.assertEqual(said.head.expect_continue, want.get("expect_continue", False), case.name)
                assert said.end is not None, case.name
                self.assertEqual(
                    [list(pair) for pair in said.end.trailers], want.get("trailers", []), case.name
                )

    def test_bad_http(self) -> None:
        """Each bad HTTP request is refused with its status and option, however it is cut."""
        for case in corpus.http("bad"):
            whole = drive(HttpDecoder(BASE, case.limits), case.data)
            pieces = drive(HttpDecoder(BASE, case.limits), case.data, range(len(case.data)))
            wanted = ("PeerError", case.expected["status"], case.expected.get("option", ""))
            self.assertEqual(whole.error, wanted, case.name)
            self.assertEqual(meaning(whole), meaning(pieces), case.name)
            before = case.expected.get("before", 0)
            if case.expected.get("in_body"):
                self.assertIsNone(whole.requests[-1].end, case.name)
                before += 1
            self.assertEqual(len(whole.requests), before, case.name)

    def test_good_uwsgi(self) -> None:
        """Each good packet gives its variables, block and body, however it is cut."""
        for case in corpus.uwsgi("good"):
            whole = drive(UwsgiDecoder(BASE, case.limits), case.data)
            pieces = drive(UwsgiDecoder(BASE, case.limits), case.data, range(len(case.data)))
            self.assertEqual(meaning(whole), meaning(pieces), case.name)
            self.assertIsNone(whole.error, case.name)
            (said,) = whole.requests
            head, want = said.head, case.expected
            self.assertEqual({key: head.vars.get(key) for key in want["vars"]}, want["vars"], case.name)
            self.assertEqual(head.vars["SERVER_NAME"], "here")
            self.assertEqual(
                (head.modifier1, head.modifier2, head.count),
                (want["modifier1"], want["modifier2"], want["count"]),
                case.name,
            )
            self.assertEqual(head.block, bytes.fromhex(want.get("block", "")), case.name)
            self.assertEqual(said.body.decode("latin-1"), want.get("body", ""), case.name)
            self.assertIsNotNone(said.end, case.name)

    def test_bad_uwsgi(self) -> None:
        """Each bad packet is refused, with words an operator can search for, however it is cut."""
        for case in corpus.uwsgi("bad"):
            whole = drive(UwsgiDecoder(BASE, case.limits), case.data)
            pieces = drive(UwsgiDecoder(BASE, case.limits), case.data, range(len(case.data)))
            self.assertEqual(whole.error, ("PeerError", 0, case.expected.get("option", "")), case.name)
            self.assertEqual(meaning(whole), meaning(pieces), case.name)
            self.assertEqual(whole.requests, [], case.name)
            decoder = UwsgiDecoder(BASE, case.limits)
            decoder.feed(case.data)
            with self.assertRaises(PeerError) as caught:
                decoder.next_event()
            self.assertIn(case.expected["words"], str(caught.exception), case.name)
