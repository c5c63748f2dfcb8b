"""The stats server over real sockets."""

from __future__ import annotations

import os
import socket
import stat
import threading
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigProblems, KernelError
from uwsgid.stats.client import read_all
from uwsgid.stats.options import Stats
from uwsgid.stats.server import HTTP_HEAD, MOST_CLIENTS, PIECE, StatsFactory, StatsService, listen


class Wire(StringTransport):
    """A transport in memory that knows half closes."""

    half_closed = False
    aborted = False

    def loseWriteConnection(self) -> None:
        self.half_closed = True

    def abortConnection(self) -> None:
        self.aborted = True
        self.protocol.connectionLost(Failure(ConnectionDone()))

    protocol: Any = None


class ProtocolTests(SynchronousTestCase):
    def connect(self, document: bytes = b"{}", http: bool = False) -> tuple[Any, Wire, Clock]:
        clock = Clock()
        factory = StatsFactory(lambda: document, clock, http=http, timeout=4)
        protocol: Any = factory.buildProtocol(None)
        wire = Wire()
        wire.protocol = protocol
        protocol.makeConnection(wire)
        return protocol, wire, clock

    def pump(self, wire: Wire) -> None:
        """Take all that the client is offered, as a reactor does when its buffer is empty."""
        while wire.producer is not None:
            wire.producer.resumeProducing()

    def test_a_raw_client_gets_the_document_and_the_end(self) -> None:
        """The document comes at once, nothing before it and nothing after it."""
        _, wire, _ = self.connect(b'{"a":1}')
        self.pump(wire)
        self.assertEqual((wire.value(), wire.half_closed), (b'{"a":1}', True))

    def test_an_http_client_asks_first(self) -> None:
        """With stats-http nothing comes before the client says something; then head and document, once."""
        protocol, wire, _ = self.connect(b'{"a":1}', http=True)
        self.assertEqual((wire.value(), wire.producer), (b"", None))
        protocol.dataReceived(b"G")
        protocol.dataReceived(b"ET / HTTP/1.0\r\n\r\n")
        self.pump(wire)
        self.assertEqual(
            wire.value(),
            b"HTTP/1.0 200 OK\r\nConnection: close\r\nAccess-Control-Allow-Origin: *\r\n"
            b'Content-Type: application/json\r\n\r\n{"a":1}',
        )
        self.assertTrue(wire.value().startswith(HTTP_HEAD))

    def test_a_silent_http_client_is_dropped(self) -> None:
        """Who says nothing for socket-timeout seconds gets nothing."""
        _, wire, clock = self.connect(http=True)
        clock.advance(3.9)
        self.assertFalse(wire.aborted)
        clock.advance(0.1)
        self.assertEqual((wire.aborted, wire.value()), (True, b""))

    def test_a_client_that_never_reads_is_dropped(self) -> None:
        """A client that takes the first piece and no more is given up, and its document with it."""
        protocol, wire, clock = self.connect(b"x" * 10 * PIECE)
        protocol.resumeProducing()
        clock.advance(3)
        protocol.resumeProducing()
        clock.advance(3)
        self.assertFalse(wire.aborted, "progress buys time")
        clock.advance(1)
        self.assertTrue(wire.aborted)
        self.assertNotIn(protocol, protocol._factory.clients)
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_a_client_that_closes_its_side_early(self) -> None:
        """A raw client may close its sending side at once; an HTTP client that asked nothing is let go."""
        protocol, wire, _ = self.connect(b"{}")
        protocol.readConnectionLost()
        self.assertFalse(wire.disconnecting)
        self.pump(wire)
        protocol.readConnectionLost()
        self.assertTrue(wire.disconnecting)
        protocol, wire, _ = self.connect(http=True)
        protocol.readConnectionLost()
        self.assertTrue(wire.disconnecting)

    def test_clients_are_counted(self) -> None:
        """One client too many is turned away, until another one leaves."""
        factory = StatsFactory(lambda: b"{}", Clock())
        protocols: list[Any] = []
        for _ in range(MOST_CLIENTS):
            made: Any = factory.buildProtocol(None)
            made.makeConnection(Wire())
            protocols.append(made)
        self.assertIsNone(factory.buildProtocol(None))
        protocols[0].stopProducing()
        protocols[0].connectionLost(Failure(ConnectionDone()))
        self.assertIsNotNone(factory.buildProtocol(None))


class ListenTests(SynchronousTestCase):
    def test_a_stale_socket_is_replaced_and_a_file_is_not(self) -> None:
        """The socket of an earlier life is removed; whatever else has the name stays."""
        path = os.path.join(os.path.relpath(self.mktemp()))
        first = listen(path, mode=0o606)
        first.close()
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o606)
        second = listen(path, owner=(os.getuid(), os.getgid()))
        self.addCleanup(second.close)
        self.assertFalse(second.getblocking())
        plain = self.mktemp()
        with open(plain, "w"):
            pass
        self.assertRaises(KernelError, listen, plain)

    def test_a_taken_port(self) -> None:
        """The error says what could not be served, and why."""
        first = listen("127.0.0.1:0")
        self.addCleanup(first.close)
        error = self.assertRaises(KernelError, listen, f"127.0.0.1:{first.getsockname()[1]}")
        self.assertRegex(str(error), "^can not serve stats on 127.0.0.1:.*: Address already in use; another")

    def test_options(self) -> None:
        """The options are read under all their names, and an address that is none is a problem."""
        stats = settings_of("stats-server = :9191\nstats-http = true\nstats-min")[Stats]
        self.assertEqual((stats.address, stats.http, stats.minified), (":9191", True, True))
        error = self.assertRaises(ConfigProblems, settings_of, "stats = localhost:many")
        self.assertIn("lines:1: stats: ", str(error))


