"""Who owns which address, and who may come to own one.

An address has one owner, and keeps it until the owner leaves.  uWSGI gives an address to whoever claims it
last and closes the older peer (plugins/tuntap, uwsgi_tuntap_register_addr), though its manual promises the
contrary; ``tuntap-router-collision = takeover`` does as it does.

Link-local addresses of IPv6 are not owned: every link may have the same ones.  Who uses one first is reached
by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uwsgid.tuntap.options import REFUSE
from uwsgid.tuntap.peer import MAX_ADDRESSES, MAX_NEIGHBOURS, Peer, is_link_local, is_unspecified, learnable

if TYPE_CHECKING:
    from uwsgid.tuntap.policy import Policy


class Holders:
    """The addresses of all peers of a router."""

    __slots__ = ("_neighbours", "_owners")

    def __init__(self) -> None:
        self._owners: dict[bytes, Peer] = {}
        self._neighbours: dict[bytes, Peer] = {}

    def of(self, address: bytes) -> Peer | None:
        """Who is reached by an address."""
        return self._owners.get(address) or self._neighbours.get(address)

    def objection(self, peer: Peer, address: bytes, policy: Policy) -> str:
        """Why a packet from an address that is not its own can not make it the peer's; empty where it can.

        :returns: ``unattached`` for what only says that there is no address yet, else ``spoofed``.
        """
        if is_unspecified(address):
            return "unattached"
        if not peer.addresses and not learnable(address):
            return "unattached"
        if is_link_local(address):
            taken = address in self._neighbours or len(peer.neighbours) >= MAX_NEIGHBOURS
            return "spoofed" if taken else ""
        if not learnable(address) or policy.credentials.assigns:
            return "spoofed"
        if not policy.access.permits(peer.uid, peer.gid, address):
            return "spoofed"
        if len(peer.addresses) >= MAX_ADDRESSES:
            return "spoofed"
        if peer.owns_of(len(address)) and not policy.access.grants(peer.uid, peer.gid, address):
            return "spoofed"
        if peer.addresses and address in self._owners and policy.collision == REFUSE:
            return "spoofed"  # it has a place here and only tried; who comes new is told
        return ""

    def claim(self, peer: Peer, address: bytes, policy: Policy) -> Peer | None:
        """Make an address the peer's own, if nobody else has it.

        :returns: whoever has to leave because it was somebody else's: that one, or the peer; None for nobody.
        """
        if is_link_local(address):
            peer.neighbours[address] = None
            self._neighbours[address] = peer
            return None
        holder = self._owners.get(address)
        if holder is peer:
            holder = None
        if holder is not None and policy.collision == REFUSE:
            return peer
        peer.addresses[address] = None
        self._owners[address] = peer
        return holder

    def release(self, peer: Peer) -> list[bytes]:
        """The peer leaves.

        :returns: the addresses that are nobody's now.
        """
        released = []
        for holders, addresses in ((self._owners, peer.addresses), (self._neighbours, peer.neighbours)):
            for address in addresses:
                if holders.get(address) is peer:
                    del holders[address]
                    released.append(address)
        return released
