"""The process of a steward, with workers that do one thing and leave."""

from __future__ import annotations

import os
import select
import signal
import socket
from collections.abc import Callable, Mapping
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.host import Kernel
from uwsgid.steward.duty import BECOMES_MASTER
from uwsgid.steward.steward import Steward
from uwsgid.supervise.exits import Exit
from uwsgid.wire.control import MASTER, Ask, LoadFailed, Ready, Record, Terms
from uwsgid.wire.vassal import ToVassal

_PATIENCE: Final = 30  #: seconds until a steward that hangs is ended
_WRONG: Final = 99


class Slow(Kernel):
    """A kernel whose forks return when the child has ended."""

    @staticmethod
    def fork_unnoticed(*, sibling: bool = False) -> int:
        pid = os.fork()
        if pid:
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        return pid


def say(talk: socket.socket, *records: Record) -> None:
    """Say this, as a worker."""
    for record in records:
        talk.send(record.pack())


class StewardTests(SynchronousTestCase):
    """Each steward is a process of the test's own."""

    def outcome(
        self, live: Callable[[socket.socket], None], *orders: int, kernel: Kernel | None = None
    ) -> int:
        """What a steward comes to whose workers live so, and whose emperor has said *orders*."""
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        pid = os.fork()
        if pid == 0:
            code = _WRONG
            try:
                ours.close()

                def work(talk: socket.socket, environ: Mapping[str, str]) -> None:
                    try:
                        live(talk)
                    finally:
                        os._exit(_WRONG)

                steward = Steward(
                    kernel or Kernel(), theirs.detach(), work, lambda lives: {}, lambda line: None
                )
                code = steward.run() & 0xFF
            finally:
                os._exit(code)
        theirs.close()
        for order in orders:
            ours.send(bytes((order,)))
        ended = os.pidfd_open(pid)
        self.addCleanup(os.close, ended)
        if not select.select([ended], [], [], _PATIENCE)[0]:
            os.kill(pid, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def test_refused(self) -> None:
        """A worker that can not load gives the code to exit with."""

        def live(talk: socket.socket) -> None:
            say(talk, LoadFailed("no", Exit.APP_FAILED))
            os._exit(Exit.APP_FAILED)

        self.assertEqual(self.outcome(live), Exit.APP_FAILED)

    def test_gone_before_it_was_looked_for(self) -> None:
        """A worker that ended before its steward heard signals is buried all the same."""

        def live(talk: socket.socket) -> None:
            say(talk, Ask(MASTER))
            os._exit(0)

        self.assertEqual(self.outcome(live, kernel=Slow()), BECOMES_MASTER & 0xFF)

    def test_master(self) -> None:
        """One that wants a master makes one of its steward."""

        def live(talk: socket.socket) -> None:
            say(talk, Ask(MASTER))
            os._exit(0)

        self.assertEqual(self.outcome(live), BECOMES_MASTER & 0xFF)

    def test_order_while_it_sleeps(self) -> None:
        """What the worker said before counts: one that serves is not killed but told to leave."""

        def live(talk: socket.socket) -> None:
            say(talk, Terms(30, 8, 1, ""), Ready(os.getpid()))
            signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
            signal.sigwait((signal.SIGINT,))
            os._exit(Exit.END)

        self.assertEqual(self.outcome(live, ToVassal.STOP), 0)
