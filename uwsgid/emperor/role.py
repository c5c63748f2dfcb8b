"""The process of the emperor, around its work (`uwsgid.emperor.work`).

It is born like a gateway and keeps the identity that its instance has dropped to, which is root where the
instance stays root: only then can vassals be other users.  It becomes a child subreaper, so that every
vassal is its own child, and dies with its master.
"""

from __future__ import annotations

import signal

from uwsgid.emperor.opened import EmperorLife
from uwsgid.emperor.options import EmperorOptions
from uwsgid.emperor.setup import ROLE
from uwsgid.families import roles
from uwsgid.host import Limits, keep_in_memory
from uwsgid.host.calls import attempt
from uwsgid.supervise.birth import Newborn
from uwsgid.supervise.household import Household


@roles.member(ROLE)
def emperor(newborn: Newborn) -> int:
    """Keeps one instance for each configuration that it finds."""
    house = newborn.household
    wanted = house.gateways[newborn.slot - 1]
    settle(house)
    house.name_process("Emperor")
    if title := house.settings[EmperorOptions].procname:
        house.kernel.set_process_title(title)
    return wanted.run(EmperorLife(house, newborn.slot, wanted.name, newborn.master))


def settle(house: Household) -> None:
    """Give back what an emperor does not need: sockets of workers, devices of routers."""
    for descriptor in {listener.fd for listener in house.listeners}:
        house.kernel.close(descriptor)
    if house.kept is not None:
        house.kept.close_others(f"{ROLE}-")
    keep_in_memory(house.kernel, house.settings[Limits])
    attempt("prctl()", "PR_SET_CHILD_SUBREAPER", lambda: house.kernel.set_child_subreaper(True))
    house.kernel.set_parent_death_signal(signal.SIGKILL)
