"""Real newborns without a master: forked by the test, spoken to as the master would, ended by their pids."""

from __future__ import annotations

import atexit
import os
import select
import signal
import socket
import sys
import time
from pathlib import Path
from typing import TypeVar

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.door import catalog
from uwsgid.host import Kernel, Listener, LockTable
from uwsgid.host.addresses import Family
from uwsgid.languages.python.api_locks import user_lock_names
from uwsgid.logs import Lines
from uwsgid.supervise.birth import bear
from uwsgid.supervise.board import Board
from uwsgid.supervise.household import Household
from uwsgid.supervise.processes import Processes
from uwsgid.wire.control import MAX_RECORD, Fork, Record, unpack

#: No test waits longer than this for anything.
PATIENCE = 30.0

R = TypeVar("R", bound=Record)


class Child:
    """A process that the test answers for.

    :ivar channel: the test's end of the talk.
    """

    def __init__(self, pid: int, channel: socket.socket) -> None:
        channel.settimeout(PATIENCE)
        self.pid = pid
        self.channel = channel
        self._status: int | None = None

    def hear(self, kind: type[R]) -> R:
        """The next record, which is a *kind*."""
        data = self.channel.recv(MAX_RECORD)
        record = unpack(data) if data else None
        if not isinstance(record, kind):
            raise AssertionError(f"expected {kind.__name__}, got {record!r}")
        return record

    def say(self, record: Record, *descriptors: int) -> None:
        socket.send_fds(self.channel, [record.pack()], descriptors)

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self) -> int:
        """Its exit code, or minus the signal that ended it."""
        end = time.monotonic() + PATIENCE
        pidfd = os.pidfd_open(self.pid) if self._status is None else -1
        if pidfd >= 0:
            try:
                if not select.select([pidfd], [], [], end - time.monotonic())[0]:
                    raise AssertionError(f"process {self.pid} does not end")
            finally:
                os.close(pidfd)
            self._status = os.waitpid(self.pid, 0)[1]
        assert self._status is not None
        return os.waitstatus_to_exitcode(self._status)

    def end(self) -> None:
        """Be sure that it is gone."""
        self.channel.close()
        if self._status is None:
            os.kill(self.pid, signal.SIGKILL)
            self._status = os.waitpid(self.pid, 0)[1]


class FamilyCase(SynchronousTestCase):
    """A test that has children.

    :ivar folder: where the applications are.
    :ivar address: where the workers listen, for HTTP.
    """

    def setUp(self) -> None:
        catalog.load()
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir(parents=True)
        kernel = Kernel()
        kernel.set_child_subreaper(True)
        self.addCleanup(kernel.set_child_subreaper, False)
        self._log, self._logging = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._log, False)
        self.addCleanup(os.close, self._log)
        self.addCleanup(os.close, self._logging)
        self._said = ""

    def app(self, text: str, name: str = "app.py") -> str:
        """Write an application; its path."""
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def household(self, lines: str) -> Household:
        """What boot would leave for a configuration of *lines*."""
        settings = settings_of(lines)
        port = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(port.close)
        self.address: tuple[str, int] = port.getsockname()
        listener = Listener(0, "127.0.0.1:0", "", port.fileno(), Family.INET, "http", port=self.address[1])
        thunder = ("thunder",) if "thunder-lock" in lines else ()
        locks = LockTable((*user_lock_names(settings), *thunder))
        self.addCleanup(locks.close)
        board = Board(2, settings[Processes].threads)
        return Household(
            settings, Kernel(), Lines(settings), board, (listener,), os.getpid(), time.time(), locks=locks
        )

    def fork(
        self, house: Household, role: str, *, slot: int = 0, seat: int = -1, generation: int = 1
    ) -> Child:
        """A newborn, forked by the test itself."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            try:
                atexit._clear()
                ours.close()
                for descriptor in (1, 2):
                    os.dup2(self._logging, descriptor)
                sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
                sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
                bear(house, Fork(1, role, slot, seat, generation), [theirs.detach()])
            finally:
                os._exit(99)
        theirs.close()
        return self.keep(Child(pid, ours))

    def keep(self, child: Child) -> Child:
        """End *child* with the test."""
        self.addCleanup(child.end)
        return child

    def said(self) -> str:
        """What all children wrote so far."""
        try:
            while data := os.read(self._log, 65536):
                self._said += data.decode("utf-8", "replace")
        except BlockingIOError:
            pass
        return self._said

    def wait_for(self, text: str, count: int = 1) -> None:
        """Wait until the children wrote *text* *count* times."""
        end = time.monotonic() + PATIENCE
        while self.said().count(text) < count:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._log], [], [], left)[0]:
                raise AssertionError(f"nobody said {text!r}:\n{self._said}")

    def ask(self, path: str = "/") -> socket.socket:
        """A client that sent a request and waits for its answer."""
        client = socket.create_connection(self.address, timeout=PATIENCE)
        self.addCleanup(client.close)
        client.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        return client

    def fetch(self, path: str = "/") -> bytes:
        """The body of an answer."""
        return read_body(self.ask(path))


def read_body(client: socket.socket) -> bytes:
    """What stands behind the head of an answer; empty where there is none."""
    received = b""
    while data := client.recv(65536):
        received += data
    return received.partition(b"\r\n\r\n")[2]
