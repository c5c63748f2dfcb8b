"""Hooks in children of the master, where an action that fails ends the whole instance (core/hooks.c, 2.0).

The process tells the master, which ends everybody with code 1; uWSGI sends it SIGINT, and ends with 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from uwsgid.hooks.chain import FATAL, HookFailed
from uwsgid.hooks.phases import Phase
from uwsgid.hooks.running import run
from uwsgid.supervise.exits import Exit
from uwsgid.supervise.household import Household

#: What the master is told.
DESTROY: Final = "destroy"


def run_or_destroy(phase: Phase, house: Household, tell: Callable[[str], None]) -> None:
    """Run what the configuration wants in *phase*; where an action fails, the instance ends.

    :param tell: tells the master what is wanted.
    :raises SystemExit: after the log and the master were told.
    """
    try:
        run(phase, house.settings, house.kernel, house.say, tell=tell)
    except HookFailed as failed:
        house.say(str(failed))  # before the master ends us
        house.say(FATAL)
        tell(DESTROY)
        raise SystemExit(Exit.ERROR) from None
