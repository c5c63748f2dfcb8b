"""Runs the hooks of a phase where a reactor runs: nobody waits, and the order within a phase stays.

The master (``master-start``, ``touch``, ``emperor-*``) and the Emperor (``as-emperor`` and its kin) are such
processes.  A command is a child of its own, watched by a pidfd as every child is; an action that waits is
woken by the reactor's clock.  Actions that are done at once, functions among them, are done in the reactor's
thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.task import deferLater

from uwsgid.errors import KernelError
from uwsgid.hooks.chain import chain, phase_of
from uwsgid.hooks.options import Hook
from uwsgid.hooks.phases import Phase
from uwsgid.hooks.scene import NOTHING, Doing, Pause, Say, Scene, Shell, Tell, VassalFacts
from uwsgid.host.children import ExitStatus
from uwsgid.interfaces import IKernel
from uwsgid.supervise.exitwatch import ExitWatch

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings

Leave = Callable[[int], None] | None


def run_later(
    phase: Phase,
    settings: Settings,
    kernel: IKernel,
    say: Say,
    reactor: Any,
    *,
    variables: Mapping[str, str] = NOTHING,
    vassal: VassalFacts | None = None,
    leave: Leave = None,
    tell: Tell = None,
) -> Deferred[None]:
    """Run what the configuration wants in *phase*; fires when all of it is over.

    The parameters are those of `uwsgid.hooks.run`.

    :param leave: ends this process with a code, for the action ``exit``; `IKernel.exit` where not given.
    :return: fails with `HookFailed` where an action of a fatal phase failed; the rest is not run then.
        Where there is nothing to run, it has fired already.
    """
    scene = Scene(settings, kernel, say, variables, vassal, tell=tell)
    return drive(phase_of(phase, scene), kernel, reactor, leave)


def run_these(hooks: Iterable[Hook], scene: Scene, reactor: Any, leave: Leave = None) -> Deferred[None]:
    """Run *hooks* in their order; as `run_later`."""
    return drive(chain(hooks, scene), scene.kernel, reactor, leave)


@inlineCallbacks
def drive(doing: Doing, kernel: IKernel, reactor: Any, leave: Leave = None) -> Any:
    """Grant every wish of *doing* when its time has come."""
    answer: int | OSError = 0
    try:
        wish = next(doing)
        while True:
            if isinstance(wish, Pause):
                yield deferLater(reactor, wish.seconds)
                answer = 0
            else:
                try:
                    answer = yield _command(reactor, kernel, wish)
                except OSError as error:
                    answer = error
            wish = doing.throw(answer) if isinstance(answer, OSError) else doing.send(answer)
    except StopIteration:
        return
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 0
        (leave or kernel.exit)(code)


def _command(reactor: Any, kernel: IKernel, wish: Shell) -> Deferred[int]:
    """Start a command; fires with its code, 128 and more for a signal.

    :raises OSError: the shell can not be executed.
    """
    over: Deferred[int] = Deferred()

    def ended(status: ExitStatus) -> None:
        if status.signal is not None:
            over.callback(128 + status.signal)
        else:
            over.callback(status.code or 0)  # None: somebody else reaped it, and nobody knows

    pid = kernel.start_command(wish.shell, wish.command, wish.variables or None)
    try:
        ExitWatch(reactor, kernel, pid, ended)
    except KernelError as error:
        raise OSError(0, str(error)) from None
    return over
