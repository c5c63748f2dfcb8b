"""The fork server: read a record, fork, answer.  Seed and zygote are this loop.

The master never forks after boot, because it has a reactor and must stay what it is.  It asks the *seed*, a
single-threaded process without a reactor and without an application, or a *zygote*, which is a child of the
seed that imported the applications of one generation.

How a child is born: as a sibling of the server, which is a child of the master itself (CLONE_PARENT).  Where
the kernel does not offer that, where an application has started threads, or where the child shall be born
into new namespaces, the server forks a midwife, which forks the child, tells its pid and exits.  The master
is a child subreaper, so the orphan becomes the master's own child, whoever forked it.  The answer `Born` is
sent after the midwife was reaped: by then the kernel has given the child to the master, who can open a pidfd
on it.

A seed also delivers signals for a master that dropped its privileges, to those who have not done so yet: with
``drop-after-apps`` a worker that is stuck in an import is root, and the seed is the only one who may end it.

The nest of an emperor is such a server too: it answers `Spawn`, and the child is a vassal.  There the midwife
enters new namespaces first, and the newborn begins to live only after the midwife was reaped.  By then the
emperor is its parent, which it could not find out itself: inside a pid namespace nobody has a parent.

This module knows neither Twisted nor roles; what a newborn becomes is the caller's ``bear``.
"""

from __future__ import annotations

import array
import contextlib
import errno
import os
import signal
import socket
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from uwsgid.errors import KernelError, PeerError, UwsgidError
from uwsgid.host.syscalls import CLONE_THREAD, fork_sibling, fork_unnoticed, unshare
from uwsgid.supervise.reactions import mask_signals
from uwsgid.wire.control import (
    MAX_RECORD,
    Born,
    Deliver,
    Failed,
    Fork,
    Leave,
    Record,
    Retire,
    Spawn,
    unpack,
)

#: What a child does with its life; it must not return.
Bear = Callable[[Fork, list[int]], None]

#: Signals that operators and terminals send to whole groups.  Servers of births do not react to them, and
#: their newborns do not hear them before they are ready to.
SENT_TO_GROUPS: Final = (
    signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2,
    signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGALRM,
)  # fmt: skip

_MOST_DESCRIPTORS: Final = 4
_WENT_WRONG: Final = 70
#: Where a child can not be born as a sibling: an old kernel, a filter of system calls, process 1.
_NO_SIBLINGS: Final = frozenset({errno.ENOSYS, errno.EINVAL, errno.EPERM})
_CLOSE_ON_EXEC: Final = int(socket.MSG_CMSG_CLOEXEC)  #: an enumeration's sum is an expensive one
_PID: Final = array.array("i").itemsize  #: bytes
_MOST_SAID: Final = 2048  #: bytes of a complaint, which a pipe takes at once


class Nest(Protocol):
    """What becomes of a `Spawn`."""

    def is_for_steward(self, record: Spawn) -> bool:
        """Whether the child begins as a steward, of which Python need not know that it was forked."""

    def is_prepared(self, record: Spawn) -> bool:
        """Whether there is nothing to do in a midwife, so that there need not be one."""

    def prepare(self, record: Spawn) -> None:
        """Called in the midwife, whose child will be born into whatever it enters here.

        :raises UwsgidError, OSError, ValueError: the vassal is not born; the text travels back in `Failed`.
        """

    def bear(self, record: Spawn, descriptors: list[int]) -> None:
        """Called in the new process, as `Bear`."""

    def born(self, pid: int) -> None:
        """Called where `serve_births` is, when that child was born."""

    def hear(self, record: Record, descriptors: list[int], channel: socket.socket) -> bool:
        """Called with whatever is no order of a birth; True where the descriptors are kept now."""


def serve_births(channel: socket.socket, bear: Bear, nest: Nest | None = None) -> None:
    """Fork what is asked for on *channel*, until it is closed or says `Retire` (or `Leave`, as to any child).

    :param channel: blocking, ``SOCK_SEQPACKET``.
    :param bear: called in the new process with the record and the descriptors that came with it, while
        `SENT_TO_GROUPS` are blocked.
    :param nest: answers `Spawn`; a server without one answers nothing.
    """
    while True:
        try:
            data, descriptors = receive(channel)
        except ConnectionError:
            return
        if not data:
            return
        try:
            record = unpack(data)
        except PeerError:
            record = None
        if isinstance(record, Retire | Leave):
            return
        if isinstance(record, Fork) or (isinstance(record, Spawn) and nest is not None):
            answer: Born | Failed
            try:
                if not descriptors:
                    raise OSError(errno.EMFILE, "no descriptor came with the order")
                if isinstance(record, Fork):
                    pid = _deliver(partial(bear, record, descriptors), channel)
                else:
                    assert nest is not None
                    bears = partial(nest.bear, record, descriptors)
                    if nest.is_for_steward(record):
                        pid = _deliver(bears, channel, fork=_fork_steward)
                    elif nest.is_prepared(record):
                        pid = _deliver(bears, channel)
                    else:
                        pid = _deliver(bears, channel, partial(nest.prepare, record))
                    nest.born(pid)
                answer = Born(record.ticket, pid)
            except OSError as error:
                answer = Failed(record.ticket, f"fork: {error.strerror}")
            except UwsgidError as error:
                answer = Failed(record.ticket, str(error))
            _close_all(descriptors)
            try:
                channel.send(answer.pack())
            except ConnectionError:
                return
        else:
            if isinstance(record, Deliver):
                for descriptor in descriptors:
                    _signal(descriptor, record.number)
            elif record is not None and nest is not None and nest.hear(record, descriptors, channel):
                continue
            _close_all(descriptors)


