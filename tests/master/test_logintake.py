"""The log pipe in the reactor of the master."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.logs.files import DescriptorLogger, FileLogger
from uwsgid.logs.pipeline import Pipeline
from uwsgid.logs.setup import LogPipe, Logs
from uwsgid.logs.writing import writer
from uwsgid.master.logintake import LogIntake
from uwsgid.testing import MemoryReactor


class Intakes(SynchronousTestCase):
    def setUp(self) -> None:
        logger = DescriptorLogger(-1)
        self.logs = Logs(settings_of(), Pipeline(logger), logger)
        self.reactor = MemoryReactor()

    def test_with_log_master(self) -> None:
        """The reading end is watched from the start to the stop."""
        self.logs.pipe = pipe = LogPipe(100)
        self.addCleanup(pipe.close)
        intake = LogIntake(self.reactor, self.logs)
        intake.start()
        self.assertEqual([reader.fileno() for reader in self.reactor.readers], [pipe.reader])
        intake.stop()
        intake.stop()
        intake.start()
        self.assertEqual(self.reactor.readers, [])

    def test_the_pipe_of_requests_too(self) -> None:
        """Both pipes are watched, where there are two."""
        self.logs.pipe, self.logs.request_pipe = LogPipe(100), LogPipe(100)
        pipes = [self.logs.pipe, self.logs.request_pipe]
        for pipe in pipes:
            self.addCleanup(pipe.close)
        intake = LogIntake(self.reactor, self.logs)
        intake.start()
        self.assertEqual(
            {reader.fileno() for reader in self.reactor.readers}, {pipe.reader for pipe in pipes}
        )
        intake.stop()
        self.assertEqual(self.reactor.readers, [])

    def test_a_thread_in_place_of_the_reactor(self) -> None:
        """With threaded-logger the reactor watches nothing, and the thread ends with everything read."""
        path = self.mktemp()
        keeper = FileLogger(path)
        logs = Logs(settings_of("threaded-logger = true"), Pipeline(keeper), keeper)
        logs.pipe = pipe = LogPipe(100)
        self.addCleanup(pipe.close)
        self.addCleanup(keeper.close)
        intake = LogIntake(self.reactor, logs)
        intake.start()
        self.assertEqual(self.reactor.readers, [])
        logs._say = writer(pipe.writer)
        logs.write(b"from the master\n")
        os.write(pipe.writer, b"from a worker\n")
        intake.stop()
        logs.write(b"the last\n")
        with open(path, "rb") as file:
            self.assertEqual(file.read(), b"from the master\nfrom a worker\nthe last\n")

    def test_without(self) -> None:
        """There is nothing to watch."""
        intake = LogIntake(self.reactor, self.logs)
        intake.start()
        intake.stop()
        self.assertEqual(self.reactor.readers, [])
