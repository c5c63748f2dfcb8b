"""Slow loggers at work: a thread for each, behind a queue with an end.

A logger that talks with a peer may wait for it, and the master may not.  So the master only puts records into
a queue that is bounded in bytes, and what does not fit is dropped and counted; nobody ever waits for room.
The thread starts with the master, once the last process was forked, and is never waited for longer than a
deadline allows.
"""

from __future__ import annotations

import errno
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from uwsgid.logs.grievances import Grievances
from uwsgid.logs.pipeline import Logger, remaining

BATCH: Final = 512  #: records given to a logger at a time
OVERHEAD: Final = 64  #: bytes that a record in the queue costs beside its own


class Courier:
    """A slow logger, to be used like a fast one.

    Until `start` was called records only wait.

    :param logger: what is written to; called by one thread at a time.
    :param original: gets what *logger* could not keep; may be called from the thread.
    :param label: what the logger is called in the log.
    :param limit: bytes that may wait.
    """

    def __init__(
        self, logger: Logger, original: Logger, *, label: str, limit: int, grievances: Grievances
    ) -> None:
        self.logger: Final = logger
        self.label: Final = label
        self.fallback: Final = original
        self._limit: Final = limit
        self._grievances: Final = grievances
        self._changed: Final = threading.Condition()
        self._queue: deque[bytes] = deque()
        self._orders: list[Callable[[], None]] = []
        self._size = 0
        self._in_hand = 0
        self._may_start = False
        self._closing = False
        self._over = False
        self._thread: threading.Thread | None = None

    # ---- what the master calls

    def start(self) -> None:
        """From now on there may be a thread."""
        with self._changed:
            self._may_start = True
            if self._queue or self._orders:
                self._wake()

    def write(self, records: Sequence[bytes]) -> None:
        """Have *records* delivered, as far as there is room for them.

        :raises OSError: it is closed.
        """
        dropped = 0
        with self._changed:
            if self._closing:
                raise OSError(errno.ESHUTDOWN, "it is closed already")
            for record in records:
                size = len(record) + OVERHEAD
                if self._size + size > self._limit:
                    dropped += 1
                else:
                    self._size += size
                    self._queue.append(record)
            if self._may_start:
                self._wake()
        if dropped:
            self._grievances.note(
                self.label, dropped, f"dropped: its queue is full (log-queue-size is {self._limit} bytes)"
            )

    def reopen(self) -> None:
        """Have the thread do it, before it goes on to write."""
        self._order(self.logger.reopen)

    def rotate(self) -> None:
        """Have the thread do it, before it goes on to write."""
        self._order(self.logger.rotate)

    def check_size(self) -> None:
        """Have the thread do it, before it goes on to write."""
        if self._thread is not None:
            self._order(self.logger.check_size)

    def close(self) -> None:
        """Deliver what is there, waiting a moment at most."""
        self.finish(time.monotonic() + 1.0)

    def hurry(self) -> None:
        """Take no more records, and end once those that are there are delivered."""
        with self._changed:
            self._closing = self._may_start = True
            if self._queue or self._orders or self._thread is not None:
                self._wake()

    def finish(self, deadline: float) -> None:
        """Wait until everything is delivered; what is not when the time is over is lost.

        :param deadline: in monotonic seconds.
        """
        self.hurry()
        if self._thread is not None:
            self._thread.join(max(0.0, deadline - time.monotonic()))
        with self._changed:
            self._over = True
            lost = len(self._queue) + self._in_hand
            self._queue.clear()
            self._in_hand = 0
        if lost:
            self._grievances.note(self.label, lost, "lost: it did not take them in time")

    def forget(self) -> None:
        """Drop everything unsaid: this process is a fork of the one that delivers it."""
        self._queue.clear()
        self._closing = True

    # ---- the thread

    def _order(self, order: Callable[[], None]) -> None:
        with self._changed:
            if order not in self._orders:
                self._orders.append(order)
                if self._may_start:
                    self._wake()

    def _wake(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self.label, daemon=True)
            self._thread.start()
        self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (self._queue or self._orders or self._closing):
                    self._changed.wait()
                orders, self._orders = self._orders, []
                batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
                self._in_hand = len(batch)
                if self._over or not (batch or orders):
                    break
            for order in orders:
                self._try(order, ())
            if batch:
                self._try(lambda: self.logger.write(batch), batch)  # noqa: B023
                with self._changed:
                    self._in_hand = 0
                    self._size -= sum(map(len, batch)) + OVERHEAD * len(batch)
        if not self._over:
            self._try(self.logger.close, ())

    def _try(self, action: Callable[[], None], batch: Sequence[bytes]) -> None:
        try:
            action()
        except Exception as error:  # the thread has to live on, whatever a logger does
            if self._over:
                return
            batch = remaining(error, batch)
            if batch:
                self._grievances.note(self.label, len(batch), f"written to the original log: {error}")
                try:
                    self.fallback.write(batch)
                except Exception as lost:
                    self._grievances.note("log", len(remaining(lost, batch)), f"lost: {lost}")