def receive(channel: socket.socket, flags: int = 0, most: int = _MOST_DESCRIPTORS) -> tuple[bytes, list[int]]:
    """One datagram and the descriptors that came with it, which close on exec.

    :param most: how many may come.

    `socket.recv_fds` ignores its flags in Python 3.11, and leaves the descriptors open across exec.
    """
    numbers = array.array("i")
    data, extra, _, _ = channel.recvmsg(
        MAX_RECORD,
        socket.CMSG_SPACE(most * numbers.itemsize),
        flags | _CLOSE_ON_EXEC,
    )
    for level, kind, content in extra:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            numbers.frombytes(content[: len(content) - len(content) % numbers.itemsize])
    return data, list(numbers)


def _fork_steward() -> int:
    return fork_unnoticed(sibling=True)


def _deliver(
    live: Callable[[], None],
    channel: socket.socket,
    prepare: Callable[[], None] | None = None,
    fork: Callable[[], int] = lambda: fork_sibling(),
) -> int:
    """Have a child; its pid.

    It is born with `SENT_TO_GROUPS` blocked: what is sent to the child waits until it has handlers.

    :param prepare: called in a midwife; the child waits until that was reaped.
    :param fork: forks a sibling.
    :raises KernelError: the preparation failed.
    """
    if prepare is None and is_alone():
        try:
            return _bear_sibling(live, channel, fork)
        except OSError as error:
            if error.errno not in _NO_SIBLINGS:
                raise
    return _call_midwife(live, channel, prepare)


def is_alone() -> bool:
    """Whether no other thread is there, as far as the kernel tells; an application may have started some.

    Where ``/proc`` does not tell, as in a jail, unshare(2) does: it refuses `CLONE_THREAD` to whoever has
    threads, and does nothing for the others.
    """
    try:
        return len(os.listdir("/proc/self/task")) == 1
    except OSError:
        pass
    try:
        unshare(CLONE_THREAD)
    except OSError:
        return False
    return True


def _bear_sibling(live: Callable[[], None], channel: socket.socket, fork: Callable[[], int]) -> int:
    before = mask_signals(signal.SIG_BLOCK, SENT_TO_GROUPS)
    try:
        child = fork()
        if child == 0:
            try:
                channel.close()
                live()
            finally:
                os._exit(_WENT_WRONG)
        return child
    finally:
        mask_signals(signal.SIG_SETMASK, before)


def _call_midwife(
    live: Callable[[], None], channel: socket.socket, prepare: Callable[[], None] | None
) -> int:
    """Fork a midwife that forks the child."""
    told, tell = os.pipe()
    wait, go = os.pipe()
    before = mask_signals(signal.SIG_BLOCK, SENT_TO_GROUPS)
    try:
        midwife = os.fork()
    except OSError:
        for descriptor in (told, tell, wait, go):
            os.close(descriptor)
        mask_signals(signal.SIG_SETMASK, before)
        raise
    if midwife != 0:
        mask_signals(signal.SIG_SETMASK, before)
    else:
        try:
            os.close(told)
            os.close(go)
            if prepare is not None and not _prepared(prepare, tell):
                os._exit(_WENT_WRONG)
            child = os.fork()
            if child == 0:
                os.close(tell)
                channel.close()
                awaited = prepare is None or bool(os.read(wait, 1))
                os.close(wait)
                if awaited:
                    live()
            else:
                os.write(tell, array.array("i", [child]).tobytes())
                os._exit(0)
        finally:
            os._exit(_WENT_WRONG)
    os.close(tell)
    os.close(wait)
    with os.fdopen(told, "rb", buffering=0) as pipe:
        said = pipe.read(_PID + _MOST_SAID)
    with contextlib.suppress(ChildProcessError):  # an application may ignore SIGCHLD
        os.waitpid(midwife, 0)
    with contextlib.suppress(BrokenPipeError):  # a child that awaits nothing has closed its end
        if prepare is not None:
            os.write(go, b".")
    os.close(go)
    pid = array.array("i", said[:_PID])[0] if len(said) >= _PID else 0
    if not pid:
        if said:
            raise KernelError(said[_PID:].decode("utf-8", "replace"))
        raise OSError(0, "the midwife could not fork")
    return pid


def _prepared(prepare: Callable[[], None], tell: int) -> bool:
    """Prepare; what goes wrong is written to *tell* behind a pid that nobody has."""
    try:
        prepare()
    except (UwsgidError, OSError, ValueError) as error:
        os.write(tell, bytes(_PID) + str(error).encode("utf-8", "backslashreplace")[:_MOST_SAID])
        return False
    return True


def _signal(pidfd: int, number: int) -> None:
    """Send a signal to a child of our parent, the master.  Nobody else is any business of a master."""
    # whoever is gone, or asks for what is no signal, gets no answer either way
    with contextlib.suppress(OSError, ValueError):
        with open(f"/proc/self/fdinfo/{pidfd}") as facts:
            pid = next((line.split()[1] for line in facts if line.startswith("Pid:")), "-1")
        # both by the numbers of the same /proc, which may be that of another pid namespace
        if _parent_of(pid) == _parent_of("self"):
            signal.pidfd_send_signal(pidfd, number)


def _parent_of(pid: str) -> int:
    """The parent of a process.

    :raises OSError: it was reaped.
    """
    with open(f"/proc/{pid}/stat") as status:
        return int(status.read().rpartition(")")[2].split()[1])


def _close_all(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
