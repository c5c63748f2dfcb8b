"""The backlogs of the sockets."""

from __future__ import annotations

import socket
from typing import cast

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.host import Listener
from uwsgid.master.queues import Queues
from uwsgid.testing import MemoryKernel


class _Door:
    def __init__(self, fd: int) -> None:
        self.fd, self.name = fd, f"door {fd}"


class QueuesTests(SynchronousTestCase):
    def test_full(self) -> None:
        """A full queue is said at each look, with the numbers; the longest is remembered."""
        kernel, lines = MemoryKernel(), list[str]()
        for fd, queued in ((3, 2), (4, 100)):
            kernel.add_listener(fd, socket.AF_UNIX, f"/{fd}").queued = queued
        doors = cast("list[Listener]", [_Door(3), _Door(4)])
        full: list[tuple[Listener, int, int]] = []
        queues = Queues(kernel, doors, lines.append, lambda *facts: full.append(facts))
        self.assertEqual(queues.lengths(), [(2, 100), (100, 100)])
        queues.look()
        queues.look()
        self.assertEqual((queues.longest, queues.errors), (100, 2))
        self.assertEqual(
            lines, ['*** uWSGI listen queue of socket "door 4" (fd: 4) full !!! (100/100) ***'] * 2
        )
        self.assertEqual(full, [(doors[1], 100, 100)] * 2)

    def test_unknown(self) -> None:
        """A queue whose length nobody knows is not full, and no socket is no queue."""
        kernel, lines = MemoryKernel(), list[str]()
        Queues(kernel, cast("list[Listener]", [_Door(9)]), lines.append).look()
        queues = Queues(kernel, (), lines.append)
        queues.look()
        self.assertEqual((lines, queues.longest), ([], 0))
