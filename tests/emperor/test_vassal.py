"""One vassal: its life, where the emperor's tests do not come, what it says, and its configuration."""

from __future__ import annotations

import errno
import signal
import socket

from tests.emperor.support import BEGINNING, EmperorCase
from uwsgid.emperor.pipe import ConfigPipe, Pipe
from uwsgid.host.children import ExitStatus
from uwsgid.wire.vassal import ToEmperor, ToVassal, pack_config


class Lives(EmperorCase):
    def test_after_the_end(self) -> None:
        """Whoever is gone hears nothing of what comes late."""
        vassal = self.one()
        found = self.emperor.empire.vassals["a.ini"]
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
        self.emperor.empire.vassals["a.ini"].signal(signal.SIGKILL)
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
        found = self.emperor.empire.vassals["a.ini"]
        for _ in range(10):
            found.push_config()
        self.assertLogged("a.ini does not read its configuration")


class Talking(EmperorCase):
    """What a vassal says."""

    def test_states(self) -> None:
        """Spawned, accepting, loyal and the heart are noted with their times."""
        vassal = self.one()
        self.run_for(10)
        vassal.say(ToEmperor.SPAWNED, ToEmperor.ACCEPTING, ToEmperor.LOYAL, ToEmperor.HEARTBEAT)
        found = self.emperor.empire.vassals["a.ini"]
        self.assertEqual((found.ready, found.accepting, found.loyal), (True, True, True))
        times = {found.last_ready, found.last_accepting, found.last_loyal, found.last_heartbeat}
        self.assertEqual(times, {BEGINNING + 10})

    def test_unknown(self) -> None:
        """Other bytes are ignored."""
        vassal = self.one()
        vassal.say(3, 99, 255)
        self.assertEqual(vassal.heard(), b"")

    def test_idle(self) -> None:
        """One that wants to end is stopped; its source brings it back."""
        vassal = self.one()
        vassal.say(ToEmperor.IDLE)
        self.assertEqual(vassal.heard(), bytes([ToVassal.STOP]))
        vassal.exit()
        self.assertEqual((self.names, list(self.emperor.rests.blacklist)), (["a.ini"], []))


class Configurations(EmperorCase):
    """Configurations that lie in no file."""

    def setUp(self) -> None:
        super().setUp()
        self.vassal = self.one(config=b"[uwsgi]\n")
        self.addCleanup(self.vassal.close)

    def test_at_birth(self) -> None:
        """It is sent at once, and the command line says where it is."""
        self.assertEqual(self.vassal.start.argv, ("--ini", "emperor://a.ini"))
        self.assertTrue(self.vassal.start.has_config)
        self.assertEqual(self.vassal.configuration(), pack_config(b"[uwsgi]\n"))

    def test_reload(self) -> None:
        """A changed one follows the byte of the reload; who asks while it waits gets it once."""
        self.vassal.configuration()
        self.monitor.put("a.ini", 2, config=b"[uwsgi]\nworkers=2\n")
        self.look()
        self.assertEqual(self.vassal.heard(), bytes([ToVassal.RELOAD]))
        self.vassal.say(ToEmperor.SEND_CONFIG)
        self.assertEqual(self.vassal.configuration(), pack_config(b"[uwsgi]\nworkers=2\n"))
        self.assertEqual(self.vassal.configuration(), b"")

    def test_asked(self) -> None:
        """A vassal that starts anew by itself asks for it."""
        self.vassal.configuration()
        self.vassal.say(ToEmperor.SEND_CONFIG)
        self.assertEqual(self.vassal.configuration(), pack_config(b"[uwsgi]\n"))

    def test_too_long(self) -> None:
        """One that the protocol has no room for is refused, with the name of the vassal."""
        self.monitor.put("a.ini", 2, config=b"x" * 65536)
        self.look()
        self.assertLogged("a.ini can not be told its configuration")


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
