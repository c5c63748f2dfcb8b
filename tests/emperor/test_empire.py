"""What vassals get from their emperor."""

from __future__ import annotations

import signal

from tests.emperor.support import EmperorCase
from uwsgid.wire.vassal import ToEmperor, ToVassal


class Hearts(EmperorCase):
    """Those whose heart is silent."""

    def test_heart(self) -> None:
        """A heart that beat once and stops is the end of its vassal."""
        vassal = self.one("emperor-required-heartbeat = 5")
        self.run_for(20)
        self.assertEqual(vassal.signals, [])
        vassal.say(ToEmperor.HEARTBEAT)
        self.run_for(4)
        self.assertEqual(vassal.signals, [])
        self.run_for(3)
        self.assertEqual(vassal.signals, [signal.SIGKILL])
        self.assertLogged("vassal a.ini sent no heartbeat in last 5 seconds, brutally respawning it...")

    def test_heart_and_reload(self) -> None:
        """A reload may take longer than a heart may be silent."""
        vassal = self.one("emperor-required-heartbeat = 5")
        vassal.say(ToEmperor.HEARTBEAT)
        self.monitor.put("a.ini", 2)
        self.look()
        self.run_for(20)
        self.assertEqual(vassal.signals, [])
        vassal.say(ToEmperor.HEARTBEAT)
        self.run_for(7)
        self.assertEqual(vassal.signals, [signal.SIGKILL])


class Zergs(EmperorCase):
    """Vassals that call for help."""

    def test_limit(self) -> None:
        """Zergs come as long as there are fewer than the option says, with a number of their own."""
        vassal = self.one("emperor-broodlord = 2")
        for _ in range(5):
            vassal.say(ToEmperor.SOS)
        self.assertEqual(self.names, ["a.ini:zerg", "a.ini:zerg"])
        starts = [order.start for order in self.nest.orders]
        self.assertEqual([start.argv for start in starts], [("--ini", "a.ini:zerg")] * 2)
        self.assertEqual(
            [start.environ for start in starts], [{"UWSGI_BROODLORD_NUM": str(n)} for n in (1, 2)]
        )
        self.assertLogged("[emperor] going in broodlord mode: launching zergs for a.ini")

    def test_none(self) -> None:
        """Without emperor-broodlord nobody comes."""
        self.one().say(ToEmperor.SOS)
        self.assertEqual(self.names, [])

    def test_they_go_with_their_vassal(self) -> None:
        """Zergs end when the configuration is gone, and do not come back when they end by themselves."""
        vassal = self.one("emperor-broodlord = 1")
        vassal.say(ToEmperor.SOS)
        zerg = self.birth()
        zerg.say(ToEmperor.IDLE)
        zerg.exit()
        self.look()
        self.assertEqual((self.names, self.emperor.empire.zergs), ([], []))
        vassal.say(ToEmperor.SOS)
        zerg = self.birth()
        self.monitor.remove("a.ini")
        self.look()
        self.assertEqual((vassal.heard(), zerg.heard()), (bytes([ToVassal.STOP]), bytes([ToVassal.STOP])))

    def test_a_name_with_a_colon(self) -> None:
        """A file with a colon in its name is no zerg, unlike in uWSGI."""
        self.begin()
        self.monitor.put("a:b.ini")
        self.look()
        self.birth()
        self.assertFalse(self.emperor.empire.vassals["a:b.ini"].zerg)


class Ends(EmperorCase):
    """What the empire does when a vassal is gone."""

    def test_stop_hook(self) -> None:
        """vassals-stop-hook is executed when a vassal is gone."""
        ran: list[tuple[str, str, str, str]] = []
        vassal = self.one("vassals-stop-hook = /bin/stop")
        self.emperor.empire.programs.run = (  # type: ignore[method-assign]
            lambda program, argument, environ, cwd: ran.append(
                (program, argument, environ["UWSGI_VASSALS_DIR"], cwd)
            )
        )
        vassal.exit()
        self.assertEqual(ran, [("/bin/stop", "a.ini", "/etc/vassals", "/etc/vassals")])
