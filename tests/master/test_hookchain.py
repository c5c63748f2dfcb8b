"""The hooks of the master."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.master.hookchain import HookChain
from uwsgid.supervise.board import Board
from uwsgid.supervise.household import Household
from uwsgid.testing import MemoryKernel, MemoryReactor


class HookChainTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.kernel = MemoryKernel(cwd="/")
        self.reactor = MemoryReactor()
        self.said: list[str] = []
        self.codes: list[int] = []

    def chain(self, config: str) -> HookChain:
        house = Household(settings_of(config), self.kernel, self.said.append, Board(1), [], 1, 0.0)
        return HookChain(house, self.reactor, self.said.append, self.codes.append)

    def end_command(self, code: int) -> None:
        (reader,) = self.reactor.readers
        self.kernel.ended[self.kernel.pidfds[reader.fileno()]] = (os.CLD_EXITED, code)
        reader.doRead()

    def touch(self, path: str) -> None:
        self.kernel.clock += 1
        self.kernel.write_file(path, b"")

    def ran(self) -> list[str]:
        """What was printed since the last time."""
        found = [line for line in self.said if not line.startswith(("running", "unable"))]
        self.said.clear()
        return found

    def test_start(self) -> None:
        """What is wanted at the start is done beside everything else."""
        self.chain("hook-master-start = exec:true\nhook-master-start = print:ready").begin()
        self.assertEqual(self.ran(), [])
        self.end_command(0)
        self.assertEqual((self.ran(), self.codes), (["ready"], []))

    def test_failed_start(self) -> None:
        """A failure is the end of the instance, with code 1."""
        self.chain("hook-master-start = exec:false").begin()
        self.end_command(1)
        self.assertEqual(self.codes, [1])
        self.assertIn('hook-master-start: exec: command "false" exited', self.said[-2])
        self.assertEqual(self.said[-1], "FATAL hook failed, destroying instance")

    def test_exit(self) -> None:
        """An exit ends the instance with its code."""
        self.chain("hook-master-start = exit:7").begin()
        self.assertEqual(self.codes, [7])

    def test_touch(self) -> None:
        """A file that changes, vanishes or appears has its actions done."""
        self.kernel.add_file("/x")
        chain = self.chain("hook-touch = /x print:x\nhook-touch = /y print:y")
        self.assertEqual(
            self.said, ["unable to stat() /y, events will be triggered as soon as the file is created"]
        )
        chain.look()
        self.assertEqual(self.ran(), [])
        self.touch("/x")
        chain.look()
        self.assertEqual(self.ran(), ["x"])
        self.kernel.unlink("/x")
        self.touch("/y")
        chain.look()
        self.assertEqual(self.ran(), ["x"])
        chain.look()
        self.assertEqual(self.ran(), ["y"])
        chain.look()
        self.assertEqual(self.ran(), [])

    def test_one_file_for_two(self) -> None:
        """Two actions for one file are done one after the other, a look later."""
        self.kernel.add_file("/x")
        chain = self.chain("hook-touch = /x print:one\nhook-touch = /x print:two")
        self.touch("/x")
        chain.look()
        chain.look()
        chain.look()
        self.assertEqual(self.ran(), ["one", "two"])

    def test_patience(self) -> None:
        """While an action is in progress no other begins, and a failure stops nobody."""
        self.kernel.add_file("/x")
        chain = self.chain("hook-touch = /x exec:make\nhook-touch = /x print:made")
        self.touch("/x")
        chain.look()
        chain.look()
        self.assertEqual(len(self.reactor.readers), 1)
        self.assertEqual(self.ran(), [])
        self.end_command(2)
        self.assertIn('command "make" exited with non-zero code: 2', self.said[-1])
        self.said.clear()
        chain.look()
        self.assertEqual((self.ran(), self.codes), (["made"], []))
