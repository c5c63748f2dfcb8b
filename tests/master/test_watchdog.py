"""Ending workers that never come back."""

from __future__ import annotations

import os
import signal

from tests.master.support import InstanceCase
from uwsgid.host.facts import Memory
from uwsgid.master.watchdog import Watchdog
from uwsgid.testing import MemoryChild


class WatchdogCase(InstanceCase):
    """An instance whose watchdog looks once a second, as the master's does."""

    def watch(self, config: str) -> None:
        self.begin(config)
        self.queue = 0
        self.sizes: dict[int, Memory] = {}
        self.watchdog = Watchdog(
            self.house,
            self.workforce,
            self.nursery.reactor,
            self.lines.append,
            lambda: self.queue,
            self.nursery.reactor.seconds,
            lambda pid: self.sizes.get(pid, Memory()),
        )
        self.logged()

    def seconds(self, count: int) -> None:
        """Time passes, and the watchdog looks after each second."""
        for _ in range(count):
            self.run_for(1)
            self.watchdog.look()

    def busy(self, child: MemoryChild, seconds: float, core: int = 0) -> None:
        """A request begins that may take so long."""
        index = child.seat * self.house.board.cores + core
        self.house.board.in_request[index] += 1
        self.house.board.started[index] = 1.0
        self.house.board.deadline[index] = self.nursery.reactor.seconds() + seconds


class HarakiriTests(WatchdogCase):
    def test_between_one_and_two_seconds_late(self) -> None:
        """The worker is asked for its stack within a second of the deadline and killed a second later."""
        for offset in (0.0, 0.3, 0.9):
            self.watch("processes = 2\nharakiri = 5")
            self.run_for(offset)
            victim = self.nursery.worker(1)
            self.busy(victim, 5)
            began = self.nursery.reactor.seconds()
            asked = None
            while victim.alive:
                self.run_for(1 - self.nursery.reactor.seconds() % 1)
                self.watchdog.look()
                if asked is None and victim.signals:
                    asked = self.nursery.reactor.seconds() - began
            self.assertEqual(victim.signals, [signal.SIGUSR2, signal.SIGKILL])
            assert asked is not None
            self.assertTrue(5 < asked <= 6, asked)
            self.assertTrue(6 < self.nursery.reactor.seconds() - began <= 7.01)

    def test_lines(self) -> None:
        """The log says who, what and for how long, then the death, then the successor."""
        self.watch("processes = 1\nharakiri = 1")
        victim = self.nursery.worker(1)
        self.busy(victim, 1)
        self.house.board.requests[victim.seat] = 1
        self.seconds(4)
        lines = self.logged()
        self.assertEqual(lines[0], f"*** HARAKIRI ON WORKER 1 (pid: {victim.pid}, try: 1, graceful: no) ***")
        self.assertIn(
            f"HARAKIRI: --- uWSGI worker 1 (pid: {victim.pid}) WAS managing request (unknown) since ",
            lines[1],
        )
        self.assertIn("died, killed by signal 9", lines[2])
        self.assertIn("Respawned uWSGI worker 1", lines[3])
        self.assertEqual(len(lines), 4)
        self.assertEqual(list(self.house.board.harakiris), [1])

    def test_core(self) -> None:
        """With threads the core is named."""
        self.watch("processes = 1\nthreads = 4\nharakiri = 1")
        self.busy(self.nursery.worker(1), 1, core=2)
        self.seconds(2)
        self.assertLogged("uWSGI worker 1 core 2 (pid: ")

    def test_in_time(self) -> None:
        """Who comes back in time lives."""
        self.watch("processes = 1\nharakiri = 5")
        victim = self.nursery.worker(1)
        self.busy(victim, 5)
        self.seconds(5)
        self.house.board.deadline[victim.seat] = 0.0
        self.seconds(5)
        self.assertEqual(victim.signals, [])

    def test_graceful(self) -> None:
        """First the signal that the configuration names, the kill after its time."""
        self.watch(
            "processes = 1\nharakiri = 1\nharakiri-graceful-timeout = 3\nharakiri-graceful-signal = 10"
        )
        victim = self.nursery.worker(1)
        self.busy(victim, 1)
        self.seconds(2)
        self.assertLogged("graceful: yes")
        self.assertEqual(victim.signals, [signal.SIGUSR2, signal.SIGUSR1])
        self.seconds(2)
        self.assertTrue(victim.alive)
        self.seconds(1)
        self.assertEqual(victim.signals[2:], [signal.SIGKILL])

    def test_graceful_death(self) -> None:
        """A worker that ends at the graceful signal is not killed, nor is its successor."""
        self.watch("processes = 1\nharakiri = 1\nharakiri-graceful-timeout = 3")
        victim = self.nursery.worker(1)
        self.busy(victim, 1)
        self.seconds(2)
        self.assertEqual((victim.alive, victim.signals), (False, [signal.SIGUSR2, signal.SIGTERM]))
        self.seconds(5)
        self.assertEqual(self.nursery.worker(1).signals, [])

    def test_queue(self) -> None:
        """With a threshold, only when more wait in the queue."""
        self.watch("processes = 1\nharakiri = 1\nharakiri-queue-threshold = 3")
        victim = self.nursery.worker(1)
        self.busy(victim, 1)
        self.queue = 3
        self.seconds(5)
        self.assertTrue(victim.alive)
        self.queue = 4
        self.seconds(2)
        self.assertFalse(victim.alive)

    def test_verbose(self) -> None:
        """harakiri-verbose tells the system call, or why it can not be told."""
        self.watch("processes = 1\nharakiri = 1\nharakiri-verbose")
        child = next(child for child in self.workforce.workers())
        self.busy(self.nursery.worker(1), 1)
        child.pid = os.getpid()
        self.seconds(2)
        self.assertLogged("HARAKIRI: -- syscall> ")
        self.assertLogged("HARAKIRI: -- wchan> ")

    def test_nobody_there(self) -> None:
        """A process without a file in /proc is no reason to fail."""
        self.watch("processes = 1\nharakiri = 1\nharakiri-verbose")
        next(child for child in self.workforce.workers()).pid = 2**22 + 1
        self.busy(self.nursery.worker(1), 1)
        self.seconds(2)
        self.assertLogged("HARAKIRI: -- wchan> (No such file or directory)")


