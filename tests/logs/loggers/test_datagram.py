"""The engine ``socket``."""

from __future__ import annotations

from tests.logs.loggers.receivers import PeerCase
from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError
from uwsgid.families import loggers
from uwsgid.logs.loggers.datagram import Datagrams

SETTINGS = settings_of("")


class DatagramsTests(PeerCase):
    def test_member(self) -> None:
        """It is registered by its name in uWSGI."""
        self.assertIs(loggers["socket"], Datagrams)

    def test_prefix(self) -> None:
        """The record follows the prefix as it is, over UDP of both families and to a path."""
        four, port = self.udp()
        six, other = self.udp("::1")
        local = self.unix("log")
        for peer, address in (
            (four, f"127.0.0.1:{port}"),
            (six, f"[::1]:{other}"),
            (local, self.path("log")),
        ):
            engine = Datagrams.from_argument(f"{address},a, b", SETTINGS)
            self.addCleanup(engine.close)
            engine.write([b"line\n", b"two"])
            self.assertEqual([peer.recv(99), peer.recv(99)], [b"a, bline\n", b"a, btwo"])

    def test_relative_path(self) -> None:
        """What has no colon is a path, as in uWSGI."""
        address, prefix = Datagrams._read("log.sock")
        self.assertEqual((address.path, prefix), ("log.sock", b""))

    def test_mistakes(self) -> None:
        """An address that is none is found when the configuration is checked."""
        for argument in ("", "host:x", "host:", ","):
            with self.assertRaises(ConfigError, msg=argument):
                Datagrams.check_argument(argument, SETTINGS)
        Datagrams.check_argument("127.0.0.1:5", SETTINGS)
