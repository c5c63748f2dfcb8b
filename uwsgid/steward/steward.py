"""The process of a steward: descriptors, signals and children around its `Duty`.

It is forked from the nest of an emperor and forks its workers itself, at a moment when it has touched next to
nothing of the memory that it shares with everybody else.  So what is done here is little, and nothing is
imported for it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Mapping
from typing import Final

from uwsgid.host.children import ExitStatus
from uwsgid.host.inherit import leave_behind
from uwsgid.host.sockets import vacuum
from uwsgid.interfaces import IKernel
from uwsgid.steward.duty import Duty
from uwsgid.steward.hands import LoneWorker
from uwsgid.steward.terms import USUAL, VACUUM, Kept, sockets_of
from uwsgid.supervise.reactions import mask_signals, react
from uwsgid.wire.vassal import ToEmperor, ToVassal

#: Lives as a worker, with the other end of the talk with it and what it finds in its environment besides.
Live = Callable[[socket.socket, Mapping[str, str]], None]

#: What the steward does about signals, by the names of orders; nothing about those without one.
_ORDERS: Final = {
    int(signal.SIGHUP): "reload",
    int(signal.SIGTERM): "term",
    int(signal.SIGINT): "stop_brutally",
    int(signal.SIGQUIT): "quit",
    int(signal.SIGUSR1): "report",
    int(signal.SIGTSTP): "pause",
    int(signal.SIGTTIN): "one_more",
    int(signal.SIGTTOU): "one_less",
    int(signal.SIGUSR2): "",
    int(signal.SIGWINCH): "",
    int(signal.SIGALRM): "",
}
_CHILD_ENDED: Final = int(signal.SIGCHLD)
_BATCH: Final = 64  #: bytes read at once


class Steward:
    """A vassal's process that waits.

    :param pipe: the vassal's end of the talk with its emperor.
    :param live: called in a worker that was just forked; never returns.
    :param again: what tells an instance that it is not the first of its vassal, by the number of reloads.
    """

    def __init__(
        self,
        kernel: IKernel,
        pipe: int,
        live: Live,
        again: Callable[[int], Mapping[str, str]],
        say: Callable[[str], None],
    ) -> None:
        self._kernel: Final = kernel
        self._pipe: Final = socket.socket(fileno=pipe)
        self._live: Final = live
        self._again: Final = again
        self._say: Final = say
        self._workers: list[LoneWorker] = []
        self._keeper: LoneWorker | None = None  # who brought the sockets that we keep
        self._terms = USUAL
        self._lives = 0  # workers that came to serve
        self._has_emperor = True
        self._alarm: Final = socket.socketpair()

    def run(self) -> int:
        """Sleep and wait until the end; what it comes to, as in `Duty.outcome`."""
        try:
            self._bear()
        except OSError:
            pass  # it is tried again
        self._settle()
        self._sleep()
        self._duty = duty = Duty(self._bear, self._say, self._tell, time.monotonic)
        duty.begin(*self._workers)
        self._bury()  # one may have ended before we heard signals
        while duty.outcome is None:
            self._wait()
            duty.look()
        return duty.outcome

    def inheritance(self) -> dict[str, str]:
        """What whoever follows a worker that served finds in its environment: our sockets, and that."""
        if self._keeper is None:
            return {}
        environ = dict(self._again(self._lives - 1))
        entries = [(kept.fd, kept.inode, kept.configured) for kept in self._sockets()]
        leave_behind(self._kernel, entries, environ)
        return environ

    def part(self) -> None:
        """Close what was ours alone, before somebody else lives in this process."""
        signal.set_wakeup_fd(-1)
        for end in self._alarm:
            end.close()
        self._pipe.detach()

    def clear_away(self) -> None:
        """Remove the files of the sockets, where the last worker wanted that, and say goodbye."""
        if self._terms.flags & VACUUM:
            vacuum(self._kernel, self._sockets(), self._say)
        self._say("goodbye to uWSGI.")

    def _sockets(self) -> list[Kept]:
        return [] if self._keeper is None else sockets_of(self._terms, self._keeper.sockets)

    # ---- waiting

    def _settle(self) -> None:
        """Hear signals, and be the parent of whatever a worker leaves behind."""
        for end in self._alarm:
            end.setblocking(False)
        signal.set_wakeup_fd(self._alarm[1].fileno(), warn_on_full_buffer=False)
        for number in (*_ORDERS, _CHILD_ENDED):
            react(number, _hear)
        mask_signals(signal.SIG_SETMASK, ())
        self._kernel.set_child_subreaper(True)
        self._kernel.set_process_name("uwsgid master")

    def _sleep(self) -> None:
        """Wait until somebody wants something of us, or the worker is gone.

        What it says until then concerns nobody yet, and stays where it is: to read it would take more memory
        than all the rest.
        """
        poll = select.poll()
        poll.register(self._alarm[0], select.POLLIN)
        poll.register(self._pipe, select.POLLIN)
        if self._workers:
            poll.register(self._workers[0].fileno(), 0)
            poll.poll()

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self._alarm[0], select.POLLIN)
        if self._has_emperor:
            poll.register(self._pipe, select.POLLIN)
        for worker in self._workers:
            if worker.fileno() >= 0:
                poll.register(worker.fileno(), select.POLLIN)
        due = self._duty.due()
        found = dict(poll.poll(None if due is None else max(0.0, due - time.monotonic()) * 1000 + 1))
        for worker in tuple(self._workers):  # first, as orders depend on whether they are ready
            if worker.fileno() in found:
                self._hear(worker)
        if self._alarm[0].fileno() in found:
            self._heed_signals()
        if self._has_emperor and self._pipe.fileno() in found:
            self._hear_emperor()

    def _heed_signals(self) -> None:
        for number in self._alarm[0].recv(_BATCH):
            if number == _CHILD_ENDED:
                self._bury()
            elif order := _ORDERS.get(number):
                getattr(self._duty, order)()

    def _hear_emperor(self) -> None:
        try:
            said = self._pipe.recv(_BATCH)
        except ConnectionError:
            said = b""
        if not said:
            self._has_emperor = False
            self._duty.lose_emperor()
        for byte in said:
            self._say(f"received message {byte} from emperor")
            if byte == ToVassal.STOP:
                self._duty.stop_brutally()
            elif byte == ToVassal.STOP_GRACEFULLY:
                self._duty.stop()
            elif byte == ToVassal.RELOAD:
                self._duty.reload()

    def _tell(self, what: ToEmperor) -> None:
        try:
            self._pipe.send(bytes((what,)), socket.MSG_DONTWAIT)
        except OSError:
            pass  # that it is gone is told by the end of the talk

    # ---- workers

    def _bear(self) -> LoneWorker:
        """Fork a worker, as `Duty` wants one."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            pid = self._kernel.fork_unnoticed()
        except OSError:
            ours.close()
            theirs.close()
            raise
        if pid == 0:
            ours.close()
            for worker in self._workers:
                worker.close()
            self.part()
            self._live(theirs, self.inheritance())
        theirs.close()
        worker = LoneWorker(pid, ours, time.monotonic())
        self._workers.append(worker)
        return worker

    def _hear(self, worker: LoneWorker) -> None:
        while (record := worker.hear()) is not None:
            self._duty.heard(worker, record)
        if self._keeper is not worker and self._duty.serves(worker):
            self._take_over(worker)

    def _take_over(self, worker: LoneWorker) -> None:
        """Keep the sockets of whoever serves now, and be in its directory, as a master would be."""
        if self._keeper is not None:
            self._keeper.forget()
        self._keeper, self._terms = worker, self._duty.terms
        self._lives += 1
        with contextlib.suppress(OSError):
            os.chdir(f"/proc/{worker.pid}/cwd")

    def _bury(self) -> None:
        """Wait for whoever ended, also those whom a worker left behind."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            ended = _status_of(status)
            worker = next((worker for worker in self._workers if worker.pid == pid), None)
            if worker is None:
                how = f"by signal {ended.signal}" if ended.signal else f"with code {ended.code}"
                self._say(f"subprocess {pid} exited {how}")
                continue
            self._hear(worker)
            self._workers.remove(worker)
            worker.close()
            if worker is not self._keeper:
                worker.forget()
            self._duty.ended(worker, ended)


def _hear(number: int, frame: object) -> None:
    """The descriptor of the alarm tells which signal came."""


def _status_of(status: int) -> ExitStatus:
    if os.WIFSIGNALED(status):
        return ExitStatus(signal=os.WTERMSIG(status), core_dumped=os.WCOREDUMP(status))
    return ExitStatus(code=os.WEXITSTATUS(status))
