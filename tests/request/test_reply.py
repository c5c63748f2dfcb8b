"""Answers and what leaves in one write."""

from __future__ import annotations

import socket
import threading
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.request.paper import PLAIN, PaperConnection
from uwsgid.config.settings import settings_of
from uwsgid.errors import AppError, ConfigProblems
from uwsgid.request.connection import Connection
from uwsgid.request.fastcgi import FastCgiReply
from uwsgid.request.options import Answers
from uwsgid.request.reply import VIA_SENDFILE, HttpReply, KnownHead, Reply
from uwsgid.request.terms import Terms
from uwsgid.wire.fastcgi_records import trailer


class LargeBodyTests(SynchronousTestCase):
    """Bodies that are not copied behind their head."""

    def setUp(self) -> None:
        self.mine, theirs = socket.socketpair()
        self.addCleanup(self.mine.close)
        self.addCleanup(theirs.close)
        theirs.setblocking(False)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 20000)
        self.said: list[str] = []
        terms = Terms(settings_of("socket-timeout = 30"), self.said.append)
        self.connection = Connection(theirs.fileno(), "192.0.2.7", None, None, terms)

    def replies(self) -> list[Reply]:
        """An answer of each protocol."""
        vars = {"SERVER_PROTOCOL": "HTTP/1.1", "REQUEST_METHOD": "GET", "REQUEST_URI": "/"}
        return [
            Reply(self.connection, vars),
            HttpReply(self.connection, vars, (1, 1), True),
            FastCgiReply(self.connection, vars, b"\0\1", False),
        ]

    def read(self, received: list[bytes], end: bytes) -> None:
        """Read until *end* comes."""
        while not b"".join(received[-2:]).endswith(end):
            received.append(self.mine.recv(7000))

    def test_a_client_that_reads_in_pieces(self) -> None:
        """All of it arrives in its order, however often the socket is full."""
        body = b"".join(b"%07d\n" % number for number in range(40000))
        for reply in self.replies():
            records = isinstance(reply, FastCgiReply)
            received: list[bytes] = []
            reader = threading.Thread(
                target=self.read, args=(received, trailer(b"\0\1") if records else body[-8:])
            )
            reader.start()
            reply.start("200 OK", [*PLAIN, ("Content-Length", str(len(body)))])
            reply.whole(body)
            reader.join(30)
            found = b"".join(received)
            self.assertEqual(reply.body_size, len(body))
            if records:
                rest, found = found[:-24], b""
                while rest:
                    size = int.from_bytes(rest[4:6], "big")
                    self.assertEqual((rest[:4], rest[6:8]), (b"\x01\x06\0\1", b"\0\0"))
                    found, rest = found + rest[8 : 8 + size], rest[8 + size :]
            head, _, text = found.partition(b"\r\n\r\n")
            self.assertIn(b"Content-Type: text/plain", head)
            self.assertEqual(text, body)
        self.assertEqual(self.said, [])

    def test_a_client_that_goes(self) -> None:
        """What was counted as sent is what the socket took."""
        self.mine.close()
        for reply in self.replies():
            reply.start("200 OK", PLAIN)
            with self.assertRaises(OSError):
                reply.whole(b"x" * 50000)
            self.assertEqual((reply.broken, reply.body_size, reply.write_errors), (True, 0, 1))


