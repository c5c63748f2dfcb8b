"""Shared memory."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import InternalError
from uwsgid.host.memory import SharedMap, room_for


class Columns(SynchronousTestCase):
    """What a map gives out."""

    def test_types_and_zeros(self) -> None:
        """Each column has its type and begins at zero."""
        shared = SharedMap(room_for((2, 8), (2, 8), (2, 8), (3, 1)))
        self.addCleanup(shared.close)
        counters, integers = shared.counters(2), shared.integers(2)
        floats, octets = shared.floats(2), shared.octets(3)
        self.assertEqual([list(counters), list(integers), list(floats)], [[0, 0], [0, 0], [0.0, 0.0]])
        counters[0], integers[0], floats[0], octets[2] = 2**64 - 1, -(2**63), 0.5, 255
        self.assertEqual((counters[0], integers[0], floats[0]), (2**64 - 1, -(2**63), 0.5))
        self.assertEqual((counters[1], integers[1], floats[1]), (0, 0, 0.0))

    def test_alignment(self) -> None:
        """A column after odd bytes begins at a multiple of eight."""
        shared = SharedMap(64)
        self.addCleanup(shared.close)
        before = shared.free
        shared.octets(3)
        self.assertEqual(before - shared.free, 8)
        self.assertEqual(room_for((3, 1), (1, 8)), 16)

    def test_too_small(self) -> None:
        """Asking for more than there is, is our own mistake."""
        shared = SharedMap(1)
        self.addCleanup(shared.close)
        self.assertRaises(InternalError, shared.counters, shared.size // 8 + 1)

    def test_children_write(self) -> None:
        """What a child writes, its parent reads."""
        shared = SharedMap(16)
        self.addCleanup(shared.close)
        cells = shared.counters(2)
        pid = os.fork()
        if pid == 0:
            cells[1] = 4711
            os._exit(0)
        os.waitpid(pid, 0)
        self.assertEqual(list(cells), [0, 4711])
