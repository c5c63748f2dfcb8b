"""A whole instance in one process, which becomes its only worker: the life of the worker of a steward."""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from uwsgid.door.command import RELOADS, Answer
from uwsgid.door.plain import is_plain
from uwsgid.door.seed import leave_twistd
from uwsgid.door.service import Instance, find_out, present
from uwsgid.door.vassal import Life, begin
from uwsgid.host import emperor
from uwsgid.logs import banner
from uwsgid.master.unixsignals import meaning
from uwsgid.steward.terms import DIE_ON_TERM, SWAPPED, VACUUM, describe
from uwsgid.supervise.birth import bear, code_of, leave
from uwsgid.supervise.conversation import Conversation
from uwsgid.supervise.exits import Exit
from uwsgid.supervise.processes import Endings
from uwsgid.supervise.reactions import mask_signals
from uwsgid.wire.control import MASTER, Ask, Fork, LoadFailed, Terms
from uwsgid.worker.lone import LONE_WORKER

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings
    from uwsgid.door.boot import Boot


def live_alone(talk: socket.socket, argv: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    """Live as the instance that *argv* and *environ* describe, if it is one that can do with a steward.

    :param talk: our end of the talk with the steward, which hears that it is not, and why it does not start.
    """
    code: int = Exit.ERROR
    try:
        mask_signals(signal.SIG_SETMASK, ())
        _be_distinct()
        begin(Life(tuple(argv), environ))
        decided = find_out(tuple(argv))
        if isinstance(decided, Answer) and not decided.fallback:
            if decided.is_error and RELOADS in environ:
                Conversation(talk).say(LoadFailed("the changed configuration can not be used", Exit.ERROR))
            present(decided)
            code = decided.exit_code
        elif isinstance(decided, Answer) or not is_plain(decided):
            Conversation(talk).say(Ask(MASTER))  # our end will wake it
            code = Exit.OK
        else:
            instance = Instance(decided, steward=os.getppid())
            instance.privilegedStartService()
            _serve(instance.booted, talk)
    except SystemExit as leaving:
        code = code_of(leaving)
    finally:
        leave(code)


def _be_distinct() -> None:
    """Differ from the process that forked us, of which Python did not notice (`IKernel.fork_unnoticed`)."""
    random.seed()
    main: Any = threading.main_thread()
    main._set_native_id()


def _serve(boot: Boot, talk: socket.socket) -> NoReturn:
    """Agree with the steward upon the terms, then be the worker."""
    house, settings = boot.household, boot.site.settings
    house.say(banner.master_line(house.master_pid, house.is_reload))
    house.say(meaning(settings[Endings].die_on_term))
    house.say(f"*** has_emperor mode detected (fd: {emperor.find(boot.environ)}) ***")
    sockets = list({listener.fd: listener for listener in house.listeners}.values())
    endings = settings[Endings]
    terms = Terms(int(endings.mercy()), max(0, endings.forkbomb_delay), _flags(settings), describe(sockets))
    socket.send_fds(talk, [terms.pack()], [each.fd for each in sockets])
    leave_twistd(boot)
    bear(house, Fork(0, LONE_WORKER, 1, 0, 1), [talk.detach()])


def _flags(settings: Settings) -> int:
    endings = settings[Endings]
    flags = DIE_ON_TERM if endings.die_on_term else 0
    if endings.die_on_term and settings.is_set(Endings, "die_on_term"):
        flags |= SWAPPED
    return flags | (VACUUM if endings.vacuum else 0)
