"""A vassal's side of the talk with its emperor: orders come in, signs of life go out, one byte each.

Only the master holds the vassal's end.  With uWSGI the workers have it too, and write to it; here they tell
their master, which writes.  So an emperor sees the end of the talk when the master is gone, and no program
of an application can hold it open.

A vassal whose emperor is gone ends, brutally: whoever replaces that emperor would start it a second time.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import LoopingCall

from uwsgid.config.kinds import Seconds, Text
from uwsgid.config.section import Section, option, section
from uwsgid.hooks.phases import Phase
from uwsgid.master.emperor_end import EmperorEnd
from uwsgid.master.workforce import READY
from uwsgid.supervise.child import Child
from uwsgid.supervise.handing import Handing, bind
from uwsgid.wire.control import AWAKE, LOYAL, Knock
from uwsgid.wire.vassal import PROXY_NAME, ToEmperor, ToVassal
from uwsgid.wire.zerg import pack

#: Seconds between the loss of the emperor and the end, as uWSGI sleeps; workers are ended meanwhile.
MOURNING: Final = 2.0
_BATCH: Final = 64  #: bytes read at once


@section("Vassal")
class Vassal(Section):
    """What an instance tells the emperor that keeps it."""

    heartbeat: Seconds = option(
        "heartbeat", default=0, help="seconds between two signs of life of each worker that waits for work"
    )
    proxy: Text = option(
        "emperor-proxy-socket",
        default="",
        help="give the talk with the emperor to whoever connects here, who has UWSGI_EMPEROR_PROXY set",
    )


class Orders(Protocol):
    """What an emperor can order."""

    def stop_brutally(self) -> None:
        """End now."""

    def stop(self) -> None:
        """Finish what is in progress, then end."""

    def reload_for_emperor(self) -> None:
        """Reload, with the configuration that the emperor has now."""

    def emperor_lost(self) -> None:
        """End brutally, and be no success."""


class Loyalty(EmperorEnd):
    """The vassal's end.  Without an emperor it does nothing.

    :param fd: the vassal's end of the talk; None where there is no emperor.
    :param orders: carries out what the emperor says.
    :param say: writes a line to the log.
    :param heartbeat: seconds between two signs of life, 0 for none.
    :param workers: those that live now.
    :param asleep: tells whether there are none on purpose; the master speaks for them then.
    :param hooks: runs the hooks of a phase; what they belong to is done when they are over.
    """

    def __init__(
        self,
        reactor: Any,
        fd: int | None,
        orders: Orders,
        say: Callable[[str], None],
        *,
        heartbeat: float = 0,
        workers: Callable[[], Iterable[Child]] = lambda: (),
        asleep: Callable[[], bool] = lambda: False,
        hooks: Callable[[Phase], Deferred[None]] = lambda phase: succeed(None),
    ) -> None:
        super().__init__(reactor, fd)
        self._orders: Final = orders
        self._say: Final = say
        self._hooks: Final = hooks
        self._workers: Final = workers
        self._asleep: Final = asleep
        self._heartbeat: Final = heartbeat
        self._beats: Final = LoopingCall(self._knock)
        self._beats.clock = reactor
        self._knocked: set[int] = set()  # workers that did not answer yet, by pid

    @property
    def has_emperor(self) -> bool:
        """Whether there was one at the start."""
        return self._fd is not None

    def start(self) -> None:
        """Begin to listen, and tell that this vassal was spawned."""
        if self._fd is None:
            return
        self._say(f"*** has_emperor mode detected (fd: {self._fd}) ***")
        self._socket = socket.socket(fileno=self._fd)
        self._socket.setblocking(False)
        self._reactor.addReader(self)
        self.tell(ToEmperor.SPAWNED)
        if self._heartbeat:
            self._beats.start(self._heartbeat)

    def end(self) -> None:
        """Listen no more.  The descriptor stays open: the emperor notices the end of the process by it."""
        if self._beats.running:
            self._beats.stop()
        self._let_go()

    def tell(self, what: ToEmperor) -> None:
        """Tell the emperor.  One that does not listen is not waited for."""
        if self._socket is not None:
            try:
                self._socket.send(bytes((what,)))
            except OSError:
                pass  # that it is gone is told by the end of the talk

    # ---- what workers tell

    def hear(self, child: Child, what: str) -> None:
        """Pass on what a worker tells: that it accepts, that its first request is done, that it is awake."""
        if what == READY:
            if child.slot == 1:  # the first one speaks for all, each time that it is born
                self.tell(ToEmperor.ACCEPTING)
        elif what == LOYAL:
            self.tell(ToEmperor.LOYAL)
        else:
            self._knocked.discard(child.pid)
            if what == AWAKE and self._heartbeat:
                self.tell(ToEmperor.HEARTBEAT)

    def _knock(self) -> None:
        """Ask every worker that answered the last time; whoever is busy answers when it no longer is."""
        workers = [child for child in self._workers() if child.is_ready]
        self._knocked.intersection_update(child.pid for child in workers)
        for child in workers:
            if child.pid not in self._knocked and child.say(Knock()):
                self._knocked.add(child.pid)
        if self._asleep():
            self.tell(ToEmperor.HEARTBEAT)

    # ---- what the emperor says

    def doRead(self) -> None:
        if self._socket is None:
            return
        try:
            said = self._socket.recv(_BATCH)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            said = b""
        for byte in said:
            self._say(f"received message {byte} from emperor")
            self._obey(byte)
        if not said:
            self._lose()

    def _obey(self, byte: int) -> None:
        if byte == ToVassal.STOP:
            self._after(Phase.EMPEROR_STOP, self._orders.stop_brutally)
        elif byte == ToVassal.STOP_GRACEFULLY:
            self._after(Phase.EMPEROR_STOP, self._orders.stop)
        elif byte == ToVassal.RELOAD:
            self._after(Phase.EMPEROR_RELOAD, self._orders.reload_for_emperor)

    def _lose(self) -> None:
        self.end()
        self._say("lost connection with my emperor !!!")
        self._after(Phase.EMPEROR_LOST, self._orders.emperor_lost)

    def _after(self, phase: Phase, order: Callable[[], None]) -> None:
        self._hooks(phase).addBoth(lambda _: order())


class EmperorProxy:
    """Hands the vassal's ends out, so that an instance elsewhere, as in a container, is the vassal too.

    :param descriptors: those ends; where there are none nothing is done.
    """

    def __init__(
        self, reactor: Any, path: str, descriptors: Sequence[int], say: Callable[[str], None]
    ) -> None:
        self._reactor: Final = reactor
        self._path: Final = path
        self._descriptors: Final = descriptors
        self._say: Final = say
        self._handing: Handing | None = None

    def start(self) -> None:
        """Begin to listen; the socket is for our user only.

        :raises KernelError: where the kernel refuses.
        """
        if self._path and self._descriptors:
            message = pack(len(self._descriptors), PROXY_NAME)
            listener = bind("emperor-proxy-socket", self._path, 0o600)
            self._handing = Handing(self._reactor, listener, message, self._descriptors, self._say)
            self._handing.start()

    def stop(self) -> None:
        """Listen no more."""
        if self._handing is not None:
            self._handing.stop()
            self._handing = None
