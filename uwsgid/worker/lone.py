"""The one worker of a vassal that has a steward for a master: it loads the applications and serves.

It is zygote and worker in one process, and takes the place that a workforce would give it on the board.  Its
steward sleeps, so it tells the emperor itself how it fares.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from dataclasses import replace
from typing import Final

from uwsgid.families import roles
from uwsgid.host import Limits, emperor, keep_in_memory
from uwsgid.logs import banner
from uwsgid.supervise.birth import Newborn, become_server_of_births
from uwsgid.supervise.conversation import Conversation
from uwsgid.wire.control import LOYAL, Ask, Ready, Record
from uwsgid.wire.vassal import ToEmperor
from uwsgid.worker.role import Worker
from uwsgid.worker.zygote import prepare

LONE_WORKER: Final = "lone worker"


class Talk(Conversation):
    """The talk with a steward, and with the emperor until the first request is done.

    :param steward: its process, our parent.
    :param emperor: the vassal's end of the talk with its emperor; None where that is gone.
    """

    def __init__(self, channel: socket.socket, steward: int, emperor: int | None) -> None:
        Conversation.__init__(self, channel)
        self._steward: Final = steward
        self._emperor = socket.socket(fileno=emperor) if emperor is not None else None

    def say(self, record: Record) -> None:
        """Tell the steward, and wake it where it shall do something about that."""
        if isinstance(record, Ask) and record.what == LOYAL:
            self.tell(ToEmperor.LOYAL)
            self.end()
            return
        Conversation.say(self, record)
        if isinstance(record, Ready):
            self.tell(ToEmperor.ACCEPTING)
        elif isinstance(record, Ask) and os.getppid() == self._steward:
            os.kill(self._steward, signal.SIGUSR2)  # which means nothing to it but to wake

    def tell(self, what: ToEmperor) -> None:
        """Tell the emperor.  One that does not listen is not waited for."""
        if self._emperor is not None:
            with contextlib.suppress(OSError):
                self._emperor.send(bytes((what,)), socket.MSG_DONTWAIT)

    def end(self) -> None:
        """The emperor knows all that it is going to hear."""
        if self._emperor is not None:
            self._emperor.close()
            self._emperor = None


@roles.member(LONE_WORKER)
def lone_worker(newborn: Newborn) -> int:
    """Loads the applications, then answers requests."""
    house = newborn.household
    talk = Talk(newborn.master.channel, house.master_pid, emperor.find(os.environ))
    newborn = replace(newborn, master=talk)
    if not house.is_reload:
        talk.tell(ToEmperor.SPAWNED)
    keep_in_memory(house.kernel, house.settings[Limits])
    become_server_of_births(house)
    code = prepare(newborn)
    if code is not None:
        return code
    slot, seat, pid, board = newborn.slot, newborn.seat, os.getpid(), house.board
    board.sit_down(seat, slot, newborn.generation, time.time())
    board.current[slot - 1] = seat
    board.respawns[slot - 1] += 1
    if house.is_reload:
        house.say(f"Respawned uWSGI worker {slot} (new pid: {pid})")
    else:
        house.say(banner.worker_line(slot, pid, board.cores))
    return Worker(newborn).run()
