"""Unix signals at the master."""

from __future__ import annotations

import os
import signal

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.master.unixsignals import HEARD, UnixSignals, hold, release
from uwsgid.testing import MemoryReactor

#: What each signal orders with ``die-on-term`` as it is by default.
TABLE = {
    signal.SIGHUP: "reload",
    signal.SIGTERM: "stop",
    signal.SIGINT: "stop_brutally",
    signal.SIGQUIT: "stop_brutally",
    signal.SIGUSR1: "say_statistics",
    signal.SIGUSR2: "",
    signal.SIGTSTP: "toggle_pause",
    signal.SIGTTIN: "one_more",
    signal.SIGTTOU: "one_less",
    signal.SIGWINCH: "",
    signal.SIGALRM: "",
}


class Diary:
    """Writes the orders down."""

    def __init__(self) -> None:
        self.orders: list[str] = []

    def reload(self) -> None:
        self.orders.append("reload")

    def reload_brutally(self) -> None:
        self.orders.append("reload_brutally")

    def stop(self) -> None:
        self.orders.append("stop")

    def stop_brutally(self) -> None:
        self.orders.append("stop_brutally")

    def say_statistics(self) -> None:
        self.orders.append("say_statistics")

    def toggle_pause(self) -> None:
        self.orders.append("toggle_pause")

    def one_more(self) -> None:
        self.orders.append("one_more")

    def one_less(self) -> None:
        self.orders.append("one_less")


class Meanings(SynchronousTestCase):
    def meaning(self, number: signal.Signals, *, die_on_term: bool, swapped: bool = False) -> str:
        diary = Diary()
        UnixSignals(Clock(), diary, die_on_term=die_on_term, swapped=swapped).table()[number]()
        return "".join(diary.orders)

    def test_table(self) -> None:
        """Each signal has its order, or none; none of them kills the master."""
        for number, order in TABLE.items():
            self.assertEqual(self.meaning(number, die_on_term=True), order, number)

    def test_variants(self) -> None:
        """TERM and QUIT, by what the configuration says of die-on-term."""
        for die_on_term, swapped, term, quit_ in (
            (True, False, "stop", "stop_brutally"),  # not a word about it
            (True, True, "stop", "reload_brutally"),  # die-on-term = true
            (False, False, "reload_brutally", "stop_brutally"),  # die-on-term = false
        ):
            found = [
                self.meaning(number, die_on_term=die_on_term, swapped=swapped)
                for number in (signal.SIGTERM, signal.SIGQUIT)
            ]
            self.assertEqual(found, [term, quit_])

    def test_line(self) -> None:
        """The log says which meaning is in force."""
        lines = [UnixSignals(Clock(), Diary(), die_on_term=value).meaning() for value in (True, False)]
        self.assertIn("SIGTERM stops this instance gracefully", lines[0])
        self.assertIn("SIGTERM reloads this instance brutally", lines[1])


class Delivery(SynchronousTestCase):
    def test_across_an_exec(self) -> None:
        """What comes between the handlers of one image and those of the next waits, and is heard then."""
        before = {number: signal.getsignal(number) for number in TABLE}
        reactor, diary = MemoryReactor(), Diary()
        try:
            hold()
            for number in TABLE:
                signal.signal(number, signal.SIG_DFL)
                os.kill(os.getpid(), number)
            UnixSignals(reactor, diary, die_on_term=True).install()
            reactor.advance(0)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            release()
        self.assertIn("reload", diary.orders)
        self.assertIn("stop", diary.orders)
        self.assertEqual(set(HEARD), set(TABLE))

    def test_between_two_events(self) -> None:
        """A signal is carried out by the reactor, not inside whatever it interrupts."""
        before = {number: signal.getsignal(number) for number in TABLE}
        reactor, diary = MemoryReactor(), Diary()
        try:
            signals = UnixSignals(reactor, diary, die_on_term=True)
            signals.install()
            self.assertFalse(signals.end_is_near)
            for number in TABLE:
                os.kill(os.getpid(), number)
            self.assertEqual((diary.orders, signals.end_is_near), ([], True))
            reactor.advance(0)
            self.assertFalse(signals.end_is_near)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        self.assertEqual(sorted(diary.orders), sorted(order for order in TABLE.values() if order))
