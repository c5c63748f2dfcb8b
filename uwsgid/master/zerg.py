"""The master gives its listening sockets to zergs, and calls for some where its workers are not enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from uwsgid.config.kinds import Count, Seconds, Text
from uwsgid.config.section import Section, option, section
from uwsgid.host import Listener
from uwsgid.supervise.board import Board, Phase
from uwsgid.supervise.handing import Handing, bind
from uwsgid.wire.zerg import pack


@section("Zerg")
class ZergServing(Section):
    """Where zergs get the sockets of this instance."""

    path: Text = option(
        "zerg-server", default="", implies=("master",), help="give the own sockets to whoever connects here"
    )


@section("Vassal")
class Sos(Section):
    """When a vassal asks its emperor for zergs."""

    backlog: Count = option(
        "vassal-sos-backlog", default=0, help="ask when so many connections wait on a socket"
    )
    seconds: Seconds = option(
        "vassal-sos", default=0, help="ask when all workers are busy, once in this many seconds"
    )


class ZergServer:
    """Answers zergs, where the configuration wants that."""

    def __init__(
        self, reactor: Any, path: str, listeners: Sequence[Listener], say: Callable[[str], None]
    ) -> None:
        self._reactor: Final = reactor
        self._path: Final = path
        self._descriptors: Final = list(dict.fromkeys(listener.fd for listener in listeners))
        self._say: Final = say
        self._handing: Handing | None = None

    def start(self) -> None:
        """Begin to listen.

        :raises KernelError: where the kernel refuses.
        """
        if not self._path or not self._descriptors:
            return
        listener = bind("zerg-server", self._path)
        self._handing = Handing(
            self._reactor, listener, pack(len(self._descriptors)), self._descriptors, self._say
        )
        self._handing.start()
        self._say(f"*** Zerg server enabled on {self._path} ***")

    def stop(self) -> None:
        """Listen no more."""
        if self._handing is not None:
            self._handing.stop()
            self._handing = None


class SosWatch:
    """Decides whether zergs are needed.

    :param queue_length: connections that wait on the busiest socket.
    :param call: asks the emperor.
    :param clock: monotonic seconds.
    """

    def __init__(
        self,
        options: Sos,
        board: Board,
        queue_length: Callable[[], int],
        call: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._options: Final = options
        self._board: Final = board
        self._queue_length: Final = queue_length
        self._call: Final = call
        self._clock: Final = clock
        self._called_at = -float("inf")

    def look(self) -> None:
        """Ask, where it is time to.  A queue that is too long asks at each look, as in uWSGI."""
        options = self._options
        if options.backlog and self._queue_length() >= options.backlog:
            self._call()
        elif options.seconds and self.all_busy():
            now = self._clock()
            if now - self._called_at >= options.seconds:
                self._called_at = now
                self._call()

    def all_busy(self) -> bool:
        """Whether there are workers, and none of them has a free core."""
        board = self._board
        seats = [seat for seat in range(board.seats) if board.phase[seat] == Phase.READY]
        return bool(seats) and all(
            board.in_request[core] & 1
            for seat in seats
            for core in range(seat * board.cores, (seat + 1) * board.cores)
        )
