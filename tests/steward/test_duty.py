"""What a steward does about whatever happens, with workers that exist in memory only."""

from __future__ import annotations

import signal
from typing import Final

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.host.children import ExitStatus
from uwsgid.steward.duty import BECOMES_MASTER, Duty
from uwsgid.steward.terms import DIE_ON_TERM, SWAPPED
from uwsgid.supervise.exits import Exit
from uwsgid.wire.control import (
    MASTER,
    Ask,
    Leave,
    Loaded,
    LoadFailed,
    Pause,
    Ready,
    Record,
    Report,
    Resume,
    Terms,
)
from uwsgid.wire.vassal import ToEmperor

KILLED: Final = ExitStatus(signal=9)
LEFT: Final = ExitStatus(code=Exit.END)
TERMS: Final = Terms(30, 8, DIE_ON_TERM, "")


class Worker:
    """A worker that notes what is done to it.

    :ivar deaf: it closed its end of the talk.
    """

    def __init__(self, pid: int, since: float) -> None:
        self.pid = pid
        self.since = since
        self.told: list[Record] = []
        self.signals: list[int] = []
        self.deaf = False

    def tell(self, record: Record) -> bool:
        if not self.deaf:
            self.told.append(record)
        return not self.deaf

    def signal(self, number: int) -> None:
        self.signals.append(int(number))


class DutyCase(SynchronousTestCase):
    """A steward without a process."""

    def setUp(self) -> None:
        self.now = 100.0
        self.lines: list[str] = []
        self.told: list[ToEmperor] = []
        self.workers: list[Worker] = []
        self.failures = 0
        self.duty = Duty(self.bear, self.lines.append, self.told.append, lambda: self.now)

    def bear(self) -> Worker:
        if self.failures:
            self.failures -= 1
            raise OSError(11, "Resource temporarily unavailable")
        self.workers.append(Worker(100 + len(self.workers), self.now))
        return self.workers[-1]

    def serve(self, worker: Worker, terms: Terms = TERMS) -> Worker:
        """Have *worker* come so far that it accepts."""
        self.duty.heard(worker, terms)
        self.duty.heard(worker, Loaded(1))
        self.duty.heard(worker, Ready(worker.pid))
        return worker

    def begin(self, terms: Terms = TERMS) -> Worker:
        """A worker that serves, and no line so far."""
        self.duty.begin()
        worker = self.serve(self.workers[0], terms)
        self.lines.clear()
        return worker

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.duty.look()


class LifeTests(DutyCase):
    def test_start(self) -> None:
        """One that serves wants nothing."""
        self.begin()
        self.assertEqual((len(self.workers), self.duty.due(), self.duty.outcome), (1, None, None))

    def test_awakened(self) -> None:
        """A worker that was there before is the one that serves, once it is heard."""
        worker = self.bear()
        self.duty.begin(worker)
        self.assertFalse(self.duty.serves(worker))
        self.serve(worker)
        self.assertTrue(self.duty.serves(worker))
        self.assertEqual((self.workers, self.told), ([worker], []))

    def test_stop(self) -> None:
        """The worker finishes, and the lines are those of a master."""
        worker = self.begin()
        self.duty.stop()
        self.assertEqual(worker.told, [Leave("stop")])
        self.assertIsNone(self.duty.outcome)
        self.now += 2
        self.duty.ended(worker, LEFT)
        self.assertEqual(self.duty.outcome, 0)
        self.assertEqual(
            self.lines,
            [
                "graceful shutdown triggered...",
                "Gracefully killing worker 1 (pid: 100)...",
                "worker 1 buried after 2 seconds",
            ],
        )

    def test_no_mercy(self) -> None:
        """A worker that does not come to an end is killed when its time is over, and again each second."""
        worker = self.begin()
        self.duty.stop()
        self.assertEqual(self.duty.due(), self.now + 30)
        self.wait(29)
        self.assertEqual(worker.signals, [])
        self.wait(1)
        self.assertEqual(worker.signals, [signal.SIGKILL])
        self.assertIn("worker 1 (pid: 100) is taking too much time to die...NO MERCY !!!", self.lines)
        self.wait(1)
        self.assertEqual(worker.signals, [signal.SIGKILL] * 2)

    def test_deaf_worker(self) -> None:
        """A worker that closed its end of the talk is told by a signal."""
        worker = self.begin()
        worker.deaf = True
        self.duty.stop()
        self.assertEqual(worker.signals, [signal.SIGHUP])

    def test_brutal_stop(self) -> None:
        """It is told to end at once until it does."""
        worker = self.begin()
        self.duty.stop_brutally()
        self.wait(1)
        self.assertEqual((worker.told, worker.signals), ([], [signal.SIGINT] * 2))
        self.duty.ended(worker, ExitStatus(signal=2))
        self.assertEqual(self.duty.outcome, 0)

    def test_stop_while_it_loads(self) -> None:
        """Whoever imports an application hears nothing but KILL."""
        self.duty.begin()
        self.duty.stop()
        self.assertEqual(self.workers[0].signals, [signal.SIGKILL])
        self.duty.ended(self.workers[0], KILLED)
        self.assertEqual((self.duty.outcome, self.lines), (0, ["graceful shutdown triggered..."]))

    def test_brutality_wins(self) -> None:
        """A stop that takes too long for somebody is made a brutal one."""
        worker = self.begin()
        self.duty.stop()
        self.duty.stop_brutally()
        self.assertEqual(worker.signals, [signal.SIGINT])

    def test_emperor_lost(self) -> None:
        """It is no success; two seconds later nobody is left."""
        worker = self.begin()
        self.duty.lose_emperor()
        self.assertEqual(worker.signals, [signal.SIGINT])
        self.wait(2)
        self.assertEqual(worker.signals[-1], signal.SIGKILL)
        self.duty.ended(worker, KILLED)
        self.assertEqual(self.duty.outcome, 1)


