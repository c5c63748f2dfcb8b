"""A vassal and its emperor, which the test plays."""

from __future__ import annotations

import socket
from typing import Any, cast

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.hooks.phases import Phase
from uwsgid.master.loyalty import Loyalty
from uwsgid.master.workforce import READY
from uwsgid.supervise.child import Child
from uwsgid.testing.nursery import MemoryReactor
from uwsgid.wire.control import AWAKE, BUSY, LOYAL, Knock, Record
from uwsgid.wire.vassal import ToEmperor


class FakeOrders:
    """Notes what is ordered."""

    def __init__(self) -> None:
        self.given: list[str] = []

    def stop_brutally(self) -> None:
        self.given.append("stop brutally")

    def stop(self) -> None:
        self.given.append("stop")

    def reload_for_emperor(self) -> None:
        self.given.append("reload")

    def emperor_lost(self) -> None:
        self.given.append("lost")


class FakeWorker:
    """A worker that hears."""

    def __init__(self, slot: int, ready: bool = True, deaf: bool = False) -> None:
        self.slot = slot
        self.pid = 100 + slot
        self.is_ready = ready
        self.deaf = deaf
        self.heard: list[Record] = []

    def say(self, record: Record) -> bool:
        if not self.deaf:
            self.heard.append(record)
        return not self.deaf


class LoyaltyCase(SynchronousTestCase):
    """A vassal's master, and the emperor's end of the talk."""

    heartbeat = 0
    asleep = False

    def setUp(self) -> None:
        ours, self.emperor = socket.socketpair()
        self.emperor.setblocking(False)
        self.fd = ours.detach()
        self.addCleanup(self.emperor.close)
        self.addCleanup(socket.socket(fileno=self.fd).close)
        self.reactor = MemoryReactor()
        self.orders = FakeOrders()
        self.lines: list[str] = []
        self.workers: list[FakeWorker] = []
        self.phases: list[Phase] = []
        self.hook: Deferred[None] = succeed(None)
        self.loyalty = Loyalty(
            self.reactor,
            self.fd,
            self.orders,
            self.lines.append,
            heartbeat=self.heartbeat,
            workers=lambda: cast(Any, self.workers),
            asleep=lambda: self.asleep,
            hooks=self.run_hooks,
        )
        self.addCleanup(self.loyalty.end)  # or its socket closes the descriptor again, whosever it is
        self.loyalty.start()

    def run_hooks(self, phase: Phase) -> Deferred[None]:
        self.phases.append(phase)
        return self.hook

    def told(self) -> list[int]:
        """The bytes that the emperor got."""
        try:
            return list(self.emperor.recv(100))
        except BlockingIOError:
            return []

    def tells(self, worker: FakeWorker, what: str) -> None:
        self.loyalty.hear(cast(Child, worker), what)

    def order(self, *said: int) -> list[str]:
        """What the orders of the emperor lead to."""
        self.emperor.send(bytes(said))
        self.loyalty.doRead()
        given, self.orders.given = self.orders.given, []
        return given


class SignsTests(LoyaltyCase):
    def test_spawned(self) -> None:
        """A vassal says that it has an emperor, and tells it that it was spawned."""
        self.assertEqual(self.lines, [f"*** has_emperor mode detected (fd: {self.fd}) ***"])
        self.assertEqual(self.told(), [ToEmperor.SPAWNED])

    def test_accepting(self) -> None:
        """The first worker tells that the vassal accepts, each time it is born; the others do not."""
        self.told()
        for slot in (2, 1, 3, 1):
            self.tells(FakeWorker(slot), READY)
        self.assertEqual(self.told(), [ToEmperor.ACCEPTING] * 2)

    def test_loyal(self) -> None:
        """Every worker that completed its first request makes the vassal loyal."""
        self.told()
        self.tells(FakeWorker(2), LOYAL)
        self.assertEqual(self.told(), [ToEmperor.LOYAL])

    def test_without_heartbeat(self) -> None:
        """Without heartbeat nobody is knocked at, and who answers all the same is not passed on."""
        self.told()
        self.workers = [FakeWorker(1)]
        self.reactor.advance(100)
        self.tells(self.workers[0], AWAKE)
        self.assertEqual((self.workers[0].heard, self.told()), ([], []))

    def test_deaf_emperor(self) -> None:
        """An emperor that reads nothing does not stop the vassal."""
        for _ in range(100000):
            self.loyalty.tell(ToEmperor.LOYAL)
        self.emperor.close()
        self.loyalty.tell(ToEmperor.LOYAL)

    def test_end(self) -> None:
        """After the end nothing is told or heard; the descriptor is open until the process ends."""
        self.told()
        self.loyalty.end()
        self.loyalty.end()
        self.tells(FakeWorker(1), READY)
        self.emperor.send(b"\0")
        self.loyalty.doRead()
        self.assertEqual((self.told(), self.orders.given), ([], []))
        self.assertEqual(self.loyalty.fileno(), -1)
        self.assertEqual(self.reactor.readers, [])


