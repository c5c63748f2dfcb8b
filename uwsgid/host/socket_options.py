"""How sockets are asked for in a configuration.

``socket``, ``http-socket``, ``fastcgi-socket`` and their kin feed one ordered list, since uWSGI numbers its
sockets in the order they are written, whatever they speak; `uwsgid.host.sockets` makes listeners of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from uwsgid.config.directive import Directive
from uwsgid.config.kinds import (
    COUNT,
    Bytes,
    Chmod,
    Flag,
    Integer,
    Kind,
    Octal,
    Seconds,
)
from uwsgid.config.section import Section, flag, option, section
from uwsgid.host.addresses import Address, parse_address

#: what each option that binds a socket makes it speak; an empty text is the option ``protocol``
SPEAKS: Final = {
    "uwsgi-socket": "uwsgi",
    "http-socket": "http",
    "http11-socket": "http",
    "fastcgi-socket": "fastcgi",
    "fastcgi-nph-socket": "fastcgi-nph",
    "scgi-socket": "scgi",
    "scgi-nph-socket": "scgi-nph",
    "puwsgi-socket": "puwsgi",
}

#: the names that the option ``protocol`` takes
PROTOCOLS: Final = {
    "uwsgi": "uwsgi",
    "http": "http",
    "http11": "http",
    "fastcgi": "fastcgi",
    "fcgi": "fastcgi",
    "fastcgi-nph": "fastcgi-nph",
    "fcgi-nph": "fastcgi-nph",
    "scgi": "scgi",
    "scgi-nph": "scgi-nph",
    "puwsgi": "puwsgi",
}

#: uWSGI knows them, workers here do not speak them
UNSPOKEN: Final = frozenset(
    {
        "https", "suwsgi", "raw", "zeromq", "zmq",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SocketSpec:
    """One socket that the configuration asks for.

    :ivar protocol: what it speaks; empty where the option `protocol` decides.
    :ivar deferred: False for ``undeferred-shared-socket``: connections without data are accepted too.
    """

    address: Address
    protocol: str = ""
    deferred: bool = True


@dataclass(frozen=True, slots=True)
class SocketMapping:
    """Socket number *socket* belongs to these *workers* (from 1) alone."""

    socket: int
    workers: frozenset[int]


def _spec(directive: Directive) -> SocketSpec:
    address = parse_address(directive.value or "")
    return SocketSpec(address, SPEAKS.get(directive.name, ""))


def _shared(directive: Directive) -> SocketSpec:
    address = parse_address(directive.value or "")
    return SocketSpec(address, deferred=directive.name != "undeferred-shared-socket")


def _protocol(text: str) -> str:
    if text in PROTOCOLS:
        return PROTOCOLS[text]
    if text in UNSPOKEN:
        raise ValueError(f"the protocol {text} is not supported, use one of {', '.join(PROTOCOLS)}")
    raise ValueError(f"unable to find protocol {text}")


def _mapping(text: str) -> SocketMapping:
    number, colon, listed = text.partition(":")
    names = [name.strip() for name in listed.split(",")]
    if not (colon and number.strip().isdecimal() and names[0]):
        raise ValueError("invalid socket mapping, must be socket:worker[,worker...]")
    for name in names:
        if not (name.isdecimal() and int(name)):
            raise ValueError(f"invalid worker num: {name}")
    return SocketMapping(int(number), frozenset(int(name) for name in names))


def _owner(text: str) -> str:
    if not text.partition(":")[0]:
        raise ValueError
    return text


def _descriptor(text: str) -> int:
    if not (text.strip().isascii() and text.strip().isdigit()):
        raise ValueError
    return int(text)


SPECS: Final = Kind("address list", "the address of a socket", _spec, many=True, reads_directive=True)
SHARED: Final = Kind("address list", "the address of a socket", _shared, many=True, reads_directive=True)
PROTOCOL: Final = Kind("protocol", "the name of a protocol", _protocol)
MAPPINGS: Final = Kind("socket mapping", "socket:worker[,worker...]", _mapping, many=True)
OWNER: Final = Kind("owner", "user or user:group", _owner)
DESCRIPTORS: Final = Kind("descriptor list", "a descriptor number", _descriptor, many=True)


@section("Sockets")
class Sockets(Section):
    """Where the workers are reached, and how those sockets are made."""

    specs: Annotated[tuple[SocketSpec, ...], SPECS] = option(
        "socket",
        "s",
        default=(),
        also={
            "uwsgi-socket": "bind to this address and speak uwsgi, whatever the option protocol says",
            "http-socket": "bind to this address and speak HTTP, with persistent connections",
            "http11-socket": "the same as http-socket",
            "fastcgi-socket": "bind to this address and speak FastCGI; connections are kept where asked for",
            "fastcgi-nph-socket": "the same, with answers that begin with a status line of HTTP",
            "scgi-socket": "bind to this address and speak SCGI",
            "scgi-nph-socket": "the same, with answers that begin with a status line of HTTP",
            "puwsgi-socket": "bind to this address and speak uwsgi without bodies, on persistent connections",
        },
        help="bind to this address and speak the default protocol",
        note="http-socket keeps connections open, which uWSGI does for http11-socket only",
    )
    protocol: Annotated[str, PROTOCOL] = option(
        "protocol",
        "socket-protocol",
        default="uwsgi",
        help="what the option socket speaks: uwsgi, puwsgi, http, fastcgi, fastcgi-nph, scgi or scgi-nph",
    )
    shared: Annotated[tuple[SocketSpec, ...], SHARED] = option(
        "shared-socket",
        default=(),
        also={
            "undeferred-shared-socket": "a shared-socket that also accepts connections without data",
        },
        help="bind to this address before jails and the drop of privileges; use it as =0, =1 …",
    )
    listen: Annotated[int, COUNT] = option(
        "listen", "l", default=100, help="how many connections may wait on each socket"
    )
    chmod: Chmod | None = option(
        "chmod-socket",
        "chmod",
        "C",
        default=None,
        help="the permissions of UNIX sockets; 666 without a value",
    )
    chown: Annotated[str, OWNER] = option(
        "chown-socket", default="", help="the owner of UNIX sockets, user or user:group"
    )
    abstract: Flag = flag(
        "abstract-socket",
        "a",
        default=False,
        help="bind UNIX sockets in the abstract namespace, without a file",
    )
    umask: Octal | None = option(
        "umask", default=None, immediate=True, help="the file mode creation mask, in octal"
    )
    keepalive: Flag = flag(
        "so-keepalive", "socket-keepalive", default=False, help="find out about dead clients (SO_KEEPALIVE)"
    )
    nodelay: Flag = flag("tcp-nodelay", default=False, help="send small answers at once (TCP_NODELAY)")
    reuse_port: Flag = flag(
        "reuse-port", default=False, help="let several servers bind the same address (SO_REUSEPORT)"
    )
    freebind: Flag = flag(
        "freebind", default=False, help="bind to addresses that the machine does not have yet (IP_FREEBIND)"
    )
    no_defer_accept: Flag = flag(
        "no-defer-accept", default=False, help="accept connections before they brought data"
    )
    sndbuf: Bytes = option("socket-sndbuf", default=0, help="the size of the send buffer (SO_SNDBUF)")
    rcvbuf: Bytes = option("socket-rcvbuf", default=0, help="the size of the receive buffer (SO_RCVBUF)")
    send_timeout: Seconds = option(
        "so-send-timeout",
        "so-write-timeout",
        "socket-send-timeout",
        "socket-write-timeout",
        default=0,
        help="how long the kernel lets a send wait (SO_SNDTIMEO)",
        note="takes seconds on the command line too, where uWSGI 1.9.16 takes no value",
    )
    fast_open: Integer = option(
        "tcp-fast-open", "tcp-fastopen", default=0, help="the queue of TCP_FASTOPEN; 0 switches it off"
    )
    mappings: Annotated[tuple[SocketMapping, ...], MAPPINGS] = option(
        "map-socket", default=(), help="N:W[,W…], only these workers accept on socket number N"
    )
    close_on_exec: Flag = flag(
        "close-on-exec",
        default=False,
        help="keep sockets from executed programs",
        note="always so: no program that uwsgid executes inherits a socket, except uwsgid itself on reload",
    )
    skip_zero: Flag = flag("skip-zero", default=False, help="do not look for a socket in descriptor 0")
    honour_stdin: Flag = flag(
        "honour-stdin", default=False, help="leave standard input as it is, do not replace it by /dev/null"
    )
    safe_fd: Annotated[tuple[int, ...], DESCRIPTORS] = option(
        "safe-fd", "fd-safe", default=(), help="do not close this descriptor on reload"
    )