class Sizes(WatchdogCase):
    def test_evil_behind_a_foreign_proc(self) -> None:
        """Where the master can not see how large a worker is, what the worker found itself counts."""
        self.watch("processes = 1\nevil-reload-on-rss = 2")
        victim = self.nursery.worker(1)
        self.seconds(1)
        self.assertTrue(victim.alive)
        self.house.board.rss[victim.seat] = 2 << 20
        self.seconds(1)
        self.assertEqual(victim.signals, [signal.SIGKILL])

    def test_evil(self) -> None:
        """A worker that is too large is killed at once, in the middle of a request, and replaced."""
        for option, what, size in (
            ("evil-reload-on-rss", "RSS", Memory(rss=2 << 20, vsz=0)),
            ("evil-reload-on-as", "ADDRESS SPACE", Memory(rss=0, vsz=2 << 20)),
        ):
            self.watch(f"processes = 1\n{option} = 2")
            victim = self.nursery.worker(1)
            self.seconds(1)
            self.assertTrue(victim.alive)
            self.sizes[victim.pid] = size
            self.seconds(1)
            self.run_for(1)
            self.assertEqual(victim.signals, [signal.SIGKILL])
            self.assertNotEqual(self.nursery.worker(1), victim)
            self.assertEqual(
                self.logged()[:2],
                [
                    f"*** EVIL RELOAD ON WORKER 1 {what}: {2 << 20} (pid: {victim.pid}) ***",
                    f"DAMN ! worker 1 (pid: {victim.pid}) died, killed by signal 9 :( trying respawn ...",
                ],
            )

    def test_small(self) -> None:
        """One byte less is small enough."""
        self.watch("processes = 1\nevil-reload-on-rss = 2")
        victim = self.nursery.worker(1)
        self.sizes[victim.pid] = Memory(rss=(2 << 20) - 1, vsz=1 << 40)
        self.seconds(3)
        self.assertTrue(victim.alive)

    def test_not_asked(self) -> None:
        """Without an option nobody measures."""
        self.watch("processes = 1")

        def never(pid: int) -> Memory:
            raise AssertionError("measured")

        self.patch(self.watchdog, "_memory_of", never)
        self.seconds(2)


class Ages(WatchdogCase):
    def test_lifetime(self) -> None:
        """A worker that is older than its limit is replaced; limits differ by the delta."""
        self.watch("processes = 2\nmax-worker-lifetime = 20\nmax-worker-lifetime-delta = 10")
        one, two = self.nursery.worker(1), self.nursery.worker(2)
        self.seconds(20)
        self.assertFalse(one.told)
        self.seconds(1)
        self.run_for()
        self.assertEqual((one.alive, two.alive), (False, True))
        self.assertLogged("worker 1 lifetime reached, it was running for 21 second(s)")
        self.assertEqual([line for line in self.lines if "killed successfully" in line], [])
        self.seconds(10)
        self.run_for()
        self.assertFalse(two.alive)
        self.assertEqual(self.staff(), {1: [1], 2: [1]})

    def test_busy_and_old(self) -> None:
        """The successor does not wait for the last request of an old worker."""
        self.watch("processes = 1\nmax-worker-lifetime = 20")
        self.nursery.leaves = False
        self.seconds(22)
        self.run_for()
        self.assertEqual(len(self.nursery.living("worker")), 2)
        self.assertEqual([line for line in self.logged() if "lifetime reached" in line].__len__(), 1)


class Mercy(WatchdogCase):
    def test_too_long(self) -> None:
        """Whoever takes longer than the mercy to leave is killed, and that is said once."""
        self.watch("processes = 1\nworker-reload-mercy = 5")
        self.nursery.leaves = False
        old = self.nursery.worker(1)
        self.workforce.replace_workers()
        self.seconds(5)
        self.assertTrue(old.alive)
        self.seconds(1)
        self.run_for(1)
        self.assertEqual(old.signals, [signal.SIGKILL])
        self.assertLogged(f"worker 1 (pid: {old.pid}) is taking too much time to die...NO MERCY !!!")
        self.assertLogged(f"worker 1 killed successfully (pid: {old.pid})")

    def test_at_a_stop(self) -> None:
        """A stop ends after the mercy at the latest."""
        self.watch("processes = 2\nreload-mercy = 3")
        self.nursery.leaves = False
        self.workforce.stop(gracefully=True)
        self.seconds(6)
        self.assertEqual(self.codes, [0])

    def test_said_once(self) -> None:
        """A process that does not even die is not killed every second."""
        self.watch("processes = 1\nworker-reload-mercy = 2")
        self.nursery.leaves = False
        self.nursery.kernel.signalled = lambda pid, number: None
        self.workforce.replace_workers()
        self.seconds(6)
        self.assertEqual(len([line for line in self.lines if "NO MERCY" in line]), 1)
