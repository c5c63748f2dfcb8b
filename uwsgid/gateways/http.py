"""The HTTP gateway as a member of the family: its sockets are bound at boot, and it is born later.

Sockets, certificates and keys are opened while the instance starts, when it may be root; the gateway that
serves them dropped its privileges.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from uwsgid.errors import ConfigError
from uwsgid.families import gateway_setups
from uwsgid.gateways.http_options import Http
from uwsgid.gateways.tls_options import Https
from uwsgid.host import Listener, Sockets, open_more_files
from uwsgid.host.addresses import Address, Family, parse_address
from uwsgid.host.binding import bind_tcp, bind_unix
from uwsgid.interfaces import IKernel
from uwsgid.request.options import RequestOptions
from uwsgid.supervise.gateways import Gateway, GatewayLife, Say
from uwsgid.supervise.processes import Processes

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings
    from uwsgid.gateways.http_router import Door, Router
    from uwsgid.gateways.http_upstream import Node
    from uwsgid.gateways.tls import Seal
    from uwsgid.host.kept import Kept

#: The protocol between a gateway and the workers of its instance.
KEPT: Final = "kept"
NAME: Final = "uWSGI http"
#: Connections to a worker that has no colleagues.
ALONE: Final = 128
_FEW_VARS: Final = 8


@gateway_setups.member("http")
def gateways(settings: Settings, kernel: IKernel, say: Say, kept: Kept) -> Sequence[Gateway]:
    """The processes of the HTTP gateway, where there is a line ``http`` or ``https``.

    :raises ConfigError: an address, a certificate or an instance can not be used.
    :raises KernelError: an address can not be bound.
    """
    http, https = settings[Http], settings[Https]
    if not (http.addresses or https.addresses):
        return ()
    from uwsgid.gateways.http_router import Door

    hostname = os.uname().nodename
    doors = []
    wanted = (*_plain(http), *_sealed(https))
    for number, (address, redirect, seal) in enumerate(wanted):
        if any(address == earlier[0] for earlier in wanted[:number]) and not parse_address(address).auto_port:
            raise ConfigError(f"http: the address {address} is configured twice, remove one of the lines")
        fd, name, port = _listen(address, settings, kernel, kept, number)
        say(f"uWSGI http bound on {name} fd {fd}")
        port = port or (443 if seal is not None else 80)
        vars = {"SERVER_NAME": hostname, "SERVER_PORT": str(port), "UWSGI_ROUTER": "http"}
        doors.append(Door(fd, name, {**vars, **dict(http.variables)}, redirect, seal))
    stats = -1
    if http.stats:
        stats = _listen(http.stats, settings, kernel, kept, len(wanted))[0]
        say(f"*** http stats server enabled on {http.stats} fd: {stats} ***")
    for text in (*http.to, *http.fallback):
        _place(text)
    workers = "" if http.to else spoken_with_workers(settings)
    return [
        Gateway(
            f"{NAME} {number}",
            partial(serve, tuple(doors), stats if number == 1 else -1),
            workers=workers,
        )
        for number in range(1, http.processes + 1)
    ]


def _plain(http: Http) -> list[tuple[str, str | None, None]]:
    return [(one.address, one.redirect, None) for one in http.addresses]


def _sealed(https: Https) -> list[tuple[str, None, Seal]]:
    if not https.addresses:
        return []
    from uwsgid.gateways.tls import Seal

    return [(one.address, None, Seal(one.certificate, one.address, https)) for one in https.addresses]


def spoken_with_workers(settings: Settings) -> str:
    """What is spoken on a socket that is the gateway's alone: connections are kept where that pays.

    Several gateways would not know of each other which worker is busy.
    """
    requests = settings[RequestOptions]
    keeps = requests.http_keepalive and settings[Http].processes == 1
    return KEPT if keeps and requests.loop in ("", "simple", "threads") else "uwsgi"


def _listen(text: str, settings: Settings, kernel: IKernel, kept: Kept, number: int) -> tuple[int, str, int]:
    """Bind an address, or find it where our former self left it: descriptor, name and port.

    :param number: which address it is; those whose port the kernel chooses look all alike.
    """
    address = parse_address(text)
    key = f"http {text} {number}" if address.auto_port else f"http {text}"
    fd = kept.get(key)
    if address.family is Family.SHARED:
        shared = kept.shared.get(address.number)
        if shared is None:
            raise ConfigError(f"http: unable to use shared socket {address.number}")
        if fd is None:
            fd = shared.fd
            kept.keep(key, fd)
        return fd, shared.name, shared.port
    if address.family is Family.DESCRIPTOR:
        raise ConfigError(f"http: {text} can not be bound; for a TCP port write :{text}")
    if fd is not None:
        facts = kernel.socket_facts(fd)
        if address.auto_port and facts is not None:
            address = address.with_port(facts.port)
        return fd, str(address), address.port
    found = _bind(address, settings[Sockets], kernel)
    kept.keep(key, found.fd)
    return found.fd, found.name, found.port


def _bind(address: Address, sockets: Sockets, kernel: IKernel) -> Listener:
    if address.is_unix:
        if sockets.abstract:
            address = address.abstract()
        return bind_unix(kernel, 0, address, sockets, _unsaid, False)
    if address.is_pattern:
        raise ConfigError(f"http: {address} is a pattern; write the address that is meant")
    # an answer may be many small pieces, and none of them should wait for an acknowledgement
    return bind_tcp(kernel, 0, address, replace(sockets, nodelay=True), 0, _unsaid, False)


def _unsaid(text: str) -> None:
    """It has a line of its own."""


def _place(text: str) -> Address:
    """The address of an instance.

    :raises ConfigError: it can not be one.
    """
    address = parse_address(text)
    if not (address.is_unix or address.is_tcp) or address.auto_port or address.is_pattern:
        raise ConfigError(f"http-to: {text} is not the address of an instance")
    return address


def serve(doors: Sequence[Door], stats: int, life: GatewayLife) -> int:
    """Be a gateway.

    :param stats: a listening socket for statistics, -1 for none.
    """
    from uwsgid.gateways.http_router import Router
    from uwsgid.gateways.http_upstream import Nodes

    settings = life.settings
    http = settings[Http]
    open_more_files(life.household.kernel)  # each client takes one, and idle ones cost little
    own = own_socket(life.household.listeners)
    nodes = [_node(text) for text in http.to]
    if not nodes:
        if own is None:
            raise ConfigError("http: there is neither http-to nor a uwsgi socket of this instance")
        nodes = [_node_of(own)]
        nodes[0].is_own = own.protocol == KEPT
    router = Router(
        life.reactor,
        life.say,
        terms_of(settings, is_own=not http.to),
        limits_of(settings),
        Nodes(nodes, [_node(text) for text in http.fallback], http.gracetime),
        events=http.events,
        per_worker=_per_worker(settings),
    )
    router.start(doors)
    if stats >= 0:
        show(router, stats, life)
    life.before_end(router.leave)
    return life.run()


def show(router: Router, fd: int, life: GatewayLife) -> None:
    """Serve the statistics."""
    from uwsgid.gateways.http_report import report
    from uwsgid.loops.door import FactoryDoor
    from uwsgid.stats.options import Stats
    from uwsgid.stats.server import StatsFactory

    options = life.settings[Stats]
    document = partial(report, router, minified=options.minified)
    timeout = life.settings[RequestOptions].socket_timeout
    factory = StatsFactory(document, life.reactor, http=options.http, timeout=timeout)
    life.reactor.addReader(FactoryDoor(life.reactor, fd, factory))


def _per_worker(settings: Settings) -> int:
    """How many requests a worker gets at a time: what it can do, or all where there is one alone."""
    processes = settings[Processes]
    return processes.threads if processes.processes > 1 else ALONE


def own_socket(listeners: Sequence[Listener]) -> Listener | None:
    """The socket of the workers of this instance; the first that speaks uwsgi."""
    for listener in listeners:
        if listener.protocol in ("", "uwsgi", KEPT):
            return listener
    return None


def terms_of(settings: Settings, *, is_own: bool) -> Any:
    """What the options say."""
    from uwsgid.gateways.http_router import HttpTerms

    http, requests = settings[Http], settings[RequestOptions]
    timeout = float(http.timeout)
    keepalive = requests.http_keepalive
    return HttpTerms(
        modifier1=http.modifier1,
        modifier2=http.modifier2,
        timeout=timeout,
        headers_timeout=float(http.headers_timeout or timeout),
        connect_timeout=float(http.connect_timeout or timeout),
        # a bare `http-keepalive` reads as 1
        idle_timeout=float(keepalive) if keepalive > 1 else timeout,
        keep_alive=keepalive > 0,
        auto_chunked=http.auto_chunked,
        websockets=http.websockets,
        raw_body=http.raw_body,
        limit_post=requests.limit_post if is_own else 0,
        expect_limit=http.expect_limit or 0,
        most_packet=requests.buffer_size if is_own else 0,
    )


def limits_of(settings: Settings) -> Any:
    """How much a client may send before its body."""
    from uwsgid.wire.limits import Limits

    # the connection has some variables of its own
    most = max(_FEW_VARS, settings[RequestOptions].max_vars - _FEW_VARS)
    return Limits(buffer_size=settings[Http].buffer_size, max_vars=most, extension=0)


def _node(text: str) -> Node:
    from uwsgid.gateways.http_upstream import Node

    address = _place(text)
    if address.is_unix:
        return Node(text, socket.AF_UNIX, address.sockaddr())
    try:
        found = socket.getaddrinfo(
            address.host or "127.0.0.1",
            address.port,
            socket.AF_INET6 if address.family is Family.INET6 else socket.AF_INET,
            socket.SOCK_STREAM,
        )
    except OSError as error:
        raise ConfigError(f"http-to: {text}: {error.strerror}") from None
    return Node(text, found[0][0], found[0][4])


def _node_of(listener: Listener) -> Node:
    """The workers, as seen from beside them; the descriptor is theirs alone."""
    from uwsgid.gateways.http_upstream import Node

    if listener.family is Family.UNIX:
        return Node(listener.name, socket.AF_UNIX, listener.path)
    if listener.family is Family.ABSTRACT and not listener.name.startswith(("@", "\\0")):
        # a file's name, under abstract-socket
        return Node(listener.name, socket.AF_UNIX, b"\0" + os.fsencode(listener.name))
    if listener.family is Family.ABSTRACT:
        return Node(listener.name, socket.AF_UNIX, parse_address(listener.name).sockaddr())
    address = parse_address(listener.name)
    if listener.family is Family.INET6:
        host = "::1" if address.host == "::" else address.host
        return Node(listener.name, socket.AF_INET6, (host, listener.port or address.port))
    host = "127.0.0.1" if address.host in ("", "0.0.0.0") else address.host
    return Node(listener.name, socket.AF_INET, (socket.gethostbyname(host), listener.port or address.port))
