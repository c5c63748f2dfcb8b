"""How a process that was forked from an emperor's nest becomes the steward of a vassal."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from typing import NoReturn

from uwsgid.door.command import RELOADS, STARTED_AS, started_as
from uwsgid.door.lone import live_alone
from uwsgid.door.vassal import live
from uwsgid.interfaces import IKernel
from uwsgid.steward.duty import BECOMES_MASTER
from uwsgid.steward.steward import Steward
from uwsgid.supervise.birth import leave
from uwsgid.supervise.household import BeVassal


def be_steward(
    kernel: IKernel, say: Callable[[str], None], pipe: int, bear: Callable[[BeVassal], object]
) -> NoReturn:
    """Stand for the master of a vassal, as long as it needs none.

    :param say: writes a line to the log, as without a configuration.
    :param pipe: the vassal's end of the talk with its emperor.
    :param bear: makes a vassal of a process, given how to live.
    """

    def live_as_worker(talk: socket.socket, more: Mapping[str, str]) -> None:
        bear(lambda argv, environ: live_alone(talk, argv, {**environ, **more}))

    steward = Steward(kernel, pipe, live_as_worker, _inherited, say)
    outcome = steward.run()
    if outcome == BECOMES_MASTER:
        more = steward.inheritance()
        steward.part()
        kernel.notice_fork()
        bear(lambda argv, environ: live(argv, {**environ, **more}))
    steward.clear_away()
    leave(outcome)


def _inherited(reloads: int) -> dict[str, str]:
    """What tells an instance that it is not the first of its vassal."""
    return {RELOADS: str(reloads), STARTED_AS: started_as(os.environ)}
