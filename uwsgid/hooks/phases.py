"""When hooks run: the moments in the life of an instance, and what is fixed about each.

A phase is named by the options that feed it: ``hook-as-root``, ``exec-as-root``, ``mount-as-root`` and so on
all belong to `Phase.AS_ROOT`.  This module is that table; nothing happens here.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


class Phase(enum.Enum):
    """A moment in the life of an instance; its value is the end of the options' names."""

    ASAP = "asap"
    PRE_JAIL = "pre-jail"
    POST_JAIL = "post-jail"
    IN_JAIL = "in-jail"
    AS_ROOT = "as-root"
    AS_USER = "as-user"
    PRE_APP = "pre-app"
    POST_APP = "post-app"
    AS_USER_ATEXIT = "as-user-atexit"
    AS_EMPEROR = "as-emperor"
    AS_VASSAL = "as-vassal"
    POST_FORK = "post-fork"
    ACCEPTING = "accepting"
    ACCEPTING_ONCE = "accepting-once"
    ACCEPTING1 = "accepting1"
    ACCEPTING1_ONCE = "accepting1-once"
    AS_MULE = "as-mule"
    AS_GATEWAY = "as-gateway"
    MASTER_START = "master-start"
    TOUCH = "touch"
    EMPEROR_START = "emperor-start"
    EMPEROR_STOP = "emperor-stop"
    EMPEROR_RELOAD = "emperor-reload"
    EMPEROR_LOST = "emperor-lost"
    AS_EMPEROR_BEFORE_VASSAL = "as-emperor-before-vassal"
    AS_VASSAL_BEFORE_DROP = "as-vassal-before-drop"
    AS_ON_DEMAND_VASSAL = "as-on-demand-vassal"
    AS_ON_CONFIG_VASSAL = "as-on-config-vassal"
    AS_EMPEROR_SETNS = "as-emperor-setns"

    @property
    def facts(self) -> PhaseFacts:
        """What is fixed about it."""
        return _FACTS[self]

    @property
    def label(self) -> str:
        """What the log calls it."""
        return self.facts.label


class Family(enum.Enum):
    """The options of a phase, in the order in which those of one phase run (core/hooks.c)."""

    HOOK = "hook"
    MOUNT = "mount"
    UMOUNT = "umount"
    EXEC = "exec"
    CALL = "call"


_ALL: Final = tuple(Family)
_NO_MOUNTS: Final = (Family.HOOK, Family.EXEC, Family.CALL)
_ADVANCED: Final = (Family.HOOK,)


@dataclass(frozen=True, slots=True)
class PhaseFacts:
    """What is fixed about a phase.

    :ivar label: what the log calls it, which is not always its name.
    :ivar moment: when it is, completing "actions …" in ``--help``.
    :ivar process: who runs it.
    :ivar families: the options that feed it.
    :ivar is_fatal: an action that fails ends the start, the process or what was under way.
    :ivar call_is_fatal: so does a function of ``call-…`` that can not be called.
    """

    label: str
    moment: str
    process: str
    families: tuple[Family, ...] = _ADVANCED
    is_fatal: bool = True
    call_is_fatal: bool = True


_FIRST: Final = "first process"
_LOADER: Final = "zygote, or each worker with lazy-apps"
_VASSAL: Final = "vassal"
_EMPEROR: Final = "Emperor"
_MASTER: Final = "master"

