"""The time of a record."""

from __future__ import annotations

import time

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import ConfigError
from uwsgid.logs.encoders.moments import checked_strftime, local_time

NOW = 1795285357


class MomentTests(SynchronousTestCase):
    """strftime as uWSGI has it."""

    def test_local(self) -> None:
        """It is the local time."""
        self.assertEqual(
            local_time("%Y-%m-%d %H:%M:%S %z", NOW).decode(),
            time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(NOW)),
        )

    def test_nothing_from_64_bytes_on_as_in_1_9_16(self) -> None:
        """63 bytes are the most that can be made; a format that makes more makes nothing."""
        self.assertEqual(local_time("%Y" * 15 + "abc", NOW), b"2026" * 15 + b"abc")
        self.assertEqual(local_time("%Y" * 15 + "abcd", NOW), b"")

    def test_odd_formats(self) -> None:
        """No format makes no text, and what is no letter of strftime stays, as the C library has it."""
        self.assertEqual(local_time("", NOW), b"")
        self.assertEqual(local_time("%Q%%", NOW), b"%Q%")
        self.assertEqual(local_time("ü\udcff", NOW), b"\xc3\xbc\xff")

    def test_refused(self) -> None:
        """A format that strftime can not use is refused when the configuration is read."""
        self.assertEqual(checked_strftime("%H"), "%H")
        with self.assertRaisesRegex(ConfigError, "no strftime format"):
            checked_strftime("%H\0")
