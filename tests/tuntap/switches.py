"""A switch to ask: policies as they are written, peers, and the time of a test."""

from __future__ import annotations

from collections.abc import Iterable

from uwsgid.tuntap.access import UNKNOWN, Access, Credentials, read_grant
from uwsgid.tuntap.chain import Chain
from uwsgid.tuntap.decision import Decision, Learned, Refused
from uwsgid.tuntap.flows import FlowTable
from uwsgid.tuntap.peer import Peer
from uwsgid.tuntap.policy import Policy
from uwsgid.tuntap.rules import read_route, read_rule
from uwsgid.tuntap.shaper import Limits, read_limit
from uwsgid.tuntap.switch import Switch
from uwsgid.wire.ip import read_address

WORLD = "8.8.8.8"
BLUE, RED, GREEN = "192.168.0.2", "192.168.0.3", "192.168.0.4"
BLUE6, RED6, WORLD6 = "fd00::2", "fd00::3", "2001:db8::1"

#: The example that uWSGI's manual gives: vassals reach the gateway and the world, and not each other.
EXAMPLE_OUT = (
    "allow 192.168.0.0/24 192.168.0.1",
    "deny 192.168.0.0/24 192.168.0.0/24",
    "allow 192.168.0.0/24 0.0.0.0",
    "deny",
)
EXAMPLE_IN = (
    "allow 192.168.0.1 192.168.0.0/24",
    "deny 192.168.0.0/24 192.168.0.0/24",
    "allow 0.0.0.0 192.168.0.0/24",
    "deny",
)


def policy_for(
    inward: Iterable[str] = (),
    outward: Iterable[str] = (),
    *,
    routes: Iterable[str] = (),
    targets: Iterable[tuple[str, int]] = (),
    limits: Iterable[str] = (),
    allowed: Iterable[str] = (),
    collision: str = "refuse",
    local: bool = False,
    assigns: bool = False,
) -> Policy:
    """A policy of rules as they are written."""
    chain_in, chain_out = Chain(map(read_rule, inward)), Chain(map(read_rule, outward))
    table = Chain(map(read_route, routes))
    return Policy(
        chain_in=chain_in,
        chain_out=chain_out,
        routes=table,
        targets=frozenset((*targets, *(one.target for one in table.rules if one.target))),
        limits=Limits(map(read_limit, limits)),
        access=Access(map(read_grant, allowed)),
        collision=collision,
        switch_local=local,
        flows=FlowTable() if chain_in.stateful or chain_out.stateful else None,
        credentials=Credentials(True, lambda pid, uid, gid: "") if assigns else Credentials(),
    )


class Bench:
    """A switch with peers, and what it said."""

    def __init__(self, policy: Policy | None = None, *, gateway: bool = False) -> None:
        self.now = 100.0
        self.said: list[str] = []
        self.switch = Switch(policy or Policy(), self.said.append, lambda: self.now, gateway=gateway)
        self._number = 0

    def peer(self, *addresses: str, uid: int = UNKNOWN, gid: int = UNKNOWN) -> Peer:
        """Somebody who is attached, and whose addresses are known already."""
        self._number += 1
        peer = Peer(self._number, f"fd: {self._number}", uid=uid, gid=gid)
        peer.addresses.update(dict.fromkeys(map(read_address, addresses)))
        self.switch.attach(peer)
        return peer

    def out(self, peer: Peer, packet: bytes) -> Decision:
        """What becomes of a packet from a peer, in the midst of a larger buffer."""
        return self.switch.from_peer(peer, b"##########" + packet + b"##", 10, 10 + len(packet), self.now)

    def inward(self, packet: bytes) -> Decision:
        """What becomes of a packet from the host."""
        return self.switch.from_host(
            bytearray(b"##########" + packet + b"##"), 10, 10 + len(packet), self.now
        )

    def arrive(self, packet: bytes) -> Decision:
        """What becomes of a packet from the gateway."""
        return self.switch.from_gateway(packet, 0, len(packet), self.now)

    def events(self) -> list[Learned | Refused]:
        """What happened since it was asked last."""
        events = list(self.switch.events)
        self.switch.events.clear()
        return events


def addresses(peer: Peer) -> list[bytes]:
    return list(peer.addresses)


def packed(*texts: str) -> list[bytes]:
    return [read_address(text) for text in texts]
