"""A seed that is forked when somebody needs one: out of a master that has been running.

A forked vassal whose worker nothing ends has no seed from its boot: it would sleep as long as the vassal
lives, for two megabytes, and milliseconds of each birth.  Where a worker dies, or a reload comes, one is
forked here.  It must be what a seed of the boot would have been, so whatever the master has opened since is
closed, and the master's reactor, signals and exit functions are forgotten.

A process with more than one thread can not be forked that way; such an instance begins anew instead
(`uwsgid.master.reexec`).
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, Final

from uwsgid.door.bequest import Bequest, bequest
from uwsgid.door.seed import be_the_seed, leave_twistd
from uwsgid.door.vassal import react_as_a_new_program
from uwsgid.errors import KernelError
from uwsgid.host.calls import attempt
from uwsgid.supervise.birth import leave
from uwsgid.supervise.reactions import mask_signals
from uwsgid.supervise.seed import SENT_TO_GROUPS, is_alone

if TYPE_CHECKING:
    from uwsgid.door.boot import Boot

_STANDARD: Final = 3  #: descriptors below this one are everybody's


def fork_late_seed(boot: Boot, left: Bequest) -> tuple[socket.socket, int]:
    """Fork a seed now.

    :param left: what a seed of the boot would have inherited, as `bequest` noted it.
    :returns: the master's end of the talk with it, and its pid.
    :raises KernelError: the kernel refuses, or this process has threads.
    """
    if not is_alone():
        raise KernelError("no seed can be forked from a process with threads")
    ours, theirs = attempt(
        "socketpair()", "the seed", lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    )
    before = mask_signals(signal.SIG_BLOCK, SENT_TO_GROUPS)
    try:
        pid = attempt("fork()", "the seed", boot.kernel.fork)
        if pid == 0:
            code = 1
            try:
                _forget_the_master(boot, left, theirs.fileno())
                be_the_seed(boot, theirs)
                code = 0
            finally:
                leave(code, atexit_functions=False)
    finally:
        mask_signals(signal.SIG_SETMASK, before)
    theirs.close()
    return ours, pid


def _forget_the_master(boot: Boot, left: Bequest, channel: int) -> None:
    """Keep what was there at the boot, and nothing else.

    The objects of the master are on the stack below us, which nobody returns to: none of them is destroyed,
    so none closes a descriptor that is somebody else's by then.
    """
    react_as_a_new_program()
    reactor = sys.modules.pop("twisted.internet.reactor", None)
    if reactor is not None:
        del sys.modules["twisted.internet"].reactor
    leave_twistd(boot)
    now = bequest(boot.kernel, frozenset())
    log = boot.household.request_log
    for descriptor, identity in now.items():
        if descriptor in (channel, log) or descriptor < _STANDARD:
            continue
        if left.get(descriptor) != identity:
            os.close(descriptor)
