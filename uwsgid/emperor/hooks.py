"""The hooks that an emperor runs for its vassals.  Nobody waits for them but the vassal they are about.

Those of ``as-emperor-setns`` run in namespaces of the vassal, each in a child of its own: an emperor that
entered a namespace itself could not always come back.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred

from uwsgid.errors import KernelError, UwsgidError
from uwsgid.hooks import Hook, Hooks, Phase, Scene, VassalFacts
from uwsgid.hooks.chain import chain
from uwsgid.hooks.later import run_later
from uwsgid.hooks.running import drive
from uwsgid.host.children import ExitStatus
from uwsgid.interfaces import IKernel
from uwsgid.supervise.exitwatch import ExitWatch

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings
    from uwsgid.emperor.vassal import Vassal

_FAILED: Final = 1


class EmperorHooks:
    """Runs them.

    :ivar pids: the children that are in namespaces of vassals.
    """

    def __init__(self, reactor: Any, kernel: IKernel, settings: Settings, say: Callable[[str], None]) -> None:
        self._reactor = reactor
        self._kernel = kernel
        self._settings = settings
        self._say = say
        self.pids: set[int] = set()

    def run(self, phase: Phase, vassal: Vassal | None = None) -> Deferred[bool]:
        """Run those of *phase*; whether the fatal ones succeeded."""
        done = run_later(
            phase,
            self._settings,
            self._kernel,
            self._say,
            self._reactor,
            vassal=facts_of(vassal) if vassal is not None else None,
        )
        return done.addCallbacks(lambda _: True, self._failed)

    def _failed(self, failure: Any) -> bool:
        self._say(f"[emperor] {failure.getErrorMessage()}")
        return False

    def born(self, vassal: Vassal) -> None:
        """Those that follow a birth."""
        self.run(Phase.AS_EMPEROR, vassal).addCallback(lambda _: self._enter(vassal))

    def _enter(self, vassal: Vassal) -> None:
        for hook in self._settings[Hooks].of(Phase.AS_EMPEROR_SETNS):
            if vassal.pid > 0:
                self._run_inside(hook, facts_of(vassal))

    def _run_inside(self, hook: Hook, facts: VassalFacts) -> None:
        try:
            pid = self._kernel.fork()
        except OSError as error:
            self._say(f"[emperor] fork(): {error.strerror}")
            return
        if pid == 0:
            code = _FAILED
            try:
                run_inside(hook, Scene(self._settings, self._kernel, self._say, vassal=facts))
                code = 0
            except (UwsgidError, OSError) as error:
                self._say(f"[emperor] {hook.option} {hook.shown}: {error}")
            finally:
                os._exit(code)

        def ended(status: ExitStatus) -> None:
            self.pids.discard(pid)

        self.pids.add(pid)
        try:
            ExitWatch(self._reactor, self._kernel, pid, ended)
        except KernelError:
            self.pids.discard(pid)


def run_inside(hook: Hook, scene: Scene) -> None:
    """Enter the namespaces of a vassal and do what *hook* says, in a process that is there for this alone.

    :raises OSError: the vassal is gone, or the kernel refuses.
    :raises UwsgidError: the action failed.
    """
    assert scene.vassal is not None
    folder = f"/proc/{scene.vassal.pid}/ns"
    doors = [scene.kernel.open(f"{folder}/{name}", os.O_RDONLY) for name in hook.namespaces]
    for door in doors:
        scene.kernel.setns(door, 0)
        scene.kernel.close(door)
    drive(chain((hook,), scene), scene.kernel)


def facts_of(vassal: Vassal) -> VassalFacts:
    """What hooks are told of *vassal*."""
    return VassalFacts(vassal.name, max(vassal.pid, 0), vassal.sighting.uid, vassal.sighting.gid)
