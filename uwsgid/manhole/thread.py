"""The manhole of a worker: threads of its own, since workers know no Twisted and their loops must not wait.

One thread listens.  A session has two: one reads, the other runs statements, so that Ctrl-C, and a client
that hangs up, reach a statement that runs.  Requests go on meanwhile, as far as Python lets threads run side
by side.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

from uwsgid.errors import KernelError
from uwsgid.manhole.console import ClientGone
from uwsgid.manhole.line import Line
from uwsgid.manhole.listening import Entrance, HatchEntrance, SocketEntrance
from uwsgid.manhole.names import Name, namespace
from uwsgid.manhole.record import Record
from uwsgid.manhole.session import Session

MOST_SESSIONS: Final = 4  #: at a time

_PIECE: Final = 1 << 16
_INTERRUPT: Final = b"\x03"
_MOMENT: Final = 0.005  #: seconds


class ThreadDoor:
    """Gives sessions to those whom an entrance admits.

    :param names: what statements know.
    :param say: writes a line to the log.
    :param greeting: the first line of a session.
    """

    def __init__(
        self,
        entrance: Entrance,
        names: Iterable[Name],
        say: Callable[[str], None],
        *,
        greeting: str = "",
    ) -> None:
        self.names: Final = tuple(names)
        self.say: Final = say
        self.greeting: Final = greeting
        self.clients: set[ThreadClient] = set()
        self._entrance = entrance
        self._is_open = False
        self._end: int = -1
        self._pid = 0

    def open(self) -> None:
        """Listen, in a thread of its own.

        :raises KernelError: the entrance can not be had.
        """
        listening = self._entrance.open()
        self._end = os.eventfd(0, os.EFD_CLOEXEC)
        self._pid = os.getpid()
        self._is_open = True
        threading.Thread(target=self._listen, args=(listening,), name="manhole", daemon=True).start()

    def close(self, why: str) -> None:
        """Tell all sessions why they end, and listen no more.

        A process that the application forked is not the worker, and removes nothing.
        """
        if not self._is_open or os.getpid() != self._pid:
            return
        self._is_open = False
        self._entrance.close()
        os.eventfd_write(self._end, 1)
        for client in tuple(self.clients):
            client.dismiss(why)

    def _listen(self, listening: socket.socket) -> None:
        poll = select.poll()
        poll.register(listening, select.POLLIN)
        poll.register(self._end, select.POLLIN)
        while self._is_open:
            if any(fd == self._end for fd, _ in poll.poll()):
                return
            try:
                self._welcome()
            except ConnectionError:
                return  # nobody comes any more
            except (OSError, RuntimeError) as error:  # no more threads, no more memory
                self.say(f"manhole at {self._entrance}: {error}")

    def _welcome(self) -> None:
        admitted = self._entrance.admitted(len(self.clients), MOST_SESSIONS)
        if admitted is not None:
            client = ThreadClient(self, *admitted)
            self.clients.add(client)
            client.start()


class ThreadClient:
    """One client, with its two threads."""

    def __init__(self, door: ThreadDoor, connection: socket.socket, record: Record) -> None:
        self._door = door
        self._socket = connection
        self._line = Line(connection)
        self._said: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._put = self._done = 0  # pieces that were read, and that were run
        self._runner = threading.Thread(target=self._run, name="manhole statements", daemon=True)
        self._session = Session(namespace(door.names), record, self._line.send, self._leave, door.greeting)

    def start(self) -> None:
        """Begin to read and to run."""
        self._runner.start()
        threading.Thread(target=self._read, name="manhole keys", daemon=True).start()

    def dismiss(self, why: str) -> None:
        """End the session, from another thread."""
        self._session.dismiss(why)

    def _read(self) -> None:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        while not self._session.is_over:
            try:
                poll.poll()
                data = self._socket.recv(_PIECE)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                # a client that has only said all it wants to say still listens
                if self._is_gone():
                    self._interrupt(ClientGone)
                self._said.put(None)
                return
            self._pass_on(data)

    def _pass_on(self, data: bytes) -> None:
        """Let what was read be run; Ctrl-C is for what was read before, and may come together with it."""
        while data:
            before, interrupt, data = data.partition(_INTERRUPT)
            if before:
                self._queue(before)
            if interrupt and not self._interrupt(KeyboardInterrupt):
                self._queue(interrupt)

    def _queue(self, data: bytes) -> None:
        self._put += 1
        self._said.put(data)

    def _is_gone(self) -> bool:
        poll = select.poll()
        try:
            poll.register(self._socket, 0)
            return any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll(0))
        except (OSError, ValueError):
            return True

    def _run(self) -> None:
        try:
            while not self._session.is_over:
                try:
                    data = self._said.get()
                    if data is None:
                        self._session.end_of_input()
                    else:
                        self._session.receive(data)
                    self._line.drain()
                except KeyboardInterrupt:  # it came when its statement was through
                    self._session.begin_again()
                self._done += 1
        except ClientGone:
            self._session.end("hung up")
        finally:
            self._close()

    def _interrupt(self, kind: type[BaseException]) -> bool:
        """Raise *kind* in the statement that runs; whether one does.

        A statement that was entered and has not begun is waited for: it may be an endless one.
        """
        while not self._session.is_running and self._done < self._put and self._runner.is_alive():
            time.sleep(_MOMENT)
        if not self._session.is_running or self._runner.ident is None:
            return False
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._runner.ident), ctypes.py_object(kind))
        return True

    def _leave(self) -> None:
        """The session is over: send what is left, and wait for nobody in a thread that is not ours."""
        with contextlib.suppress(ClientGone):
            if threading.current_thread() is self._runner:
                self._line.drain()
            else:
                self._line.flush()
        self._said.put(None)
        self._hang_up()

    def _hang_up(self) -> None:
        """Tell the client, and wake the thread that reads; a close alone does neither while it waits."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _close(self) -> None:
        self._door.clients.discard(self)
        self._hang_up()
        self._socket.close()


def open_door(
    path: str, names: Iterable[Name], say: Callable[[str], None], *, greeting: str = "", whose: str = ""
) -> ThreadDoor | None:
    """A door at *path*; None, and a word in the log, where there can be none: a worker serves without.

    :param whose: as in `Record`.
    """
    door = ThreadDoor(SocketEntrance(path, say, whose), names, say, greeting=greeting)
    try:
        door.open()
    except KernelError as error:
        say(str(error))
        return None
    return door


def open_hatch(
    hatch: socket.socket,
    names: Iterable[Name],
    say: Callable[[str], None],
    *,
    greeting: str = "",
    whose: str = "",
) -> ThreadDoor:
    """A door at the hatch of this worker, for those who came to the master by ssh."""
    door = ThreadDoor(HatchEntrance(hatch, say, whose), names, say, greeting=greeting)
    door.open()
    return door
