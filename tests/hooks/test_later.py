"""Hooks beside a reactor."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase, TestCase

from uwsgid.config.settings import settings_of
from uwsgid.hooks import HookFailed, Phase, VassalFacts
from uwsgid.hooks.later import run_later
from uwsgid.host import Kernel
from uwsgid.testing import MemoryKernel, MemoryReactor


class PretendedTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.kernel = MemoryKernel(uid=0, gid=0, cwd="/")
        self.reactor = MemoryReactor()
        self.said: list[str] = []

    def run_phase(self, phase: Phase, config: str, **more: Any) -> Deferred[None]:
        return run_later(phase, settings_of(config), self.kernel, self.said.append, self.reactor, **more)

    def end_command(self, code: int, how: int = os.CLD_EXITED) -> None:
        (reader,) = self.reactor.readers
        pid = self.kernel.pidfds[reader.fileno()]
        self.kernel.ended[pid] = (how, code)
        reader.doRead()

    def test_order(self) -> None:
        """One action begins when the one before it is over; nobody waits for it."""
        over = self.run_phase(
            Phase.TOUCH, "hook-touch = /x exec:one\nhook-touch = /x print:two\nhook-touch = /x exec:three"
        )
        self.assertNoResult(over)
        self.assertEqual(self.kernel.calls[0], ("start_command", "/bin/sh", "one"))
        self.assertEqual(len(self.said), 1)
        self.end_command(0)
        self.assertEqual(self.said[2], "two")
        self.assertNoResult(over)
        self.end_command(1)
        self.successResultOf(over)
        self.assertIn('command "three" exited with non-zero code: 1', self.said[-1])
        self.assertEqual((self.reactor.readers, self.kernel.descriptors), ([], {}))

    def test_fatal(self) -> None:
        """What fails in a fatal phase ends the chain and tells whoever asked."""
        over = self.run_phase(
            Phase.MASTER_START, "hook-master-start = exec:one\nhook-master-start = print:never"
        )
        self.end_command(9, os.CLD_KILLED)
        failure = self.failureResultOf(over, HookFailed)
        self.assertIn('command "one" exited with non-zero code: 137', failure.getErrorMessage())
        self.assertEqual(len(self.said), 1)

    def test_vassal(self) -> None:
        """The command of an Emperor is told of the vassal."""
        self.run_phase(Phase.AS_EMPEROR, "exec-as-emperor = true", vassal=VassalFacts("a.ini", 5))
        self.assertIn("UWSGI_VASSAL_PID=5", self.kernel.calls[0])

    def test_no_shell(self) -> None:
        """A shell that can not be run, and a process that can not be watched, are failures."""
        self.kernel.fail("start_command", errno.EAGAIN)
        self.successResultOf(self.run_phase(Phase.EMPEROR_LOST, "hook-emperor-lost = exec:true"))
        self.assertIn("can not be run: Resource temporarily unavailable", self.said[-1])
        self.kernel.fail("pidfd_open", errno.EMFILE)
        self.successResultOf(self.run_phase(Phase.EMPEROR_LOST, "hook-emperor-lost = exec:true"))
        self.assertIn("Too many open files", self.said[-1])

    def test_waiting(self) -> None:
        """An action that waits is woken by the clock."""
        over = self.run_phase(
            Phase.EMPEROR_START, "hook-emperor-start = spinningfifo:/fifo go\nhook-emperor-start = print:on"
        )
        self.reactor.advance(1)
        self.assertNoResult(over)
        self.kernel.add_file("/fifo")
        self.reactor.advance(1)
        self.successResultOf(over)
        self.assertEqual(bytes(self.kernel.files["/fifo"].content), b"go")
        self.assertEqual(self.said[-1], "on")

    def test_exit(self) -> None:
        """An exit is up to whoever runs the process."""
        codes: list[int] = []
        config = "hook-touch = /x exit:7\nhook-touch = /x print:never"
        self.successResultOf(self.run_phase(Phase.TOUCH, config, leave=codes.append))
        self.assertEqual((codes, len(self.said)), ([7], 1))

    def test_nothing(self) -> None:
        """Where there is nothing to run it is over at once."""
        self.successResultOf(self.run_phase(Phase.AS_EMPEROR, ""))


class RealTests(TestCase):
    timeout = 20

    async def test_commands(self) -> None:
        """Real commands end in their order, and leave no zombie."""
        path = self.mktemp()
        said: list[str] = []
        await run_later(
            Phase.EMPEROR_STOP,
            settings_of(
                f"hook-emperor-stop = exec:sleep 0.1; echo $WHO >>{path}\n"
                f"hook-emperor-stop = exec:kill -9 $$\n"
                f"hook-emperor-stop = exec:echo two >>{path}"
            ),
            Kernel(),
            said.append,
            global_reactor,
            variables={"WHO": "one"},
        )
        with open(path) as written:
            self.assertEqual(written.read(), "one\ntwo\n")
        self.assertTrue(any("exited with non-zero code: 137" in line for line in said), said)
        self.assertEqual(Kernel.zombie_children(), [])

    async def test_sockets(self) -> None:
        """A socket is waited for without holding anybody up."""
        said: list[str] = []
        path = f"/tmp/uwsgid-{os.getpid()}.sock"
        over = run_later(
            Phase.EMPEROR_START,
            settings_of(f"hook-emperor-start = wait_for_socket:{path}\nhook-emperor-start = print:there"),
            Kernel(),
            said.append,
            global_reactor,
        )
        self.assertFalse(over.called)
        with socket.socket(socket.AF_UNIX) as listener:
            self.addCleanup(os.unlink, path)
            listener.bind(path)
            listener.listen(1)
            await over
        self.assertEqual(said[-1], "there")
