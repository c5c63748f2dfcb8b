"""The life of one child."""

from __future__ import annotations

import errno
import signal
import socket

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.host.children import ExitStatus
from uwsgid.supervise.child import Child
from uwsgid.testing import MemoryProcesses, MemoryReactor
from uwsgid.wire.control import MAX_RECORD, Ask, Leave, Ready, Record, unpack


class LifeCase(SynchronousTestCase):
    """A child that is not born yet, its parent's diary, and the child's end of the talk."""

    def setUp(self) -> None:
        self.reactor, self.kernel = MemoryReactor(), MemoryProcesses()
        self.kernel.running.add(7)
        self.signals: list[int] = []
        self.kernel.signalled = lambda pid, number: self.signals.append(number)
        self.diary: list[str] = []
        self.said: list[str] = []
        ours, self.end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.end.setblocking(False)
        self.child = Child(
            self.reactor, self.kernel, self, ours, "worker", 2, 5, 1, self.reactor.seconds, self.said.append
        )
        self.addCleanup(self.end.close)
        self.addCleanup(self._close)

    def _close(self) -> None:
        for reader in self.reactor.getReaders():
            reader.connectionLost(None)

    def child_born(self, child: Child) -> None:
        self.diary.append("born")

    def child_ready(self, child: Child) -> None:
        self.diary.append("ready")

    def child_said(self, child: Child, record: Record) -> None:
        self.diary.append(repr(record))

    def child_ended(self, child: Child, status: ExitStatus | None) -> None:
        self.diary.append("not born" if status is None else str(status))

    def turn(self) -> None:
        """Let the reactor work until there is nothing to do."""
        self.reactor.advance(0)
        while self.reactor.poll():
            self.reactor.advance(0)

    def told(self) -> Record:
        return unpack(self.end.recv(MAX_RECORD))


class Usual(LifeCase):
    def test_life(self) -> None:
        """Born, ready, told to leave, gone."""
        self.child.life.born(7)
        self.end.send(Ready(7).pack())
        self.turn()
        self.assertTrue(self.child.is_ready)
        self.reactor.advance(3)
        self.child.life.leave("enough")
        self.assertEqual(self.told(), Leave("enough"))
        self.assertEqual((self.child.told, self.child.told_at, self.child.farewell), (True, 3.0, "enough"))
        self.assertEqual((self.child.is_ready, self.child.was_ready), (False, True))
        self.kernel.end(7, 30, 0)
        self.turn()
        self.assertEqual(self.diary, ["born", "ready", "exited with code 30"])
        self.assertEqual((self.child.gone, self.reactor.readers), (True, []))

    def test_ready_first(self) -> None:
        """A child that is heard before its forker tells its own pid."""
        self.end.send(Ready(7).pack())
        self.turn()
        self.assertEqual((self.diary, self.child.pid), (["born", "ready"], 7))
        self.child.life.born(7)
        self.assertEqual(self.diary, ["born", "ready"])

    def test_other_words(self) -> None:
        """Whatever else it says is its parent's business."""
        self.end.send(Ask("stop").pack())
        self.turn()
        self.assertEqual(self.diary, [repr(Ask("stop"))])

    def test_a_signal_that_is_refused(self) -> None:
        """A child that is root while its parent is not any more: a line, and life goes on."""

        def refuse(pid: int, number: int) -> None:
            raise PermissionError(errno.EPERM, "Operation not permitted")

        self.kernel.signalled = refuse
        self.child.life.born(7)
        self.child.kill()
        self.assertEqual(
            self.said,
            ["worker 2 can not be signalled: pidfd_send_signal(): Operation not permitted [7]"],
        )
        self.assertFalse(self.child.gone)

    def test_told_twice(self) -> None:
        """The first reason stands, and is said once."""
        self.child.life.born(7)
        self.child.life.leave("one")
        self.child.life.leave("two")
        self.assertEqual(self.told(), Leave("one"))
        self.assertRaises(BlockingIOError, self.end.recv, 1)

    def test_after_its_end(self) -> None:
        """The dead mind nothing."""
        self.child.life.born(7)
        self.kernel.end(7, None, 9)
        self.turn()
        self.child.life.leave("late")
        self.child.life.not_born()
        self.child.life.said_ready()
        self.child.life.died(ExitStatus(code=1))
        self.child.life.born(8)
        self.child.kill()
        self.assertEqual((self.diary, self.signals), (["born", "exited by signal 9"], []))


