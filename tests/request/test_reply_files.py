"""Answers from files, and how many bytes of a broken one are counted."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Callable
from typing import IO, cast

from twisted.trial.unittest import SynchronousTestCase

from tests.request.paper import PLAIN, PaperConnection
from uwsgid.config.settings import settings_of
from uwsgid.request.connection import Connection
from uwsgid.request.reply import HttpReply, Reply
from uwsgid.request.terms import Terms


class FileTests(SynchronousTestCase):
    """`Connection.send_file` over a real socket."""

    def send(self, config: str, offset: int | None, count: int | None) -> bytes:
        ours, theirs = socket.socketpair()
        self.addCleanup(theirs.close)
        ours.setblocking(False)
        connection = Connection(ours.detach(), "", None, None, Terms(settings_of(config), print))
        with tempfile.TemporaryFile() as file:
            file.write(b"0123456789" * 1000)
            file.flush()
            file.seek(3)
            sent = connection.send_file(file.fileno(), offset, count)
        connection.close()
        data = b""
        while more := theirs.recv(65536):
            data += more
        self.assertEqual(sent, len(data))
        return data

    def test_parts_of_a_file(self) -> None:
        """Offset and count are honoured, by sendfile() and, under disable-sendfile, by copying."""
        for config in ("", "disable-sendfile = true"):
            self.assertEqual(self.send(config, 15, 7), b"5678901")
            self.assertEqual(self.send(config, None, 4), b"3456")
            self.assertEqual(len(self.send(config, 9995, None)), 5)
            self.assertEqual(self.send(config, 20000, 5), b"")


class BrokenOffTests(SynchronousTestCase):
    """A client that stops taking an answer of four megabytes, over a real socket."""

    SIZE = 4 << 20

    def check(self, write: Callable[[Reply, IO[bytes]], None], config: str = "", http: bool = False) -> None:
        ours, theirs = socket.socketpair()
        self.addCleanup(theirs.close)
        ours.setblocking(False)
        terms = Terms(settings_of(config), list[str]().append)
        terms.timeout = 0.05
        connection = Connection(ours.detach(), "192.0.2.7", None, None, terms)
        vars = {"REQUEST_METHOD": "GET"}
        reply = HttpReply(connection, vars, (1, 0), False) if http else Reply(connection, vars)
        reply.start("200 OK", PLAIN)
        with tempfile.TemporaryFile() as file:
            file.truncate(self.SIZE)
            with self.assertRaisesRegex(OSError, "write error"):
                write(reply, file)
        connection.close()
        received = 0
        while data := theirs.recv(1 << 20):
            received += len(data)
        self.assertTrue(0 < reply.body_size < self.SIZE)
        self.assertEqual(reply.headers_size + reply.body_size, received)

    def test_counts_what_left(self) -> None:
        """However an answer was written, its size is that of the bytes which left before it broke off."""

        def whole(reply: Reply, file: IO[bytes]) -> None:
            reply.whole(bytes(self.SIZE))

        def pieces(reply: Reply, file: IO[bytes]) -> None:
            for _ in range(4):
                reply.write(bytes(self.SIZE // 4))

        def sendfile(reply: Reply, file: IO[bytes]) -> None:
            reply.sendfile(file.fileno(), 0, self.SIZE)

        for write in (whole, pieces, sendfile):
            for http in (False, True):
                self.check(write, http=http)
        self.check(sendfile, "disable-sendfile = true")

    def test_of_what_never_left(self) -> None:
        """An answer whose client was gone before its first byte has no size."""
        reply = Reply(PaperConnection("disable-write-exception = true"), {})
        cast(PaperConnection, reply._connection).failure = BrokenPipeError(32, "Broken pipe")
        reply.start("200 OK", [])
        reply.write(b"x")
        reply.write(b"y")
        self.assertEqual(reply.body_size, 0)
