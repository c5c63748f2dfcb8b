"""Vassals that outlived their emperor, as its successor has them."""

from __future__ import annotations

import os
import signal
import socket

from tests.emperor.support import EmperorCase
from uwsgid.emperor import legacy
from uwsgid.emperor.keeping import Survivor
from uwsgid.wire.control import Hold, Release
from uwsgid.wire.vassal import ToEmperor, ToVassal


class Adopting(EmperorCase):
    """The successor's side."""

    def survivor(self, config: str = "emperor-adopt-vassals = true", **more: object) -> socket.socket:
        """An emperor that adopted a.ini; the vassal's end of its pipe."""
        self.one(config, **more)
        about = [record for record, _ in self.nest.told if isinstance(record, Hold)][-1].about
        self.begin(config)
        ours, theirs = socket.socketpair()
        self.addCleanup(theirs.close)
        theirs.setblocking(False)
        self.kernel.running.add(500)
        pidfd = self.kernel.pidfd_open(500)
        self.emperor.adopt(Survivor(500, about, (ours.detach(), pidfd)))
        self.poll()
        return theirs

    def test_held(self) -> None:
        """What a successor needs is held at birth, and again when it changes, until the end."""
        vassal = self.one("emperor-adopt-vassals = true")
        self.assertTrue(vassal.start.adoptable)
        (record, descriptors) = self.nest.told[0]
        assert isinstance(record, Hold)
        self.assertEqual((record.pid, len(descriptors)), (vassal.pid, 1))
        vassal.say(ToEmperor.LOYAL)
        record, descriptors = self.nest.told[-1]
        assert isinstance(record, Hold)
        self.assertEqual((legacy.read(record.about)[0]["loyal"], descriptors), (True, ()))
        vassal.exit()
        self.assertEqual(self.nest.told[-1], (Release(vassal.pid), ()))

    def test_not_by_default(self) -> None:
        """Without the option nothing is held."""
        self.one().exit()
        self.assertEqual(self.nest.told, [])

    def test_adopted(self) -> None:
        """A survivor is a vassal like any other: not had again, reloaded when it changed, and watched."""
        pipe = self.survivor()
        self.assertLogged("[emperor] adopted the uwsgi instance a.ini (pid: 500)")
        self.monitor.found = {"a.ini": self.emperor.empire.vassals["a.ini"].sighting}
        self.look()
        self.assertEqual(self.names, [])
        self.monitor.put("a.ini", 99)
        self.look()
        self.assertEqual(pipe.recv(10), bytes([ToVassal.RELOAD]))
        self.kernel.end(500, None, signal.SIGKILL)
        self.poll()
        self.run_for(1)
        self.assertEqual(self.names, ["a.ini"])

    def test_gone_meanwhile(self) -> None:
        """A survivor whose configuration is gone is stopped by the first look."""
        pipe = self.survivor()
        self.look()
        self.assertEqual(pipe.recv(10), bytes([ToVassal.STOP]))

    def test_another_nest(self) -> None:
        """A nest that is new holds everybody again."""
        self.survivor()
        self.nest.told.clear()
        self.emperor.empire.hold_all()
        self.assertEqual([(type(record), len(ends)) for record, ends in self.nest.told], [(Hold, 1)])

    def test_nonsense(self) -> None:
        """A survivor of whom nothing can be read, or whose monitor is gone, is let go."""
        self.begin("emperor-adopt-vassals = true")
        for about in ("", "{}"):
            told, tell = os.pipe()
            self.emperor.adopt(Survivor(5, about, (tell, os.open(os.devnull, os.O_RDONLY))))
            self.assertEqual(os.read(told, 1), b"")
            os.close(told)
        self.assertEqual(self.nest.told, [(Release(5), ())] * 2)
