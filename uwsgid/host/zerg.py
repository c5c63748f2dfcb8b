"""Zergs: instances that help another one out, by accepting on its very sockets.

The other one hands its listening sockets out (`uwsgid.master.zerg`, or a pool in `uwsgid.gateways.zergpool`).
Here a zerg fetches them, instead of binding what its own configuration says.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from uwsgid.config.kinds import Flag, Texts
from uwsgid.config.section import Section, flag, option, section
from uwsgid.errors import ConfigError, PeerError
from uwsgid.host.addresses import Address, Family, same_place
from uwsgid.host.binding import Listener, Say
from uwsgid.host.fetching import fetch
from uwsgid.host.inherit import Giver, Inherited, local_address
from uwsgid.host.socket_options import Sockets
from uwsgid.interfaces import IKernel

#: What the sockets are called for a reload, which must not ask for them again.
_MARK: Final = "zerg://"


@section("Zerg")
class Zerg(Section):
    """Whose sockets to accept on instead of own ones."""

    servers: Texts = option("zerg", default=(), help="accept on the sockets of this zerg server or pool")
    fallback: Flag = flag(
        "zerg-fallback", default=False, help="bind the own sockets where the zerg server is not there"
    )


def attach(
    kernel: IKernel, zerg: Zerg, sockets: Sockets, inherited: Sequence[Inherited], say: Say
) -> tuple[Listener, ...] | None:
    """The sockets of the zerg servers; None where the own ones are to be bound.

    After a reload they are there already.

    :raises ConfigError: one of them does not give its sockets, and no fallback is wanted.
    """
    if not zerg.servers:
        return None
    kept = [gift for gift in inherited if gift.giver is Giver.RELOAD and gift.configured.startswith(_MARK)]
    if kept:
        return tuple(
            _listener(kernel, index, gift.fd, gift.configured, sockets, say)
            for index, gift in enumerate(kept)
        )
    found: list[tuple[int, str]] = []
    for server in zerg.servers:
        try:
            found += [(fd, _MARK + server) for fd in fetch(server)]
        except (OSError, PeerError) as error:
            for fd, _ in found:
                os.close(fd)
            reason = (
                "--- invalid data received from zerg-server ---"
                if isinstance(error, PeerError)
                else f"--- unable to connect to zerg server {server} --- ({error.strerror or error})"
            )
            if not zerg.fallback:
                raise ConfigError(f"{reason}; zerg-fallback = true would bind the own sockets") from None
            say(reason)
            return None
    listeners = tuple(
        _listener(kernel, index, fd, configured, sockets, say) for index, (fd, configured) in enumerate(found)
    )
    say("zerg sockets attached")
    return listeners


def _listener(kernel: IKernel, index: int, fd: int, configured: str, sockets: Sockets, say: Say) -> Listener:
    facts = kernel.socket_facts(fd)
    address = local_address(facts) if facts is not None and facts.listening else None
    if address is None:
        raise ConfigError("--- invalid data received from zerg-server ---")
    kernel.set_blocking(fd, False)
    kernel.set_inheritable(fd, False)
    kind = {Family.INET: "INET", Family.INET6: "INET6"}.get(address.family, "UNIX")
    say(f"uwsgi zerg socket {index} attached to {kind} address {address} fd {fd}")
    # no path: the file belongs to the server, and is not ours to remove
    return Listener(
        index=index,
        name=str(address),
        configured=configured,
        fd=fd,
        family=address.family,
        protocol=_protocol(address, sockets),
        port=address.port,
        inherited=True,
    )


def _protocol(address: Address, sockets: Sockets) -> str:
    """What is spoken there: as a line of our own configuration for the same address says, if there is one."""
    for spec in sockets.specs:
        if spec.address.family is address.family and same_place(spec.address, address):
            return spec.protocol or sockets.protocol
    return sockets.protocol
