"""Limits and CPUs."""

from __future__ import annotations

import errno
import resource

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import KernelError
from uwsgid.host.limits import (
    Limits,
    affinity,
    apply_descriptors,
    apply_limits,
    apply_priority,
    keep_in_memory,
    merge_pages,
    open_more_files,
    pin_worker,
)
from uwsgid.testing import MemoryKernel


class Affinity(SynchronousTestCase):
    """Which worker runs where."""

    def test_round_the_machine_as_in_1_9_16(self) -> None:
        """Workers take CPUs one after the other and begin again."""
        self.assertEqual([affinity(w, 1, range(4)) for w in (1, 2, 4, 5)], [(0,), (1,), (3,), (0,)])
        self.assertEqual([affinity(w, 3, range(4)) for w in (1, 2, 3)], [(0, 1, 2), (3, 0, 1), (2, 3, 0)])

    def test_more_than_there_are(self) -> None:
        """Nobody gets a CPU twice."""
        self.assertEqual(affinity(1, 9, (0, 1)), (0, 1))
        self.assertEqual(affinity(1, 9, ()), ())

    def test_restricted_machine(self) -> None:
        """Only CPUs that the process may use are given out."""
        self.assertEqual(affinity(2, 1, (4, 6)), (6,))

    def test_pin(self) -> None:
        """The line is uWSGI's; without the option nothing happens."""
        kernel, said = MemoryKernel(), list[str]()
        pin_worker(kernel, Limits(), 1, said.append)
        pin_worker(kernel, Limits(cpu_affinity=2), 2, said.append)
        self.assertEqual(said, ["mapping worker 2 to CPUs: 2 3"])
        self.assertEqual(kernel.calls, [("sched_setaffinity", "2", "3")])


class Applying(SynchronousTestCase):
    """Limits are set and told."""

    def setUp(self) -> None:
        self.kernel = MemoryKernel(uid=0)
        self.kernel.limits = {
            resource.RLIMIT_NPROC: (500, 500),
            resource.RLIMIT_NOFILE: (1024, 4096),
        }
        self.said: list[str] = []

    def test_lines(self) -> None:
        """The lines are uWSGI's, in its order."""
        apply_limits(self.kernel, Limits(address_space=64 << 20, processes=50), self.said.append)
        self.assertEqual(
            self.said,
            [
                "your processes number limit is 500",
                "limiting number of processes to 50...",
                "your process address space limit is 67108864 bytes (64 MB)",
            ],
        )
        self.assertEqual(self.kernel.limits[resource.RLIMIT_NPROC], (50, 50))

    def test_nothing_asked(self) -> None:
        """Without options no limit is set."""
        apply_limits(self.kernel, Limits(), self.said.append)
        self.assertEqual((self.kernel.calls, len(self.said)), ([], 1))

    def test_max_fd(self) -> None:
        """max-fd moves the soft limit below the hard one, and both above it."""
        self.assertEqual(apply_descriptors(self.kernel, Limits(descriptors=2000), self.said.append), 2000)
        self.assertEqual(self.kernel.limits[resource.RLIMIT_NOFILE], (2000, 4096))
        apply_descriptors(self.kernel, Limits(descriptors=9000), self.said.append)
        self.assertEqual(self.kernel.limits[resource.RLIMIT_NOFILE], (9000, 9000))
        self.assertEqual(self.said[-1], "detected max file descriptor number: 9000")

    def test_more_files(self) -> None:
        """Whoever needs many descriptors takes what it may have; a refusal is no reason to end."""
        self.kernel.fail("setrlimit", errno.EPERM)
        open_more_files(self.kernel)
        self.assertEqual(self.kernel.limits[resource.RLIMIT_NOFILE], (1024, 4096))
        open_more_files(self.kernel)
        self.assertEqual(self.kernel.limits[resource.RLIMIT_NOFILE], (4096, 4096))

    def test_refused(self) -> None:
        """A refused limit is named with its option."""
        self.kernel.fail("setrlimit", errno.EPERM)
        error = self.assertRaises(
            KernelError, apply_limits, self.kernel, Limits(processes=9), self.said.append
        )
        self.assertEqual(str(error), "setrlimit(): Operation not permitted [limit-nproc 9]")

    def test_priority_and_swap(self) -> None:
        """prio and never-swap are calls; without them there is none."""
        for limits in (Limits(), Limits(priority=-5, never_swap=True)):
            apply_priority(self.kernel, limits)
            keep_in_memory(self.kernel, limits)
        self.assertEqual(self.kernel.calls, [("setpriority", "-5"), ("mlockall",)])


class Merging(SynchronousTestCase):
    """ksm is asked of the kernel once, and never a reason not to start."""

    def said(self, kernel: MemoryKernel, ksm: int = 1) -> list[str]:
        said: list[str] = []
        merge_pages(kernel, Limits(ksm=ksm), said.append)
        return said

    def test_off(self) -> None:
        """Without the option nothing happens."""
        kernel = MemoryKernel(uid=0)
        self.assertEqual((self.said(kernel, 0), kernel.calls), ([], []))

    def test_merging(self) -> None:
        """Where the kernel merges there is a line, and one that helps where it does not."""
        kernel = MemoryKernel(uid=0)
        self.assertEqual(
            self.said(kernel), ["ksm: the kernel merges nothing: write 1 to /sys/kernel/mm/ksm/run"]
        )
        kernel.add_file("/sys/kernel/mm/ksm/run", content=b"1\n")
        self.assertEqual(self.said(kernel), ["ksm: pages are merged"])
        self.assertEqual(kernel.calls, [("merge_memory",)] * 2)

    def test_refused(self) -> None:
        """An old kernel, or too little power, is told."""
        (line,) = self.said(MemoryKernel())
        self.assertIn("ksm: no page is merged: Operation not permitted", line)
