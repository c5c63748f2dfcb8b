"""What a gateway of the same instance gets from a worker."""

from __future__ import annotations

import os
import socket

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.host import Listener
from uwsgid.host.addresses import Family
from uwsgid.request.body import Body
from uwsgid.request.connection import CLOSE, PARK_IDLE
from uwsgid.request.options import Dispatch
from uwsgid.request.request import Request
from uwsgid.request.serving import Farewell
from uwsgid.request.terms import Terms
from uwsgid.supervise.board import RequestKind
from uwsgid.wire.events import RequestHead
from uwsgid.wire.limits import Limits
from uwsgid.wire.uwsgi import packet
from uwsgid.worker.kept import KeptStation
from uwsgid.worker.station import Place, make_station


class KeptTests(SynchronousTestCase):
    def setUp(self) -> None:
        listener = Listener(0, "@kept", "", -1, Family.ABSTRACT, "kept")
        terms = Terms(settings_of(""), lambda text: None)
        self.farewell = Farewell()
        made = make_station(Place(listener, {"A": "b"}, Limits(), terms, Dispatch(), farewell=self.farewell))
        self.assertIsInstance(made, KeptStation)
        self.station = made
        ours, self.gateway = socket.socketpair()
        self.addCleanup(self.gateway.close)
        self.gateway.settimeout(30)
        self.connection = made.connect(ours.detach(), "")
        self.addCleanup(self.connection.close)

    def answer(self, vars: dict[str, str], body: bytes = b"") -> tuple[bytes, object]:
        """What a request gets, and what becomes of its connection."""
        connection = self.connection
        data = packet(0, vars) + body
        connection.decoder.feed(data)
        connection.received = data
        head = connection.decoder.next_event()
        assert isinstance(head, RequestHead)
        request = Request(head.vars, 0, 0, 0, 0.0)
        request, said, block = self.station.open(connection, head, request)
        self.assertEqual(data[4:][: len(block)], block)
        reply = request.reply
        reply.start("200 OK", [])
        reply.write(said.read(said.length) if isinstance(said, Body) and said.length else b"none")
        reply.finish()
        return self.gateway.recv(10000), self.station.after(connection, reply, said)

    def test_introduction(self) -> None:
        """Its first bytes say who the worker is."""
        self.assertEqual(int.from_bytes(self.gateway.recv(4), "little"), os.getpid())
        self.assertEqual((self.station.kind, self.connection.decoder.idle), (RequestKind.UWSGI, True))

    def test_framing(self) -> None:
        """An answer says where it ends, whatever the client speaks, and the connection goes on."""
        self.gateway.recv(4)
        for protocol in ("HTTP/1.1", "HTTP/1.0"):
            vars = {"REQUEST_METHOD": "POST", "SERVER_PROTOCOL": protocol, "CONTENT_LENGTH": "3"}
            said, after = self.answer(vars, b"abc")
            head = f"{protocol} 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
            self.assertEqual((said, after), (head + b"3\r\nabc\r\n0\r\n\r\n", PARK_IDLE))

    def test_farewell(self) -> None:
        """A worker that leaves says that it is the last one."""
        self.gateway.recv(4)
        self.farewell.due = True
        said, after = self.answer({"REQUEST_METHOD": "GET", "SERVER_PROTOCOL": "HTTP/1.1"})
        self.assertIn(b"Connection: close\r\n\r\n", said)
        self.assertIs(after, CLOSE)

    def test_refusal(self) -> None:
        """The gateway makes its own pages."""
        self.assertEqual(self.station.refusal(self.connection, 400), b"")
