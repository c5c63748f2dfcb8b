"""Sizes and names."""

from __future__ import annotations

import os
import platform

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.host import facts


class Sizes(SynchronousTestCase):
    """Memory of processes."""

    def test_own(self) -> None:
        """The probe and the look from outside agree, and private memory is a part of it."""
        probe = facts.MemoryProbe()
        self.addCleanup(probe.close)
        mine, outside = probe.read(), facts.memory_of(os.getpid())
        self.assertGreater(mine.vsz, mine.rss)
        self.assertLess(abs(mine.rss - outside.rss), mine.rss)
        self.assertTrue(0 < facts.uss_of(os.getpid()) <= 2 * mine.rss)

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
        self.assertEqual((facts.memory_of(pid), facts.uss_of(pid)), (facts.Memory(), 0))


class Banner(SynchronousTestCase):
    """Lines about the machine."""

    def test_lines(self) -> None:
        """They are uWSGI's."""
        lines = facts.machine_lines()
        self.assertTrue(lines[0].startswith(f"os: Linux-{platform.release()}"))
        self.assertEqual(lines[1], f"nodename: {facts.hostname()}")
        self.assertEqual(facts.cpu_line(), f"detected number of CPU cores: {facts.cpu_count()}")
        self.assertEqual(facts.page_line(), f"your memory page size is {facts.PAGE} bytes")
