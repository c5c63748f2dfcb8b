"""What an emperor costs: with a thousand configurations, with a hundred vassals that crash, with a storm."""

from __future__ import annotations

import os
import time

import psutil

from tests.live.support import wait_until
from tests.live.test_emperor import EmperorCase


class Costs(EmperorCase):
    """Bars of the emperor's own process and its nest."""

    def measure(self, seconds: float) -> float:
        """The share of a core that the emperor takes."""
        emperor = psutil.Process((self.statistics() or {})["pid"])
        before = emperor.cpu_times()
        begin = time.monotonic()
        time.sleep(seconds)  # this is what is measured
        after, took = emperor.cpu_times(), time.monotonic() - begin
        return float(after.user + after.system - before.user - before.system) / took

    def test_a_thousand_configurations(self) -> None:
        """A thousand configurations that do not change cost an idle emperor less than 1 % of a core."""
        for number in range(1000):
            (self.vassals / f"{number}.ini").write_text("[uwsgi]\n")
        daemon = self.reign("emperor-wait-for-command = true")
        self.assertLess(self.measure(7), 0.01)
        self.end(daemon)

    def test_a_hundred_crashes(self) -> None:
        """A hundred vassals that end at once, for ever, cost it less than 5 %, and leave no zombie."""
        for number in range(100):
            (self.vassals / f"{number}.ini").write_text("[uwsgi]\n")
        daemon = self.reign("emperor-wrapper = false")
        daemon.wait_for(r"unloyal bad behaving vassal found", count=50, seconds=60)
        self.assertLess(self.measure(8), 0.05)
        emperor = psutil.Process((self.statistics() or {})["pid"])
        zombies = [child for child in emperor.children() if child.status() == psutil.STATUS_ZOMBIE]
        self.assertLess(len(zombies), 3)
        self.end(daemon)

    def test_a_storm(self) -> None:
        """A configuration that changes fifty times a second is reloaded once per second, and serves."""
        daemon = self.reign()
        path = self.vassal()
        self.wait_answer()
        self.vassal("b.ini")
        other = self.wait_answer("b")
        for _ in range(150):
            os.utime(path)
            time.sleep(0.02)
        self.assertLessEqual(daemon.seen(r"\[emperor\] reload the uwsgi instance a.ini"), 5)
        self.assertGreaterEqual(daemon.seen(r"\[emperor\] reload the uwsgi instance a.ini"), 2)
        self.assertEqual(self.ask("b"), other)
        self.wait_answer()
        self.end(daemon)

    def test_noticed_behind_a_link(self) -> None:
        """So is a change of a file elsewhere to which a link leads."""
        real = self.vassal().rename(self.folder / "real.ini")
        os.symlink(real, self.vassals / "a.ini")
        daemon = self.reign("emperor-freq = 60")
        self.wait_answer()
        self.wait_row(ready=1)
        begin = time.monotonic()
        os.utime(real)
        daemon.wait_for(r"\[emperor\] reload the uwsgi instance a.ini")
        self.assertLess(time.monotonic() - begin, 1)
        self.end(daemon)

    def test_noticed(self) -> None:
        """A new configuration is noticed within a second, whatever emperor-freq says."""
        daemon = self.reign("emperor-freq = 60")
        begin = time.monotonic()
        self.vassal()
        wait_until(lambda: self.row() is not None, "the vassal is known")
        self.assertLess(time.monotonic() - begin, 1)
        self.wait_answer()
        self.end(daemon)
