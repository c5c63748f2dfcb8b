"""The log pipe in the reactor of the master."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.logs.files import DescriptorLogger
from uwsgid.logs.pipeline import Pipeline
from uwsgid.logs.setup import LogPipe, Logs
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

    def test_without(self) -> None:
        """There is nothing to watch."""
        intake = LogIntake(self.reactor, self.logs)
        intake.start()
        intake.stop()
        self.assertEqual(self.reactor.readers, [])
