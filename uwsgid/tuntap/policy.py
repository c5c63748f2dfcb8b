"""All that a router is to obey, in one piece: made from the configuration, and replaced as a whole.

A router reads its configuration again when it is told to; either a whole new policy comes of it, or the old
one stays.  Rules are new objects each time; the switch carries over what the old ones have counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from uwsgid.config.settings import Settings
from uwsgid.errors import ConfigError
from uwsgid.tuntap.access import Access, Credentials, read_credentials
from uwsgid.tuntap.chain import Chain
from uwsgid.tuntap.flows import FlowTable
from uwsgid.tuntap.networks import Target, show_target
from uwsgid.tuntap.options import REFUSE, TunTapRouter
from uwsgid.tuntap.shaper import Limits


@dataclass(slots=True)
class Policy:
    """What a router obeys.

    :ivar chain_in: rules for packets to peers.
    :ivar chain_out: rules for packets from peers.
    :ivar routes: rules with a target, for packets from peers; none of them allows or denies.
    :ivar targets: where rules of peers may route to: all targets of the routes among them.
    :ivar collision: ``refuse`` or ``takeover``.
    :ivar switch_local: whether packets between peers go past the host.
    :ivar flows: the flows that were allowed; None where no rule asks for them.
    :ivar any_gateway: whether datagrams are accepted from others than targets of routes.
    :ivar queue: bytes that may wait for a peer behind a stream.
    :ivar buffer: bytes of the largest packet in a frame.
    :ivar warnings: what ought to be looked at, with its place.
    """

    chain_in: Chain = field(default_factory=Chain)
    chain_out: Chain = field(default_factory=Chain)
    routes: Chain = field(default_factory=Chain)
    targets: frozenset[Target] = frozenset()
    limits: Limits = field(default_factory=Limits)
    access: Access = field(default_factory=Access)
    collision: str = REFUSE
    switch_local: bool = False
    flows: FlowTable | None = None
    credentials: Credentials = field(default_factory=Credentials)
    any_gateway: bool = False
    queue: int = 256 * 1024
    buffer: int = 65535
    warnings: tuple[str, ...] = ()

    def accepts_from(self, host: str) -> bool:
        """Whether a datagram that comes from the address *host* may enter at the gateway."""
        return self.any_gateway or any(rule.target and rule.target[0] == host for rule in self.routes.rules)


def policy_of(settings: Settings) -> Policy:
    """The policy of the routers of an instance.

    :raises ConfigError: with file, line and reason, where it can not be had.
    """
    given = settings[TunTapRouter]
    chain_in = Chain(rule.fresh() for rule in given.firewall_in)
    chain_out = Chain(rule.fresh() for rule in given.firewall_out)
    routes = Chain(rule.fresh() for rule in given.routes)
    return Policy(
        chain_in=chain_in,
        chain_out=chain_out,
        routes=routes,
        targets=frozenset((*given.targets, *(rule.target for rule in routes.rules if rule.target))),
        limits=Limits(given.limits),
        access=Access(given.allowed),
        collision=given.collision,
        switch_local=given.switch_local,
        flows=FlowTable() if chain_in.stateful or chain_out.stateful else None,
        credentials=_credentials(settings, given),
        any_gateway=given.any_gateway,
        queue=given.queue,
        buffer=given.buffer,
        warnings=tuple(_warnings(given)),
    )


def _credentials(settings: Settings, given: TunTapRouter) -> Credentials:
    if not given.credentials:
        return Credentials()
    try:
        return read_credentials(given.credentials)
    except ValueError as error:
        raise ConfigError(settings.problem(TunTapRouter, "credentials", str(error))) from error


def _warnings(given: TunTapRouter) -> Iterable[str]:
    for name, lines in (
        ("tuntap-router-firewall-in", given.firewall_in),
        ("tuntap-router-firewall-out", given.firewall_out),
        ("tuntap-router-route", given.routes),
        ("tuntap-router-limit", given.limits),
        ("tuntap-router-allow", given.allowed),
    ):
        for line in lines:
            for doubt in line.doubts:
                yield f"{line.origin}: {name}: {doubt}"
    for router in given.routers:
        if given.routes and not router.gateway:
            yield f"{router.origin}: tuntap-router: without a gateway it ignores tuntap-router-route"
        for rule in given.routes if router.gateway else ():
            if rule.target and (":" in rule.target[0]) != router.gateway.startswith("["):
                yield (
                    f"{rule.origin}: tuntap-router-route: no datagram goes from the gateway {router.gateway} "
                    f"to {show_target(rule.target)}: one is IPv4, the other IPv6"
                )
