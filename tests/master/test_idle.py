"""Nobody asks anything of an instance."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.master.idle import Idle, IdleWatch
from uwsgid.supervise.board import Board


class IdleTests(SynchronousTestCase):
    def watch(self, config: str) -> None:
        """Watch an instance with this configuration."""
        self.clock, self.board = Clock(), Board(2)
        self.lines: list[str] = []
        self.acts: list[str] = []
        self.asleep = self.changing = False
        self.idle = IdleWatch(
            settings_of(config)[Idle],
            self.board,
            self.lines.append,
            self.clock.seconds,
            asleep=lambda: self.asleep,
            changing=lambda: self.changing,
            fall_asleep=lambda: self.acts.append("sleep"),
            die=lambda: self.acts.append("die"),
        )

    def wait(self, seconds: int) -> list[str]:
        """Time passes, with a look each second; what was done about it."""
        for _ in range(seconds):
            self.clock.advance(1)
            self.idle.look()
        acts, self.acts = self.acts, []
        return acts

    def test_off(self) -> None:
        """Without the option nobody sleeps."""
        self.watch("die-on-idle = true")
        self.assertEqual(self.wait(10000), [])

    def test_sleep(self) -> None:
        """After more than the seconds of the option without a request the workers leave."""
        self.watch("idle = 10")
        self.assertEqual(self.wait(11), [])
        self.assertEqual(self.wait(1), ["sleep"])
        self.assertEqual(self.lines, ["workers have been inactive for more than 10 seconds (12-1)"])

    def test_while_asleep(self) -> None:
        """Nobody falls asleep twice; after waking up the time begins anew."""
        self.watch("idle = 10")
        self.wait(12)
        self.asleep = True
        self.assertEqual(self.wait(100), [])
        self.asleep = False
        self.assertEqual(self.wait(10), [])
        self.assertEqual(self.wait(1), ["sleep"])

    def test_requests(self) -> None:
        """A request that was served, of a worker that is gone too, and one in progress keep it awake."""
        self.watch("idle = 10")
        self.wait(10)
        self.board.requests[0] += 1
        self.assertEqual(self.wait(10), [])
        self.board.past_requests[1] += 1
        self.assertEqual(self.wait(10), [])
        self.board.in_request[1] = 1
        self.assertEqual(self.wait(100), [])
        self.board.in_request[1] = 2
        self.assertEqual(self.wait(10), [])
        self.assertEqual(self.wait(1), ["sleep"])

    def test_reload(self) -> None:
        """A reload is something to do."""
        self.watch("idle = 10")
        self.changing = True
        self.assertEqual(self.wait(100), [])

    def test_die(self) -> None:
        """With die-on-idle the end is asked for until it comes, also where there are no workers."""
        self.watch("idle = 10\ndie-on-idle = true")
        self.asleep = True
        self.assertEqual(self.wait(12), ["die"])
        self.assertEqual(self.wait(11), ["die"])
