"""``log``."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.alarms.plugins.test_command import Helper
from uwsgid.alarms.plugins.log import Log
from uwsgid.config.settings import settings_of


class LogTests(SynchronousTestCase):
    def test_ring(self) -> None:
        """The text without its newline, behind the argument where there is one."""
        helper = Helper()
        for argument in ("", "the shop"):
            Log.from_argument(argument, settings_of("")).ring("box", b"\xfftext\n", helper)
        self.assertEqual(helper.done, [(b"ALARM: \xfftext",), (b"ALARM: the shop \xfftext",)])
