"""The machine of a vassal, where the emperor's tests do not come."""

from __future__ import annotations

import errno
import signal
import socket

from tests.emperor.support import EmperorCase
from uwsgid.emperor.pipe import ConfigPipe, Pipe
from uwsgid.host.children import ExitStatus


class Lives(EmperorCase):
    def test_after_the_end(self) -> None:
        """Whoever is gone hears nothing of what comes late."""
        vassal = self.one()
        found = self.emperor.vassals["a.ini"]
        self.monitor.remove("a.ini")
        self.look()
        vassal.exit()
        for late in (
            found.life.stop, found.life.reload, found.life.idle, found.life.lost, found.life.wake,
            found.life.not_born, found.life.sleep,
        ):  # fmt: skip
            late()
        found.life.died(ExitStatus(code=0))
        self.assertEqual(self.lines.count("[emperor] removed uwsgi instance a.ini"), 1)
        self.assertEqual(repr(found), f"<vassal a.ini pid {vassal.pid}>")

    def test_not_signalled(self) -> None:
        """A vassal that may not be signalled is told."""
        self.one()
        self.kernel.fail("pidfd_send_signal", errno.EPERM)
        self.emperor.vassals["a.ini"].signal(signal.SIGKILL)
        self.assertLogged("a.ini can not be signalled")

    def test_dead_at_birth(self) -> None:
        """A vassal that nobody finds any more when it is told as born has ended."""
        self.begin()
        self.monitor.put("a.ini")
        self.look()
        self.kernel.fail("pidfd_open", errno.ESRCH)
        self.birth()
        self.run_for(1)
        self.assertLogged("removed uwsgi instance a.ini")

    def test_a_configuration_that_nobody_reads(self) -> None:
        """A pipe that is full is told, and nobody waits."""
        self.one(config=b"x" * 60000)
        found = self.emperor.vassals["a.ini"]
        for _ in range(10):
            found.push_config()
        self.assertLogged("a.ini does not read its configuration")


class Pipes(EmperorCase):
    """The emperor's ends."""

    def test_closed(self) -> None:
        """Nothing can be said to who hung up; the end is told once."""
        ours, theirs = socket.socketpair()
        told: list[str] = []
        pipe = Pipe(self.reactor, ours, lambda byte: told.append(str(byte)), lambda: told.append("lost"))
        theirs.send(b"\x11\x1a")
        self.poll()
        theirs.close()
        self.poll()
        self.assertEqual((told, pipe.say(1), pipe.fileno()), (["17", "26", "lost"], False, -1))
        pipe.close()

    def test_pending(self) -> None:
        """A configuration is pending until all of it was read."""
        ours, theirs = socket.socketpair()
        self.addCleanup(theirs.close)
        pipe = ConfigPipe(ours)
        self.assertFalse(pipe.is_pending)
        self.assertTrue(pipe.send(b"hello"))
        self.assertTrue(pipe.is_pending)
        theirs.recv(100)
        self.assertFalse(pipe.is_pending)
        pipe.close()
        self.assertFalse(pipe.send(b"hello"))
