"""One process more: who goes on, what is passed on, and how it ends."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import KernelError
from uwsgid.host import Kernel
from uwsgid.isolation.refork import Heard, begin_as_first, refork
from uwsgid.testing import MemoryKernel
from uwsgid.testing.kernel import Exited


def playing(*numbers: int | Heard) -> Callable[[], Heard]:
    """An ear that hears these signals, one after the other."""
    left = [one if isinstance(one, Heard) else Heard(one) for one in numbers]
    return lambda: left.pop(0)


class PretendedTests(SynchronousTestCase):
    """With a kernel in memory."""

    def setUp(self) -> None:
        self.kernel = MemoryKernel(uid=0, gid=0, pid=50)
        self.said: list[str] = []
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        self.addCleanup(signal.pthread_sigmask, signal.SIG_SETMASK, before)
        for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM):
            self.addCleanup(signal.signal, number, signal.getsignal(number))

    def outside(self, *heard: int | Heard, ended: tuple[int, int]) -> int:
        """What the process outside exits with, when its child ends."""
        self.kernel.forks = [51]
        self.kernel.ended[51] = ended
        with self.assertRaises(Exited) as caught:
            refork(self.kernel, self.said.append, playing(*heard))
        return int(caught.exception.code)

    def test_the_child(self) -> None:
        """It goes on, dies with its parent, and hears what it heard before."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        self.kernel.forks = [0]
        refork(self.kernel, self.said.append)
        self.assertEqual(self.kernel.calls, [("fork",), ("set_parent_death_signal", "9")])
        self.assertEqual(self.said, ["re-fork()ing..."])
        self.assertEqual(signal.pthread_sigmask(signal.SIG_BLOCK, ()), before)

    def test_a_child_whose_parent_is_gone(self) -> None:
        """Nobody goes on whose parent died in between."""
        kernel = self.kernel

        class Orphaned(MemoryKernel):
            def getppid(self) -> int:
                return 1

        orphan = Orphaned(uid=0, pid=50)
        orphan.forks = [0]
        self.assertRaises(Exited, refork, orphan, self.said.append)
        self.assertEqual(kernel.calls, [])

    def test_signals(self) -> None:
        """They are passed on in their order, but for those that the terminal sent to both."""
        code = self.outside(
            signal.SIGHUP,
            Heard(signal.SIGINT, by_terminal=True),
            signal.SIGUSR1,
            signal.SIGCHLD,
            ended=(os.CLD_EXITED, 0),
        )
        self.assertEqual(code, 0)
        self.assertEqual(
            [call for call in self.kernel.calls if call[0] == "kill"],
            [("kill", "51", "1"), ("kill", "51", "10")],
        )

    def test_exit_codes(self) -> None:
        """Its code is that of the child, or 128 and the signal that ended it; in uWSGI it is always 0."""
        for ended, code in (
            ((os.CLD_EXITED, 0), 0),
            ((os.CLD_EXITED, 17), 17),
            ((os.CLD_KILLED, signal.SIGKILL), 137),
            ((os.CLD_DUMPED, signal.SIGSEGV), 139),
        ):
            self.assertEqual(self.outside(signal.SIGCHLD, ended=ended), code)

    def test_a_child_that_stopped(self) -> None:
        """A child that only stopped is waited for further."""
        kernel = self.kernel

        def ear() -> Heard:
            if len([call for call in kernel.calls if call[0] == "heard"]) == 1:
                kernel.ended[51] = (os.CLD_EXITED, 3)
            kernel.calls.append(("heard",))
            return Heard(signal.SIGCHLD)

        kernel.forks = [51]
        with self.assertRaises(Exited) as caught:
            refork(kernel, self.said.append, ear)
        self.assertEqual((caught.exception.code, kernel.names().count("heard")), (3, 2))

    def test_descriptors(self) -> None:
        """Outside nothing is held open but the standard streams."""
        for number in (0, 1, 2, 7, 9):
            self.kernel.add_listener(number, 1, f"/run/{number}")
        self.outside(signal.SIGCHLD, ended=(os.CLD_EXITED, 0))
        self.assertEqual([call[1] for call in self.kernel.calls if call[0] == "close"], ["7", "9"])

    def test_a_child_that_is_gone(self) -> None:
        """A signal for a child that just ended is nobody's."""
        self.kernel.fail("kill", errno.ESRCH)
        self.assertEqual(self.outside(signal.SIGTERM, signal.SIGCHLD, ended=(os.CLD_EXITED, 2)), 2)

    def test_no_fork(self) -> None:
        """Where there can be no child the start ends, with all signals as they were."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        self.kernel.fail("fork", errno.ENOMEM)
        with self.assertRaisesRegex(KernelError, r"fork\(\): Cannot allocate memory \[re-fork\]"):
            refork(self.kernel, self.said.append)
        self.assertEqual(signal.pthread_sigmask(signal.SIG_BLOCK, ()), before)


class RealTests(SynchronousTestCase):
    """With real processes."""

    def family(self, child: Callable[[], int], *, prepare: Callable[[], None] = lambda: None) -> int:
        """The pid of a process that reforks; inside, *child* is called for the exit code."""
        outside = os.fork()
        if outside == 0:
            code = 70
            try:
                prepare()
                refork(Kernel(), lambda text: None)
                code = child()
            finally:
                os._exit(code)
        return outside

    def code_of(self, pid: int) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def test_codes(self) -> None:
        """The code and the signal of a real child arrive."""
        self.assertEqual(self.code_of(self.family(lambda: 42)), 42)

        def die() -> int:
            os.kill(os.getpid(), signal.SIGKILL)
            return 0

        self.assertEqual(self.code_of(self.family(die)), 137)

    def test_signals(self) -> None:
        """A signal for the process outside arrives inside, also one that is ignored outside."""
        ready, tell = os.pipe()

        def child() -> int:
            signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGHUP, signal.SIGTERM, signal.SIGWINCH))
            os.write(tell, b"!")
            return 10 * signal.sigwait((signal.SIGHUP,)) + signal.sigwait((signal.SIGTERM,))

        def prepare() -> None:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

        outside = self.family(child, prepare=prepare)
        os.read(ready, 1)
        os.kill(outside, signal.SIGHUP)
        os.kill(outside, signal.SIGTERM)
        self.assertEqual(self.code_of(outside), 25)
        os.close(ready)
        os.close(tell)

    def test_no_survivors(self) -> None:
        """Who kills the process outside kills the one inside."""
        alive, hold = os.pipe()

        def child() -> int:
            os.close(alive)
            os.write(hold, b"!")
            signal.pause()
            return 0

        outside = self.family(child)
        os.close(hold)
        os.read(alive, 1)
        os.kill(outside, signal.SIGKILL)
        self.assertEqual(os.read(alive, 1), b"")
        self.assertEqual(self.code_of(outside), -9)
        os.close(alive)

    def test_the_first_process(self) -> None:
        """Signals that a first process would not feel end its start all the same."""
        child = os.fork()
        if child == 0:
            begin_as_first()
            os.kill(os.getpid(), signal.SIGTERM)
            os._exit(0)
        self.assertEqual(self.code_of(child), 143)
