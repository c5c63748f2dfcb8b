"""A thread that reads log pipes: ``threaded-logger`` in the master, and the loggers of a worker.

It takes batches from each pipe in turn for as long as there is something, sleeps in the kernel otherwise, and
ends when it is told to, with the pipes read empty.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final


class PipeReader:
    """Reads pipes in a thread of its own.

    :param pipes: the descriptor of each, and what takes a batch from it and says how many records it was.
    :param each_second: called about once a second.
    """

    def __init__(
        self,
        pipes: Sequence[tuple[int, Callable[[], int]]],
        each_second: Callable[[], None] | None = None,
    ) -> None:
        self._pipes: Final = dict(pipes)
        self._each_second = each_second
        self._ending = False
        self._waker, self._wake = os.pipe2(os.O_CLOEXEC)
        self._thread = threading.Thread(target=self._run, name="logger", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self, seconds: float) -> bool:
        """Read what is there, and end.

        :param seconds: how long to wait for that.
        :returns: whether the thread ended; the pipes may be read by others then.
        """
        self._ending = True
        os.write(self._wake, b"!")
        self._thread.join(seconds)
        if self._thread.is_alive():
            return False
        os.close(self._waker)
        os.close(self._wake)
        return True

    def _run(self) -> None:
        poll = select.poll()
        for descriptor in (self._waker, *self._pipes):
            poll.register(descriptor, select.POLLIN)
        due = time.monotonic() + 1
        while True:
            busy = False
            ready = poll.poll(0 if self._ending else 1000)
            for descriptor, _ in ready:
                if descriptor == self._waker:
                    os.read(self._waker, 1)
                else:
                    busy = bool(self._pipes[descriptor]()) or busy
            if self._each_second is not None and (now := time.monotonic()) >= due:
                due = now + 1
                self._each_second()
            if self._ending and not busy:
                break
