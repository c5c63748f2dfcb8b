"""Runs the hooks of a phase where a reactor runs: nobody waits, and the order within a phase stays.

The master (``touch``, ``master-start``, ``emperor-*``) and the Emperor (``as-emperor``) are such processes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, maybeDeferred

from uwsgid.hooks.phases import Phase
from uwsgid.hooks.running import NOTHING, Say, VassalFacts, run
from uwsgid.interfaces import IKernel

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings


def run_later(
    phase: Phase,
    settings: Settings,
    kernel: IKernel,
    say: Say,
    reactor: Any,
    *,
    variables: Mapping[str, str] = NOTHING,
    vassal: VassalFacts | None = None,
    leave: Callable[[int], None] | None = None,
) -> Deferred[None]:
    """Run what the configuration wants in *phase*; fires when all of it is over.

    The parameters are those of `uwsgid.hooks.run`.

    :param leave: ends this process with a code, for the action ``exit``; `IKernel.exit` where not given.
    :return: fails with `ConfigError` where an action of a fatal phase failed; the rest is not run then.
    """
    return maybeDeferred(run, phase, settings, kernel, say, variables=variables, vassal=vassal)
