"""The process of the emperor, around its work (`uwsgid.emperor.work`).

It is born like a gateway and keeps the identity that its instance has dropped to, which is root where the
instance stays root: only then can vassals be other users.  Before it has a reactor or anything else that a
vassal might get hold of, it forks its nest (`uwsgid.emperor.nest`).  It becomes a child subreaper, so that
every vassal is its own child, and dies with its master.
"""

from __future__ import annotations

import os
import signal

from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer

from uwsgid.emperor.nest import fork_nest
from uwsgid.emperor.opened import EmperorLife
from uwsgid.emperor.options import EmperorOptions
from uwsgid.emperor.setup import ROLE
from uwsgid.families import roles
from uwsgid.host import Limits, keep_in_memory
from uwsgid.host.calls import attempt
from uwsgid.supervise.birth import Newborn
from uwsgid.supervise.conversation import Conversation
from uwsgid.supervise.household import Household
from uwsgid.wire.control import Leave, Ready


@roles.member(ROLE)
def emperor(newborn: Newborn) -> int:
    """Keeps one instance for each configuration that it finds."""
    from uwsgid.loops.reactor import fresh_reactor

    house = newborn.household
    wanted = house.gateways[newborn.slot - 1]
    settle(house)
    nest = fork_nest(house)
    life = EmperorLife(fresh_reactor(), house, house.say, newborn.slot, wanted.name, nest)
    house.name_process("Emperor")
    if title := house.settings[EmperorOptions].procname:
        house.kernel.set_process_title(title)
    life.reactor.addReader(_Line(life, newborn.master))
    newborn.master.say(Ready(os.getpid()))
    return wanted.run(life)


def settle(house: Household) -> None:
    """Give back what an emperor does not need: sockets of workers, devices of routers."""
    for descriptor in {listener.fd for listener in house.listeners}:
        house.kernel.close(descriptor)
    if house.kept is not None:
        house.kept.close_others(f"{ROLE}-")
    keep_in_memory(house.kernel, house.settings[Limits])
    attempt("prctl()", "PR_SET_CHILD_SUBREAPER", lambda: house.kernel.set_child_subreaper(True))
    house.kernel.set_parent_death_signal(signal.SIGKILL)


@implementer(IReadDescriptor)
class _Line:
    """The emperor's end of the talk with its master."""

    def __init__(self, life: EmperorLife, master: Conversation) -> None:
        self._life = life
        self._master = master

    def fileno(self) -> int:
        return self._master.fileno()

    def logPrefix(self) -> str:
        return "master"

    def doRead(self) -> None:
        """The master said something, or is gone."""
        leave = any(isinstance(record, Leave) for record in self._master.heard())
        if self._master.closed:
            self._life.reactor.removeReader(self)
        if leave or self._master.closed:
            self._life.farewell()

    def connectionLost(self, reason: object) -> None:
        """The reactor stops."""
