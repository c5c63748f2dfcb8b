"""The hooks of the master: ``master-start`` when its life begins, and ``hook-touch`` while it lasts.

Nothing waits for a command here: the reactor goes on, and the order of the actions stays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from uwsgid.hooks import FATAL, Hook, HookFailed, Hooks, Phase, Scene
from uwsgid.hooks.later import run_later, run_these
from uwsgid.host import Touch
from uwsgid.supervise.household import Household


class HookChain:
    """Runs them.

    :param say: writes one line to the log.
    :param end: ends the instance at once, with a code.
    :param asked: called with what an action wants of the master.
    """

    def __init__(
        self,
        house: Household,
        reactor: Any,
        say: Callable[[str], None],
        end: Callable[[int], None],
        asked: Callable[[str], None] | None = None,
    ) -> None:
        self._house = house
        self._reactor = reactor
        self._say = say
        self._end = end
        self._asked = asked
        self._touches: list[tuple[Touch, Hook]] = []
        self._is_busy = False
        for hook in house.settings[Hooks].of(Phase.TOUCH):
            mtime = self._mtime(hook.about)
            if mtime is None:
                say(f"unable to stat() {hook.about}, events will be triggered as soon as the file is created")
            self._touches.append((Touch(hook.about, mtime), hook))

    def begin(self) -> None:
        """``master-start``."""
        self.run(Phase.MASTER_START).addErrback(self._destroy)

    def run(self, phase: Phase) -> Deferred[None]:
        """Run what the configuration wants in *phase*, a phase of the master; as `run_later`."""
        house = self._house
        return run_later(
            phase,
            house.settings,
            house.kernel,
            self._say,
            self._reactor,
            leave=self._end,
            tell=self._asked,
        )

    def look(self) -> None:
        """Do what belongs to the first file that was touched; others wait for the next look, as in uWSGI.

        The same goes for what is touched while an action is still in progress.
        """
        if self._is_busy:
            return
        for touch, hook in self._touches:
            if touch.see(self._mtime(touch.path)):
                self._is_busy = True
                scene = Scene(self._house.settings, self._house.kernel, self._say, tell=self._asked)
                run_these([hook], scene, self._reactor, self._end).addBoth(self._rest)
                return

    def _rest(self, result: object) -> None:
        self._is_busy = False
        if isinstance(result, Failure):
            self._say(f"hook-touch: {result.getErrorMessage()}")

    def _destroy(self, failure: Failure) -> None:
        failure.trap(HookFailed)
        self._say(failure.getErrorMessage())
        self._say(FATAL)
        self._end(1)

    def _mtime(self, path: str) -> float | None:
        try:
            return self._house.kernel.stat(path).mtime
        except OSError:
            return None
