"""Vassals that outlive their emperor."""

from __future__ import annotations

import os
import signal

import psutil

from tests.live.support import wait_until
from tests.live.test_emperor import EmperorCase


class Adoption(EmperorCase):
    """Vassals that outlive their emperor."""

    def setUp(self) -> None:
        super().setUp()
        self.daemon = self.reign("emperor-adopt-vassals = true")
        self.vassal()
        self.worker = self.wait_answer()
        self.row_before = self.wait_row(ready=1)

    def emperor(self) -> psutil.Process:
        return psutil.Process(self.told()["pid"])

    def test_adopted(self) -> None:
        """A killed emperor takes nobody with it, and its successor has the same vassals: again and again."""
        for count in (1, 2, 3):
            self.emperor().kill()
            self.daemon.wait_for(r"\[emperor\] adopted the uwsgi instance a.ini", count=count)
            self.assertEqual(self.wait_answer(), self.worker)
        self.assertEqual(self.wait_row()["pid"], self.row_before["pid"])
        self.vassal(more="processes = 2")
        self.daemon.wait_for(r"spawned uWSGI worker 2 ")
        self.vassal("b.ini")
        self.wait_answer("b")
        self.assertEqual(psutil.Process(self.wait_row("b.ini")["pid"]).ppid(), self.emperor().pid)
        self.end(self.daemon)

    def test_nest_and_emperor(self) -> None:
        """A nest that died is replaced by one that knows everybody, so that its emperor may die as well."""
        emperor = self.emperor()
        (nest,) = [child for child in emperor.children() if child.pid != self.row_before["pid"]]
        nest.kill()
        self.daemon.wait_for(r"the nest .* making another one")
        wait_until(lambda: len(emperor.children()) == 2, "another nest is there")
        # the new nest hears in the order in which it is told
        self.vassal("b.ini")
        self.wait_answer("b")
        emperor.kill()
        self.daemon.wait_for(r"\[emperor\] adopted the uwsgi instance", count=2)
        self.assertEqual(self.ask("a"), self.worker)
        self.end(self.daemon)

    def test_a_death_in_between(self) -> None:
        """A vassal that dies while nobody looks is had again, once."""
        self.emperor().kill()
        os.kill(self.row_before["pid"], signal.SIGKILL)
        self.gone(self.worker)
        self.assertNotEqual(self.wait_answer(), self.worker)
        self.assertEqual(len(self.told()["vassals"]), 1)
        self.end(self.daemon)

    def test_the_end_of_an_adopted_one(self) -> None:
        """The successor notices the end of a vassal that it did not have itself."""
        self.emperor().kill()
        self.daemon.wait_for(r"\[emperor\] adopted the uwsgi instance a.ini")
        os.kill(self.row_before["pid"], signal.SIGKILL)
        self.daemon.wait_for(r"\[emperor\] removed uwsgi instance a.ini")
        wait_until(lambda: self.wait_answer() != self.worker, "another worker answers")
        self.end(self.daemon)

    def test_the_master_is_killed(self) -> None:
        """When the master is killed nobody is left, all the same."""
        self.daemon.signal(signal.SIGKILL)
        wait_until(lambda: not self.daemon.survivors(), "nobody is left")
