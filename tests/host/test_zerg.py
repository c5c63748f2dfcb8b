"""A zerg fetches the sockets of another instance."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Sequence
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.descriptors import open_descriptors
from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError, PeerError
from uwsgid.host import Kernel, Listener, Sockets
from uwsgid.host.addresses import parse_address
from uwsgid.host.fetching import fetch
from uwsgid.host.inherit import Giver, Inherited
from uwsgid.host.zerg import Zerg, attach
from uwsgid.wire.zerg import pack


class ZergCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.here = os.getcwd()
        os.chdir(self.folder)
        self.addCleanup(os.chdir, self.here)
        self.lines: list[str] = []

    def listening(self, count: int) -> list[socket.socket]:
        """Sockets that somebody may give away."""
        made = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
        for sock in made:
            self.addCleanup(sock.close)
        return made

    def serve(self, sockets: Sequence[socket.socket], message: bytes | None = None, times: int = 1) -> None:
        """Be a zerg server at ``s`` for a while."""
        server = socket.socket(socket.AF_UNIX)
        server.bind("s")
        server.listen()
        fds = [sock.fileno() for sock in sockets]

        def answer() -> None:
            with server:
                for _ in range(times):
                    connection, _ = server.accept()
                    with connection:
                        socket.send_fds(connection, [pack(len(fds)) if message is None else message], fds)

        self.server = threading.Thread(target=answer)
        self.server.start()
        self.addCleanup(self.server.join)

    def attach(self, config: str, inherited: Sequence[Inherited] = ()) -> tuple[Listener, ...] | None:
        settings = settings_of(config)
        listeners = attach(Kernel(), settings[Zerg], settings[Sockets], inherited, self.lines.append)
        for listener in listeners or ():
            self.addCleanup(os.close, listener.fd)
        return listeners


class FetchTests(ZergCase):
    def test_few(self) -> None:
        """A few sockets come at once, and close on exec."""
        ours = self.listening(2)
        self.serve(ours)
        found = fetch("s", 5)
        for fd, sock in zip(found, ours, strict=True):
            self.assertFalse(os.get_inheritable(fd))
            with socket.socket(fileno=fd) as copy:
                self.assertEqual(copy.getsockname(), sock.getsockname())

    def test_many(self) -> None:
        """Where there are more than expected, the server is asked again, and nothing is left open."""
        before = len(open_descriptors())
        ours = self.listening(20)
        self.serve(ours, times=2)
        found = fetch("s", 5)
        self.assertEqual(len(found), 20)
        for fd in found:
            os.close(fd)
        for sock in ours:
            sock.close()
        self.server.join()
        self.assertEqual(len(open_descriptors()), before)

    def test_nonsense(self) -> None:
        """What another server says is refused, and its descriptors are closed."""
        before = len(open_descriptors())
        ours = self.listening(1)
        self.serve(ours, b"HTTP/1.1 200 O")
        self.assertRaises(PeerError, fetch, "s", 5)
        ours[0].close()
        self.server.join()
        self.assertLessEqual(len(open_descriptors()), before)

    def test_promises(self) -> None:
        """A server that gives less than it announces is refused."""
        self.serve(self.listening(1), pack(2), times=2)
        self.assertRaises(PeerError, fetch, "s", 5)


class AttachTests(ZergCase):
    def test_no_zerg(self) -> None:
        """Without the option the own sockets are bound."""
        self.assertIsNone(self.attach("socket = 127.0.0.1:3031"))

    def test_lines(self) -> None:
        """The sockets replace those of the configuration, with uWSGI's lines; nothing is ours to remove."""
        (ours,) = self.listening(1)
        port = ours.getsockname()[1]
        self.serve([ours])
        listeners = self.attach("zerg = s\nhttp-socket = 127.0.0.1:1")
        assert listeners is not None
        (listener,) = listeners
        self.assertEqual(
            self.lines,
            [
                f"uwsgi zerg socket 0 attached to INET address 127.0.0.1:{port} fd {listener.fd}",
                "zerg sockets attached",
            ],
        )
        self.assertEqual((listener.path, listener.port, listener.protocol), ("", port, "uwsgi"))

    def test_protocol(self) -> None:
        """The own line for the same address says what is spoken there; else the option protocol does."""
        one, other = self.listening(2)
        self.serve([one, other])
        listeners = self.attach(f"zerg = s\nhttp-socket = 127.0.0.1:{one.getsockname()[1]}\nprotocol = uwsgi")
        self.assertEqual([listener.protocol for listener in listeners or ()], ["http", "uwsgi"])

    def test_nobody_there(self) -> None:
        """A server that is not there is an error in uWSGI's words; zerg-fallback binds own sockets."""
        error = self.assertRaises(ConfigError, self.attach, "zerg = s")
        self.assertIn("--- unable to connect to zerg server s ---", str(error))
        self.assertIn("zerg-fallback", str(error))
        self.assertIsNone(self.attach("zerg = s\nzerg-fallback = true"))
        self.assertIn("--- unable to connect to zerg server s ---", self.lines[0])

    def test_something_else_there(self) -> None:
        """So is one that says something else, or gives sockets that do not listen."""
        self.serve(self.listening(1), b"x" * 14)
        error = self.assertRaises(ConfigError, self.attach, "zerg = s")
        self.assertIn("--- invalid data received from zerg-server ---", str(error))

    def test_not_listening(self) -> None:
        """Sockets that do not listen are refused."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            self.serve([ours])
            error = self.assertRaises(ConfigError, self.attach, "zerg = s")
        self.assertIn("--- invalid data received from zerg-server ---", str(error))

    def test_after_a_reload(self) -> None:
        """After a reload the sockets are there, and nobody is asked for them."""
        (ours,) = self.listening(1)
        name = f"127.0.0.1:{ours.getsockname()[1]}"
        gift = Inherited(os.dup(ours.fileno()), parse_address(name), Giver.RELOAD, "zerg://s")
        other = Inherited(99, parse_address("127.0.0.1:1"), Giver.RELOAD, "127.0.0.1:1")
        listeners = self.attach("zerg = s", (other, gift))
        self.assertEqual([(one.name, one.configured) for one in listeners or ()], [(name, "zerg://s")])
