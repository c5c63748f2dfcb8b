"""post-buffering: bodies in memory or in files without a name, beside the io.BytesIO they should be like."""

from __future__ import annotations

import io
import os
import tempfile
from typing import Any
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.request.bodies import STEPS, TEXTS, Line, model, real
from uwsgid.request.buffering import buffered, how_buffered, nameless_file


class BufferedTests(SynchronousTestCase):
    def buffered(self, data: bytes, threshold: int) -> Any:
        line = Line()
        self.addCleanup(line.close)
        body = buffered(line.body(data), threshold, 4096)
        self.addCleanup(body.close)
        return body

    @given(TEXTS, st.integers(1, 60), STEPS)
    @settings(deadline=None, max_examples=40)
    def test_reads_like_a_file(self, data: bytes, threshold: int, steps: list[tuple[str, int]]) -> None:
        """In memory or in a file, it is what a file gives."""
        line = Line()
        try:
            body, file = buffered(line.body(data), threshold, 4096), io.BytesIO(data)
            for step, size in steps:
                self.assertEqual(real(body, step, size), model(file, step, size))
            body.close()
        finally:
            line.close()

    def test_large_bodies_go_to_a_file(self) -> None:
        """From post-buffering bytes on a body lies in a file without a name, which only we can read."""
        body = self.buffered(b"x" * 100, 100)
        facts = os.fstat(body.fileno())
        self.assertEqual((facts.st_nlink, facts.st_mode & 0o777, facts.st_size), (0, 0o600, 100))

    def test_small_bodies_stay_in_memory(self) -> None:
        """Below post-buffering bytes there is no file."""
        self.assertRaises(OSError, self.buffered(b"x" * 99, 100).fileno)

    def test_what_is_here_already(self) -> None:
        """All of a buffered body is here already."""
        body = self.buffered(b"abc", 100)
        self.assertEqual([body.read_now(2), body.read_now(2), body.read_now(2)], [b"ab", b"c", b""])

    def test_can_be_read_twice(self) -> None:
        """A buffered body can be sought, but not beyond its ends."""
        body = self.buffered(b"one\ntwo\n", 4)
        self.assertEqual(body.read(), b"one\ntwo\n")
        self.assertEqual(body.seek(4), 4)
        self.assertEqual(list(body), [b"two\n"])
        for place in (-1, 9):
            with self.assertRaisesRegex(OSError, "^invalid seek position for wsgi.input$"):
                body.seek(place)

    def test_a_chunked_body_moves_to_a_file(self) -> None:
        """A body of unknown length goes to a file once it has grown to post-buffering bytes."""
        line = Line()
        self.addCleanup(line.close)
        body = buffered(line.chunked(b"40\r\n" + b"y" * 64 + b"\r\n0\r\n\r\n"), 50, 16)
        self.addCleanup(body.close)
        self.assertEqual((body.length, body.read()), (64, b"y" * 64))
        self.assertGreaterEqual(body.fileno(), 0)

    def test_without_o_tmpfile(self) -> None:
        """Where the file system has no O_TMPFILE the file loses its name at once."""
        folder = tempfile.mkdtemp()
        self.addCleanup(os.rmdir, folder)
        real_open = os.open

        def refuse(path: str, flags: int, *more: Any, **others: Any) -> int:
            if flags & os.O_TMPFILE == os.O_TMPFILE:
                raise OSError(95, "Operation not supported")
            return real_open(path, flags, *more, **others)

        with mock.patch.dict(os.environ, TMPDIR=folder), mock.patch.object(os, "open", refuse):
            self.assertIn("Operation not supported", how_buffered())
            with nameless_file() as file:
                self.assertEqual(os.listdir(folder), [])
                self.assertEqual(os.fstat(file.fileno()).st_mode & 0o777, 0o600)

    def test_says_how(self) -> None:
        """The line at start names the directory."""
        with mock.patch.dict(os.environ, TMPDIR="/nowhere"):
            self.assertIn("/nowhere", how_buffered())
