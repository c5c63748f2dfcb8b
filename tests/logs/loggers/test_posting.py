"""POST requests over a connection that is kept."""

from __future__ import annotations

import os
import socket
from unittest.mock import patch

from tests.logs.loggers.receivers import PeerCase
from uwsgid.errors import ConfigError
from uwsgid.logs.loggers.posting import Poster


class PostingTests(PeerCase):
    def setUp(self) -> None:
        super().setUp()
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.answer = b"HTTP/1.1 204 No Content\r\n\r\n"

    def serve(self, made: socket.socket) -> None:
        with made.makefile("rb") as stream:
            while (line := stream.readline()).startswith(b"POST "):
                head = [line.decode().strip()]
                while (line := stream.readline()) not in (b"\r\n", b""):
                    head.append(line.decode().strip())
                size = next(
                    int(each.split(":")[1]) for each in head if each.lower().startswith("content-length")
                )
                self.bodies.append(stream.read(size))
                self.heads.append("\n".join(head))
                made.sendall(self.answer)

    def poster(self, url: str, timeout: float = 5) -> Poster:
        made = Poster(url, "/default", "x", timeout)
        made.prepare()
        self.addCleanup(made.close)
        return made

    def test_keeps_the_connection(self) -> None:
        """Requests share a connection, and carry the password of the URL."""
        server = self.server(self.serve)
        poster = self.poster(f"http://me:p%40ss@127.0.0.1:{server.port}")
        self.assertEqual(poster.post(b"one", {"X-A": "b"}), (204, ""))
        self.assertEqual(poster.post(b"two", {}), (204, ""))
        self.assertEqual((self.bodies, server.connections), ([b"one", b"two"], 1))
        self.assertTrue(self.heads[0].startswith("POST /default HTTP/1.1\n"), self.heads[0])
        self.assertIn(f"Host: 127.0.0.1:{server.port}\n", self.heads[0])
        self.assertIn("Authorization: Basic bWU6cEBzcw==", self.heads[0])
        self.assertNotIn("p@ss", poster.place)

    def test_connects_again(self) -> None:
        """A connection that the server has closed is replaced."""
        server = self.server(self.serve)
        poster = self.poster(f"http://127.0.0.1:{server.port}/own?x=1")
        poster.post(b"one", {})
        server.hang_up()
        self.assertEqual(poster.post(b"two", {}), (204, ""))
        self.assertEqual((self.bodies, server.connections), ([b"one", b"two"], 2))
        self.assertTrue(self.heads[0].startswith("POST /own?x=1 "), self.heads[0])

    def test_answers(self) -> None:
        """Status and first line of what the server says come back."""
        server = self.server(self.serve)
        poster = self.poster(f"http://127.0.0.1:{server.port}")
        for body in (
            b"Content-Length: 7\r\n\r\nno\nmore",
            b"Transfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n",
        ):
            self.answer = b"HTTP/1.1 400 Bad Request\r\n" + body
            self.assertEqual(poster.post(b"one", {}), (400, "no"))
        self.assertEqual(server.connections, 1)

    def test_failures(self) -> None:
        """A server that is away, hangs, or is none, is told as an OSError, and tried again."""
        port = self.away()
        poster = self.poster(f"http://127.0.0.1:{port}", 0.2)
        self.assertRaises(ConnectionRefusedError, poster.post, b"one", {})
        server = self.server(self.serve, port)
        self.answer = b""
        self.assertRaises(TimeoutError, poster.post, b"two", {})
        self.answer = b"220 mail.example ESMTP\r\n"
        text = str(self.assertRaises(OSError, poster.post, b"three", {}))
        self.assertIn("it does not speak HTTP", text)
        self.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        self.assertEqual(poster.post(b"four", {}), (200, ""))
        self.assertEqual(server.connections, 3)

    def test_certificates(self) -> None:
        """A server without a certificate that somebody trusts is no one to talk to."""
        server = self.server(self.serve)
        poster = self.poster(f"https://127.0.0.1:{server.port}", 0.2)
        self.assertRaises(OSError, poster.post, b"one", {})
        self.assertEqual(self.bodies, [])

    def test_trusted(self) -> None:
        """Certificates are read when it is prepared, and not looked for later."""
        server, bodies, certificate = self.tls_server()
        with patch.dict(os.environ, {"SSL_CERT_FILE": certificate}):
            poster = self.poster(f"https://127.0.0.1:{server.port}")
        os.unlink(certificate)
        self.assertEqual(poster.post(b"one", {}), (200, ""))
        self.assertEqual(poster.post(b"two", {}), (200, ""))
        self.assertEqual((bodies, server.connections), ([b"one", b"two"], 1))

    def test_mistakes(self) -> None:
        """URLs of other schemes and without a host are none."""
        for url in ("", "127.0.0.1:3100", "ftp://a", "http://", "http://a:x/"):
            with self.assertRaises(ConfigError, msg=url):
                Poster(url, "/", "x")