class ReplyTests(SynchronousTestCase):
    """Answers to a front end."""

    def reply(self, config: str = "", **vars: Any) -> tuple[Reply, PaperConnection]:
        connection = PaperConnection(config)
        return Reply(connection, {"SERVER_PROTOCOL": "HTTP/1.1", "REQUEST_URI": "/x", **vars}), connection

    def test_head_and_body_leave_together(self) -> None:
        """Head and whole body are one write, and nothing is added to what the application said."""
        reply, connection = self.reply()
        reply.start("200 OK", PLAIN)
        reply.whole(b"hello")
        self.assertEqual(connection.writes, [b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhello"])
        self.assertEqual(
            (reply.status, reply.header_count, reply.headers_size, reply.body_size), (200, 1, 45, 5)
        )

    def test_the_head_waits_for_the_first_byte(self) -> None:
        """The head leaves with the first byte of body; the rest follows as it comes."""
        reply, connection = self.reply()
        reply.start("200 OK", [])
        reply.write(b"")
        self.assertEqual(connection.writes, [])
        reply.write(b"one")
        reply.write(b"two")
        reply.finish()
        self.assertEqual(connection.writes, [b"HTTP/1.1 200 OK\r\n\r\none", b"two"])

    def test_an_empty_body(self) -> None:
        """An answer without a body sends its head at the end."""
        reply, connection = self.reply()
        reply.start("204 No Content", [])
        reply.finish()
        self.assertEqual(connection.text, b"HTTP/1.1 204 No Content\r\n\r\n")

    def test_a_second_start_replaces_the_first(self) -> None:
        """Until something was sent the status can be changed."""
        reply, connection = self.reply()
        reply.start("200 OK", PLAIN)
        reply.start("500 Oops", [])
        reply.finish()
        self.assertEqual((connection.text, reply.status), (b"HTTP/1.1 500 Oops\r\n\r\n", 500))

    def test_heads_that_come_again(self) -> None:
        """What was said before is said as if it were the first time, in any protocol, with what is added."""
        long = "HTTP/" + "9" * 40
        for config in ("", "cgi-mode = true", "add-header = X: y", "del-header = Content-Type"):
            known = KnownHead("404", PLAIN)
            for protocol in ("HTTP/1.1", "HTTP/1.1", "HTTP/1.0", long, "HTTP/1.1", ""):
                again, connection = self.reply(config, SERVER_PROTOCOL=protocol)
                first, wanted = self.reply(config, SERVER_PROTOCOL=protocol)
                again.start_again(known)
                first.start("404", PLAIN)
                for reply in (again, first):
                    reply.whole(b"hello")
                self.assertEqual(connection.text, wanted.text)
                for name in ("status", "header_count", "headers_size", "body_size"):
                    self.assertEqual(getattr(again, name), getattr(first, name))
            self.assertNotEqual(known.made[0], long)

    def test_a_head_that_can_not_be_sent_is_not_remembered(self) -> None:
        """It is refused each time."""
        known = KnownHead("200", [("A", "b\r\nc")])
        for _ in range(2):
            self.assertRaises(AppError, self.reply()[0].start_again, known)

    def test_protocol_of_the_request(self) -> None:
        """The status line names the protocol of the request, HTTP/1.0 where there is none."""
        connection = PaperConnection()
        reply = Reply(connection, {})
        reply.start("404", [])
        reply.finish()
        self.assertEqual(connection.text, b"HTTP/1.0 404 Not Found\r\n\r\n")

    def test_cgi_mode(self) -> None:
        """Under cgi-mode the status is a header."""
        reply, connection = self.reply("cgi-mode = true")
        reply.start("200 OK", [])
        reply.finish()
        self.assertEqual(connection.text, b"Status: 200 OK\r\n\r\n")

    def test_headers_of_the_configuration(self) -> None:
        """add-header adds to every answer, rem-header takes out, whatever the case."""
        reply, connection = self.reply("add-header = X-Served-By: us\nrem-header = x-powered-by")
        reply.start("200 OK", [("X-Powered-By", "them"), *PLAIN])
        reply.finish()
        self.assertEqual(
            connection.text, b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Served-By: us\r\n\r\n"
        )
        self.assertEqual(reply.header_count, 2)

    def test_a_bad_add_header(self) -> None:
        """add-header without a colon is a problem of the configuration."""
        with self.assertRaisesRegex(ConfigProblems, "lines:1: add-header: expected 'Name: value'"):
            settings_of("add-header = nonsense")[Answers]

    def test_no_splitting(self) -> None:
        """A line end within a header is refused before anything leaves."""
        reply, connection = self.reply()
        self.assertRaises(AppError, reply.start, "200 OK", [("X", "a\r\nSet-Cookie: b")])
        self.assertEqual(connection.writes, [])

    def test_a_client_that_is_gone(self) -> None:
        """A failed write raises 'write error' in the application, and the log has uWSGI's lines."""
        reply, connection = self.reply()
        connection.failure = BrokenPipeError(32, "Broken pipe")
        reply.start("200 OK", [])
        with self.assertRaisesRegex(OSError, "^write error$"):
            reply.write(b"x")
        self.assertEqual(
            connection.said,
            [
                "SIGPIPE: writing to a closed pipe/socket/fd (probably the client disconnected) on "
                "request /x (ip 192.0.2.7) !!!",
                "uwsgi_response_write_headers_do(): Broken pipe [192.0.2.7]",
            ],
        )
        self.assertTrue(reply.broken and reply.close)
        self.assertEqual(reply.write_errors, 1)

    def test_quiet_write_errors(self) -> None:
        """ignore-sigpipe, ignore-write-errors and disable-write-exception each silence their part."""
        reply, connection = self.reply(
            "ignore-sigpipe = true\nignore-write-errors = true\ndisable-write-exception = true"
        )
        connection.failure = BrokenPipeError(32, "Broken pipe")
        reply.start("200 OK", [])
        reply.write(b"x")
        reply.write(b"y")
        reply.finish()
        self.assertEqual((connection.said, reply.write_errors), ([], 2))

    def test_tolerated_write_errors(self) -> None:
        """write-errors-tolerance lets as many writes fail before the application hears of it."""
        reply, connection = self.reply("write-errors-tolerance = 1")
        connection.failure = ConnectionResetError(104, "Connection reset by peer")
        reply.start("200 OK", [])
        reply.write(b"x")
        self.assertRaises(OSError, reply.write, b"y")

    def test_a_client_that_takes_nothing(self) -> None:
        """A stalled client is a time-out in the log, named after socket-timeout."""
        ours, theirs = socket.socketpair()
        self.addCleanup(theirs.close)
        ours.setblocking(False)
        said: list[str] = []
        connection = Connection(
            ours.detach(), "192.0.2.7", None, None, Terms(settings_of("socket-timeout = 1"), said.append)
        )
        self.addCleanup(connection.close)
        reply = Reply(connection, {})
        reply.start("200 OK", [])
        with self.assertRaisesRegex(OSError, "write error"):
            reply.write(bytes(4 << 20))
        self.assertRegex(said[0], r"^uwsgi_response_write_headers_do\(\) TIMEOUT !!! .*socket-timeout")

    def test_sendfile(self) -> None:
        """A file goes out by sendfile() behind its head, and the log will say so."""
        reply, connection = self.reply()
        reply.start("200 OK", [])
        reply.sendfile(7, 5, 10)
        reply.finish()
        self.assertEqual(connection.writes, [b"HTTP/1.1 200 OK\r\n\r\n", b"<file 5 10>"])
        self.assertEqual((reply.via, reply.body_size), (VIA_SENDFILE, 10))


class RefuseTests(SynchronousTestCase):
    """Answers that can not be had, because of the client."""

    def test_before_the_head(self) -> None:
        """What the application has begun to say is replaced by the refusal."""
        connection = PaperConnection()
        reply = Reply(connection, {"SERVER_PROTOCOL": "HTTP/1.1"})
        reply.start("200 OK", PLAIN)
        reply.refuse(413)
        self.assertTrue(connection.text.startswith(b"HTTP/1.1 413 Request Entity Too Large\r\n"))
        self.assertEqual((reply.status, reply.close), (413, True))

    def test_behind_the_head(self) -> None:
        """An answer that has begun gets no other, and no end."""
        connection = PaperConnection()
        reply = HttpReply(connection, {"REQUEST_METHOD": "GET"}, (1, 1), True)
        reply.start("200 OK", PLAIN)
        reply.write(b"first")
        reply.refuse(400)
        self.assertTrue(connection.text.endswith(b"5\r\nfirst\r\n"))
        self.assertEqual((reply.status, reply.close), (200, True))

    def test_nobody_is_there(self) -> None:
        """Where the client is gone nothing is written, and the log gets a status all the same."""
        connection = PaperConnection()
        reply = Reply(connection, {})
        reply.start("200 OK", PLAIN)
        reply.refuse(0)
        self.assertEqual(connection.writes, [])
        self.assertEqual((reply.status, reply.headers_size, reply.close), (400, 0, True))
