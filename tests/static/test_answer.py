"""Answers, as texts."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.static.answer import Answer, Looks, answer
from uwsgid.static.finding import Found
from uwsgid.wire.httpdate import http_date

FILE = Found(-1, b"/srv/a b%.css", 100, 1_000_000_000_500_000_000)
MODIFIED = ("Last-Modified", "Sun, 09 Sep 2001 01:46:40 GMT")
TAG = ("ETag", f'"{FILE.mtime:x}-64"')
BARE = Looks("text/css", ranged=True)


def ask(looks: Looks = BARE, method: str = "GET", **headers: str) -> Answer:
    vars = {"REQUEST_METHOD": method, **{f"HTTP_{name}": value for name, value in headers.items()}}
    return answer(vars, FILE, looks, "xyz")


class AnswerTests(SynchronousTestCase):
    """Status, headers in their order, and what the body is made of."""

    def test_the_whole_file(self) -> None:
        """Headers stand in uWSGI's order, and what it does not have follows."""
        looks = Looks("text/css", "gzip", True, 1_000_000_001.0, False)
        self.assertEqual(
            ask(looks),
            Answer(
                "200 OK",
                [
                    ("Expires", http_date(1_000_000_001)),
                    ("Content-Encoding", "gzip"),
                    ("Content-Type", "text/css"),
                    ("Content-Length", "100"),
                    MODIFIED,
                    ("ETag", TAG[1][:-1] + '-gzip"'),
                    ("Vary", "Accept-Encoding"),
                ],
                [(0, 100)],
            ),
        )

    def test_head(self) -> None:
        """HEAD gets the headers of GET, and no body; a range is none of its business."""
        whole = ask()
        self.assertEqual(ask(method="HEAD", RANGE="bytes=0-1"), Answer("200 OK", whole.headers))

    def test_no_type(self) -> None:
        """What has no known type gets no Content-Type."""
        self.assertEqual(ask(Looks()).headers, [("Content-Length", "100"), MODIFIED, TAG])

    def test_an_empty_file(self) -> None:
        """There is nothing to send of an empty file but its headers."""
        found = Found(-1, b"/srv/e", 0, FILE.mtime)
        said = answer({"REQUEST_METHOD": "GET"}, found, Looks(), "")
        self.assertEqual((said.status, list(said.parts), said.headers[0][1]), ("200 OK", [], "0"))

    def test_not_modified(self) -> None:
        """A 304 repeats what a cache has to know, and has no length and no body."""
        said = ask(Looks("text/css", "", True, 5.0), IF_NONE_MATCH=TAG[1])
        self.assertEqual(
            said,
            Answer("304 Not Modified", [("Expires", http_date(5)), TAG, ("Vary", "Accept-Encoding")]),
        )

    def test_a_failed_precondition(self) -> None:
        """A client that wants another file than this one gets 412."""
        self.assertEqual(
            ask(IF_MATCH='"x"'), Answer("412 Precondition Failed", [("Content-Length", "0"), TAG])
        )

    def test_one_part(self) -> None:
        """A part has its own length, and says where it belongs."""
        said = ask(RANGE="bytes=10-19")
        self.assertEqual(
            said,
            Answer(
                "206 Partial Content",
                [
                    ("Content-Type", "text/css"),
                    ("Content-Length", "10"),
                    ("Content-Range", "bytes 10-19/100"),
                    MODIFIED,
                    TAG,
                    ("Accept-Ranges", "bytes"),
                ],
                [(10, 10)],
            ),
        )

    def test_several_parts(self) -> None:
        """Several parts are one body whose length is known."""
        said = ask(RANGE="bytes=0-4,10-19")
        self.assertEqual(said.status, "206 Partial Content")
        self.assertEqual(said.headers[0], ("Content-Type", "multipart/byteranges; boundary=xyz"))
        length = sum(part[1] if isinstance(part, tuple) else len(part) for part in said.parts)
        self.assertEqual(said.headers[1], ("Content-Length", str(length)))
        self.assertEqual([part for part in said.parts if isinstance(part, tuple)], [(0, 5), (10, 10)])
        self.assertNotIn("Content-Range", [name for name, _ in said.headers])

    def test_no_such_part(self) -> None:
        """Where no part exists the client hears how long the file is."""
        said = ask(RANGE="bytes=100-")
        self.assertEqual((said.status, list(said.parts)), ("416 Requested Range Not Satisfiable", []))
        self.assertEqual(said.headers[:2], [("Content-Length", "0"), ("Content-Range", "bytes */100")])

    def test_ranges_have_to_be_asked_for(self) -> None:
        """Without honour-range, with another file in mind, or with nonsense, the whole file is sent."""
        for said in (
            ask(Looks(), RANGE="bytes=0-1"),
            ask(RANGE="bytes=0-1", IF_RANGE='"x"'),
            ask(RANGE="bytes=9-1"),
        ):
            self.assertEqual((said.status, list(said.parts)), ("200 OK", [(0, 100)]))

    def test_the_front_end_sends(self) -> None:
        """Under file-serve-mode the path goes to the front end, as it stands in a URL, and no body."""
        said = ask(Looks("text/css", handed_to="X-Accel-Redirect"), RANGE="bytes=0-1")
        self.assertEqual(
            said,
            Answer(
                "200 OK",
                [("Content-Type", "text/css"), ("X-Accel-Redirect", "/srv/a%20b%25.css"), MODIFIED, TAG],
            ),
        )
