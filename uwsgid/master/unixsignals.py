"""Unix signals at the master, in uWSGI's meaning: one method each.

Handlers are installed once the reactor runs, over those of Twisted.  They only hand the order on to the
reactor, so that it is carried out between two events.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any, Final, Protocol

from uwsgid.supervise.reactions import mask_signals, react


class Orders(Protocol):
    """What a signal can order."""

    def reload(self) -> None:
        """Reload gracefully."""

    def reload_brutally(self) -> None:
        """End the workers at once and start anew."""

    def stop(self) -> None:
        """Finish what is in progress, then end."""

    def stop_brutally(self) -> None:
        """End now."""

    def say_statistics(self) -> None:
        """Tell the log what the workers have done."""

    def toggle_pause(self) -> None:
        """Accept nothing, or begin again."""

    def one_more(self) -> None:
        """Want one worker more."""

    def one_less(self) -> None:
        """Want one worker less."""


#: All that the master listens to.
HEARD: Final = (
    signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2,
    signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGWINCH, signal.SIGALRM,
)  # fmt: skip

#: Those after which no worker goes on.
_ENDS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


def hold() -> None:
    """Let signals wait.

    Across an exec handlers are lost, and most signals would end the new image before it has its own; those
    that are blocked wait until then.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)


def release() -> None:
    """Hear signals again, those that waited first."""
    mask_signals(signal.SIG_UNBLOCK, HEARD)


def meaning(die_on_term: bool) -> str:
    """The line that says what TERM does."""
    if die_on_term:
        return "SIGTERM stops this instance gracefully (die-on-term = false: brutal reload)"
    return "SIGTERM reloads this instance brutally (die-on-term = true: graceful stop)"


class UnixSignals:
    """The signal handlers of the master.

    :param die_on_term: TERM stops; otherwise it reloads brutally, as in uWSGI 1.9.
    :param swapped: the configuration says ``die-on-term = true`` itself, which in uWSGI gives QUIT the old
        meaning of TERM.
    """

    def __init__(self, reactor: Any, orders: Orders, *, die_on_term: bool, swapped: bool = False) -> None:
        self._reactor = reactor
        self._orders = orders
        self._die_on_term = die_on_term
        self._swapped = swapped
        self._endings = 0

    @property
    def end_is_near(self) -> bool:
        """Whether a signal came that ends the workers, and its order was not carried out yet.

        A terminal, or systemd, signals all processes at once.  The worker that is quicker than the reactor
        here must not be taken for one that crashed, and replaced.
        """
        return self._endings > 0

    def install(self) -> None:
        """Take over, and hear what was held back while this image replaced another one."""
        for number, method in self.table().items():
            react(number, self._handler(method, ends=number in _ENDS))
        release()

    def table(self) -> dict[signal.Signals, Callable[[], None]]:
        """What each signal does."""
        return {
            signal.SIGHUP: self.hup,
            signal.SIGTERM: self.term,
            signal.SIGINT: self.int,
            signal.SIGQUIT: self.quit,
            signal.SIGUSR1: self.usr1,
            signal.SIGUSR2: self.usr2,
            signal.SIGTSTP: self.tstp,
            signal.SIGTTIN: self.ttin,
            signal.SIGTTOU: self.ttou,
            signal.SIGWINCH: self.winch,
            signal.SIGALRM: self.usr2,
        }

    def meaning(self) -> str:
        """The line that says what TERM does here."""
        return meaning(self._die_on_term)

    def _handler(self, method: Callable[[], None], *, ends: bool) -> Callable[[int, object], None]:
        def carry_out() -> None:
            self._endings -= ends
            method()

        def handler(number: int, frame: object) -> None:
            self._endings += ends
            self._reactor.callFromThread(carry_out)

        return handler

    def hup(self) -> None:
        """Reload gracefully: workers of a new generation take over when all of them are ready."""
        self._orders.reload()

    def term(self) -> None:
        """Stop gracefully; with ``die-on-term = false``, reload brutally."""
        if self._die_on_term:
            self._orders.stop()
        else:
            self._orders.reload_brutally()

    def int(self) -> None:
        """Stop at once; requests in progress are cut."""
        self._orders.stop_brutally()

    def quit(self) -> None:
        """Stop at once; where the configuration itself asks for ``die-on-term``, reload brutally."""
        if self._swapped:
            self._orders.reload_brutally()
        else:
            self._orders.stop_brutally()

    def usr1(self) -> None:
        """Tell the log the statistics of every worker."""
        self._orders.say_statistics()

    def usr2(self) -> None:
        """Nothing.  uWSGI does not handle it, so that it kills the master."""

    def tstp(self) -> None:
        """Pause all workers; the second one resumes them."""
        self._orders.toggle_pause()

    def ttin(self) -> None:
        """One worker more, up to ``processes``."""
        self._orders.one_more()

    def ttou(self) -> None:
        """One worker less, down to one."""
        self._orders.one_less()

    def winch(self) -> None:
        """Nothing here; an emperor scans."""
