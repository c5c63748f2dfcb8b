"""The options of the TunTap router and of tuntap devices.

Each line is read as a whole when the configuration is, so that a mistake in a rule stops the start with its
place and its reason.  The rules in here have not seen a packet: `uwsgid.tuntap.policy` makes its own of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from uwsgid.config.directive import Directive
from uwsgid.config.kinds import Flag, Kind, Takes, Text
from uwsgid.config.section import Section, flag, option, section
from uwsgid.config.settings import Settings
from uwsgid.host.addresses import AddressError, parse_address
from uwsgid.tuntap.access import Grant, read_grant
from uwsgid.tuntap.networks import Target, read_number, read_target
from uwsgid.tuntap.rules import DeviceRule, Rule, quoted_words, read_device_rule, read_route, read_rule
from uwsgid.tuntap.shaper import Limit, read_limit

ROUTER_SYNTAX: Final = "invalid tuntap router syntax, must be <device> <socket> [stats] [gateway]"
DEVICE_SYNTAX: Final = "invalid tuntap device syntax, must be <device> [socket]"

REFUSE: Final = "refuse"
TAKEOVER: Final = "takeover"

LEAST_BUFFER: Final = 1280
MOST_BUFFER: Final = 65535
LEAST_QUEUE: Final = 4096


@dataclass(frozen=True, slots=True)
class RouterSpec:
    """One ``tuntap-router``.

    :ivar device: the name of its tun device.
    :ivar socket: where peers join, as `uwsgid.host.addresses.parse_address` reads it.
    :ivar stats: where its numbers are served; empty where they are not, or by ``tuntap-router-stats``.
    :ivar gateway: its UDP socket, ``addr:port``; empty for none.
    """

    device: str
    socket: str
    stats: str = ""
    gateway: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class DeviceSpec:
    """One ``tuntap-device``.

    :ivar device: its name.
    :ivar socket: the router's; empty for a device that nobody reads.
    """

    device: str
    socket: str = ""
    origin: str = ""


def read_device_name(text: str) -> str:
    """The name of a network device.

    :raises ValueError: where the kernel would not take *text*, or cut it.
    """
    size = len(text.encode(errors="surrogateescape"))
    if not 1 <= size <= 15:
        raise ValueError(f"the name of a device has 1 to 15 bytes, {text!r} has {size}")
    if text in (".", "..") or any(letter in "/:" or letter.isspace() for letter in text):
        raise ValueError(f"{text!r} is no name for a device")
    return text


def read_router(text: str, origin: str = "") -> RouterSpec:
    """The value *text* of ``tuntap-router``.  ``-`` or ``""`` in place of the stats means none.

    :raises ValueError: with the reason, where it is none.
    """
    words = quoted_words(text)
    if not 2 <= len(words) <= 4:
        raise ValueError(f"{ROUTER_SYNTAX}, got {text!r}")
    device, socket, stats, gateway = (*words, "", "")[:4]
    stats = "" if stats == "-" else stats
    _check_socket(socket)
    if stats:
        _check_socket(stats)
    if gateway:
        _check_gateway(gateway)
    return RouterSpec(read_device_name(device), socket, stats, gateway, origin)


def read_device(text: str, origin: str = "") -> DeviceSpec:
    """The value *text* of ``tuntap-device``.

    :raises ValueError: with the reason, where it is none.
    """
    words = text.split()
    if not 1 <= len(words) <= 2:
        raise ValueError(f"{DEVICE_SYNTAX}, got {text!r}")
    device, socket = (*words, "")[:2]
    if socket:
        _check_socket(socket)
    return DeviceSpec(read_device_name(device), socket, origin)


def _check_socket(text: str) -> None:
    try:
        address = parse_address(text)
    except AddressError as error:
        raise ValueError(str(error)) from None
    if not (address.is_unix or address.is_tcp):
        raise ValueError(f"{text!r} is neither a UNIX nor a TCP socket")


def _check_gateway(text: str) -> None:
    host, colon, port = text.rpartition(":")
    if not colon:
        raise ValueError(f"the gateway must be in the form addr:port, got {text!r}")
    if host:
        read_target(text)
    else:
        read_number(port, "the port", 65535, 1)


def _lines(name: str, expected: str, read: Callable[[str, str], Any]) -> Kind:
    """A kind of lines that know where they were written."""

    def parse(directive: Directive) -> Any:
        if directive.value is None:
            raise ValueError(f"expected {expected}, got no value")
        return read(directive.value, str(directive.origin))

    return Kind(name, expected, parse, many=True, reads_directive=True)


def _collision(text: str) -> str:
    if text not in (REFUSE, TAKEOVER):
        raise ValueError
    return text


def _credentials(text: str) -> str:
    word = text.strip()
    if word.lower() in ("true", "on", "yes", "1", "false", "off", "no", "0"):
        return word.lower()
    kind, colon, rest = word.partition(":")
    if not (kind and colon and rest):
        raise ValueError
    return word


def _bounded(least: int, most: int) -> Callable[[str], int]:
    return lambda text: read_number(text.strip(), "the size", most, least)


ROUTERS: Final = _lines("router", "<device> <socket> [stats] [gateway]", read_router)
DEVICES: Final = _lines("device", "<device> [socket]", read_device)
RULES: Final = _lines("firewall rule", "<action> [src/mask dst/mask [words]]", read_rule)
ROUTES: Final = _lines("route", "<src/mask> <dst/mask> <addr:port>", read_route)
DEVICE_RULES: Final = _lines(
    "device rule", "<in|out> <src/mask> <dst/mask> <action> [target]", read_device_rule
)
LIMITS: Final = _lines("limit", "<address or net> <rate> [burst] [in|out]", read_limit)
GRANTS: Final = _lines("grant", "[uid=<user>] [gid=<group>] [address or net]...", read_grant)
TARGETS: Final = _lines("target", "addr:port", lambda text, origin: read_target(text.strip()))
COLLISION: Final = Kind("collision policy", "refuse or takeover", _collision)
CREDENTIALS: Final = Kind(
    "credentials", "true, map:<file> or <module>:<function>", _credentials, Takes.MAYBE, bare="true"
)
BUFFER: Final = Kind("bytes", "a number of bytes", _bounded(LEAST_BUFFER, MOST_BUFFER))
QUEUE: Final = Kind("bytes", "a number of bytes", _bounded(LEAST_QUEUE, 1 << 30))

Routers = Annotated[tuple[RouterSpec, ...], ROUTERS]
Devices = Annotated[tuple[DeviceSpec, ...], DEVICES]
Rules = Annotated[tuple[Rule, ...], RULES]
Routes = Annotated[tuple[Rule, ...], ROUTES]
DeviceRules = Annotated[tuple[DeviceRule, ...], DEVICE_RULES]
Limited = Annotated[tuple[Limit, ...], LIMITS]
Grants = Annotated[tuple[Grant, ...], GRANTS]
Targets = Annotated[tuple[Target, ...], TARGETS]
Collision = Annotated[str, COLLISION]
CredentialsText = Annotated[str, CREDENTIALS]
Buffer = Annotated[int, BUFFER]
Queue = Annotated[int, QUEUE]


@section("TunTap")
class TunTapRouter(Section):
    """A router in user space, which gives jailed vassals their network."""

    routers: Routers = option(
        "tuntap-router",
        default=(),
        implies=("master",),
        help="route packets between a tun device of this name and the peers that join at this socket",
        note="the socket may be TCP too; a stats field of - means none; a fifth word is refused",
    )
    firewall_in: Rules = option(
        "tuntap-router-firewall-in",
        default=(),
        help="a rule for packets to the peers, tried in the order of the file",
        note="a rule that uWSGI would skip or take for allow is refused; more words narrow a rule",
    )
    firewall_out: Rules = option(
        "tuntap-router-firewall-out",
        default=(),
        help="a rule for packets from the peers, tried in the order of the file",
        note="as tuntap-router-firewall-in",
    )
    routes: Routes = option(
        "tuntap-router-route",
        default=(),
        help="send matching packets from the peers in UDP datagrams to this address",
        note="the target is checked when the configuration is read",
    )
    stats: Text = option(
        "tuntap-router-stats",
        default="",
        help="serve the numbers of every router without a stats field on this address",
        note="two routers that would share the address are refused",
    )
    credentials: CredentialsText = option(
        "tuntap-use-credentials",
        default="",
        help="let peers prove who they are, and maybe give each of them its address",
        note="map:<file> or <module>:<function> in place of the name of a C function",
    )
    collision: Collision = option(
        "tuntap-router-collision",
        default=REFUSE,
        help="whether a peer with the address of a living one is refused, or takes it over as in uWSGI",
    )
    switch_local: Flag = flag(
        "tuntap-router-switch-local",
        default=False,
        help="deliver packets between two peers directly, past the network of the host",
    )
    limits: Limited = option(
        "tuntap-router-limit",
        default=(),
        help="limit the bytes that a peer sends and receives in a second",
    )
    allowed: Grants = option(
        "tuntap-router-allow",
        default=(),
        help="who may join with which addresses; with one such line, nobody else may",
    )
    queue: Queue = option(
        "tuntap-router-queue",
        default=256 * 1024,
        help="bytes that may wait for a peer behind a stream before packets to it are dropped",
    )
    buffer: Buffer = option(
        "tuntap-buffer-size",
        default=MOST_BUFFER,
        help="the largest packet that a peer may send in a frame",
        note="8192 is uWSGI's",
    )
    targets: Targets = option(
        "tuntap-router-allow-target",
        default=(),
        help="an address that rules of devices may route to, besides those of tuntap-router-route",
    )
    any_gateway: Flag = flag(
        "tuntap-router-gateway-any",
        default=False,
        help="accept datagrams at the gateway from everybody, not only from targets of routes",
        note="uWSGI accepts them from everybody",
    )

    def check(self, settings: Settings) -> Iterable[str]:
        """Two routers share neither a device nor a socket."""
        if self.stats:
            try:
                _check_socket(self.stats)
            except ValueError as error:
                yield settings.problem(TunTapRouter, "stats", str(error))
        taken: dict[str, str] = {}
        for router in self.routers:
            stats = router.stats or self.stats
            for what, value in (("device", router.device), ("socket", router.socket), ("stats", stats)):
                if not value or (what == "device" and "%" in value):
                    continue
                key = value if what == "device" else f"socket {value}"
                if key in taken:
                    yield (
                        f"{router.origin}: tuntap-router: the {what} {value} is used twice, "
                        f"first at {taken[key]}"
                    )
                taken.setdefault(key, router.origin)


@section("TunTap")
class TunTapDevice(Section):
    """A tun device of this instance, maybe joined to a router."""

    devices: Devices = option(
        "tuntap-device",
        default=(),
        help="make a tun device of this name, and join it to the router at this socket",
        note="made by every instance, jailed or not; it survives reloads, and a lost router is joined again",
    )
    rules: DeviceRules = option(
        "tuntap-device-rule",
        default=(),
        help="a rule that the router is asked to apply to this instance's devices",
        note="checked when the configuration is read; masks are sent right",
    )

    def check(self, settings: Settings) -> Iterable[str]:
        """No device is made twice."""
        routers = settings[TunTapRouter].routers
        taken = {router.device: router.origin for router in routers if "%" not in router.device}
        for device in self.devices:
            if device.device in taken:
                yield (
                    f"{device.origin}: tuntap-device: the device {device.device} is used twice, "
                    f"first at {taken[device.device]}"
                )
            elif "%" not in device.device:
                taken[device.device] = device.origin
