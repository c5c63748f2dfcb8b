"""A thread that reads pipes."""

from __future__ import annotations

import os
import threading

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.logs.setup import BATCH, LogPipe
from uwsgid.logs.threaded import PipeReader


class PipeReaderTests(SynchronousTestCase):
    def test_reads_all_pipes_to_the_end(self) -> None:
        """What is in any of the pipes when it is stopped has been taken then, in order."""
        pipes = [LogPipe(100), LogPipe(100)]
        taken: list[list[bytes]] = [[], []]
        for pipe in pipes:
            self.addCleanup(pipe.close)

        def take(number: int) -> int:
            records = pipes[number].read(BATCH)
            taken[number] += records
            return len(records)

        reader = PipeReader([(pipe.reader, lambda n=n: take(n)) for n, pipe in enumerate(pipes)])  # type: ignore[misc]
        reader.start()
        expected = [b"%d" % number for number in range(3 * BATCH)]
        for record in expected:
            for pipe in pipes:
                os.write(pipe.writer, record)
        self.assertTrue(reader.stop(30))
        self.assertEqual(taken, [expected, expected])

    def test_each_second(self) -> None:
        """What is to be done about once a second is done without any record."""
        called = threading.Event()
        reader = PipeReader([], called.set)
        reader.start()
        self.assertTrue(called.wait(30))
        self.assertTrue(reader.stop(30))