class FailureTests(DutyCase):
    def test_no_application(self) -> None:
        """An instance that never served ends with the code that its worker gives, and says why."""
        self.duty.begin()
        worker = self.workers[0]
        self.duty.heard(worker, LoadFailed("no application can be loaded", 22))
        self.duty.ended(worker, ExitStatus(code=22))
        self.assertEqual((self.duty.outcome, self.lines), (22, ["no application can be loaded"]))

    def test_mistake_in_the_configuration(self) -> None:
        """The worker has said what is wrong."""
        self.duty.begin()
        self.duty.ended(self.workers[0], ExitStatus(code=1))
        self.assertEqual((self.duty.outcome, self.lines), (1, []))

    def test_killed_at_the_start(self) -> None:
        """It is told, and the emperor decides what follows."""
        self.duty.begin()
        self.duty.ended(self.workers[0], KILLED)
        self.assertEqual(self.duty.outcome, 1)
        self.assertEqual(
            self.lines, ["DAMN ! worker 1 (pid: 100) died, killed by signal 9 :( trying respawn ..."]
        )

    def test_crash(self) -> None:
        """Another worker is there at once."""
        worker = self.begin()
        self.now += 5
        self.duty.ended(worker, ExitStatus(signal=11))
        self.assertEqual(
            self.lines, ["DAMN ! worker 1 (pid: 100) died, killed by signal 11 :( trying respawn ..."]
        )
        self.assertEqual(len(self.workers), 2)
        self.serve(self.workers[1])
        self.assertTrue(self.duty.serves(self.workers[1]))

    def test_told_by_others(self) -> None:
        """Who was sent away by a signal of the operator did not crash."""
        worker = self.begin()
        self.duty.ended(worker, LEFT)
        self.assertEqual(self.lines, ["worker 1 killed successfully (pid: 100)"])
        self.assertEqual(len(self.workers), 2)

    def test_crash_after_crash(self) -> None:
        """Those who do not live long have ever later successors."""
        self.begin()
        births = []
        for _ in range(6):
            self.duty.ended(self.workers[-1], KILLED)
            while self.duty.due() is not None:
                self.wait(0.25)
            births.append(self.now)
        self.assertEqual([births[n + 1] - births[n] for n in range(5)], [0.25, 0.5, 1.0, 2.0, 4.0])
        self.assertIn("worker respawning too fast !!! i have to sleep a bit (4 seconds)...", self.lines)

    def test_broken_after_a_crash(self) -> None:
        """An application that can not be loaded any more is tried again, and says why it can not."""
        worker = self.begin()
        self.now += 5
        self.duty.ended(worker, KILLED)
        self.duty.heard(self.workers[1], LoadFailed("no application can be loaded", 22))
        self.duty.ended(self.workers[1], ExitStatus(code=22))
        self.assertIn("no application can be loaded", self.lines)
        self.assertIsNone(self.duty.outcome)
        self.assertEqual(len(self.workers), 3)

    def test_no_birth(self) -> None:
        """Where the kernel has no process left, it is tried again."""
        self.failures = 2
        self.duty.begin()
        self.assertEqual(self.lines, ["worker 1 can not be made: Resource temporarily unavailable"])
        self.wait(1)
        self.wait(1)
        self.assertEqual(len(self.workers), 1)