class HeartbeatTests(LoyaltyCase):
    heartbeat = 5

    def knocks(self) -> list[int]:
        """How often each worker was knocked at."""
        return [worker.heard.count(Knock()) for worker in self.workers]

    def test_awake(self) -> None:
        """A worker that answers is a heartbeat, and is knocked at again after the seconds of the option."""
        self.told()
        self.workers = [FakeWorker(1), FakeWorker(2, ready=False)]
        self.reactor.advance(5)
        self.assertEqual((self.knocks(), self.told()), ([1, 0], []))
        self.tells(self.workers[0], AWAKE)
        self.assertEqual(self.told(), [ToEmperor.HEARTBEAT])
        self.reactor.advance(5)
        self.assertEqual(self.knocks(), [2, 0])

    def test_stuck(self) -> None:
        """One that does not answer is no heartbeat, and is not knocked at a second time; another one is."""
        self.told()
        self.workers = [FakeWorker(1), FakeWorker(2)]
        for _ in range(3):
            self.reactor.advance(5)
            self.tells(self.workers[1], AWAKE)
        self.assertEqual((self.knocks(), self.told()), ([1, 3], [ToEmperor.HEARTBEAT] * 3))
        self.tells(self.workers[0], AWAKE)
        self.reactor.advance(5)
        self.assertEqual(self.knocks(), [2, 4])

    def test_busy(self) -> None:
        """One whose threads are all busy is no heartbeat, and is knocked at again."""
        self.told()
        self.workers = [FakeWorker(1)]
        for _ in range(2):
            self.reactor.advance(5)
            self.tells(self.workers[0], BUSY)
        self.assertEqual((self.knocks(), self.told()), ([2], []))

    def test_asleep(self) -> None:
        """Where there are no workers on purpose, the master is the sign of life."""
        self.told()
        self.asleep = True
        self.reactor.advance(5)
        self.assertEqual(self.told(), [ToEmperor.HEARTBEAT])

    def test_replaced(self) -> None:
        """The successor of a worker that never answered is knocked at; who can not hear is tried again."""
        self.workers = [FakeWorker(1)]
        self.reactor.advance(5)
        self.workers = [FakeWorker(2), FakeWorker(3, deaf=True)]
        self.reactor.advance(5)
        self.workers[1].deaf = False
        self.reactor.advance(5)
        self.assertEqual(self.knocks(), [1, 1])


class OrderTests(LoyaltyCase):
    def test_orders(self) -> None:
        """0 stops brutally, 1 reloads, 2 stops gracefully; each is logged, and has its hook."""
        self.lines.clear()
        self.assertEqual(self.order(0), ["stop brutally"])
        self.assertEqual(self.order(1), ["reload"])
        self.assertEqual(self.order(2), ["stop"])
        self.assertEqual(self.lines, [f"received message {byte} from emperor" for byte in range(3)])
        self.assertEqual(self.phases, [Phase.EMPEROR_STOP, Phase.EMPEROR_RELOAD, Phase.EMPEROR_STOP])

    def test_several(self) -> None:
        """Orders that come together are all carried out, in their order."""
        self.assertEqual(self.order(1, 1, 0), ["reload", "reload", "stop brutally"])

    def test_unknown(self) -> None:
        """Others are logged, and mean nothing."""
        self.assertEqual(self.order(3, 17, 255), [])
        self.assertIn("received message 255 from emperor", self.lines)

    def test_hooks_first(self) -> None:
        """An order waits for its hooks, also where they fail."""
        self.hook = Deferred()
        self.assertEqual(self.order(1), [])
        self.hook.errback(ValueError("the hook failed"))
        self.assertEqual(self.orders.given, ["reload"])

    def test_lost(self) -> None:
        """The end of the talk is the loss of the emperor, once."""
        self.emperor.close()
        self.loyalty.doRead()
        self.loyalty.doRead()
        self.assertEqual(self.orders.given, ["lost"])
        self.assertEqual(self.phases, [Phase.EMPEROR_LOST])
        self.assertEqual(self.lines[-1], "lost connection with my emperor !!!")

    def test_last_orders(self) -> None:
        """What an emperor said before its end is carried out first."""
        self.emperor.send(b"\2")
        self.emperor.close()
        self.loyalty.doRead()
        self.loyalty.doRead()
        self.assertEqual(self.orders.given, ["stop", "lost"])


class NobodyTests(SynchronousTestCase):
    def test_no_emperor(self) -> None:
        """An instance without an emperor listens to nobody and tells nothing."""
        reactor, lines = MemoryReactor(), list[str]()
        loyalty = Loyalty(reactor, None, FakeOrders(), lines.append, heartbeat=5)
        loyalty.start()
        loyalty.tell(ToEmperor.LOYAL)
        loyalty.doRead()
        loyalty.end()
        self.assertFalse(loyalty.has_emperor)
        self.assertEqual((lines, reactor.readers, reactor.getDelayedCalls()), ([], [], []))
