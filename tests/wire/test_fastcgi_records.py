"""`uwsgid.wire.fastcgi_records`: the records of answers."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.wire.fastcgi_records import MAX_CONTENT, answer_parts, stdout, trailer

ONE = b"\0\1"


class AnswerTests(SynchronousTestCase):
    """What goes back."""

    def test_stdout(self) -> None:
        """A record has at most 65535 bytes, and no bytes make no record."""
        self.assertEqual(stdout(ONE, b""), b"")
        self.assertEqual(stdout(b"\1\2", b"abc"), b"\x01\x06\x01\x02\x00\x03\x00\x00abc")
        data = bytes(range(256)) * 600
        rest, found = stdout(ONE, data), b""
        while rest:
            size = int.from_bytes(rest[4:6], "big")
            self.assertEqual(rest[:4], b"\x01\x06\x00\x01")
            found += rest[8 : 8 + size]
            rest = rest[8 + size :]
        self.assertEqual(found, data)

    def test_answers_in_parts(self) -> None:
        """The parts of an answer are the records that it would have in one piece, and its end."""
        head = b"Status: 200 OK\r\n\r\n"
        for size in (0, 1, MAX_CONTENT - len(head), MAX_CONTENT - len(head) + 1, 2 * MAX_CONTENT, 200000):
            data = (bytes(range(256)) * 800)[:size]
            parts = answer_parts(ONE, head, data)
            self.assertEqual(b"".join(parts), stdout(ONE, head + data) + trailer(ONE))

    def test_trailer_is_24_bytes_as_since_1_9_16(self) -> None:
        """The end of an answer is two records, 24 bytes, and carries the id of the request twice."""
        self.assertEqual(
            trailer(b"\x01\x02").hex(),
            "010601020000000001030102000800000000000000000000",
        )
