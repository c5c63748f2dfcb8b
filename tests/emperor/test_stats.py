"""The imperial bureau of statistics."""

from __future__ import annotations

import json

from tests.emperor.support import BEGINNING, EmperorCase
from uwsgid.stats.layout import layout
from uwsgid.wire.vassal import ToEmperor

TOP = (
    "version", "pid", "uid", "gid", "cwd", "emperor", "emperor_tyrant", "throttle_level", "vassals",
    "blacklist",
)  # fmt: skip
VASSAL = (
    "id", "pid", "born", "last_mod", "last_heartbeat", "loyal", "ready", "accepting", "last_loyal",
    "last_ready", "last_accepting", "first_run", "last_run", "cursed", "zerg", "on_demand", "uid", "gid",
    "monitor", "respawns",
)  # fmt: skip
ITEM = ("id", "throttle_level", "attempt", "first_attempt", "last_attempt")


class Documents(EmperorCase):
    def test_keys(self) -> None:
        """The keys are those of uWSGI 2.0, in their order."""
        vassal = self.one("emperor-tyrant = true", uid=5, gid=6)
        self.run_for(2)
        vassal.say(ToEmperor.SPAWNED)
        self.monitor.put("b.ini", uid=5, gid=6)
        self.look()
        self.birth().exit(1)
        found = json.loads(layout(self.emperor.document()))
        self.assertEqual(tuple(found), TOP)
        self.assertEqual(tuple(found["vassals"][0]), VASSAL)
        self.assertEqual(tuple(found["blacklist"][0]), ITEM)
        self.assertEqual(
            (found["emperor"], found["emperor_tyrant"], found["throttle_level"]), (["/etc/vassals"], 1, 1)
        )
        now = int(BEGINNING)
        self.assertEqual(
            list(found["vassals"][0].values()),
            ["a.ini", vassal.pid, now + 1, now + 1, 0, 0, 1, 0, 0, now + 2, 0, now, now, 0, 0, "", 5, 6,
             "/etc/vassals", 0],
        )  # fmt: skip
        self.assertEqual(list(found["blacklist"][0].values()), ["b.ini", 1, 0, now + 2, now + 2])

    def test_escaped(self) -> None:
        """A quote in a name does not break the document, unlike with uWSGI."""
        self.begin()
        self.monitor.put('a"\n.ini')
        self.look()
        self.birth()
        self.assertEqual(json.loads(layout(self.emperor.document()))["vassals"][0]["id"], 'a"\n.ini')
