"""Runs the hooks of a phase, in a process that may wait for them.

The order within a phase is that of uWSGI (core/hooks.c): ``hook-*``, ``mount-*``, ``umount-*``, ``exec-*``,
``call-*``, each list as it was written.  `uwsgid.hooks.later` does the same where a reactor runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from uwsgid.hooks import phases
from uwsgid.hooks.phases import Phase
from uwsgid.interfaces import IKernel

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings

Say = Callable[[str], None]
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class VassalFacts:
    """The vassal that a hook of the Emperor, or of the vassal's own birth, is about.

    :ivar name: as its configuration is called.
    :ivar pid: its process; 0 where there is none yet, or where it is this process.
    :ivar uid: the user that it runs as; *gid* likewise.
    """

    name: str
    pid: int = 0
    uid: int = 0
    gid: int = 0


def run(
    phase: Phase,
    settings: Settings,
    kernel: IKernel,
    say: Say,
    *,
    meanwhile: Callable[[], None] | None = None,
    variables: Mapping[str, str] = NOTHING,
    vassal: VassalFacts | None = None,
    again: bool = False,
) -> None:
    """Run what the configuration wants in *phase*, and wait for it.

    :param meanwhile: called again and again while a command runs.
    :param variables: what commands have in their environment besides that of this process.
    :param vassal: whom a phase of the Emperor or of a vassal is about.
    :param again: this has run before for the very devices that are still there, so that a failure of
        ``as-root`` is only logged.
    :raises ConfigError: an action of a fatal phase failed; its text has place, option, action and reason.
    """
    if phase is Phase.AS_ROOT:
        phases.run_as_root(settings, kernel, say, meanwhile, again=again)
    elif phase is Phase.POST_JAIL:
        phases.run_post_jail(settings, kernel, say, jailed=True)
    elif phase in _TODAY:
        _TODAY[phase](settings, kernel, say)


_TODAY: Final[Mapping[Phase, Callable[[Settings, IKernel, Say], None]]] = {
    Phase.ASAP: phases.run_asap,
    Phase.PRE_JAIL: phases.run_pre_jail,
    Phase.IN_JAIL: phases.run_in_jail,
    Phase.AS_USER: phases.run_as_user,
    Phase.PRE_APP: phases.run_pre_app,
    Phase.POST_APP: phases.run_post_app,
    Phase.AS_USER_ATEXIT: phases.run_atexit,
}
