"""``early-emperor``: an emperor that is born before any jail, from the very process that boots.

It sees the machine as it was before hooks, jails and the change of users.  The master adopts it as the
gateway that it is; when it dies, its successor comes from the seed, and lives where the instance lives, as
with uWSGI (core/emperor.c).
"""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

from uwsgid.door.seed import close_the_reactor
from uwsgid.door.streams import own_standard_streams
from uwsgid.emperor.options import EmperorOptions
from uwsgid.emperor.setup import ROLE, emperors
from uwsgid.families import roles
from uwsgid.host.calls import attempt
from uwsgid.host.kept import Kept
from uwsgid.logs import Lines
from uwsgid.supervise.birth import Newborn, forget_atexit, leave
from uwsgid.supervise.board import Board
from uwsgid.supervise.conversation import Conversation
from uwsgid.supervise.exits import Exit
from uwsgid.supervise.gateways import Early, Gateway
from uwsgid.supervise.household import Household

if TYPE_CHECKING:
    from uwsgid.door.boot import Boot


def start_early_emperor(boot: Boot) -> None:
    """Have the emperor now, if it is to be an early one."""
    settings = boot.site.settings
    if not settings[EmperorOptions].early or not settings[EmperorOptions].sources:
        return
    boot.kept = boot.kept or Kept.inherited(boot.kernel, boot.environ)
    (wanted,) = emperors(settings, boot.kernel, boot.say, boot.kept)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    parent = boot.kernel.getpid()
    pid = attempt("fork()", "the emperor", boot.kernel.fork)
    if pid == 0:
        code: int = Exit.ERROR
        try:
            ours.close()
            code = _be_the_emperor(boot, wanted, parent, theirs)
        finally:
            leave(code)
    theirs.close()
    boot.early = Early(ours, pid, parent)


def leave_the_early_emperor(boot: Boot) -> None:
    """Where the instance lives on in a process that was forked later, as in a ``namespace``, the emperor is
    the child of whoever stayed outside, and no affair of the master."""
    early = boot.early
    if early is not None and early.parent != boot.kernel.getpid():
        early.channel.close()
        boot.early = None
        boot.gateways[:] = [gateway for gateway in boot.gateways if gateway.role != ROLE]


def _be_the_emperor(boot: Boot, wanted: Gateway, parent: int, channel: socket.socket) -> int:
    forget_atexit()
    boot.starter.close()
    own_standard_streams()
    assert boot.logs is not None
    boot.logs.leave()
    close_the_reactor()
    for listener in boot.shared:
        os.close(listener.fd)
    house = Household(
        settings=boot.site.settings,
        kernel=boot.kernel,
        say=Lines(boot.site.settings),
        board=Board(1),
        listeners=(),
        master_pid=parent,
        started=time.time(),
        is_reload=boot.site.is_reload,
        gateways=(wanted,),
        kept=boot.kept,
        be_vassal=boot.be_vassal,
    )
    return int(roles[ROLE](Newborn(house, ROLE, 1, -1, 0, Conversation(channel))))
