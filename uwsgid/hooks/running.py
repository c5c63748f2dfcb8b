"""Runs the hooks of a phase in a process that may wait for them.

That is every process before it has a reactor, without one, or when its reactor has nothing left to do.
`uwsgid.hooks.later` is for the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Final

from uwsgid.hooks.chain import phase_of
from uwsgid.hooks.options import Hooks
from uwsgid.hooks.phases import Phase
from uwsgid.hooks.scene import NOTHING, Doing, Pause, Say, Scene, Shell, Tell, VassalFacts
from uwsgid.interfaces import IKernel

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings

Meanwhile = Callable[[], None] | None
Patience = Callable[[], AbstractContextManager[None]]
_LOOK: Final = 0.05  #: seconds between two calls of *meanwhile*


def run(
    phase: Phase,
    settings: Settings,
    kernel: IKernel,
    say: Say,
    *,
    meanwhile: Meanwhile = None,
    patience: Patience = nullcontext,
    variables: Mapping[str, str] = NOTHING,
    vassal: VassalFacts | None = None,
    again: bool = False,
    tell: Tell = None,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Run what the configuration wants in *phase*, and wait for it.

    :param meanwhile: called again and again while a command runs, or while an action waits.
    :param patience: entered while a command runs: what it writes may wait for *meanwhile* then.
    :param variables: what commands have in their environment besides that of this process.
    :param vassal: whom a phase of the Emperor or of a vassal is about.
    :param again: this has run before for the very devices that are still there, so that a failure of
        ``as-root`` is only logged.
    :param tell: tells the master what an action wants.
    :raises HookFailed: which is a `ConfigError`: an action of a fatal phase failed.
    :raises SystemExit: for the action ``exit``.
    """
    if not settings[Hooks].any:
        return
    scene = Scene(settings, kernel, say, variables, vassal, tell=tell)
    drive(phase_of(phase, scene, again=again), kernel, meanwhile, patience, sleep)


def drive(
    doing: Doing,
    kernel: IKernel,
    meanwhile: Meanwhile = None,
    patience: Patience = nullcontext,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Grant every wish of *doing* at once; raises what it raises."""
    answer: int | OSError = 0
    wish: Shell | Pause
    try:
        wish = next(doing)
        while True:
            if isinstance(wish, Pause):
                answer = _pause(wish.seconds, meanwhile, sleep)
            else:
                try:
                    with patience():
                        answer = kernel.run_command(
                            wish.shell, wish.command, meanwhile, wish.variables or None
                        )
                except OSError as error:
                    answer = error
            wish = doing.throw(answer) if isinstance(answer, OSError) else doing.send(answer)
    except StopIteration:
        return


def _pause(seconds: float, meanwhile: Meanwhile, sleep: Callable[[float], None]) -> int:
    while seconds > 0:
        piece = min(seconds, _LOOK) if meanwhile is not None else seconds
        sleep(piece)
        seconds -= piece
        if meanwhile is not None:
            meanwhile()
    return 0
