"""The vassal's side: its devices, and the way from each to a router.

A router of ours on the same host is handed the device itself (`uwsgid.tuntap.handover`), and no process of
the vassal ever touches a packet.  Where that can not be, packets go as frames (`uwsgid.tuntap.relay`).

A small process, ``uWSGI tuntap device uwsgi0``, holds the connection, and makes a new one when the router was
lost; the C client ends its whole instance then (plugins/tuntap/tuntap.c, uwsgi_tuntap_client_loop).  What the
boot does before there is such a process is told by `uwsgid.tuntap.devices`.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, Final

from uwsgid.errors import ConfigError, KernelError
from uwsgid.host.addresses import Address
from uwsgid.host.network_interfaces import call_neighbour
from uwsgid.host.tun import set_offload
from uwsgid.tuntap.connecting import connect
from uwsgid.tuntap.handover import Attachment, companion_of, offer
from uwsgid.tuntap.relay import Relay, greet
from uwsgid.tuntap.relief import Handed
from uwsgid.tuntap.wishes import Wishes

Say = Callable[[str], None]

PATIENCE: Final = 2.0  #: seconds for a router to take a connection
FIRST_REST: Final = 0.1  #: seconds before a lost router is tried again; doubled each time
LONGEST_REST: Final = 5.0  #: seconds
#: Packets leave at once, and a router that fell silent with its host is missed within half a minute.
_TCP: Final = (
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 25_000),
)
STEADY: Final = 5.0  #: seconds after which a connection counts as one that worked


class Client:
    """Keeps one device attached to its router.

    It is in one of three states: *attached*, when `link` is what carries packets; *resting*, when `_nap` is
    the call that ends the rest; and ended.  Connecting is no state of its own, for it never takes long.

    :param device: the descriptor; opened with virtio headers.
    :ivar wishes: what the router is told.
    :ivar link: what carries packets now; None while nothing does.
    """

    def __init__(self, reactor: Any, say: Say, wishes: Wishes, device: int) -> None:
        self._reactor = reactor
        self._say = say
        self.wishes = wishes
        self._device = device
        self.link: Attachment | Relay | None = None
        self._nap: Any = None
        self._rest = FIRST_REST
        self._since = 0.0
        self._said = ""
        self._shared = False  # the master holds the link, too

    def start(self, connection: socket.socket | None = None) -> None:
        """Attach the device.

        :param connection: one on which a router took it before.
        """
        if connection is None:
            self._connect()
        else:
            self._shared = True
            self._watch(connection, answered=True)
            call_neighbour(self.wishes.device)

    def resume(self, handed: Handed) -> None:
        """Go on with a link that another process had."""
        if handed.frames:
            self._since = self._reactor.seconds()
            self._copy(handed.link, handed.unsent, handed.pending)
        else:
            self._watch(handed.link, answered=True)
        how = "frames" if handed.frames else "handed over"
        self._say(f"tuntap device {self.wishes.device}: {how} to the router at {self.wishes.router.text}")

    def wish(self, wishes: Wishes) -> None:
        """Attach the device anew, where *wishes* are not what the router knows already."""
        if wishes != self.wishes:
            self.wishes = wishes
            self.stop()
            self._connect()

    def stop(self) -> None:
        """Detach the device."""
        if self.link is not None:
            self.link.stop()
        self.leave()

    def leave(self) -> None:
        """Do nothing more.  A device that was handed over stays so while its instance lives."""
        if self.link is not None:
            self.link.leave()
        self._rest_no_more()
        self.link = None

    def hand_on(self) -> Handed | None:
        """Do nothing more, and let another process go on with the link.

        None where there is no link now, and where it needs nobody: the master holds it as well.
        """
        link, self.link = self.link, None
        self._rest_no_more()
        if link is None:
            return None
        if self._shared:
            link.leave()
            return None
        return link.hand_on()

    def _rest_no_more(self) -> None:
        if self._nap is not None:
            self._nap.cancel()
            self._nap = None

    def _connect(self) -> None:
        self._nap = None
        self._shared = False
        wishes = self.wishes
        self._since = self._reactor.seconds()
        try:
            connection = None
            companion = companion_of(wishes.router)
            if companion is not None:
                connection = offer(companion, self._device, wishes.hello(), PATIENCE)
            if connection is not None:
                self._watch(connection, answered=False)
            else:
                self._relay(connect_stream(wishes.router))
        except (OSError, ValueError, ConfigError, KernelError) as error:
            self._lost(f"connect(): {error} [{wishes.router.text}]")

    def _watch(self, connection: socket.socket, *, answered: bool) -> None:
        self._since = self._reactor.seconds()
        self.link = Attachment(self._reactor, connection, self._taken, self._lost, answered=answered)
        self.link.start()

    def _taken(self) -> None:
        self._attached("handed over to")

    def _relay(self, stream: socket.socket) -> None:
        wishes = self.wishes
        try:
            set_offload(self._device, False)
            greet(stream, wishes.records(), credentials=wishes.credentials)
        except BaseException:
            stream.close()
            raise
        self._copy(stream)
        self._attached("frames to")

    def _copy(self, stream: socket.socket, unsent: bytes = b"", pending: bytes = b"") -> None:
        self.link = Relay(
            self._reactor,
            self._device,
            stream,
            self._lost,
            largest=self.wishes.largest,
            unsent=unsent,
            pending=pending,
        )
        self.link.start()

    def _attached(self, how: str) -> None:
        self._said = ""
        self._say(f"tuntap device {self.wishes.device}: {how} the router at {self.wishes.router.text}")
        # it knows us by our packets, and an instance that only answers might never send one
        call_neighbour(self.wishes.device)

    def _lost(self, reason: str) -> None:
        self.link = None
        if self._reactor.seconds() - self._since >= STEADY:
            self._rest = FIRST_REST
        if reason != self._said:
            # the first words are the C client's
            self._say(f"tuntap server disconnected... {reason}; the device {self.wishes.device} tries again")
            self._said = reason
        self._nap = self._reactor.callLater(self._rest, self._connect)
        self._rest = min(LONGEST_REST, 2 * self._rest)


def connect_stream(router: Address) -> socket.socket:
    """A stream to *router*.

    :raises OSError: it does not take one within `PATIENCE`.
    """
    stream = connect(router, PATIENCE)
    if not router.is_unix:
        for level, name, value in _TCP:
            stream.setsockopt(level, name, value)
    return stream
