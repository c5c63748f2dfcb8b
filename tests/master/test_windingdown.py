"""The end of an instance."""

from __future__ import annotations

import errno
import signal

from tests.master.support import InstanceCase
from uwsgid.supervise.exits import Exit
from uwsgid.testing.nursery import MemoryChild


class Stopping(InstanceCase):
    """The end, by whatever way."""

    def test_gracefully(self) -> None:
        """Workers are told, then zygote and seeds, and the end is told once."""
        self.begin()
        self.nursery.leaves = False
        self.workforce.stop(gracefully=True)
        self.run_for(5)
        told = [child for child in self.nursery.living() if child.told]
        self.assertEqual([child.role for child in told], ["worker", "worker"])
        self.assertEqual([child.signals for child in told], [[], []])
        self.nursery.leaves = True
        for child in told:
            child.exit(Exit.END)
        self.run_for(5)
        self.assertEqual((self.codes, self.nursery.living()), ([0], []))
        self.assertLogged("worker 1 buried after 5 seconds")
        self.assertEqual(self.nursery.reactor.getDelayedCalls(), [])

    def test_brutally(self) -> None:
        """Workers get INT."""
        self.begin()
        workers = self.nursery.living("worker")
        self.workforce.stop(gracefully=False, code=3)
        self.assertEqual([worker.signals for worker in workers], [[signal.SIGINT]] * 2)
        self.run_for(2)
        self.assertEqual((self.codes, self.nursery.living()), ([3], []))

    def test_brutally_after_gracefully(self) -> None:
        """A second, brutal order hastens the first; the exit code stays."""
        self.begin()
        self.nursery.leaves = False
        self.workforce.stop(gracefully=True)
        self.run_for(1)
        self.nursery.leaves = True
        self.workforce.stop(gracefully=False, code=9)
        self.run_for(2)
        self.assertEqual(self.codes, [0])

    def stop_without_the_zygote(self) -> MemoryChild:
        """Stop; the worker leaves and the zygote does not."""
        self.begin("processes = 1")
        zygote = self.nursery.zygote()
        self.nursery.leaves = False
        self.workforce.stop(gracefully=True)
        self.nursery.worker(1).exit(Exit.END)
        return zygote

    def test_seeds_last(self) -> None:
        """The seeds are told to go when everybody else is gone."""
        zygote = self.stop_without_the_zygote()
        self.run_for(0.1)
        self.assertTrue(zygote.told)
        self.assertEqual([seed.told for seed in self.nursery.living("seed")], [False, False])
        zygote.exit()
        self.run_for(0.1)
        self.assertEqual([seed.told for seed in self.nursery.living("seed")], [True, True])

    def test_a_zygote_that_is_root(self) -> None:
        """Whom the master may not signal, a seed does."""
        zygote = self.stop_without_the_zygote()
        self.run_for(0.1)
        self.nursery.kernel.fail("pidfd_send_signal", errno.EPERM)
        self.run_for(5)
        self.assertEqual((zygote.signals, self.codes), ([signal.SIGKILL], [0]))
        self.assertFalse([line for line in self.lines if "can not be signalled" in line])

    def test_deaf_zygote(self) -> None:
        """A zygote that does not hear is killed."""
        zygote = self.stop_without_the_zygote()
        self.run_for(0.5)
        self.assertTrue(zygote.alive)
        self.run_for(2)
        self.assertEqual((zygote.signals, self.codes), ([signal.SIGKILL], [0]))

    def test_during_a_reload(self) -> None:
        """Both generations go, and nobody is born any more."""
        self.begin()
        self.nursery.gets_ready = False
        self.workforce.reload()
        self.run_for()
        self.assertEqual(self.staff(), {1: [1, 2], 2: [1, 2]})
        self.workforce.stop(gracefully=True)
        self.run_for(3)
        self.assertEqual((self.codes, self.nursery.living()), ([0], []))

    def test_while_resting(self) -> None:
        """Nobody wakes up after a stop."""
        self.prepare("processes = 1")
        self.nursery.gets_ready = False
        self.start()
        for _ in range(2):
            self.nursery.worker(1).die(signal.SIGSEGV)
            self.run_for()
        self.workforce.stop(gracefully=True)
        self.run_for(10)
        self.assertEqual((self.codes, self.nursery.living()), ([0], []))

    def test_with_births_on_the_way(self) -> None:
        """A worker that nobody ever bears holds the end up for some seconds only."""
        self.begin("processes = 1")
        self.nursery.bears = False
        self.nursery.worker(1).die(signal.SIGKILL)
        self.run_for()
        self.nursery.leaves = False
        self.workforce.stop(gracefully=True)
        self.run_for(15)
        self.assertEqual((self.codes, self.nursery.living()), ([0], []))

    def stop_during_the_first_birth(self, *, gracefully: bool) -> MemoryChild:
        """Stop while the first worker is on its way; the zygote that bears it."""
        self.prepare("processes = 1")
        self.nursery.loads = False
        self.start()
        self.nursery.bears = self.nursery.leaves = False
        zygote = self.nursery.zygote()
        zygote.load()
        self.run_for()
        self.workforce.stop(gracefully=gracefully)
        self.run_for(3)
        self.assertEqual((len(zygote.orders), zygote.told, zygote.signals), (1, False, []))
        return zygote

    def test_during_the_first_birth(self) -> None:
        """The stop waits for a newborn, which finds the word to leave and is buried like any other."""
        newborn = self.stop_during_the_first_birth(gracefully=True).deliver()
        self.run_for(20)
        self.assertLogged("spawned uWSGI worker 1")
        self.assertEqual((newborn.told, newborn.signals, self.codes), (True, [], []))
        self.nursery.leaves = True
        newborn.exit(Exit.END)
        self.run_for(5)
        self.assertLogged("worker 1 buried after 23 seconds")
        self.assertEqual((self.codes, self.nursery.living()), ([0], []))
        self.assertEqual(self.nursery.reactor.getDelayedCalls(), [])

    def test_brutally_during_the_first_birth(self) -> None:
        """A newborn that is to end at once is told so by the signal that the others got."""
        newborn = self.stop_during_the_first_birth(gracefully=False).deliver()
        self.run_for()
        self.assertEqual(newborn.signals, [signal.SIGINT])
        self.nursery.leaves = True
        newborn.exit(Exit.END)
        self.run_for(5)
        self.assertLogged("worker 1 buried after 3 seconds")
        self.assertEqual((self.codes, self.nursery.living()), ([0], []))

    def test_hastened_during_the_first_birth(self) -> None:
        """Also where the stop was a graceful one at first."""
        zygote = self.stop_during_the_first_birth(gracefully=True)
        self.workforce.stop(gracefully=False)
        newborn = zygote.deliver()
        self.run_for()
        self.assertEqual(newborn.signals, [signal.SIGINT])

    def test_a_newborn_that_only_tells_itself(self) -> None:
        """A newborn whose zygote dies without having told of it tells of itself, and is awaited."""
        zygote = self.stop_during_the_first_birth(gracefully=True)
        self.nursery.gets_ready = False
        newborn = zygote.deliver(tell=False)
        zygote.die(signal.SIGKILL)
        self.run_for(3)
        self.assertEqual((newborn.alive, self.codes), (True, []))
        newborn.get_ready()
        self.run_for()
        self.assertLogged("spawned uWSGI worker 1")
        newborn.exit(Exit.END)
        self.nursery.leaves = True
        self.run_for(5)
        self.assertLogged("worker 1 buried after 6 seconds")
        self.assertEqual((self.codes, self.nursery.living()), ([0], []))

    def test_before_the_start(self) -> None:
        """An instance that never began ends at once."""
        self.prepare()
        self.workforce.stop(gracefully=True)
        self.assertEqual(self.codes, [0])

    def test_orders_after_a_stop_change_nothing(self) -> None:
        """Reload, more, fewer and want are not heard any more."""
        self.begin()
        self.nursery.leaves = False
        self.workforce.stop(gracefully=True)
        self.workforce.reload()
        self.workforce.want((1, 2))
        self.assertFalse(self.workforce.more() or self.workforce.fewer())
        self.assertIsNone(self.workforce.turnover)
        self.assertEqual(self.workforce.wanted, set())
