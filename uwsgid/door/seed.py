"""The end of the boot: the memory that all processes share, and the forks of the first of them.

These are the seed, and who is going to be the first zygote.  What they inherit is what every other process
has, so these steps come last; `uwsgid.door.boot` has the list.  They are forked out of twistd, whose log,
exit functions and reactor they must get rid of before they do anything else.

Both sleep until the master says something, and share its memory as long: many a seed is never asked again.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from uwsgid.door.command import read_again
from uwsgid.door.streams import own_standard_streams
from uwsgid.host import Limits, LockTable, Privileges, Sockets, emperor, keep_in_memory
from uwsgid.host.calls import attempt
from uwsgid.isolation.late import Moment, moment_of
from uwsgid.isolation.refork import dies_with_parent
from uwsgid.isolation.step import change_user
from uwsgid.languages.python.api_locks import user_lock_names
from uwsgid.logs import Lines, banner, held
from uwsgid.manhole.options import Manhole
from uwsgid.request.log_options import RequestLog
from uwsgid.request.mount_options import Mounting
from uwsgid.request.offload_options import Offloading
from uwsgid.request.options import Bodies, RequestOptions
from uwsgid.stats import Stats
from uwsgid.supervise.birth import bear, become_server_of_births, forget_atexit, leave
from uwsgid.supervise.board import Board
from uwsgid.supervise.deadline import Harakiri
from uwsgid.supervise.household import Household
from uwsgid.supervise.processes import Endings, Processes
from uwsgid.supervise.reactions import mask_signals
from uwsgid.supervise.seed import SENT_TO_GROUPS, receive, serve_births
from uwsgid.supervise.supervisor import SEED
from uwsgid.wire.control import Fork, unpack

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings
    from uwsgid.door.boot import Boot

_Pair = tuple[socket.socket, socket.socket]


def share_memory(boot: Boot) -> None:
    """The board, on which every process finds every other."""
    assert boot.logs is not None
    settings = boot.site.settings
    processes = settings[Processes]
    watched = bool(settings[Stats].address or settings[Harakiri].timeout or settings[Manhole].places)
    board = Board(
        max(1, processes.processes),
        processes.threads,
        snapshot=settings[RequestOptions].buffer_size if watched else 0,
        apps=settings[Mounting].max_apps,
        # a steward has no board, so nobody would write the lines of a worker that was killed
        lines=0 if boot.steward else _room_for_lines(settings, boot.logs.request_writer),
    )
    thunder = ("thunder",) if settings[RequestOptions].thunder_lock else ()
    boot.house = Household(
        settings=settings,
        kernel=boot.kernel,
        say=Lines(settings),
        board=board,
        listeners=boot.listeners,
        master_pid=boot.steward or boot.kernel.getpid(),
        started=time.time(),
        is_reload=boot.site.is_reload,
        locks=LockTable((*user_lock_names(settings), *thunder, *held.lock_names(board))),
        gateways=tuple(boot.gateways),
        kept=boot.kept,
        read_again=lambda: read_again(boot.site, boot.cwd),
        be_vassal=boot.be_vassal,
        be_steward=boot.be_steward,
        request_log=boot.logs.request_writer,
        has_emperor=emperor.find(boot.environ) is not None,
    )
    boot.say(banner.backlog_line(settings[Sockets].listen))
    boot.say(banner.mercy_line(settings[Endings].worker_mercy))
    bodies = settings[Bodies]
    if bodies.post_buffering > bodies.bufsize:
        boot.say(banner.buffering_line(bodies.buffering_size))
    boot.say(banner.mapped_line(board.size, board.cores * processes.processes))
    boot.say(banner.mode_line(processes.processes, processes.threads))


def _room_for_lines(settings: Settings, descriptor: int) -> int:
    """Bytes that each worker has for lines of requests that wait to be written together."""
    one_by_one = settings[Processes].threads == 1 and settings[RequestOptions].loop in ("", "simple")
    wanted = one_by_one and not settings[Offloading].threads and not settings[RequestLog].disable
    return held.ROOM if wanted and held.is_plain_file(descriptor) else 0


def fork_the_seed(boot: Boot) -> None:
    """From now on the seed forks, and not this process; beside it sleeps who is to be the first zygote.

    The worker of a steward has neither: it loads and serves itself.
    """
    if boot.steward:
        return
    attempt("prctl()", "PR_SET_CHILD_SUBREAPER", lambda: boot.kernel.set_child_subreaper(True))
    names, lives = (SEED, "zygote"), (_be_the_seed, _be_who_is_wanted)
    pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in names]
    before = mask_signals(signal.SIG_BLOCK, SENT_TO_GROUPS)
    try:
        pids = attempt("fork()", "the seed", lambda: _fork(boot, names, pairs))
        if 0 in pids:
            code = 1
            try:
                number = pids.index(0)
                leave_twistd(boot)
                lives[number](boot, pairs[number][1])
                code = 0
            finally:
                leave(code, atexit_functions=False)
    finally:
        mask_signals(signal.SIG_SETMASK, before)
    for _, theirs in pairs:
        theirs.close()
    boot.seed, boot.zygote = ((ours, pid) for (ours, _), pid in zip(pairs, pids, strict=True))


def _fork(boot: Boot, names: Sequence[str], pairs: Sequence[_Pair]) -> tuple[int, ...]:
    """Have children that sleep until the master speaks to them, as `IKernel.fork_asleep` returns them."""
    settings = boot.site.settings
    ours = [descriptor.fileno() for pair in pairs for descriptor in pair]
    ours += emperor.descriptors(boot.environ)  # the master alone talks with it
    foreign = [[fd for fd in ours if fd != theirs.fileno()] for _, theirs in pairs]
    # a title and locked memory are things that nobody has in his sleep
    if not settings[Processes].auto_procname and not settings[Limits].never_swap:
        asleep = [
            (f"uwsgid {name}", theirs.fileno(), closing)
            for name, (_, theirs), closing in zip(names, pairs, foreign, strict=True)
        ]
        pids = boot.kernel.fork_asleep(*asleep)
    else:
        pids = ()
        while len(pids) < len(names) and 0 not in pids:
            pids = (*pids, boot.kernel.fork())
        if 0 in pids:
            for fd in foreign[pids.index(0)]:
                os.close(fd)
    if 0 in pids:
        for number, pair in enumerate(pairs):
            pair[0].detach()
            if pids.index(0) != number:
                pair[1].detach()
    return pids


def leave_twistd(boot: Boot) -> None:
    """Forget what a process has only because it is the master."""
    gc.freeze()  # whoever is born here need not look through what the boot made
    gc.enable()
    forget_atexit()
    boot.starter.close()
    own_standard_streams()
    assert boot.logs is not None
    boot.logs.leave()
    close_the_reactor()
    keep_in_memory(boot.kernel, boot.site.settings[Limits])


def _be_the_seed(boot: Boot, channel: socket.socket) -> None:
    house = boot.household
    become_server_of_births(house)
    house.name_process(SEED)
    serve_births(channel, partial(bear, house))


def _be_who_is_wanted(boot: Boot, channel: socket.socket) -> None:
    """Be whom the master asks for; nobody where it says anything else, or is gone."""
    data, descriptors = receive(channel)
    record = unpack(data) if data else None
    if isinstance(record, Fork) and not descriptors:
        bear(boot.household, record, [channel.detach()])


def close_the_reactor() -> None:
    """Close the poller and the waker of a reactor that exists and never ran, and forget it.

    The parent goes on to use its own copies.
    """
    reactor = sys.modules.pop("twisted.internet.reactor", None)
    if reactor is None:
        return
    # whoever imports it from its package finds it there as well
    delattr(sys.modules["twisted.internet"], "reactor")
    poller = getattr(reactor, "_poller", None)
    if poller is not None:
        poller.close()
    for reader in list(getattr(reactor, "_internalReaders", ())):
        for name in ("i", "o"):
            descriptor = getattr(reader, name, None)
            if isinstance(descriptor, int):
                os.close(descriptor)
            elif descriptor is not None:
                descriptor.close()


def drop_privileges_late(boot: Boot) -> None:
    """With ``drop-after-init`` and ``drop-after-apps`` only those who load applications stay root longer.

    The seed is forked by now; the master itself has nothing left to do that needs root.
    """
    settings = boot.site.settings
    if moment_of(settings) in (Moment.INITIALIZED, Moment.LOADED) and not settings[Privileges].master_as_root:
        change_user(settings, boot.kernel, boot.say, is_reload=boot.site.is_reload)
        if boot.is_inside:
            dies_with_parent(boot.kernel)