class AlarmTests(DutyCase):
    def test_alarm(self) -> None:
        """Who has a steward has made no alarm: the log says so, once a minute."""
        worker = self.begin()
        for _ in range(3):
            self.duty.heard(worker, Ask("alarm mail the disk is full"))
        self.assertEqual(self.lines, ["[uwsgi-alarm] somebody raises 'mail', and no alarm is called so"])
        self.now += 60
        self.duty.heard(worker, Ask("alarm mail the disk is full"))
        self.assertEqual(len(self.lines), 2)


class ReloadTests(DutyCase):
    def test_reload(self) -> None:
        """The next worker is ready before the one that serves is told to go."""
        worker = self.begin()
        self.duty.reload()
        self.assertEqual((len(self.workers), worker.told), (2, []))
        self.serve(self.workers[1])
        self.assertEqual(worker.told, [Leave("reload")])
        self.duty.ended(worker, LEFT)
        self.assertTrue(self.duty.serves(self.workers[1]))
        self.assertEqual(
            self.lines,
            [
                "...gracefully killing workers...",
                "Gracefully killing worker 1 (pid: 100)...",
                "worker 1 buried after 0 seconds",
            ],
        )

    def test_reload_that_fails(self) -> None:
        """Nothing changes, and the emperor hears that the vassal serves."""
        worker = self.begin()
        self.duty.reload()
        self.duty.heard(self.workers[1], LoadFailed("the changed configuration can not be used", 1))
        self.duty.ended(self.workers[1], ExitStatus(code=1))
        self.assertEqual(
            self.lines[-1],
            "*** reload failed: the changed configuration can not be used; "
            "the instance goes on with the old one ***",
        )
        self.assertEqual((worker.told, worker.signals), ([], []))
        self.assertEqual(self.told[-1], ToEmperor.ACCEPTING)

    def test_reload_that_loads_less(self) -> None:
        """A successor has to have all applications."""
        worker = self.begin()
        self.duty.reload()
        self.duty.heard(self.workers[1], Loaded(1, failed=1))
        self.assertEqual(self.workers[1].signals, [signal.SIGKILL])
        self.duty.ended(self.workers[1], KILLED)
        self.assertIn("1 of its applications can not be loaded", self.lines[-1])
        self.assertEqual(worker.told, [])

    def test_another_reload_meanwhile(self) -> None:
        """It is done when the first one is."""
        self.begin()
        self.duty.reload()
        self.duty.reload()
        self.assertEqual(len(self.workers), 2)
        self.serve(self.workers[1])
        self.assertEqual(len(self.workers), 3)

    def test_reload_by_the_application(self) -> None:
        """``uwsgi.reload()`` comes through its worker."""
        worker = self.begin()
        self.duty.heard(worker, Ask("reload"))
        self.assertEqual(len(self.workers), 2)

    def test_stop_by_the_application(self) -> None:
        """``uwsgi.stop()`` as well."""
        worker = self.begin()
        self.duty.heard(worker, Ask("stop"))
        self.assertEqual(worker.told, [Leave("stop")])

    def test_crash_during_a_reload(self) -> None:
        """The successor is on its way already."""
        worker = self.begin()
        self.duty.reload()
        self.duty.ended(worker, KILLED)
        self.assertEqual(len(self.workers), 2)
        self.serve(self.workers[1])
        self.assertTrue(self.duty.serves(self.workers[1]))

    def test_brutal_reload(self) -> None:
        """With ``die-on-term = false`` TERM ends the worker, and another one begins."""
        worker = self.begin(Terms(30, 8, 0, ""))
        self.duty.term()
        self.assertEqual(worker.signals, [signal.SIGINT])
        self.duty.ended(worker, LEFT)
        self.assertEqual((len(self.workers), self.duty.outcome), (2, None))

    def test_term_and_quit(self) -> None:
        """A configuration that says ``die-on-term = true`` gives QUIT what TERM was."""
        worker = self.begin(Terms(30, 8, DIE_ON_TERM | SWAPPED, ""))
        self.duty.quit()
        self.assertEqual(worker.signals, [signal.SIGINT])
        self.duty.ended(worker, LEFT)
        self.serve(self.workers[1], Terms(30, 8, DIE_ON_TERM | SWAPPED, ""))
        self.duty.term()
        self.assertEqual(self.workers[1].told, [Leave("stop")])


