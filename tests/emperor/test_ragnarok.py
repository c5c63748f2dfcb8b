"""The end of all vassals."""

from __future__ import annotations

import signal

from tests.emperor.support import EmperorCase
from uwsgid.wire.vassal import ToVassal


class RagnarokTests(EmperorCase):
    def test_end(self) -> None:
        """All stop, and the end comes when nobody is left."""
        vassal = self.one()
        self.emperor.end()
        self.assertEqual((vassal.heard(), self.ends), (bytes([ToVassal.STOP]), 0))
        vassal.exit()
        self.assertEqual((self.ends, self.nest.ended), (1, True))
        self.assertLogged("[emperor] *** RAGNAROK EVOKED ***")
        self.assertLogged("The Emperor is buried.")
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_no_mercy(self) -> None:
        """Whoever does not stop is killed when the mercy is over; a second order changes nothing."""
        vassal = self.one("reload-mercy = 7")
        self.emperor.end()
        self.run_for(5)
        self.emperor.end()
        self.assertEqual((vassal.signals, self.ends), ([], 0))
        self.run_for(3)
        self.assertEqual((vassal.signals, self.ends), ([signal.SIGKILL], 1))

    def test_the_unborn(self) -> None:
        """Whoever is born while all end is stopped as well."""
        self.begin()
        self.monitor.put("a.ini")
        self.look()
        self.emperor.end()
        vassal = self.birth()
        self.assertEqual(vassal.heard(), bytes([ToVassal.STOP]))
        vassal.exit()
        self.assertEqual(self.ends, 1)

    def test_nobody(self) -> None:
        """Without vassals the end comes at once."""
        self.begin().end()
        self.assertEqual(self.ends, 1)
