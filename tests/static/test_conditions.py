"""Conditional requests."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.static.conditions import Verdict, accepts, ranges_hold, tag_of, verdict
from uwsgid.wire.httpdate import http_date

TAG = '"abc-1"'
MTIME = 1_000_000_000
OLDER, SAME, NEWER = http_date(MTIME - 1), http_date(MTIME), http_date(MTIME + 1)


def decided(**headers: str) -> str:
    return verdict({f"HTTP_{name}": value for name, value in headers.items()}, TAG, MTIME).value


class VerdictTests(SynchronousTestCase):
    """What becomes of a request."""

    def test_dates(self) -> None:
        """A client that has a file as new as ours has it; what is no date is not looked at."""
        self.assertEqual(decided(), "send")
        self.assertEqual(decided(IF_MODIFIED_SINCE=OLDER), "send")
        self.assertEqual(decided(IF_MODIFIED_SINCE=SAME), "not modified")
        self.assertEqual(decided(IF_MODIFIED_SINCE=NEWER), "not modified")
        self.assertEqual(decided(IF_MODIFIED_SINCE="yesterday"), "send")

    def test_tags(self) -> None:
        """One of the tags of a list is enough, weak ones too, and a star is any file."""
        for header in (TAG, f'"x", {TAG}', f"W/{TAG}", "*"):
            self.assertEqual(decided(IF_NONE_MATCH=header), "not modified", header)
        for header in ('"x"', "abc-1", '"abc-1', ","):
            self.assertEqual(decided(IF_NONE_MATCH=header), "send", header)

    def test_tags_count_more_than_dates(self) -> None:
        """Where a client says both, the date is not looked at (RFC 9110 section 13.1.3)."""
        self.assertEqual(decided(IF_NONE_MATCH='"x"', IF_MODIFIED_SINCE=NEWER), "send")
        self.assertEqual(decided(IF_NONE_MATCH=TAG, IF_MODIFIED_SINCE=OLDER), "not modified")

    def test_preconditions(self) -> None:
        """A client that wants this very file, or one that was not changed, is told when it is not."""
        self.assertEqual(decided(IF_MATCH='"x"'), "failed")
        self.assertEqual(decided(IF_MATCH=f"W/{TAG}"), "failed")
        self.assertEqual(decided(IF_MATCH=TAG, IF_UNMODIFIED_SINCE=OLDER), "send")
        self.assertEqual(decided(IF_UNMODIFIED_SINCE=OLDER), "failed")
        self.assertEqual(decided(IF_UNMODIFIED_SINCE=SAME), "send")

    def test_if_range(self) -> None:
        """Parts are sent where the client's others are of this file: by its tag, or by a date not older."""
        for header, holds in (
            ("", True),
            (TAG, True),
            (f"W/{TAG}", False),
            ('"x"', False),
            (SAME, True),
            (NEWER, True),
            (OLDER, False),
            ("yesterday", False),
        ):
            self.assertEqual(ranges_hold({"HTTP_IF_RANGE": header}, TAG, MTIME), holds, header)


class TagTests(SynchronousTestCase):
    """ETags and codings."""

    def test_tags_differ(self) -> None:
        """A change of time, of size or of coding is another tag."""
        tags = {tag_of(1, 1), tag_of(2, 1), tag_of(1, 2), tag_of(1, 1, "gzip")}
        self.assertEqual(len(tags), 4)
        self.assertTrue(all(tag.startswith('"') and tag.endswith('"') for tag in tags))

    def test_accept_encoding(self) -> None:
        """A coding counts where it is named without a weight of zero."""
        for header in ("gzip", "br, gzip", "GZIP;q=0.5", "gzip ; q=1", "deflate,gzip;q=0.001"):
            self.assertTrue(accepts(header, "gzip"), header)
        for header in ("", "gzip;q=0", "gzip;q=0.000", "x-gzip", "br", "gzip; q=0", "*"):
            self.assertFalse(accepts(header, "gzip"), header)
        self.assertIs(Verdict("send"), Verdict.SEND)
