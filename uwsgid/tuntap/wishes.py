"""What a device wants from its router, in the words of either way to tell it."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass

from uwsgid.host.addresses import Address
from uwsgid.host.network_interfaces import addresses_of
from uwsgid.tuntap.records import record_of
from uwsgid.tuntap.rules import DeviceRule
from uwsgid.wire.handover import Hello
from uwsgid.wire.tunframe import MAX_BODY, rule_block


@dataclass(frozen=True, slots=True)
class Wishes:
    """One device, and what is to become of its packets.

    :ivar device: its name.
    :ivar router: where the router listens.
    :ivar rules: ``tuntap-device-rule``.
    :ivar user: uid and gid that the instance will have, as whom it comes to a router from the beginning.
    :ivar credentials: begin with them, and not before privileges were dropped.
    :ivar largest: bytes of the largest packet in a frame.
    """

    device: str
    router: Address
    rules: tuple[DeviceRule, ...] = ()
    user: tuple[int, int] = (0, 0)
    credentials: bool = False
    largest: int = MAX_BODY

    def hello(self) -> Hello:
        """What goes with the device when it is handed over, with the addresses that it has by now.

        :raises ConfigError: there are more rules than one record holds; when it is packed.
        """
        return Hello(self.device, self._texts, addresses_of(self.device))

    def records(self) -> bytes:
        """The rules for a router that takes frames, as one message; nothing where there are none.

        :raises ValueError: a rule says more than such a router understands.
        """
        return rule_block(record_of(rule) for rule in self.rules) if self.rules else b""

    @property
    def key(self) -> str:
        """What a connection is kept under: one with other rules is another."""
        told = "\n".join((self.router.text, *self._texts)).encode(errors="surrogateescape")
        return f"tuntap-device connection {self.device} {zlib.crc32(told):08x}"

    @property
    def mark(self) -> bytes:
        """Sixteen bytes that other wishes do not have: a link that was made for these serves no others."""
        told = repr((self.device, self.router.text, self._texts, self.user, self.credentials, self.largest))
        return hashlib.blake2s(told.encode(errors="surrogateescape"), digest_size=16).digest()

    @property
    def _texts(self) -> tuple[str, ...]:
        return tuple(rule.text for rule in self.rules)
