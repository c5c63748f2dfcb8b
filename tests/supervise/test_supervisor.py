"""Having children, and keeping account of them."""

from __future__ import annotations

import os
import signal
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import KernelError
from uwsgid.host.children import ExitStatus
from uwsgid.supervise.child import Child
from uwsgid.supervise.hatch import guest_at
from uwsgid.supervise.supervisor import Supervisor
from uwsgid.testing import MemoryNursery
from uwsgid.wire.control import Ask, Born, Failed, Record


class Accounts(SynchronousTestCase):
    def setUp(self) -> None:
        self.nursery = MemoryNursery()
        self.addCleanup(self.nursery.close)
        self.nursery.loads = False
        self.supervisor = Supervisor(self.nursery.reactor, self.nursery.kernel)
        self.diary: list[str] = []
        self.seed = self.supervisor.adopt(self, *self.nursery.seed(), "seed")
        self.nursery.run()
        self.diary.clear()

    def child_born(self, child: Child) -> None:
        self.diary.append(f"{child.role} born")

    def child_ready(self, child: Child) -> None:
        self.diary.append(f"{child.role} ready")

    def child_said(self, child: Child, record: Record) -> None:
        self.diary.append(f"{child.role} said {record!r}")

    def child_ended(self, child: Child, status: ExitStatus | None) -> None:
        self.assertNotIn(child, self.supervisor.children)
        self.diary.append(f"{child.role} {'not born' if status is None else status}")

    def have(self) -> Child:
        return self.supervisor.have(self, self.seed, "worker", slot=2, seat=3, generation=4)

    def test_birth(self) -> None:
        """A child is asked for with its slot, seat and generation, born and watched."""
        child = self.have()
        self.assertTrue(self.supervisor.expecting)
        self.assertEqual(self.supervisor.children, [self.seed, child])
        self.nursery.run()
        self.assertEqual(self.diary, ["worker born", "worker ready"])
        born = self.nursery.worker(2)
        self.assertEqual((born.seat, born.generation), (3, 4))
        self.assertEqual(self.supervisor.known_pids(), {self.seed.pid, child.pid})
        self.assertFalse(self.supervisor.expecting)
        born.die(signal.SIGSEGV)
        self.nursery.run()
        self.assertEqual(self.diary[2:], ["worker exited by signal 11"])
        self.assertEqual(self.supervisor.children, [self.seed])

    def test_hatch(self) -> None:
        """A child may have a way in for guests, which closes when it ends; others have none."""
        self.assertIsNone(self.have().hatch)
        child = self.supervisor.have(self, self.seed, "worker", slot=1, seat=1, generation=4, hatch=True)
        self.nursery.run()
        born = self.nursery.worker(1)
        assert child.hatch is not None
        assert born.hatch is not None
        guest = child.hatch.guest("who")
        self.addCleanup(guest.close)
        found = guest_at(born.hatch)
        assert found is not None
        self.addCleanup(found[1].close)
        self.assertEqual(found[0], "who")
        born.die(signal.SIGKILL)
        self.nursery.run()
        guest.settimeout(30)
        self.assertEqual(guest.recv(1), b"")
        self.assertRaises(KernelError, child.hatch.guest, "who")

    def test_no_descriptor_for_a_hatch(self) -> None:
        """Nothing is left behind where it can not be made."""

        def refuse() -> None:
            raise OSError(24, "Too many open files")

        before, readers = os.listdir("/proc/self/fd"), self.nursery.reactor.getReaders()
        with patch("uwsgid.supervise.supervisor.Hatch", refuse):
            self.assertRaises(
                OSError, self.supervisor.have, self, self.seed, "worker", slot=1, seat=1, hatch=True
            )
        self.assertEqual(len(os.listdir("/proc/self/fd")), len(before))
        self.assertEqual(
            (self.supervisor.children, self.nursery.reactor.getReaders()), ([self.seed], readers)
        )

    def test_failure(self) -> None:
        """A birth that its server refuses is told to the parent of the child."""
        self.nursery.bears, self.nursery.refuses = False, True
        self.have()
        self.nursery.run()
        self.assertEqual((self.diary, self.supervisor.expecting), (["worker not born"], False))

    def test_order_to_nobody(self) -> None:
        """A server that is gone bears nobody; that is told after the call, never during it."""
        self.nursery.living("seed")[0].die(signal.SIGKILL)
        self.have()
        self.assertEqual(self.diary, [])
        self.nursery.run()
        self.assertEqual(sorted(self.diary), ["seed exited by signal 9", "worker not born"])

    def test_several_orders(self) -> None:
        """Answers find their child by ticket, in whatever order they come."""
        self.nursery.bears = False
        self.have()
        second = self.have()
        self.nursery.run()
        server = self.nursery.living("seed")[0]
        server.orders.reverse()
        born = server.deliver()
        self.nursery.run()
        self.assertEqual(second.pid, born.pid)

    def test_unknown_answers(self) -> None:
        """An answer to a ticket that nobody holds is swallowed; other words are told on."""
        server = self.nursery.living("seed")[0]
        for record in (Born(99, 1), Failed(98, "no"), Ask("stop")):
            server.say(record)
        self.nursery.run()
        self.assertEqual(self.diary, [f"seed said {Ask('stop')!r}"])

    def test_answer_and_end_together(self) -> None:
        """A server that answers and dies at once has its answer heard."""
        self.nursery.bears = self.nursery.gets_ready = False
        child = self.have()
        self.nursery.run()
        server = self.nursery.living("seed")[0]
        born = server.deliver()
        server.die(signal.SIGKILL)
        readers = self.nursery.reactor.readers
        readers.sort(key=lambda reader: reader.logPrefix() == "control")
        self.nursery.run()
        self.assertEqual((child.pid, self.diary), (born.pid, ["worker born", "seed exited by signal 9"]))

    def test_server_dies_with_orders(self) -> None:
        """What was asked of a server that is gone is not born, unless it was forked already."""
        self.nursery.bears = self.nursery.gets_ready = False
        first, second = self.have(), self.have()
        self.nursery.run()
        server = self.nursery.living("seed")[0]
        born = server.deliver(tell=False)
        server.die(signal.SIGKILL)
        self.nursery.run()
        self.assertEqual(sorted(self.diary), ["seed exited by signal 9", "worker not born"])
        self.assertTrue(second.gone)
        self.assertTrue(self.supervisor.expecting)
        born.get_ready()
        self.nursery.run()
        self.assertEqual((first.pid, self.supervisor.expecting), (born.pid, False))
