"""Peers that a test stands in for: datagram sockets, and a server that takes one connection after another."""

from __future__ import annotations

import datetime
import ipaddress
import os
import shutil
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.trial.unittest import SynchronousTestCase

PATIENCE = 30.0


class PeerCase(SynchronousTestCase):
    """A test with peers on loopback or in a folder with a short name, all of which go with it."""

    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="uwsgid-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, name: str) -> str:
        """A path in this test's folder."""
        return os.path.join(self.folder, name)

    def udp(self, host: str = "127.0.0.1") -> tuple[socket.socket, int]:
        """A UDP socket, and its port."""
        made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(made.close)
        made.settimeout(PATIENCE)
        made.bind((host, 0))
        return made, made.getsockname()[1]

    def away(self) -> int:
        """A TCP port where nobody listens, and that nobody takes but who asks for it."""
        made = socket.socket()
        self.addCleanup(made.close)
        made.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # as servers do, so that one can have it too
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])

    def unix(self, name: str) -> socket.socket:
        """A datagram socket at a path."""
        made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(made.close)
        made.settimeout(PATIENCE)
        made.bind(self.path(name))
        return made

    def tls_server(self) -> tuple[Server, list[bytes], str]:
        """A server that takes POST requests over TLS: its bodies, and the file with its certificate."""
        certificate = make_certificate(self.folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        bodies: list[bytes] = []
        return self.server(lambda made: serve_posts(made, bodies, context)), bodies, certificate

    def server(self, serve: Callable[[socket.socket], None], port: int = 0) -> Server:
        """A TCP server whose connections are served by *serve*, one after another, in a thread."""
        made = Server(serve, port)
        self.addCleanup(made.close)
        return made


def make_certificate(folder: str) -> str:
    """The path of a file with a key and a certificate for 127.0.0.1 that nobody but itself has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = os.path.join(folder, "certificate.pem")
    with open(path, "wb") as file:
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        file.write(made.public_bytes(serialization.Encoding.PEM))
    return path


def serve_posts(made: socket.socket, bodies: list[bytes], context: ssl.SSLContext) -> None:
    """Answer 200 to each POST request over TLS, and keep its body."""
    with context.wrap_socket(made, server_side=True) as safe, safe.makefile("rb") as stream:
        while stream.readline().startswith(b"POST "):
            size = 0
            while (line := stream.readline()) not in (b"\r\n", b""):
                if line.lower().startswith(b"content-length:"):
                    size = int(line.partition(b":")[2])
            bodies.append(stream.read(size))
            safe.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


class Server:
    """Serves connections one after another.

    :ivar port: where it listens.
    :ivar connections: how many there were.
    """

    def __init__(self, serve: Callable[[socket.socket], None], port: int = 0) -> None:
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self._current: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                made, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._current = made
            with made:
                try:
                    self._serve(made)
                except OSError:
                    pass

    def hang_up(self) -> None:
        """End the connection that is there."""
        if self._current is not None:
            try:
                self._current.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self) -> None:
        """End everything."""
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        self.hang_up()
        self._thread.join(PATIENCE)
