"""The commands of alarms, without processes."""

from __future__ import annotations

import errno
import os
import signal

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.alarms.commands import AT_ONCE, MERCY, PATIENCE, WAITING, Commands
from uwsgid.testing import MemoryKernel, MemoryReactor


class CommandsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.kernel = MemoryKernel()
        self.reactor = MemoryReactor()
        self.said: list[str] = []
        self.commands = Commands(self.reactor, self.kernel, lambda: "/bin/dash", self.said.append)

    def started(self) -> list[bytes]:
        """The texts of the commands that were started."""
        return [call[3].encode() for call in self.kernel.calls if call[0] == "feed_command"]

    def pids(self) -> list[int]:
        """Those that run."""
        return [self.kernel.pidfds[reader.fileno()] for reader in self.reactor.readers]

    def end_first(self, code: int = 0, how: int = os.CLD_EXITED) -> int:
        reader = self.reactor.readers[0]
        pid = self.kernel.pidfds[reader.fileno()]
        self.kernel.ended[pid] = how, code
        reader.doRead()
        return pid

    def run_many(self, count: int) -> None:
        for number in range(count):
            self.commands.run("box", "cat", b"%d" % number)

    def test_one(self) -> None:
        """It is started by the shell with its text, reaped when it ends, and success has no line."""
        self.commands.run("box", "cat", b"hello")
        self.assertEqual(self.kernel.calls[0], ("feed_command", "/bin/dash", "cat", "hello"))
        self.end_first()
        self.assertEqual((self.said, self.reactor.readers, self.kernel.descriptors), ([], [], {}))

    def test_failures(self) -> None:
        """A failure is said with the name of the alarm, and never with the command."""
        self.run_many(2)
        first, second = self.end_first(3), self.end_first(signal.SIGSEGV, os.CLD_KILLED)
        self.assertEqual(
            self.said,
            [
                f"[uwsgi-alarm] the command of box (pid: {first}) exited with code 3",
                f"[uwsgi-alarm] the command of box (pid: {second}) exited by signal 11",
            ],
        )

    def test_a_storm(self) -> None:
        """A few run, some wait, and the others are counted; who waits comes when another one ends."""
        self.run_many(AT_ONCE + WAITING + 5)
        self.assertEqual(len(self.started()), AT_ONCE)
        self.assertEqual((self.commands.dropped(), self.commands.dropped()), ({"box": 5}, {}))
        while self.reactor.readers:
            self.end_first()
            self.assertLessEqual(len(self.reactor.readers), AT_ONCE)
        self.assertEqual(self.started(), [b"%d" % number for number in range(AT_ONCE + WAITING)])

    def test_one_that_hangs(self) -> None:
        """It is told to end with all that it started, then killed."""
        self.commands.run("box", "sleep 1000", b"")
        self.reactor.advance(PATIENCE / 2)
        self.commands.run("box", "date", b"")
        first, _ = self.pids()
        self.reactor.advance(PATIENCE / 2)
        self.commands.look()
        self.commands.look()
        self.assertEqual(
            self.said, [f"[uwsgi-alarm] the command of box (pid: {first}) has taken 60 seconds, and is ended"]
        )
        self.reactor.advance(MERCY)
        self.commands.look()
        killed = [call[1:] for call in self.kernel.calls if call[0] == "kill"]
        self.assertEqual(killed, [(f"-{first}", "15"), (f"-{first}", "9")])
        self.assertEqual(len(self.said), 1)

    def test_one_that_ends_as_it_is_killed(self) -> None:
        """A group that is gone is no mistake."""
        self.commands.run("box", "sleep 1000", b"")
        self.kernel.fail("kill", errno.ESRCH)
        self.reactor.advance(PATIENCE)
        self.commands.look()
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assertEqual(len(self.said), 1)

    def test_the_system_refuses(self) -> None:
        """No process, or no descriptor to watch it by: said, and the next one is tried all the same."""
        self.kernel.fail("feed_command", errno.EAGAIN)
        self.commands.run("box", "cat", b"one")
        self.kernel.fail("pidfd_open", errno.EMFILE)
        self.commands.run("box", "cat", b"two")
        self.commands.run("box", "cat", b"three")
        self.assertEqual(len(self.reactor.readers), 1)
        self.assertEqual(
            self.said[0], "[uwsgi-alarm] the command of box can not be run: Resource temporarily unavailable"
        )
        self.assertIn("can not be watched", self.said[1])

    def test_nobody_waits_for_ever(self) -> None:
        """Where one of those that wait can not be started, the next one comes."""
        self.run_many(AT_ONCE + 2)
        self.kernel.fail("feed_command", errno.EAGAIN)
        self.end_first()
        self.assertEqual(self.started()[-1], b"%d" % (AT_ONCE + 1))

    def test_the_end(self) -> None:
        """What waits is started, as far as a few more go; nobody watches, nobody waits."""
        self.run_many(AT_ONCE + 3)
        self.commands.end()
        self.assertEqual(len(self.started()), AT_ONCE + 3)
        self.end_first()
        self.run_many(AT_ONCE)
        self.assertEqual(len(self.started()), 2 * AT_ONCE)
        self.assertEqual(self.commands.dropped(), {"box": 3})
