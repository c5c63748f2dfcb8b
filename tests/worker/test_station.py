"""What a connection gets from the socket through which it came."""

from __future__ import annotations

import os
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.host import Listener
from uwsgid.host.addresses import Family
from uwsgid.request.connection import Connection
from uwsgid.request.options import Dispatch
from uwsgid.request.terms import Terms
from uwsgid.wire.limits import Limits
from uwsgid.worker.station import Place, Station, make_station


class StationTests(SynchronousTestCase):
    def station(self, protocol: str, dispatch: Dispatch | None = None) -> Station:
        listener = Listener(0, "127.0.0.1:0", "", -1, Family.INET, protocol)
        terms = Terms(settings_of(""), lambda text: None)
        return make_station(Place(listener, {"SERVER_NAME": "here"}, Limits(), terms, dispatch or Dispatch()))

    def connect(self, station: Station, peer: Any) -> Connection:
        """A connection of *peer*, whose descriptor ends with the test."""
        reading, writing = os.pipe()
        os.close(writing)
        connection = station.connect(reading, peer)
        self.addCleanup(connection.close)
        return connection

    def variables(self, connection: Connection) -> dict[str, Any]:
        """Those of a request of an HTTP client."""
        connection.decoder.feed(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        found: dict[str, Any] = connection.decoder.next_event().vars
        return found

    def test_http(self) -> None:
        """The address of an HTTP client is in its variables, and in those of nobody else."""
        station = self.station("http")
        first = self.connect(station, ("192.0.2.7", 4000))
        second = self.connect(station, ("::ffff:192.0.2.8", 4000, 0, 0))
        for connection, address in ((first, "192.0.2.7"), (second, "192.0.2.8")):
            vars = self.variables(connection)
            self.assertEqual((vars["REMOTE_ADDR"], vars["SERVER_NAME"]), (address, "here"))
            self.assertEqual(connection.peer, address)
        self.assertNotIn("REMOTE_ADDR", station.base)

    def test_http_over_a_unix_socket(self) -> None:
        """A client without an address has none in its variables."""
        connection = self.connect(self.station("http"), "")
        self.assertNotIn("REMOTE_ADDR", self.variables(connection))

    def test_uwsgi(self) -> None:
        """A front end's client is told in its packet, so its connection knows no address and no decoder."""
        connection = self.connect(self.station("uwsgi"), ("192.0.2.7", 4000))
        self.assertEqual((connection.peer, connection.decoder), ("", None))

    def test_base(self) -> None:
        """What every request starts from is what was given, and a dict of the station's own."""
        base = {"SERVER_NAME": "here"}
        station = self.station("http")
        self.assertEqual(station.base, base)
        self.assertIsNot(station.base, base)

    def test_modifiers(self) -> None:
        """The options of a protocol without modifiers say who answers."""
        dispatch = Dispatch(http_socket_modifier1=9, http_socket_modifier2=2)
        connection = self.connect(self.station("http", dispatch), "")
        connection.decoder.feed(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        head = connection.decoder.next_event()
        self.assertEqual((head.modifier1, head.modifier2), (9, 2))
