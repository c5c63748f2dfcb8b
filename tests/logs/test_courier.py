"""Slow loggers behind their queues."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from tests.logs.test_pipeline import Notebook
from uwsgid.logs.courier import BATCH, OVERHEAD, Courier
from uwsgid.logs.grievances import Grievances

PATIENCE = 30.0


class Slow(Notebook):
    """Waits in each write until it may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.may_go = threading.Event()

    def write(self, records: Sequence[bytes]) -> None:
        self.entered.set()
        assert self.may_go.wait(PATIENCE)
        super().write(records)


class CourierTests(SynchronousTestCase):
    def courier(self, logger: Notebook, limit: int = 1 << 20) -> Courier:
        self.original = Notebook()
        self.grievances = Grievances()
        return Courier(logger, self.original, label="logger slow", limit=limit, grievances=self.grievances)

    def finish(self, courier: Courier, seconds: float = PATIENCE) -> None:
        courier.finish(time.monotonic() + seconds)

    def test_delivers_in_order(self) -> None:
        """Records come as they were written, those from before the start as well, in batches."""
        logger = Notebook()
        courier = self.courier(logger)
        courier.write([b"early\n"])
        self.assertEqual(logger.said, [])
        courier.start()
        records = [b"%d\n" % number for number in range(3 * BATCH)]
        courier.write(records)
        self.finish(courier)
        said = [each for each in logger.said if isinstance(each, bytes)]
        self.assertEqual(b"".join(said), b"early\n" + b"".join(records))
        self.assertEqual(logger.said[-1], "close")
        self.assertEqual(self.grievances.tell(), [])

    def test_no_thread_before_the_start(self) -> None:
        """As long as there may be forks there is no thread."""
        before = threading.active_count()
        courier = self.courier(Notebook())
        courier.write([b"x"])
        courier.reopen()
        self.assertEqual(threading.active_count(), before)
        courier.forget()

    def test_a_full_queue_drops(self) -> None:
        """What does not fit is dropped and counted, the writer does not wait, later there is room again."""
        logger = Slow()
        courier = self.courier(logger, limit=10 * (1 + OVERHEAD))
        courier.start()
        courier.write([b"a"])
        self.assertTrue(logger.entered.wait(PATIENCE))
        courier.write([b"b"] * 12)
        self.assertEqual(
            self.grievances.tell(),
            [b"[logger slow] 3 records dropped: its queue is full (log-queue-size is 650 bytes)\n"],
        )
        logger.may_go.set()
        self.finish(courier)
        self.assertEqual(logger.said, [b"a", b"b" * 9, "close"])

    def test_who_does_not_come_back_is_left_behind(self) -> None:
        """A logger that hangs is waited for until the deadline; what it did not take is lost, and said."""
        logger = Slow()
        courier = self.courier(logger)
        courier.start()
        courier.write([b"a"])
        self.assertTrue(logger.entered.wait(PATIENCE))
        courier.write([b"b", b"c"])
        self.finish(courier, 0)
        self.assertEqual(
            self.grievances.tell(), [b"[logger slow] 3 records lost: it did not take them in time\n"]
        )
        with self.assertRaisesRegex(OSError, "closed already"):
            courier.write([b"d"])
        logger.may_go.set()

    def test_what_it_can_not_keep_goes_to_the_original_log(self) -> None:
        """A failed write is not lost, and the next one is tried again."""
        logger = Notebook(broken=True)
        courier = self.courier(logger)
        courier.write([b"a\n", b"b\n"])
        self.finish(courier)
        self.assertEqual(self.original.said, [b"a\nb\n"])
        self.assertEqual(
            self.grievances.tell(), [b"[logger slow] 2 records written to the original log: full\n"]
        )

    def test_orders_are_for_the_thread(self) -> None:
        """Reopen and rotate are done by the thread that writes, once each however often they are given."""
        logger = Slow()
        courier = self.courier(logger)
        courier.start()
        courier.write([b"a"])
        self.assertTrue(logger.entered.wait(PATIENCE))
        for order in (courier.reopen, courier.rotate, courier.check_size, courier.reopen):
            order()
        courier.write([b"b"])
        self.assertEqual(logger.said, [])
        logger.may_go.set()
        self.finish(courier)
        self.assertEqual(logger.said, [b"a", "reopen", "rotate", "check", b"b", "close"])
