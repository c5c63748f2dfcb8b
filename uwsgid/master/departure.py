"""How the instance ends: what everybody leaves for, and what is done once they have left.

A process that is over ends, or becomes a new image.  Which of the two it will be may change while the workers
still finish what they have in hand: a stop that comes meanwhile is a stop, and never turns into a start.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from uwsgid.hooks import Phase, run
from uwsgid.master.farewell import say_goodbye
from uwsgid.master.loyalty import MOURNING
from uwsgid.supervise.exits import Exit

if TYPE_CHECKING:
    from uwsgid.master.cheap import CheapMode
    from uwsgid.master.inheritance import Inheritance
    from uwsgid.master.liaison import Liaison
    from uwsgid.master.logintake import LogIntake
    from uwsgid.master.reexec import Reexec
    from uwsgid.master.workforce import Workforce


class Departure:
    """Sends the workers away, and does what follows.

    :param wind_up: ends whatever else the master still has going.
    :param close: stops answering who asks for statistics.
    :param over: called with the exit code when this instance is over in this process.
    :param asked: called with what an action of a hook wants of the master.
    """

    def __init__(
        self,
        inheritance: Inheritance,
        reactor: Any,
        workforce: Workforce,
        cheap: CheapMode,
        liaison: Liaison,
        intake: LogIntake,
        reexec: Reexec,
        *,
        wind_up: Callable[[], None],
        close: Callable[[], Deferred[None]],
        over: Callable[[int], None],
        asked: Callable[[str], None] | None = None,
    ) -> None:
        self._inheritance: Final = inheritance
        self._say: Final = inheritance.say
        self._reactor = reactor
        self._workforce: Final = workforce
        self._cheap: Final = cheap
        self._liaison: Final = liaison
        self._intake: Final = intake
        self._reexec: Final = reexec
        self._wind_up: Final = wind_up
        self._close: Final = close
        self._over: Final = over
        self._asked: Final = asked
        self._then: Callable[[int], None] = self._finish

    @property
    def is_anew(self) -> bool:
        """Whether a new process image follows, as things are."""
        return self._then == self._execute

    # ---- what for

    def stop(self) -> None:
        """Finish what is in progress, then end."""
        self._say("graceful shutdown triggered...")
        self._leave(self._finish, gracefully=True)

    def stop_brutally(self) -> None:
        """End now."""
        self._say("SIGINT/SIGQUIT received...killing workers...")
        self._leave(self._finish, gracefully=False)

    def detonate(self) -> None:
        """End now, with an error: something that the instance can not be without is gone."""
        self._leave(lambda code: self._finish(code or 1), gracefully=False, code=1)

    def end_at_once(self, code: int) -> None:
        """End now: a hook wants it, or failed."""
        self._leave(self._finish, gracefully=False, code=code)

    def orphaned(self) -> None:
        """End: the emperor that kept this instance is gone."""
        self._leave(self._finish, gracefully=False, code=Exit.ERROR)
        self._reactor.callLater(MOURNING, self._kill_everybody)

    def _kill_everybody(self) -> None:
        for child in tuple(self._workforce.supervisor.children):
            child.kill()

    def start_anew(self, *, gracefully: bool = True) -> None:
        """Become a new process image."""
        self._leave(self._execute, gracefully=gracefully)

    def _leave(self, then: Callable[[int], None], *, gracefully: bool, code: int = 0) -> None:
        self._then = then
        self._cheap.end()
        self._workforce.stop(gracefully=gracefully, code=code)

    # ---- everybody has left

    def proceed(self, code: int) -> None:
        """Nobody is left: do what they left for.

        :param code: the exit code, as far as the workforce decides about it.
        """
        self._then(code)

    def _run_last_hooks(self) -> None:
        """Nobody is left who could be disturbed by waiting for a command."""
        house, logs = self._inheritance.household, self._inheritance.logs
        with contextlib.suppress(SystemExit):  # this is an end already
            run(
                Phase.AS_USER_ATEXIT,
                house.settings,
                house.kernel,
                self._say,
                meanwhile=logs.drain,
                patience=logs.patient,
                tell=self._asked,
            )

    def _finish(self, code: int) -> None:
        self._wind_up()
        self._run_last_hooks()
        say_goodbye(self._inheritance)
        self._intake.stop()
        self._over(code)

    def _execute(self, code: int) -> None:
        if code:
            self._finish(code)
            return
        self._liaison.ask_for_config()
        self._wind_up()
        self._run_last_hooks()

        def before() -> None:
            self._intake.stop()
            self._inheritance.logs.restore()

        def goes_on(_: object) -> None:
            if self._inheritance.become is not None:
                self._over(code)

        def refused(failure: Failure) -> None:
            self._say(f"no new process image can be started: {failure.getErrorMessage()}")
            self._finish(1)

        closing = self._close()
        closing.addBoth(lambda _: self._reexec.execute(before))
        closing.addCallbacks(goes_on, refused)