class HandOverTests(DutyCase):
    def test_at_the_start(self) -> None:
        """A configuration that wants a master gets one."""
        self.duty.begin()
        self.duty.heard(self.workers[0], Ask(MASTER))
        self.duty.ended(self.workers[0], ExitStatus(code=0))
        self.assertEqual((self.duty.outcome, self.lines), (BECOMES_MASTER, []))

    def test_in_a_reload(self) -> None:
        """The worker that serves finishes first."""
        worker = self.begin()
        self.duty.reload()
        self.duty.heard(self.workers[1], Ask(MASTER))
        self.duty.ended(self.workers[1], ExitStatus(code=0))
        self.assertEqual((worker.told, self.duty.outcome), ([Leave("reload")], None))
        self.duty.reload()
        self.duty.ended(worker, LEFT)
        self.assertEqual((self.duty.outcome, len(self.workers)), (BECOMES_MASTER, 2))

    def test_stop_wins(self) -> None:
        """Nobody begins anew who was told to stop meanwhile."""
        worker = self.begin()
        self.duty.reload()
        self.duty.heard(self.workers[1], Ask(MASTER))
        self.duty.ended(self.workers[1], ExitStatus(code=0))
        self.duty.stop()
        self.duty.ended(worker, LEFT)
        self.assertEqual(self.duty.outcome, 0)


class OtherOrders(DutyCase):
    def test_pause(self) -> None:
        """It holds for a worker that comes later, too."""
        worker = self.begin()
        self.duty.pause()
        self.duty.reload()
        self.serve(self.workers[1])
        self.assertEqual(worker.told[:1], [Pause()])
        self.assertEqual(self.workers[1].told, [Pause()])
        self.duty.pause()
        self.assertEqual(self.workers[1].told, [Pause(), Resume()])

    def test_report(self) -> None:
        """The worker tells what it has done."""
        worker = self.begin()
        self.duty.report()
        self.assertEqual(worker.told, [Report()])

    def test_more_and_less(self) -> None:
        """There is one worker."""
        self.begin()
        self.duty.one_more()
        self.duty.one_less()
        self.assertEqual(
            self.lines,
            ["there is no slot for another worker (option processes)", "the last worker stays"],
        )


_ORDERS: Final = (
    "reload", "reload_brutally", "pause", "report", "one_more", "one_less", "term", "quit", "stop",
    "stop_brutally", "lose_emperor",
)  # fmt: skip
_HAPPENINGS: Final = st.one_of(
    st.tuples(st.just("order"), st.sampled_from(_ORDERS[:6])),
    st.tuples(st.just("ready"), st.integers(0, 3)),
    st.tuples(st.just("fails"), st.integers(0, 3)),
    st.tuples(st.just("less"), st.integers(0, 3)),
    st.tuples(st.just("master"), st.integers(0, 3)),
    st.tuples(st.just("ends"), st.integers(0, 3)),
    st.tuples(st.just("crashes"), st.integers(0, 3)),
    st.tuples(st.just("wait"), st.floats(0, 40)),
    st.tuples(st.just("no birth"), st.integers(0, 2)),
)


class AnyOrderTests(SynchronousTestCase):
    @given(st.lists(_HAPPENINGS, max_size=40), st.sampled_from(_ORDERS[8:]))
    def test_ends(self, happenings: list[tuple[str, object]], last: str) -> None:
        """Whatever happens, somebody serves or comes, everybody is told to go, and the end is an end."""
        case = DutyCase()
        case.setUp()
        duty, living = case.duty, case.workers
        duty.begin()
        dead: set[int] = set()

        def end(worker: Worker, status: ExitStatus) -> None:
            dead.add(worker.pid)
            duty.ended(worker, status)

        for what, about in happenings:
            alive = [worker for worker in living if worker.pid not in dead]
            if what == "order":
                getattr(duty, str(about))()
            elif what == "wait":
                case.wait(float(str(about)))
            elif what == "no birth":
                case.failures = int(str(about))
            elif alive:
                worker = alive[int(str(about)) % len(alive)]
                if what == "ready":
                    case.serve(worker)
                elif what == "fails":
                    duty.heard(worker, LoadFailed("no", 22))
                elif what == "less":
                    duty.heard(worker, Loaded(1, failed=1))
                elif what == "master":
                    duty.heard(worker, Ask(MASTER))
                else:
                    end(worker, LEFT if what == "ends" else KILLED)
            if duty.outcome is not None:
                break
            alive = [worker for worker in living if worker.pid not in dead]
            self.assertTrue(alive or duty.due() is not None, "nobody comes")
        if duty.outcome is None:
            getattr(duty, last)()
            for worker in living:
                if worker.pid not in dead:
                    self.assertTrue(worker.told or worker.signals, "somebody was not told to go")
                    end(worker, KILLED)
        self.assertIsNotNone(duty.outcome)
        self.assertEqual({worker.pid for worker in living}, dead)
