"""What is remembered of decisions, and what makes them void.

Decisions stand in tables, under the `uwsgid.wire.ip.flow_key` of their packets.  Some are good for only as
long as an address has the owner that it has, or none; `Memory` knows which, so that a peer that comes or goes
costs the flows of others nothing.

Nothing grows without bounds: what is full is emptied, and the decisions are taken anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from uwsgid.tuntap.decision import Decision

    Table = dict[bytes, Decision]

REMEMBERED: Final = 4096  #: decisions about packets from one peer, or to one address
TRACKED: Final = 65536  #: decisions that depend on who owns an address


class Memory:
    """The decisions of one switch about packets to peers, and which decisions depend on which address.

    :param limit: decisions that depend on an address, at most.
    :ivar limit: likewise.
    :ivar from_host: about packets of the router's own device.
    :ivar from_gateway: about packets that came through the gateway.
    """

    __slots__ = ("_interest", "_tracked", "from_gateway", "from_host", "limit")

    def __init__(self, limit: int = TRACKED) -> None:
        self.limit = limit
        self.from_host: Table = {}
        self.from_gateway: Table = {}
        self._interest: dict[bytes, list[tuple[Table, bytes]]] = {}
        self._tracked = 0

    def keep_for(self, address: bytes, table: Table, key: bytes, decision: Decision) -> None:
        """Remember a decision until there is something new about *address*."""
        if key not in table:
            self._track(address, table, key)
        table[key] = decision

    def _track(self, address: bytes, table: Table, key: bytes) -> None:
        keys = self._interest.get(address)
        if keys is not None and len(keys) >= REMEMBERED:
            self.forget(address)
            keys = None
        if keys is None:
            keys = self._interest[address] = []
        keys.append((table, key))
        self._tracked += 1

    @property
    def is_full(self) -> bool:
        """Whether it is time to `forget_all`."""
        return self._tracked >= self.limit

    def forget(self, address: bytes) -> None:
        """Somebody else owns *address* now, or nobody, or its owner has other rules."""
        keys = self._interest.pop(address, [])
        self._tracked -= len(keys)
        for table, key in keys:
            table.pop(key, None)

    def forget_all(self, tables: Iterable[Table]) -> None:
        """Forget all decisions, those in *tables* too."""
        self._interest.clear()
        self._tracked = 0
        self.from_host.clear()
        self.from_gateway.clear()
        for table in tables:
            table.clear()
