"""From what happens to what is done."""

from __future__ import annotations

import os
import threading

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.alarms.plugins import Means
from uwsgid.alarms.raising import Alarms
from uwsgid.config.settings import Settings, settings_of
from uwsgid.families import alarms
from uwsgid.testing import MemoryKernel, MemoryReactor

CONFIG = """
alarm = box cmd:cat
alarm = box log:never
alarm = loud log:
log-alarm = box,loud ^err
log-alarm = loud ^loud
alarm-segfault = box
alarm-backlog = box
alarm-backlog = loud
alarm-burst = 3
"""


class _Broken:
    """Can not be raised."""

    @classmethod
    def from_argument(cls, argument: str, settings: Settings) -> _Broken:
        return cls()

    def ring(self, alarm: str, text: bytes, means: Means) -> None:
        raise ValueError("it is broken")


class AlarmsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.kernel = MemoryKernel()
        self.reactor = MemoryReactor()
        self.said: list[str] = []
        self.aloud: list[str] = []

    def make(self, config: str = CONFIG) -> Alarms:
        return Alarms(
            settings_of(config),
            self.reactor,
            self.kernel,
            shell=lambda: "/bin/sh",
            say=self.said.append,
            aloud=self.aloud.append,
            clock=self.reactor.seconds,
        )

    def fed(self) -> list[bytes]:
        """What commands found on their standard input."""
        return [
            call[3].encode("utf-8", "surrogateescape")
            for call in self.kernel.calls
            if call[0] == "feed_command"
        ]

    def test_records(self) -> None:
        """Nothing is done while the log is read; a moment later everything is."""
        made = self.make()
        made.hear([b"err one\n", b"fine\n", b"loud\n"])
        self.assertEqual((self.fed(), self.aloud), ([], []))
        self.reactor.advance(0)
        self.assertEqual((self.fed(), self.aloud), ([b"err one\n"], ["ALARM: err one", "ALARM: loud"]))

    def test_restraint(self) -> None:
        """Repeated texts are dropped silently, too many are counted and said once."""
        made = self.make()
        made.hear([b"err %d\n" % number for number in (1, 1, 2, 3, 4, 5, 6)])
        self.reactor.advance(0)
        self.assertEqual(self.fed(), [b"err 1\n", b"err 2\n", b"err 3\n"])
        made.look()
        made.look()
        self.assertEqual(
            self.said,
            [
                "[uwsgi-alarm] box: 3 more texts held back (alarm-burst is 3)",
                "[uwsgi-alarm] loud: 3 more texts held back (alarm-burst is 3)",
            ],
        )
        self.reactor.advance(3)
        made.hear([b"err 1\n"])
        self.reactor.advance(0)
        self.assertEqual(self.fed()[3:], [b"err 1\n"])

    def test_long_texts(self) -> None:
        """They are cut at alarm-msg-size, and are the same text when they are alike up to there."""
        made = self.make(CONFIG + "alarm-msg-size = 6")
        made.hear([b"err one\n", b"err other\n"])
        self.reactor.advance(0)
        self.assertEqual(self.fed(), [b"err on", b"err ot"])
        made.hear([b"err one more\n"])
        self.reactor.advance(0)
        self.assertEqual(len(self.fed()), 2)

    def test_other_events(self) -> None:
        """Crashes and full queues, in uWSGI's words."""
        made = self.make()
        made.crashed(77, "Segmentation Fault")
        made.queue_full("/run/a.sock", 5, 100, 100)
        self.reactor.advance(0)
        full = b'listen queue of socket "/run/a.sock" (fd: 5) full !!! (100/100)'
        self.assertEqual(self.fed(), [b"!!! uWSGI process 77 got Segmentation Fault !!!", full])
        self.assertEqual(self.aloud, [f"ALARM: {full.decode()}"])

    def test_asked(self) -> None:
        """What workers ask for; other wishes are not ours, and a name that nobody has is said at times."""
        made = self.make()
        self.assertFalse(made.asked("reload"))
        self.assertTrue(made.asked("alarm box disk \udcff full"))
        self.reactor.advance(61)
        for _ in range(3):
            self.assertTrue(made.asked("alarm bix text"))
        self.reactor.advance(61)
        self.assertTrue(made.asked("alarm "))
        self.assertEqual(self.fed(), [b"disk \xff full"])
        self.assertEqual(
            self.said,
            [
                "[uwsgi-alarm] somebody raises 'bix', and no alarm is called so",
                "[uwsgi-alarm] somebody raises '', and no alarm is called so",
            ],
        )

    def test_a_broken_plugin(self) -> None:
        """It is said, and the others are raised."""
        alarms.member("test_broken")(_Broken)
        self.addCleanup(alarms._members.pop, "test_broken")
        self.addCleanup(alarms._names.pop, "test_broken")
        made = self.make("alarm = bad test_broken:\nalarm = loud log:\nlog-alarm = bad,loud x")
        made.hear([b"x\n"])
        self.reactor.advance(0)
        self.assertEqual(self.said, ["[uwsgi-alarm] bad can not be raised: ValueError: it is broken"])
        self.assertEqual(self.aloud, ["ALARM: x"])

    def test_descriptors(self) -> None:
        """They are watched from the beginning to the end."""
        event = os.eventfd(0)
        self.addCleanup(os.close, event)
        os.set_inheritable(event, True)
        made = self.make(f"alarm = box cmd:cat\nalarm-fd = box {event}:8 out of memory")
        made.begin()
        os.eventfd_write(event, 1)
        self.reactor.poll()
        self.reactor.advance(0)
        self.assertEqual(self.fed(), [b"out of memory"])
        made.end()
        self.assertEqual(len(self.reactor.readers), 1)  # the command

    def test_the_end(self) -> None:
        """What nobody raised yet is raised, and so is what comes then, without a reactor."""
        made = self.make()
        made.hear([b"err 1\n"])
        made.end()
        made.hear([b"err 2\n"])
        self.assertEqual(self.fed(), [b"err 1\n", b"err 2\n"])
        self.reactor.advance(1)
        self.assertEqual(self.fed(), [b"err 1\n", b"err 2\n"])

    def test_dropped_runs(self) -> None:
        """Commands that found no room are said once a second."""
        made = self.make("alarm = box cmd:cat\nlog-alarm = box .\nalarm-burst = 100")
        made.hear([b"%d\n" % number for number in range(73)])
        self.reactor.advance(0)
        made.look()
        self.assertEqual(
            self.said, ["[uwsgi-alarm] box: 1 run of its command dropped, since others take long"]
        )

    def test_threads(self) -> None:
        """Any thread may read the log: each text is raised once, by the reactor."""
        made = self.make("alarm = loud log:\nlog-alarm = loud .\nalarm-burst = 1000")
        calls: list[object] = []
        self.patch(self.reactor, "callFromThread", calls.append)
        records = [b"%d\n" % number for number in range(200)]
        threads = [threading.Thread(target=made.hear, args=(records,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((self.aloud, len(calls)), ([], 1))
        made._raise()
        self.assertEqual(sorted(self.aloud), sorted(f"ALARM: {number}" for number in range(200)))
