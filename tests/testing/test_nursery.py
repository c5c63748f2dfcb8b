"""Children that are no processes behave like those that are."""

from __future__ import annotations

import signal
import socket

from twisted.internet.interfaces import IReactorFDSet
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from uwsgid.errors import InternalError
from uwsgid.supervise.board import Board, Phase
from uwsgid.supervise.channel import Channel
from uwsgid.testing import MemoryNursery, MemoryReactor
from uwsgid.wire.control import Fork, Leave, Loaded, Ready, Record


class Reactors(SynchronousTestCase):
    def test_interface(self) -> None:
        """It can stand wherever a reactor watches descriptors."""
        verifyObject(IReactorFDSet, MemoryReactor())

    def test_nobody(self) -> None:
        """Nobody to read is nothing done; writers are not for this reactor."""
        reactor = MemoryReactor()
        self.assertFalse(reactor.poll())
        self.assertEqual((reactor.getWriters(), reactor.removeAll()), ([], []))
        self.assertRaises(NotImplementedError, reactor.addWriter, None)


class Nurseries(SynchronousTestCase):
    def setUp(self) -> None:
        self.board = Board(1)
        self.nursery = MemoryNursery(self.board)
        self.addCleanup(self.nursery.close)
        self.heard: list[Record] = []
        sock, self.pid = self.nursery.seed()
        self.channel = Channel(self.nursery.reactor, sock, self.heard.append, lambda: None)

    def test_births(self) -> None:
        """A seed bears what it is asked for, and the newborn says that it is ready and sits on the board."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, ours:
            self.channel.say(Fork(7, "worker", 1, 2, 3), (theirs.fileno(),))
            self.nursery.run()
            worker = self.nursery.worker(1)
            self.assertEqual((worker.seat, worker.generation, self.board.phase[2]), (2, 3, Phase.READY))
            self.assertEqual(ours.recv(100), Ready(worker.pid).pack())
            self.assertEqual(self.nursery.living(), [self.nursery.children[0], worker])

    def test_leaving(self) -> None:
        """Whoever is told to leave leaves, unless the nursery says otherwise."""
        self.nursery.leaves = False
        self.channel.say(Leave("one"))
        self.nursery.run()
        seed = self.nursery.living("seed")[0]
        self.assertTrue(seed.told)
        self.nursery.leaves = True
        self.channel.say(Leave("two"))
        self.nursery.run()
        self.assertEqual(self.nursery.living(), [])
        self.assertRaises(InternalError, seed.die, signal.SIGKILL)

    def test_orphans(self) -> None:
        """The end of the talk is the end of the child."""
        self.channel.close()
        self.nursery.run()
        self.assertEqual(self.nursery.living(), [])

    def test_signals(self) -> None:
        """KILL always ends, whoever has ended gets no signal."""
        kernel = self.nursery.kernel
        watch = kernel.pidfd_open(self.pid)
        kernel.pidfd_send_signal(watch, signal.SIGUSR1)
        self.assertTrue(self.nursery.living())
        kernel.pidfd_send_signal(watch, signal.SIGKILL)
        self.assertRaises(ProcessLookupError, kernel.pidfd_send_signal, watch, signal.SIGUSR1)
        self.assertEqual(self.nursery.children[0].signals, [signal.SIGUSR1, signal.SIGKILL])
        kernel.close(watch)
        self.assertRaises(ProcessLookupError, kernel.pidfd_open, 99)

    def test_words(self) -> None:
        """A zygote says what became of its loading."""
        seed = self.nursery.living("seed")[0]
        seed.load(failed=2)
        self.nursery.run()
        self.assertEqual(self.heard, [Ready(self.pid), Loaded(1, 2)])

    def test_time(self) -> None:
        """Time passes from call to call."""
        calls: list[float] = []
        reactor = self.nursery.reactor
        reactor.callLater(1, lambda: reactor.callLater(1, lambda: calls.append(reactor.seconds())))
        self.nursery.run(1.5)
        self.assertEqual((calls, reactor.seconds()), ([], 1.5))
        self.nursery.run(1)
        self.assertEqual(calls, [2.0])