class Unborn(LifeCase):
    def test_not_born(self) -> None:
        """A birth that fails is an end without a status."""
        self.child.life.not_born()
        self.child.life.not_born()
        self.assertEqual((self.diary, self.child.gone), (["not born"], True))

    def test_told_to_leave(self) -> None:
        """A child that is told to leave before its birth finds the word waiting."""
        self.child.life.leave("stop")
        self.assertEqual(self.told(), Leave("stop"))
        self.child.life.born(7)
        self.end.send(Ready(7).pack())
        self.turn()
        self.assertEqual((self.diary, self.child.is_ready), (["born"], False))
        self.kernel.end(7, 30, 0)
        self.turn()
        self.assertTrue(self.child.gone)

    def test_told_to_leave_and_not_born(self) -> None:
        """Nor need it be born."""
        self.child.life.leave("stop")
        self.child.life.not_born()
        self.assertEqual(self.diary, ["not born"])

    def test_killed(self) -> None:
        """A child that shall be killed is killed at its birth."""
        self.child.kill()
        self.assertEqual(self.signals, [])
        self.child.life.born(7)
        self.assertEqual(self.signals, [signal.SIGKILL])

    def test_forsaken_and_unborn(self) -> None:
        """Where the forker is gone and nobody holds the other end, it was not born."""
        self.child.forsake()
        self.turn()
        self.assertEqual(self.diary, [])
        self.end.close()
        self.turn()
        self.assertEqual(self.diary, ["not born"])

    def test_forsaken_after_its_end(self) -> None:
        """The same, where the end of the talk was seen before that of the forker."""
        self.end.close()
        self.turn()
        self.assertEqual(self.diary, [])
        self.child.forsake()
        self.assertEqual(self.diary, ["not born"])

    def test_forsaken_and_alive(self) -> None:
        """Where it was forked all the same, it tells its pid, and lives."""
        self.child.forsake()
        self.end.send(Ready(7).pack())
        self.end.close()
        self.turn()
        self.assertEqual(self.diary, ["born", "ready"])
        self.assertFalse(self.child.gone)


class Ends(LifeCase):
    def test_between_fork_and_pidfd(self) -> None:
        """A child that ended before it could be watched has its status told."""
        self.kernel.end(7, 22, 0)
        self.child.life.born(7)
        self.turn()
        self.assertEqual(self.diary, ["born", "exited with code 22"])

    def test_nobody_there(self) -> None:
        """A child that somebody else reaped is gone, and it is told after its birth."""
        self.kernel.running.clear()
        self.child.life.born(7)
        self.assertEqual(self.diary, ["born"])
        self.turn()
        self.assertEqual(self.diary, ["born", "exited with code None"])

    def test_no_descriptor_for_the_watch(self) -> None:
        """A child that can not be watched is taken for gone; it hears that by the end of the talk."""
        self.kernel.fail("pidfd_open", errno.EMFILE)
        self.child.life.born(7)
        self.turn()
        self.assertTrue(self.child.gone)
        self.assertEqual(self.end.recv(1), b"")

    def test_last_words(self) -> None:
        """What it said before its end is heard before its end, whatever the reactor sees first."""
        self.child.life.born(7)
        self.end.send(Ready(7).pack())
        self.end.send(Ask("reload").pack())
        self.end.close()
        self.kernel.end(7, 0, 0)
        watch = next(reader for reader in self.reactor.readers if reader.logPrefix() == "pid 7")
        watch.doRead()
        self.assertEqual(self.diary, ["born", "ready", repr(Ask("reload")), "exited with code 0"])

    def test_end_of_the_talk(self) -> None:
        """A child that closes its end of the talk is not gone; it is told to leave by signal then."""
        self.child.life.born(7)
        self.end.close()
        self.turn()
        self.assertFalse(self.child.gone)
        self.child.life.leave("reload")
        self.assertEqual(self.signals, [signal.SIGHUP])

    def test_names(self) -> None:
        """Its text tells who it is."""
        self.child.life.born(7)
        self.assertEqual(repr(self.child), "<worker 2 g1 pid 7>")
