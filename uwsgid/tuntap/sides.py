"""The two sides of a router that are no peers: its own device on the host, and its UDP gateway.

Both are descriptors that the reactor watches; neither is ever given up because of what came in.  A mistake of
ours costs the packet that showed it.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Final

from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from uwsgid.tuntap.pump import BATCH, GONE, Pump

if TYPE_CHECKING:
    from uwsgid.tuntap.router import Router

DATAGRAM: Final = 65536  #: bytes of the longest datagram

log: Final = Logger()


@implementer(IReadDescriptor)
class HostSide:
    """The router's own device, as the reactor sees it."""

    def __init__(self, router: Router, pump: Pump, device: int) -> None:
        self._router = router
        self._pump = pump
        self._device = device

    def fileno(self) -> int:
        return self._device

    def logPrefix(self) -> str:
        return "tuntap router device"

    def doRead(self) -> None:
        try:
            error = self._pump.drain_host()
        except Exception:
            # a mistake of ours costs the packet that showed it; the device stays
            log.failure("a packet from {device} could not be handled", device=self._router.opened.name)
            error = 0
        self._router.drain_events()
        if error in GONE:
            self._router.fail(os.strerror(error))
        elif error:
            self._router.grumble(f"the device {self._router.opened.name}: {os.strerror(error)}")

    def connectionLost(self, reason: Failure) -> None:
        """The kernel reports an error of the device: somebody removed it."""
        self._router.fail("it was removed")


@implementer(IReadDescriptor)
class GatewaySide:
    """The UDP gateway, as the reactor sees it: a packet a datagram, in both directions."""

    def __init__(self, router: Router, pump: Pump, gateway: socket.socket) -> None:
        self._router = router
        self._pump = pump
        self._gateway = gateway

    def fileno(self) -> int:
        return self._gateway.fileno()

    def logPrefix(self) -> str:
        return "tuntap gateway"

    def doRead(self) -> None:
        router, now = self._router, self._router.clock()
        for _ in range(BATCH):
            try:
                packet, sender = self._gateway.recvfrom(DATAGRAM)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                # what the kernel has to say about a datagram that we sent, such as "connection refused"
                continue
            if not router.switch.policy.accepts_from(sender[0]):
                self._pump.refuse_datagram(packet)
                continue
            try:
                self._pump.pass_datagram(packet, now)
            except Exception:
                log.failure("a datagram could not be handled")
        router.drain_events()

    def connectionLost(self, reason: Failure) -> None:
        """A UDP socket is never lost; the reactor ends."""
