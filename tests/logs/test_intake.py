"""The log pipe in a reactor."""

from __future__ import annotations

import os
from collections.abc import Sequence

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from uwsgid.config.settings import settings_of
from uwsgid.errors import InternalError
from uwsgid.logs.files import DescriptorLogger
from uwsgid.logs.intake import Intake
from uwsgid.logs.pipeline import Pipeline
from uwsgid.logs.setup import BATCH, LogPipe, Logs


class Keeper(DescriptorLogger):
    """Keeps batches in a list."""

    def __init__(self) -> None:
        super().__init__(-1)
        self.batches: list[list[bytes]] = []

    def write(self, records: Sequence[bytes]) -> None:
        self.batches.append(list(records))


class IntakeTests(SynchronousTestCase):
    def test_takes_one_batch_at_a_time(self) -> None:
        """A call reads a batch at most and leaves the rest to the next call."""
        keeper = Keeper()
        logs = Logs(settings_of(), Pipeline(keeper), keeper)
        logs.pipe = pipe = LogPipe(100)
        self.addCleanup(pipe.close)
        intake = Intake(logs)
        verifyObject(IReadDescriptor, intake)
        self.assertEqual(intake.fileno(), pipe.reader)
        for _ in range(BATCH + 1):
            os.write(pipe.writer, b"x\n")
        intake.doRead()
        self.assertEqual([len(batch) for batch in keeper.batches], [BATCH])
        intake.doRead()
        intake.doRead()
        self.assertEqual([len(batch) for batch in keeper.batches], [BATCH, 1])
        intake.connectionLost(Failure(ConnectionError()))
        self.assertEqual(intake.logPrefix(), "log intake")

    def test_the_pipe_of_requests(self) -> None:
        """Lines of requests are taken from their own pipe and go their own way."""
        keeper, theirs = Keeper(), Keeper()
        logs = Logs(settings_of(), Pipeline(keeper), keeper)
        logs.pipe, logs.request_pipe = LogPipe(100), LogPipe(100)
        logs.requests = Pipeline(theirs)
        for pipe in (logs.pipe, logs.request_pipe):
            self.addCleanup(pipe.close)
        self.assertEqual(logs.request_writer, logs.request_pipe.writer)
        os.write(logs.request_pipe.writer, b"r\n")
        os.write(logs.pipe.writer, b"x\n")
        Intake(logs, requests=True).doRead()
        self.assertEqual((keeper.batches, theirs.batches), ([], [[b"r\n"]]))
        logs.drain()
        self.assertEqual((keeper.batches, theirs.batches), ([[b"x\n"]], [[b"r\n"]]))

    def test_needs_a_pipe(self) -> None:
        """Without log-master there is nothing to read."""
        keeper = Keeper()
        logs = Logs(settings_of(), Pipeline(keeper), keeper)
        self.assertEqual(logs.request_writer, 2)
        self.assertRaises(InternalError, Intake, logs)
        self.assertRaises(InternalError, Intake, logs, requests=True)
