"""A peer: what the router knows of one vassal that is attached, and all that is counted of it.

A peer owns addresses.  Nobody gives it any: the first packet that it sends tells (see `learnable`), or the
router knows beforehand and fills ``addresses`` in before it attaches the peer.  From then on a packet with
another source is not its own.

In the words of a peer, *in* is towards it and *out* is from it; ``tx`` counts what it was sent and ``rx``
what it sent, as in uWSGI's stats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from uwsgid.tuntap.access import UNKNOWN
from uwsgid.wire.ip import is_unicast, show

if TYPE_CHECKING:
    from uwsgid.tuntap.chain import Chain
    from uwsgid.tuntap.shaper import Bucket
    from uwsgid.tuntap.switch import Decision

MAX_ADDRESSES: Final = 16  #: of one peer
MAX_NEIGHBOURS: Final = 4  #: link-local addresses of one peer

#: What `Peer.invalid` sums up: packets that are no proper packets.
BROKEN: Final = frozenset(("runt", "version", "header", "length", "fragment", "invalid"))


class Peer:
    """Somebody who is attached to the router.

    :ivar number: which of the router's peers, from 1; never given twice.
    :ivar label: what lines in the log call it, for example ``fd: 12``.
    :ivar addresses: its own, 4 or 16 bytes each, in the order they were learnt.
    :ivar neighbours: its IPv6 link-local addresses, which nobody owns.
    :ivar uid: of who connected; `UNKNOWN` where the kernel does not tell, as ``gid``.
    :ivar device: the name of its device, where it handed one over.
    :ivar header: bytes that stand before each packet on its way, which uWSGI's ``rx`` and ``tx`` include.
    :ivar chain_in: the rules that it sent about itself, towards it; None for none.
    :ivar chain_out: likewise, from it.
    :ivar rx_packets: sent by it, whatever became of them.
    :ivar extra_rx: bytes that it sent besides packets.
    :ivar tx_packets: delivered to it.
    :ivar dropped: from or to it, for any reason but a rule.
    :ivar denied_in: dropped by a rule, on their way to it.
    :ivar denied_out: dropped by a rule, on their way from it.
    :ivar spoofed: sent by it with the address of somebody else.
    :ivar invalid: sent by it and no proper packets; ``drops`` tells them apart.
    :ivar drops: all of these, by reason.
    :ivar limit_in: how much it may be sent; None for any amount.
    :ivar limit_out: how much it may send.
    :ivar remembered: what was decided about packets from it.
    :ivar link: how the router reaches it; nothing that concerns the switch.
    :ivar attached: until it leaves.
    :ivar refused: why it has to leave; empty while it may stay.
    :ivar quiet_until: when there may be a line about its packets again.
    :ivar unsaid: lines that were left out since the last one.
    :ivar since: when it was attached, in seconds of the switch's clock.
    """

    __slots__ = (
        "addresses",
        "attached",
        "chain_in",
        "chain_out",
        "denied_in",
        "denied_out",
        "device",
        "dropped",
        "drops",
        "extra_rx",
        "gid",
        "header",
        "invalid",
        "label",
        "limit_in",
        "limit_out",
        "link",
        "neighbours",
        "number",
        "pid",
        "quiet_until",
        "refused",
        "remembered",
        "rx_bytes",
        "rx_packets",
        "since",
        "spoofed",
        "tx_bytes",
        "tx_packets",
        "uid",
        "unsaid",
    )

    def __init__(
        self,
        number: int,
        label: str = "",
        *,
        uid: int = UNKNOWN,
        gid: int = UNKNOWN,
        pid: int = 0,
        device: str = "",
        header: int = 0,
        link: Any = None,
    ) -> None:
        self.number = number
        self.label = label
        self.uid = uid
        self.gid = gid
        self.pid = pid
        self.device = device
        self.header = header
        self.link = link
        self.addresses: dict[bytes, None] = {}
        self.neighbours: dict[bytes, None] = {}
        self.chain_in: Chain | None = None
        self.chain_out: Chain | None = None
        self.rx_packets = 0
        self.rx_bytes = 0
        self.tx_packets = 0
        self.tx_bytes = 0
        self.extra_rx = 0
        self.dropped = 0
        self.denied_in = 0
        self.denied_out = 0
        self.spoofed = 0
        self.invalid = 0
        self.drops: dict[str, int] = {}
        self.limit_in: Bucket | None = None
        self.limit_out: Bucket | None = None
        self.remembered: dict[bytes, Decision] = {}
        self.attached = False
        self.refused = ""
        self.since = 0.0
        self.quiet_until = 0.0
        self.unsaid = 0

    @property
    def address(self) -> bytes:
        """The one that uWSGI would know it by: the first of IPv4, else the first; empty for none."""
        for address in self.addresses:
            if len(address) == 4:
                return address
        return next(iter(self.addresses), b"")

    @property
    def name(self) -> str:
        """What lines in the log call it: its address, or its label while it has none."""
        return show(self.address) or self.label or f"peer {self.number}"

    def owns_of(self, size: int) -> int:
        """How many addresses of *size* bytes it has."""
        return sum(len(address) == size for address in self.addresses)

    def count_drop(self, reason: str) -> None:
        """A packet from or to it was dropped, not by a rule."""
        self.drops[reason] = self.drops.get(reason, 0) + 1
        self.dropped += 1
        if reason == "spoofed":
            self.spoofed += 1
        elif reason in BROKEN:
            self.invalid += 1

    def count_denial(self, inward: bool) -> None:
        """A packet to it (*inward*) or from it was dropped by a rule."""
        self.drops["denied"] = self.drops.get("denied", 0) + 1
        if inward:
            self.denied_in += 1
        else:
            self.denied_out += 1

    def __repr__(self) -> str:
        return f"<Peer {self.number} {self.name}>"


def is_link_local(address: bytes) -> bool:
    """Whether *address* is of fe80::/10, which every interface with IPv6 gives itself."""
    return len(address) == 16 and address[0] == 0xFE and address[1] & 0xC0 == 0x80


def is_unspecified(address: bytes) -> bool:
    """Whether *address* says that the sender has none yet, as DHCP and router solicitations do."""
    return not any(address)


def learnable(address: bytes) -> bool:
    """Whether a peer can own *address*: that of one host, and worth the same on every link."""
    return is_unicast(address) and not is_link_local(address)
