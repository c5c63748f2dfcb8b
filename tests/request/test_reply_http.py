"""Answers to clients that speak HTTP themselves."""

from __future__ import annotations

from unittest import mock

from twisted.trial.unittest import SynchronousTestCase

from tests.request.paper import PaperConnection
from uwsgid.request.reply import HttpReply


class HttpReplyTests(SynchronousTestCase):
    """Answers to an HTTP client."""

    def test_the_method_is_that_of_the_client(self) -> None:
        """What an application makes of REQUEST_METHOD does not change where the answer ends."""
        for method, later, text in (("HEAD", {"REQUEST_METHOD": "GET"}, b""), ("GET", {}, b"hello")):
            connection = PaperConnection()
            vars = {"REQUEST_METHOD": method}
            reply = HttpReply(connection, vars, (1, 1), True)
            vars.clear()
            vars.update(later)
            reply.start("200 OK", [])
            reply.whole(b"hello")
            self.assertEqual(connection.text.partition(b"\r\n\r\n")[2], text)

    def reply(
        self, version: tuple[int, int] = (1, 1), keep: bool = True, method: str = "GET"
    ) -> tuple[HttpReply, PaperConnection]:
        connection = PaperConnection()
        protocol = f"HTTP/{version[0]}.{version[1]}"
        vars = {"SERVER_PROTOCOL": protocol, "REQUEST_METHOD": method, "REQUEST_URI": "/x"}
        return HttpReply(connection, vars, version, keep), connection

    def test_a_whole_body_gets_a_length(self) -> None:
        """Of a body in one piece the client is told the length."""
        reply, connection = self.reply()
        reply.start("200 OK", [])
        reply.whole(b"hello")
        reply.finish()
        self.assertEqual(connection.writes, [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"])
        self.assertFalse(reply.close)

    def test_pieces_are_chunked(self) -> None:
        """A body of unknown length goes out in chunks; the log counts its bytes, not their framing."""
        reply, connection = self.reply()
        reply.start("200 OK", [])
        reply.write(b"hello")
        reply.write(b" you")
        reply.finish()
        self.assertEqual(
            connection.text,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n4\r\n you\r\n0\r\n\r\n",
        )
        self.assertEqual((reply.body_size, reply.close), (9, False))

    def test_the_rest_behind_pieces(self) -> None:
        """What write() began is ended by the rest, once, also where the connection is closed behind it."""
        for keep in (True, False):
            reply, connection = self.reply(keep=keep)
            reply.start("200 OK", [])
            reply.write(b"hello")
            reply.whole(b" you")
            if not reply.close:
                reply.finish()
            self.assertEqual(reply.close, not keep)
            self.assertTrue(connection.text.endswith(b"\r\n5\r\nhello\r\n4\r\n you\r\n0\r\n\r\n"))
            self.assertEqual(connection.text.count(b"0\r\n\r\n"), 1)

    def test_old_clients_get_the_end_of_the_connection(self) -> None:
        """An HTTP/1.0 client that gets no length sees the end of the body by the end of the connection."""
        reply, connection = self.reply((1, 0))
        reply.start("200 OK", [])
        reply.write(b"hello")
        reply.finish()
        self.assertEqual(connection.text, b"HTTP/1.0 200 OK\r\n\r\nhello")
        self.assertTrue(reply.close)

    def test_more_than_its_length_is_cut(self) -> None:
        """What goes beyond Content-Length is cut off, and the log says so once."""
        reply, connection = self.reply()
        reply.start("200 OK", [("Content-Length", "3")])
        reply.write(b"hello")
        reply.write(b"more")
        reply.finish()
        self.assertEqual(connection.text, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhel")
        self.assertEqual(len(connection.said), 1)
        self.assertFalse(reply.close)

    def test_less_than_its_length_ends_the_connection(self) -> None:
        """A body that stays short of its Content-Length ends the connection."""
        reply, _ = self.reply()
        reply.start("200 OK", [("Content-Length", "9")])
        reply.write(b"hello")
        reply.finish()
        self.assertTrue(reply.close)

    def test_head_has_no_body(self) -> None:
        """A HEAD request gets the head alone, with the length that the application said."""
        reply, connection = self.reply(method="HEAD")
        reply.start("200 OK", [("Content-Length", "5")])
        reply.write(b"hello")
        reply.finish()
        self.assertEqual(connection.text, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        self.assertFalse(reply.close)

    def test_some_statuses_have_no_body(self) -> None:
        """204 and 304 send no body, whatever the application writes."""
        for status in ("204 No Content", "304 Not Modified"):
            reply, connection = self.reply()
            reply.start(status, [])
            reply.whole(b"hello")
            reply.finish()
            self.assertEqual(connection.text, f"HTTP/1.1 {status}\r\n\r\n".encode())

    def test_the_last_answer_says_so(self) -> None:
        """Where the connection ends the head says Connection: close."""
        reply, connection = self.reply(keep=False)
        reply.start("200 OK", [])
        reply.whole(b"")
        self.assertIn(b"Connection: close\r\n", connection.text)
        self.assertTrue(reply.close)

    def test_a_file_in_chunks(self) -> None:
        """A part of a file behind other bytes is a chunk of its own."""
        reply, connection = self.reply()
        reply.start("200 OK", [])
        reply.write(b"a")
        reply.sendfile(7, 0, 20)
        reply.finish()
        self.assertTrue(connection.text.endswith(b"1\r\na\r\n14\r\n<file 0 20>\r\n0\r\n\r\n"))

    def test_a_file_alone_has_a_length(self) -> None:
        """A file that is the whole body is announced with its size, and cut at a smaller Content-Length."""
        reply, connection = self.reply()
        reply.start("200 OK", [])
        reply.sendfile(7, 0, 20)
        reply.finish()
        self.assertIn(b"Content-Length: 20\r\n", connection.text)
        reply, connection = self.reply()
        reply.start("200 OK", [("Content-Length", "5")])
        reply.sendfile(7, 0, 20)
        self.assertTrue(connection.text.endswith(b"<file 0 5>"))

    def test_a_cut_file_ends_the_connection(self) -> None:
        """A file that shrank while it was sent leaves the client with too few bytes: the connection ends."""
        reply, _ = self.reply()
        with mock.patch.object(PaperConnection, "send_file", lambda *args: 3):
            reply.start("200 OK", [])
            reply.sendfile(7, 0, 20)
            reply.finish()
        self.assertTrue(reply.close)