#: In the order of a start, then the phases of a life, then those of an Emperor and its vassals.
_FACTS: Final[Mapping[Phase, PhaseFacts]] = {
    Phase.ASAP: PhaseFacts("asap", "as soon as possible, also in a reload", _FIRST, _ALL),
    Phase.PRE_JAIL: PhaseFacts("pre-jail", "before any jail, not in a reload", _FIRST, _ALL),
    Phase.IN_JAIL: PhaseFacts("in-jail", "where the instance will live", _FIRST, _ALL),
    Phase.POST_JAIL: PhaseFacts("post-jail", "in a jail that was just entered", _FIRST, _ALL),
    # uWSGI only logs a function that is missing there and in post-app (core/uwsgi.c, core/utils.c)
    Phase.AS_ROOT: PhaseFacts(
        "as root", "as root, last before privileges are dropped", _FIRST, _ALL, call_is_fatal=False
    ),
    Phase.AS_USER: PhaseFacts("as user", "after privileges were dropped", _FIRST, _NO_MOUNTS),
    Phase.PRE_APP: PhaseFacts("pre app", "before applications are loaded", _LOADER, _NO_MOUNTS),
    Phase.POST_APP: PhaseFacts(
        "post app", "after applications were loaded", _LOADER, _NO_MOUNTS, call_is_fatal=False
    ),
    Phase.MASTER_START: PhaseFacts("master-start", "in the master when its life begins", _MASTER),
    Phase.AS_GATEWAY: PhaseFacts("as-gateway", "in each gateway", "each gateway"),
    Phase.AS_MULE: PhaseFacts("as-mule", "in each mule", "each mule"),
    Phase.POST_FORK: PhaseFacts("post-fork", "in each worker after its birth", "each worker"),
    Phase.ACCEPTING: PhaseFacts("accepting", "in each worker before it accepts", "each worker"),
    Phase.ACCEPTING_ONCE: PhaseFacts(
        "accepting-once", "the same, once per worker and reload", "each worker, the first time"
    ),
    Phase.ACCEPTING1: PhaseFacts("accepting1", "in worker 1 before it accepts", "worker 1"),
    Phase.ACCEPTING1_ONCE: PhaseFacts(
        "accepting1-once", "the same, once per reload", "worker 1, the first time"
    ),
    Phase.TOUCH: PhaseFacts("touch", "in the master when a file is touched", _MASTER, is_fatal=False),
    Phase.AS_USER_ATEXIT: PhaseFacts(
        "atexit",
        "at the end, and before a reload that starts anew",
        _MASTER,
        _NO_MOUNTS,
        is_fatal=False,
        call_is_fatal=False,
    ),
    Phase.EMPEROR_STOP: PhaseFacts(
        "emperor-stop", "in a vassal that its Emperor stops", "master of a vassal", is_fatal=False
    ),
    Phase.EMPEROR_RELOAD: PhaseFacts(
        "emperor-reload", "in a vassal that its Emperor reloads", "master of a vassal", is_fatal=False
    ),
    Phase.EMPEROR_LOST: PhaseFacts(
        "emperor-lost", "in a vassal whose Emperor is gone", "master of a vassal", is_fatal=False
    ),
    Phase.EMPEROR_START: PhaseFacts("emperor-start", "in the Emperor before its first scan", _EMPEROR),
    Phase.AS_EMPEROR_BEFORE_VASSAL: PhaseFacts(
        "as-emperor-before-vassal", "in the Emperor before a vassal; a failure calls it off", _EMPEROR
    ),
    Phase.AS_VASSAL_BEFORE_DROP: PhaseFacts(
        "as-vassal-before-drop", "in a vassal before it becomes its user", _VASSAL
    ),
    Phase.AS_VASSAL: PhaseFacts("as-vassal", "in a vassal before it becomes an instance", _VASSAL, _ALL),
    Phase.AS_EMPEROR: PhaseFacts(
        "as-emperor",
        "in the Emperor after a vassal was spawned",
        _EMPEROR,
        _ALL,
        is_fatal=False,
        call_is_fatal=False,
    ),
    Phase.AS_EMPEROR_SETNS: PhaseFacts(
        "setns",
        "in a child of the Emperor, in namespaces of a vassal",
        "child of the Emperor",
        is_fatal=False,
    ),
    Phase.AS_ON_DEMAND_VASSAL: PhaseFacts(
        "as-on-demand-vassal", "in the Emperor when a vassal waits for a connection", _EMPEROR
    ),
    Phase.AS_ON_CONFIG_VASSAL: PhaseFacts(
        "as-on-config-vassal", "in the Emperor when the configuration of a waiting vassal changes", _EMPEROR
    ),
}

#: Every phase, as they follow each other.
ORDER: Final[tuple[Phase, ...]] = tuple(_FACTS)
