"""Turns offload on and off: at the router's own device and at those of peers, as peers come and go.

What has to be on is decided in `uwsgid.tuntap.offload`; here is remembered what is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from uwsgid.errors import KernelError
from uwsgid.tuntap.offload import host_offloads, peer_offloads

if TYPE_CHECKING:
    from uwsgid.tuntap.policy import Policy


class Turning:
    """The offload of all devices of one router.

    :param device: the router's own.
    :param gateway: whether the router has a UDP gateway.
    :param turn: lets a device hand out large packets, or not.
    :param devices: those of peers, as they are now.
    :param grumble: takes a line for the log.
    :ivar framed: peers behind streams that can be sent something, by number.
    """

    def __init__(
        self,
        device: int,
        gateway: bool,
        turn: Callable[[int, bool], int],
        devices: Callable[[], Iterable[int]],
        grumble: Callable[[str], None],
    ) -> None:
        self.framed: set[int] = set()
        self._device = device
        self._gateway = gateway
        self._turn = turn
        self._devices = devices
        self._grumble = grumble
        self._host: bool | None = None
        self._peers: bool | None = None

    def begin(self, device: int, policy: Policy) -> None:
        """Turn the device of a new peer to what those of all peers are.

        :raises KernelError: it can not be.
        """
        self._turn(device, self._wants_peers(policy))

    def follow(self, policy: Policy) -> None:
        """Turn what is not as it has to be by now."""
        host, peers = host_offloads(len(self.framed), self._routes(policy)), self._wants_peers(policy)
        if host is not self._host:
            self._host = host
            self._try((self._device,), host)
        if peers is not self._peers:
            self._peers = peers
            self._try(tuple(self._devices()), peers)

    def _try(self, devices: Iterable[int], on: bool) -> None:
        for device in devices:
            try:
                self._turn(device, on)
            except KernelError as error:
                self._grumble(str(error))

    def _routes(self, policy: Policy) -> bool:
        return self._gateway and len(policy.routes) > 0

    def _wants_peers(self, policy: Policy) -> bool:
        return peer_offloads(len(self.framed), self._routes(policy), policy.switch_local)
