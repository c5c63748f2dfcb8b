"""Events of Twisted's loggers as lines."""

from __future__ import annotations

from twisted.logger import ILogObserver, Logger
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from uwsgid.config.settings import settings_of
from uwsgid.logs.lines import Lines
from uwsgid.logs.observer import LineObserver


class ObserverTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.written: list[bytes] = []
        self.observer = LineObserver(Lines(settings_of(), self.written.append, clock=lambda: 0.0))
        self.log = Logger(namespace="uwsgid.master", observer=self.observer)

    def test_an_event_is_its_text(self) -> None:
        """Fields are filled in, nothing is added."""
        verifyObject(ILogObserver, self.observer)
        self.log.info("spawned uWSGI worker {slot} (pid: {pid}, cores: 1)", slot=1, pid=12)
        self.log.warn("careful")
        self.assertEqual(self.written, [b"spawned uWSGI worker 1 (pid: 12, cores: 1)\n", b"careful\n"])

    def test_verbose_events_carry_the_time(self) -> None:
        """An event with verbose=True becomes a verbose line."""
        self.log.info("reload", verbose=True)
        self.assertRegex(self.written[0], rb"^.{24} - reload\n$")

    def test_debug_and_the_chatter_of_twisted_are_left_out(self) -> None:
        """Operators see neither debugging nor starting factories, but do see Twisted's warnings."""
        self.log.debug("details")
        twisted = Logger(namespace="twisted.internet.protocol.Factory", observer=self.observer)
        twisted.info("Starting factory")
        self.assertEqual(self.written, [])
        twisted.warn("too many")
        self.assertEqual(self.written, [b"too many\n"])

    def test_a_failure_brings_its_traceback(self) -> None:
        """A failure is one record: the text, then the traceback."""
        try:
            raise ValueError("that was wrong")
        except ValueError:
            self.log.failure("a mistake")
        text = self.written[0].decode()
        self.assertTrue(text.startswith("a mistake\nTraceback (most recent call last):\n"))
        self.assertTrue(text.endswith("ValueError: that was wrong\n"))
        self.assertEqual(len(self.written), 1)
