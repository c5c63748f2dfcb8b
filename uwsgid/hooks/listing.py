"""What hooks a configuration has, in the order in which they run, with who runs them and as whom.

Nothing runs here.  The order is that of a start, then of a life, then of an Emperor and its vassals.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from uwsgid.hooks.options import Hook, Hooks
from uwsgid.hooks.phases import ORDER, Family, Phase
from uwsgid.host import Privileges
from uwsgid.supervise.processes import Processes

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings


@dataclass(frozen=True, slots=True)
class Planned:
    """One action of the configuration.

    :ivar process: who runs it.
    :ivar user: as whom.
    :ivar text: what it does.
    :ivar place: where it was written.
    :ivar outside: it would be done outside of the jail, and therefore is not.
    """

    phase: Phase
    process: str
    user: str
    text: str
    place: str
    outside: bool = False


def planned(
    settings: Settings, uid: int, *, outside: bool = False, rootless: bool = False
) -> Iterator[Planned]:
    """All actions, in order.

    :param uid: the user that would start the instance.
    :param outside: the jail is entered by a child, so that ``post-jail`` is outside of it and comes first.
    :param rootless: who is not root becomes root of a user namespace.
    """
    order = list(ORDER)
    if outside:
        order.remove(Phase.POST_JAIL)
        order.insert(order.index(Phase.IN_JAIL), Phase.POST_JAIL)
    for phase in order:
        process = "process outside the jail" if outside and phase is Phase.POST_JAIL else phase.facts.process
        for hook in settings[Hooks].of(phase):
            user = whom(settings, phase, uid)
            if rootless and uid != 0 and phase in (Phase.POST_JAIL, Phase.AS_ROOT):
                user = "root of the namespace"
            never = outside and phase is Phase.POST_JAIL and hook.family in (Family.MOUNT, Family.UMOUNT)
            yield Planned(phase, process, user, described(hook), str(hook.origin), never)


def described(hook: Hook) -> str:
    """A hook as one action, also where it was written in an older form."""
    text = hook.shown if hook.family is Family.HOOK else f"{hook.family.value}:{hook.text}"
    if hook.about:
        return f"{text}, when {hook.about} is touched"
    return f"{text}, in {','.join(hook.namespaces)}" if hook.namespaces else text


#: Phases that are over before privileges are dropped, wherever that is.
_EARLY: Final = (Phase.ASAP, Phase.PRE_JAIL, Phase.IN_JAIL, Phase.POST_JAIL, Phase.AS_ROOT)
#: Phases of the master and of the Emperor.
_OF_THE_FIRST: Final = (
    Phase.MASTER_START,
    Phase.TOUCH,
    Phase.AS_USER_ATEXIT,
    Phase.EMPEROR_STOP,
    Phase.EMPEROR_RELOAD,
    Phase.EMPEROR_LOST,
    Phase.EMPEROR_START,
    Phase.AS_EMPEROR_BEFORE_VASSAL,
    Phase.AS_EMPEROR,
    Phase.AS_EMPEROR_SETNS,
    Phase.AS_ON_DEMAND_VASSAL,
    Phase.AS_ON_CONFIG_VASSAL,
)


def whom(settings: Settings, phase: Phase, uid: int) -> str:
    """As whom the actions of a phase are done.

    :param uid: the user that would start the instance.
    """
    if phase is Phase.AS_VASSAL:
        return "user of the vassal"
    if uid != 0:
        return "who starts it"
    privileges = settings[Privileges]
    late = privileges.drop_after_apps
    if (
        not privileges.uid
        or phase in _EARLY
        or (privileges.master_as_root and phase in _OF_THE_FIRST)
        or (late and phase in (Phase.PRE_APP, Phase.POST_APP))
        or (late and phase is Phase.POST_FORK and settings[Processes].loads_late)
    ):
        return "root"
    return privileges.uid