class ServiceTests(TestCase):
    DOCUMENT = b'{"big":"' + b"x" * 3000000 + b'"}'

    def serve(self, address: str, http: bool = False) -> StatsService:
        self.said: list[str] = []
        self.factory = StatsFactory(lambda: self.DOCUMENT, reactor, http=http)
        service = StatsService(address, self.factory, reactor, self.said.append)  # type: ignore[arg-type]
        service.startService()
        self.addCleanup(service.stopService)
        return service

    @staticmethod
    def twice(target: str) -> list[str]:
        return [read_all(target) for _ in range(2)]

    @inlineCallbacks
    def test_tcp_unix_and_abstract(self) -> Any:
        """Every kind of address is served, to as many clients as come, while one of them reads nothing."""
        name = f"@uwsgid-stats-{os.getpid()}"
        for address in ("127.0.0.1:0", os.path.relpath(self.mktemp()), name):
            service = self.serve(address)
            port = service._port.getHost()
            target = f"127.0.0.1:{port.port}" if address.startswith("127") else address
            idle = socket.socket(socket.AF_INET if address.startswith("127") else socket.AF_UNIX)
            self.addCleanup(idle.close)
            idle.connect(
                ("127.0.0.1", port.port) if address.startswith("127") else address.replace("@", "\0", 1)
            )
            texts = yield deferToThread(self.twice, target)
            self.assertEqual(texts, [self.DOCUMENT.decode()] * 2)
            self.assertRegex(self.said[0], rf"^\*\*\* Stats server enabled on {address} fd: \d+ \*\*\*$")
            yield service.stopService()

    @inlineCallbacks
    def test_http(self) -> Any:
        """An ordinary HTTP client gets the document."""
        from urllib.request import urlopen

        service = self.serve("127.0.0.1:0", http=True)
        url = f"http://127.0.0.1:{service._port.getHost().port}/"

        def fetch() -> tuple[str | None, bytes]:
            with urlopen(url, timeout=10) as answer:
                return answer.headers["Content-Type"], answer.read()

        self.assertEqual((yield deferToThread(fetch)), ("application/json", self.DOCUMENT))

    @inlineCallbacks
    def test_stopping_drops_clients(self) -> Any:
        """A client that reads nothing does not hold up the end of the service."""
        service = self.serve("127.0.0.1:0")
        idle = socket.create_connection(("127.0.0.1", service._port.getHost().port))
        self.addCleanup(idle.close)
        connected: Deferred[None] = Deferred()
        original = self.factory.buildProtocol
        clock = self.factory.clock

        def notice(addr: object) -> Any:
            clock.callLater(0, connected.callback, None)
            return original(addr)

        self.factory.buildProtocol = notice  # type: ignore[method-assign]
        yield connected
        yield service.stopService()
        while self.factory.clients:
            turn: Deferred[None] = Deferred()
            clock.callLater(0, turn.callback, None)
            yield turn
        self.assertIsNone(service._port)


class ClientTests(SynchronousTestCase):
    def test_reads_until_the_end(self) -> None:
        """connect-and-read returns all that comes, from any kind of address."""
        for address in ("127.0.0.1:0", os.path.relpath(self.mktemp())):
            server = listen(address)
            self.addCleanup(server.close)
            server.setblocking(True)

            def answer(server: socket.socket = server) -> None:
                client, _ = server.accept()
                client.sendall(b"caf\xc3\xa9 \xff")
                client.close()

            thread = threading.Thread(target=answer)
            thread.start()
            if address.endswith(":0"):
                address = f":{server.getsockname()[1]}"
            self.assertEqual(read_all(address), "café \ufffd")
            thread.join()

    def test_both_kinds_of_abstract_names(self) -> None:
        """A name is found with the NUL that request sockets have behind it, and without."""
        name = f"uwsgid-client-{os.getpid()}"
        for bound in (f"\0{name}", f"\0{name}\0"):
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(bound)
                server.listen(1)

                def answer(server: socket.socket = server) -> None:
                    client, _ = server.accept()
                    client.sendall(b"{}")
                    client.close()

                thread = threading.Thread(target=answer)
                thread.start()
                self.assertEqual(read_all(f"@{name}"), "{}")
                thread.join()

    def test_nobody_there(self) -> None:
        """A refused connection is an OSError that the caller can tell."""
        self.assertRaises(OSError, read_all, "/nowhere/stats.sock")
