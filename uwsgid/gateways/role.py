"""The role of a gateway: what is common to all of them, around the work of each.

A gateway is born by the seed, with a reactor of its own that is made after its birth.  It drops its
privileges where whoever bore it still has them (``master-as-root`` and its kin), hears HUP itself, ends
with 30 at INT, TERM or the master's word, and is killed by the kernel when the master dies, as in uWSGI
(core/gateway.c).
"""

from __future__ import annotations

import os
import signal
from typing import Final

from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer

from uwsgid.errors import UwsgidError
from uwsgid.families import roles
from uwsgid.hooks.fatal import run_or_destroy
from uwsgid.hooks.phases import Phase
from uwsgid.hooks.running import run
from uwsgid.host import Limits, keep_in_memory
from uwsgid.isolation.late import is_of_the_boot, moment_of, step_of_a_newborn
from uwsgid.supervise.birth import Newborn, become_signalled
from uwsgid.supervise.conversation import Conversation
from uwsgid.supervise.exits import Exit
from uwsgid.supervise.gateways import GATEWAY, LIVE, GatewayLife
from uwsgid.supervise.household import Household
from uwsgid.wire.control import Ask, Leave, Ready

#: What uWSGI's gateways do not react to.
IGNORED: Final = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGPIPE, signal.SIGTSTP)


@roles.member(GATEWAY)
def gateway(newborn: Newborn) -> int:
    """Serves something else than requests, in a reactor of its own."""
    from uwsgid.loops.reactor import fresh_reactor

    house = newborn.household
    settle(house)
    run_or_destroy(Phase.AS_GATEWAY, house, lambda what: newborn.master.say(Ask(what)))
    wanted = house.gateways[newborn.slot - 1]
    life = GatewayLife(
        fresh_reactor(), house, house.say, newborn.slot, wanted.name, lambda: newborn.master.say(Ask(LIVE))
    )
    if newborn.generation:
        read_what_changed(life)
    become_signalled(lambda: install(life))
    house.name_process(wanted.name.removeprefix("uWSGI "))
    life.reactor.addReader(_Line(life, newborn.master))
    newborn.master.say(Ready(os.getpid()))
    return wanted.run(life)


def settle(house: Household) -> None:
    """Give back what a gateway does not need: the sockets of the workers, and privileges."""
    for descriptor in {listener.fd for listener in house.listeners}:
        house.kernel.close(descriptor)
    keep_in_memory(house.kernel, house.settings[Limits])
    moment = moment_of(house.settings)
    if not is_of_the_boot(moment):
        step_of_a_newborn(
            moment,
            house,
            signal.SIGKILL,
            lambda phase: run(Phase(phase), house.settings, house.kernel, house.say),
        )
    # a change of users makes the kernel forget it (prctl(2))
    house.kernel.set_parent_death_signal(signal.SIGKILL)


def read_what_changed(life: GatewayLife) -> None:
    """Take over the configuration that other gateways took before this one was born."""
    try:
        life.settings = life.read_settings()
    except UwsgidError as error:
        life.say(f"{life.name} goes on with the configuration of the start: {error}")


def install(life: GatewayLife) -> None:
    """Give a gateway its reactions to signals."""
    hear = life.reactor.callFromThread
    signal.signal(signal.SIGHUP, lambda number, frame: hear(life.hang_up))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, lambda number, frame: hear(life.end, Exit.END))
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)


@implementer(IReadDescriptor)
class _Line:
    """The gateway's end of the talk with its master."""

    def __init__(self, life: GatewayLife, master: Conversation) -> None:
        self._life = life
        self._master = master

    def fileno(self) -> int:
        return self._master.fileno()

    def logPrefix(self) -> str:
        return "master"

    def doRead(self) -> None:
        """The master said something, or is gone."""
        leave = any(isinstance(record, Leave) for record in self._master.heard())
        if leave or self._master.closed:
            self._life.reactor.removeReader(self)
            self._life.end()

    def connectionLost(self, reason: object) -> None:
        """The reactor stops."""
