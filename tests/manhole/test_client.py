"""The client where there is no terminal; terminals are in the live tests."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.manhole.client import Unreachable, connect, pipe, run
from uwsgid.manhole.verdict import CUT, FAILED


class PipeTests(SynchronousTestCase):
    """Lines in, answers out, a verdict."""

    def play(self, server: Callable[[socket.socket], None], text: bytes) -> tuple[int, bytes]:
        """The exit code and what was written, against *server*."""
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        self.addCleanup(theirs.close)
        thread = threading.Thread(target=server, args=(theirs,))
        thread.start()
        with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as target:
            source.write(text)
            source.seek(0)
            with patch.object(sys, "stderr", io.StringIO()) as self.err:
                code = pipe(ours, source.fileno(), target.fileno())
            target.seek(0)
            written = target.read()
        ours.close()
        thread.join(30)
        return code, written

    def test_verdicts(self) -> None:
        """The last two bytes are the exit code, in whatever pieces they come."""
        for end, expected in ((b"\x000", 0), (b"\x001", FAILED)):

            def server(connection: socket.socket, end: bytes = end) -> None:
                got = b""
                while data := connection.recv(1000):
                    got += data
                for piece in (got[:1], got[1:], end[:1], end[1:]):
                    connection.sendall(piece)
                connection.close()

            self.assertEqual(self.play(server, b"lines\n"), (expected, b"\x00lines\n"))

    def test_cut(self) -> None:
        """A connection that ends without a verdict is an error, and what came is shown."""

        def server(connection: socket.socket) -> None:
            connection.recv(1000)
            connection.sendall(b"half")
            connection.close()

        self.assertEqual(self.play(server, b""), (CUT, b"half"))
        self.assertIn("the connection ended", self.err.getvalue())

    def test_who_ends_early(self) -> None:
        """A session that is over before all lines were sent still gives its verdict."""

        def server(connection: socket.socket) -> None:
            connection.recv(10)
            connection.sendall(b"no\x001")
            connection.shutdown(socket.SHUT_WR)
            with contextlib.suppress(OSError):
                while connection.recv(1 << 16):
                    pass

        self.assertEqual(self.play(server, b"x" * 1_000_000), (FAILED, b"no"))

    def test_much_both_ways(self) -> None:
        """Neither side waits for the other when both have much to say."""

        def server(connection: socket.socket) -> None:
            connection.sendall(b"y" * 3_000_000)
            size = 0
            while data := connection.recv(1 << 16):
                size += len(data)
            connection.sendall(str(size).encode() + b"\x000")
            connection.close()

        code, written = self.play(server, b"x" * 3_000_000)
        self.assertEqual((code, written[3_000_000:]), (0, b"3000001"))

    def test_code(self) -> None:
        """Code behind -c is sent as lines, whatever its size."""
        ours, theirs = socket.socketpair()
        got = bytearray()

        def server() -> None:
            while data := theirs.recv(1 << 16):
                got.extend(data)
            theirs.sendall(b"\x000")
            theirs.close()

        thread = threading.Thread(target=server)
        thread.start()
        with ours:
            self.assertEqual(run(ours, "é" * 200_000, 1), 0)
        thread.join(30)
        self.assertEqual(bytes(got), b"\x00" + "é".encode() * 200_000 + b"\n")


class ConnectTests(SynchronousTestCase):
    def test_nobody(self) -> None:
        """The text tells what to try."""
        path = tempfile.mkdtemp() + "/a.hole"
        self.addCleanup(os.rmdir, os.path.dirname(path))
        self.assertIn("is the instance running", str(self.assertRaises(Unreachable, connect, path)))
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path)
        self.assertIn("nobody listens there", str(self.assertRaises(Unreachable, connect, path)))
        os.unlink(path)
