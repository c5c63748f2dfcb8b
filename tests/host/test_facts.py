"""Sizes of processes."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.host import facts


class Sizes(SynchronousTestCase):
    """Memory of processes."""

    def test_own(self) -> None:
        """The probe and the look from outside agree."""
        probe = facts.MemoryProbe()
        self.addCleanup(probe.close)
        mine, outside = probe.read(), facts.memory_of(os.getpid())
        self.assertGreater(mine.vsz, mine.rss)
        self.assertLess(abs(mine.rss - outside.rss), mine.rss)

    def test_growth(self) -> None:
        """Memory that is used shows."""
        probe = facts.MemoryProbe()
        before = probe.read().rss
        ballast = bytearray(b"x" * (32 << 20))
        self.assertGreater(probe.read().rss - before, 16 << 20)
        del ballast
        probe.close()
        self.assertEqual(probe.read(), facts.Memory())

    def test_gone(self) -> None:
        """A process that is gone has no size."""
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        self.assertEqual(facts.memory_of(pid), facts.Memory())

    def test_foreign_proc(self) -> None:
        """Where /proc numbers processes otherwise, nobody's size is taken for that of another one."""
        self.assertTrue(facts.is_proc_ours())
        self.patch(os, "readlink", lambda path: "4711")
        self.assertEqual(facts.memory_of(os.getpid()), facts.Memory())
