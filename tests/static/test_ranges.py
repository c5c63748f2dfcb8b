"""Parts of a file."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.static.ranges import MOST, content_range, multipart, pieces


class PieceTests(SynchronousTestCase):
    """What a client asks for of a file of a hundred bytes."""

    def test_one_part(self) -> None:
        """First and last byte, to the end, or the last bytes; what goes beyond the end is cut."""
        for text, piece in (
            ("0-0", (0, 1)),
            ("0-99", (0, 100)),
            ("10-19", (10, 10)),
            ("10-", (10, 90)),
            ("0-", (0, 100)),
            ("-10", (90, 10)),
            ("-1000", (0, 100)),
            ("90-1000", (90, 10)),
            (" 5-6 ", (5, 2)),
        ):
            self.assertEqual(pieces(f"bytes={text}", 100), [piece], text)
        self.assertEqual(pieces("Bytes=1-2", 100), [(1, 2)])

    def test_parts_that_do_not_exist(self) -> None:
        """What begins behind the end does not exist, nor do the last zero bytes, nor parts of nothing."""
        for text in ("100-", "100-200", "-0", "200-300, 400-"):
            self.assertEqual(pieces(f"bytes={text}", 100), [], text)
        self.assertEqual(pieces("bytes=0-", 0), [])
        self.assertEqual(pieces("bytes=-5", 0), [])

    def test_what_is_ignored(self) -> None:
        """What is no list of byte ranges asks for the whole file."""
        for text in ("", "bytes", "bytes=", "bytes= , ", "lines=1-2", "bytes=5-4", "bytes=a-b", "bytes=-",
                     "bytes=1-2-3", "bytes=1", "bytes=--1", "bytes=1-2;3-4", "bytes=+1-2", "bytes=0x1-2",
                     "bytes=\u0661-2", f"bytes={'9' * 40}-", "bytes=1-2,x"):  # fmt: skip
            self.assertIsNone(pieces(text, 100), text)

    def test_several_parts(self) -> None:
        """Parts come in the order in which they were asked for, without those that do not exist."""
        self.assertEqual(pieces("bytes=50-59,0-9,,100-,-5", 100), [(50, 10), (0, 10), (95, 5)])

    def test_parts_that_cost_more_than_the_file(self) -> None:
        """Many parts, or parts that overlap to more than the file, are answered with the file."""
        self.assertIsNone(pieces("bytes=" + ",".join(["0-0"] * (MOST + 1)), 100))
        self.assertIsNone(pieces("bytes=0-,0-", 100))
        self.assertIsNone(pieces("bytes=0-60,30-90", 100))
        self.assertEqual(pieces("bytes=0-49,50-99", 100), [(0, 50), (50, 50)])

    @given(st.text(alphabet="bytes=-, 0123456789", max_size=40), st.integers(0, 200))
    @settings(max_examples=300, deadline=None)
    def test_no_header_asks_for_more_than_there_is(self, text: str, size: int) -> None:
        """Whatever is said, pieces lie within the file and are together no more than it."""
        found = pieces(f"bytes={text}", size)
        for offset, count in found or ():
            self.assertTrue(offset >= 0 and count > 0 and offset + count <= size, (text, found))
        self.assertLessEqual(sum(count for _, count in found or ()), size)

    def test_content_range(self) -> None:
        """The last byte is named, not the one behind it."""
        self.assertEqual(content_range((10, 5), 100), "bytes 10-14/100")


class MultipartTests(SynchronousTestCase):
    """Several parts in one body."""

    def test_the_parts(self) -> None:
        """Each part has a head of its own, and the length is that of the whole body."""
        parts = [(0, 3), (5, 2)]
        texts, total = multipart(parts, 9, "text/plain", "xyz")
        content = b"abcdefghi"
        body = b""
        for text, (offset, count) in zip(texts, parts, strict=False):
            body += text + content[offset : offset + count]
        body += texts[-1]
        self.assertEqual(len(body), total)
        self.assertEqual(
            body,
            b"--xyz\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-2/9\r\n\r\nabc"
            b"\r\n--xyz\r\nContent-Type: text/plain\r\nContent-Range: bytes 5-6/9\r\n\r\nfg\r\n--xyz--\r\n",
        )

    def test_no_type(self) -> None:
        """Parts of a file without a type have none."""
        texts, _ = multipart([(0, 1), (2, 1)], 9, "", "xyz")
        self.assertEqual(texts[0], b"--xyz\r\nContent-Range: bytes 0-0/9\r\n\r\n")
