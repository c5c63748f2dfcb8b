"""The options of the engine ``rsyslog``."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError
from uwsgid.logs.loggers.rsyslog_options import RsyslogPackets


class RsyslogPacketsTests(SynchronousTestCase):
    def test_defaults(self) -> None:
        """Packets have the size of RFC 3164, and longer records are cut."""
        options = settings_of("")[RsyslogPackets]
        self.assertEqual((options.size, options.split), (1024, False))

    def test_given(self) -> None:
        """Both can be said."""
        options = settings_of("rsyslog-packet-size = 2048\nrsyslog-split-messages = true\n")[RsyslogPackets]
        self.assertEqual((options.size, options.split), (2048, True))

    def test_sizes(self) -> None:
        """A size without room for a message, or that no datagram has, is a mistake."""
        for size in (1, 63, 70000):
            with self.assertRaises(ConfigError, msg=str(size)) as caught:
                settings_of(f"rsyslog-packet-size = {size}\n")
            self.assertIn(f"expected 64 to 65507 bytes, got {size}", str(caught.exception))
