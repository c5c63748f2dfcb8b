"""A pool of sockets for zergs: a gateway that binds them, accepts nothing, and gives them away.

Unlike a zerg server it serves nobody itself, so zergs may come and go, and all of them be gone for a while,
and no client is refused.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final

from uwsgid.config.kinds import Kind
from uwsgid.config.section import Section, option, section
from uwsgid.families import gateway_setups
from uwsgid.host import Sockets
from uwsgid.host.addresses import Address, Family, parse_address
from uwsgid.host.binding import bind_tcp, bind_unix
from uwsgid.interfaces import IKernel
from uwsgid.supervise.gateways import Gateway, GatewayLife, Say
from uwsgid.supervise.handing import Handing, bind
from uwsgid.wire.zerg import MOST, pack

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings
    from uwsgid.host.kept import Kept

NAME: Final = "uWSGI zergpool"
_SYNTAX: Final = "SOCKET:ADDRESS[,ADDRESS...]"


@dataclass(frozen=True, slots=True)
class Pool:
    """One line ``zergpool``.

    :ivar path: where zergs get the sockets.
    :ivar addresses: what the sockets listen on.
    """

    path: str
    addresses: tuple[Address, ...]


def _pool(text: str) -> Pool:
    path, colon, listed = text.partition(":")
    names = [name.strip() for name in listed.split(",")]
    if not (path and colon and all(names)):
        raise ValueError(f"invalid zergpool syntax, expected {_SYNTAX}")
    if len(names) > MOST:
        raise ValueError(f"{len(names)} sockets are more than fit into one message ({MOST})")
    return Pool(path, tuple(parse_address(name) for name in names))


POOLS: Final = Kind("zerg pool", _SYNTAX, _pool, many=True)


@section("Zerg")
class ZergPools(Section):
    """Sockets that are bound for zergs alone."""

    pools: Annotated[tuple[Pool, ...], POOLS] = option(
        "zergpool",
        "zerg-pool",
        default=(),
        help=f"bind sockets and give them to zergs, {_SYNTAX}",
    )


@gateway_setups.member("zergpool")
def pools(settings: Settings, kernel: IKernel, say: Say, kept: Kept) -> Sequence[Gateway]:
    """Pools for zergs, one for each ``zergpool``.

    :raises KernelError: an address can not be bound.
    """
    return [
        Gateway(f"{NAME} {number}", partial(serve, *_open(pool, settings, kernel, say, kept)))
        for number, pool in enumerate(settings[ZergPools].pools, 1)
    ]


def _open(
    pool: Pool, settings: Settings, kernel: IKernel, say: Say, kept: Kept
) -> tuple[int, tuple[int, ...]]:
    """Bind what a pool needs, or find it where our former self left it."""
    descriptors = tuple(_listen(address, settings[Sockets], kernel, kept) for address in pool.addresses)
    for address, fd in zip(pool.addresses, descriptors, strict=True):
        kind = "UNIX" if address.family in (Family.UNIX, Family.ABSTRACT) else "TCP"
        say(f"zergpool {pool.path} bound to {kind} socket {address} (fd: {fd})")
    key = f"zergpool server {pool.path}"
    server = kept.get(key)
    if server is None:
        server = bind("zergpool", pool.path).detach()
        kept.keep(key, server)
    return server, descriptors


def _listen(address: Address, sockets: Sockets, kernel: IKernel, kept: Kept) -> int:
    key = f"zergpool {address}"
    found = kept.get(key)
    if found is None:
        if address.is_unix:
            found = bind_unix(kernel, 0, address, sockets, _unsaid, False).fd
        else:
            found = bind_tcp(kernel, 0, address, sockets, 0, _unsaid, False).fd
        kept.keep(key, found)
    return found


def _unsaid(text: str) -> None:
    """It has a line of its own."""


def serve(server: int, descriptors: Sequence[int], life: GatewayLife) -> int:
    """Give *descriptors* to whoever connects to *server*."""
    listener = socket.socket(fileno=os.dup(server))
    handing = Handing(life.reactor, listener, pack(len(descriptors)), descriptors, life.say, is_ours=False)
    handing.start()
    return life.run()
