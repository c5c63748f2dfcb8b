"""Peers that a test stands in for: datagram sockets, and a server that takes one connection after another."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable

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

    def server(self, serve: Callable[[socket.socket], None], port: int = 0) -> Server:
        """A TCP server whose connections are served by *serve*, one after another, in a thread."""
        made = Server(serve, port)
        self.addCleanup(made.close)
        return made


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
