"""The engine ``syslog``."""

from __future__ import annotations

from tests.logs.loggers.receivers import PeerCase
from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError
from uwsgid.families import loggers
from uwsgid.logs.loggers.engine import NotKept
from uwsgid.logs.loggers.rsyslog import stamp
from uwsgid.logs.loggers.syslog import FACILITIES, Syslog

SETTINGS = settings_of("")
NOW = 1378195872.9


class SyslogTests(PeerCase):
    def test_member(self) -> None:
        """It is registered by its name in uWSGI, and may wait."""
        self.assertIs(loggers["syslog"], Syslog)
        self.assertTrue(Syslog.SLOW)

    def test_packet(self) -> None:
        """The packet is that of the C library, at level info."""
        peer = self.unix("log")
        for (ident, facility), priority in {
            ("uwsgi", "daemon"): 30,
            ("shop", "local3"): 158,
            ("shop", "kern"): 14,
        }.items():
            engine = Syslog(ident, facility, self.path("log"), clock=lambda: NOW)
            self.addCleanup(engine.close)
            engine.write([b"line\n"])
            self.assertEqual(peer.recv(99), f"<{priority}>{stamp(NOW)} {ident}: line\n".encode())

    def test_argument(self) -> None:
        """Ident and facility have uWSGI's defaults; an unknown facility is a mistake."""
        self.assertEqual(Syslog._read(""), ("uwsgi", "daemon"))
        self.assertEqual(Syslog._read("shop"), ("shop", "daemon"))
        self.assertEqual(Syslog._read("shop,local7"), ("shop", "local7"))
        self.assertEqual(len(FACILITIES), 20)
        text = str(self.assertRaises(ConfigError, Syslog.check_argument, "shop,locale", SETTINGS))
        self.assertIn("unknown facility 'locale'; expected one of auth", text)

    def test_no_daemon(self) -> None:
        """Without a daemon the records are not kept, and it says so."""
        engine = Syslog(path=self.path("log"))
        error = self.assertRaises(NotKept, engine.write, [b"line\n"])
        self.assertIn("No such file", str(error))
