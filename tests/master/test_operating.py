"""What an operator finds in the manhole of the master."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.live.support import ROOT
from tests.master.whole import MasterCase
from uwsgid.emperor.options import EmperorOptions
from uwsgid.errors import UwsgidError
from uwsgid.manhole.names import Name, namespace
from uwsgid.master import operating
from uwsgid.master.operating import greeting, operator_names
from uwsgid.supervise.board import Phase

#: Sections have to be imported before a configuration is read.
SECTIONS = (EmperorOptions,)


def documented(heading: str) -> list[str]:
    """The names in the table of the manual whose second column has *heading*."""
    text = (ROOT / "docs" / "manhole.rst").read_text()
    rows = text.partition(heading)[2].partition("\n")[2].partition("\n====")[0]
    return re.findall(r"^``(.*?)``", rows, re.M)


class OperatingCase(MasterCase):
    """A master and its names."""

    def know(self, config: str = "processes = 2") -> dict[str, Any]:
        """What statements know."""
        self.serve(config)
        self.names: tuple[Name, ...] = operator_names(self.master, self.master._inheritance)
        return namespace(self.names)


class NamesTests(OperatingCase):
    def test_the_manual(self) -> None:
        """The manual has a row for each name, in the order of ``help()``, and no other."""
        self.know()
        self.assertEqual(documented("in the master\n"), [name.form for name in self.names])

    def test_help(self) -> None:
        """Every view and every verb has a sentence."""
        known = self.know()
        for name in ("master", "workers", "settings", "board", "log", "vassals"):
            self.assertTrue(type(known[name]).__doc__, name)
        for thing in (known["master"], known["workers"][1], known["log"]):
            for name in dir(type(thing)):
                if not name.startswith("_"):
                    self.assertTrue(getattr(type(thing), name).__doc__, name)

    def test_greeting(self) -> None:
        """The first line tells whose prompt it is."""
        self.know()
        self.assertIn(f"the master (pid {os.getpid()})", greeting(self.master._inheritance))


class MasterTests(OperatingCase):
    def test_values(self) -> None:
        """The master tells of itself."""
        master = self.know()["master"]
        self.assertEqual((master.pid, master.user), (os.getpid(), os.geteuid()))
        self.assertEqual((master.generation, master.reloads, master.failed_reloads), (1, 0, 0))
        self.assertEqual(
            (master.is_reloading, master.is_paused, master.requests, master.queue), (False, False, 0, 0)
        )
        self.assertEqual((master.arguments, master.directory), (("--ini", "site.ini"), os.getcwd()))
        self.assertGreaterEqual(master.uptime, 0)
        self.assertIn("generation", repr(master))

    def test_verbs(self) -> None:
        """Its verbs are those of the master."""
        master = self.know()["master"]
        for name in (
            "reload", "reload_chain", "reload_workers", "reload_brutally", "stop", "stop_brutally",
            "one_more", "one_less",
        ):  # fmt: skip
            with patch.object(self.master, name) as verb:
                getattr(master, name)()
                verb.assert_called_once_with()
        master.pause()
        self.assertTrue(master.is_paused)

    def test_reload_and_stop(self) -> None:
        """They work by themselves as well."""
        known = self.know()
        known["reload"]()
        self.run_for(1)
        self.assertEqual(known["master"].generation, 2)
        known["stop"]()
        self.run_for(3)
        self.assertEqual(self.codes, [0])


class WorkersTests(OperatingCase):
    def test_orders(self) -> None:
        """A worker is replaced, signalled, or killed."""
        workers = self.know()["workers"]
        (before,) = self.accepting(1)
        workers[1].restart()
        self.run_for(1)
        (after,) = self.accepting(1)
        self.assertNotEqual(after.pid, before.pid)
        with patch("uwsgid.master.operating.os.kill") as kill:
            workers[1].signal(10)
            workers[1].kill()
            pid = workers[1].pid
            self.assertEqual(kill.call_args_list, [((pid, 10),), ((pid, signal.SIGKILL),)])
            board = self.house.board
            board.current[0] = -1
            workers[1].kill()
            self.assertEqual(kill.call_count, 2)

    def test_the_board(self) -> None:
        """Workers are read from the board."""
        known = self.know()
        seat = self.house.board.current[1]
        self.house.board.requests[seat] = 7
        self.assertEqual((known["workers"][2].requests, sum(known["board"].requests)), (7, 7))
        self.assertEqual(Phase(known["board"].phase[seat]), Phase.READY)


class OtherTests(OperatingCase):
    def test_log(self) -> None:
        """The log is written, opened again and set aside."""
        log = self.know()["log"]
        log("hello")
        self.assertLogged("hello")
        log.reopen()
        log.rotate()
        self.assertEqual(self.logs.calls[-2:], ["reopen", "rotate"])
        self.assertIn("log.rotate()", repr(log))

    def test_rows(self) -> None:
        """Applications, sockets, gateways and numbers."""
        known = self.know()
        self.assertEqual(repr(known["sockets"]), "no socket")
        self.assertEqual(repr(known["gateways"]), "no gateway")
        self.assertIsInstance(repr(known["apps"]), str)
        self.assertEqual([row["id"] for row in known["stats"]()["workers"]], [1, 2])
        self.assertIs(known["service"], self.master)

    def test_router(self) -> None:
        """There is none, one that tells nothing, or one that is asked."""
        self.assertIsNone(self.know()["router"])
        router = self.know("tuntap-router = emperor0 /run/a.sock")["router"]
        self.assertEqual((router.device, router.address), ("emperor0", ""))
        self.assertIn("tuntap-router-stats", str(self.assertRaises(UwsgidError, router.stats)))
        router = self.know("tuntap-router = emperor0 /run/a.sock /run/a.stats")["router"]
        with patch("uwsgid.master.operating.asking.document", return_value={"peers": []}) as ask:
            self.assertEqual(router.stats(), {"peers": []})
            ask.assert_called_once_with("/run/a.stats")

    def test_vassals(self) -> None:
        """There are none without an emperor; one that has statistics is asked for them."""
        vassals = self.know()["vassals"]
        self.assertEqual((list(vassals), len(vassals)), ([], 0))
        self.assertIn("no emperor", repr(vassals))
        vassals = self.know("emperor = /etc/vassals")["vassals"]
        self.assertIn("emperor-stats", str(self.assertRaises(UwsgidError, len, vassals)))
        vassals = self.know("emperor = /etc/vassals\nemperor-stats = /run/e.stats")["vassals"]
        document = {"vassals": [{"id": "a.ini", "pid": 7, "born": 0}]}
        with patch.object(operating, "read_all", return_value=json.dumps(document)):
            self.assertEqual((list(vassals), vassals["a.ini"]["pid"]), (["a.ini"], 7))
            self.assertIn("a.ini", repr(vassals))


class DocumentTests(OperatingCase):
    def test_it_is_there(self) -> None:
        """The chapter is part of the manual."""
        self.assertIn("   manhole\n", Path(ROOT / "docs" / "index.rst").read_text())
