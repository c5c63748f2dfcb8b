"""Who may join the router, and with which addresses.

``tuntap-router-allow`` names what is allowed; as soon as there is one such line, nothing else is::

    192.168.0.0/24                 anybody, with addresses of this net
    uid=www-data 192.168.0.2       that user, with this address
    uid=1000 gid=1000 fd00::/64    both have to fit
    uid=1001                       that user, with any address

``tuntap-use-credentials`` asks each peer for a handshake that the kernel signs.  Its value can also say which
address a peer has, so that none is learnt from packets::

    true                           the handshake only
    map:/etc/uwsgi/vassals         a file with lines "<uid or name> <address>"
    vassals:address_of             a function of a module, called with pid, uid and gid

uWSGI takes the name of a C function here (plugins/tuntap/tuntap_router.c); a name without a colon is refused.
Peers over TCP have no credentials: their uid and gid are `UNKNOWN`, which fits no line with ``uid`` or
``gid``.
"""

from __future__ import annotations

import grp
import importlib
import ipaddress
import pwd
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from uwsgid.config.kinds import FALSE, TRUE
from uwsgid.tuntap.networks import Network, doubt_about, read_ip, read_network

UNKNOWN: Final = -1  #: the uid and gid of somebody whom the kernel does not vouch for

ALLOW_SYNTAX: Final = "must be [uid=<user>] [gid=<group>] [address or net]..."
_MOST_ID: Final = 2**32 - 2


@dataclass(frozen=True, slots=True)
class Grant:
    """One line of ``tuntap-router-allow``.

    :ivar uid: who; None is anybody.
    :ivar gid: the primary group; None is any.
    :ivar networks: with which addresses; none of them means all addresses.
    """

    uid: int | None
    gid: int | None
    networks: tuple[Network, ...]
    text: str
    origin: str = ""
    doubts: tuple[str, ...] = ()

    @property
    def names_user(self) -> bool:
        """Whether it is about a user or a group."""
        return self.uid is not None or self.gid is not None

    def covers(self, uid: int, gid: int, address: bytes) -> bool:
        """Whether this line lets the user attach the address."""
        return (
            (self.uid is None or self.uid == uid)
            and (self.gid is None or self.gid == gid)
            and (not self.networks or any(network.holds(address) for network in self.networks))
        )


def read_grant(text: str, origin: str = "") -> Grant:
    """The line *text*, ``[uid=<user>] [gid=<group>] [address or net]…``.

    :raises ValueError: with the reason, where it is none.
    """
    words = text.split()
    uid: int | None = None
    gid: int | None = None
    networks: list[Network] = []
    doubts: list[str] = []
    if not words:
        raise ValueError(ALLOW_SYNTAX)
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            networks.append(read_network(word))
            doubts.extend(filter(None, (doubt_about(word),)))
        elif name == "uid" and uid is None:
            uid = user_number(value)
        elif name == "gid" and gid is None:
            gid = group_number(value)
        else:
            raise ValueError(f"{ALLOW_SYNTAX}, got {text!r}")
    return Grant(uid, gid, tuple(networks), " ".join(words), origin, tuple(doubts))


def user_number(text: str) -> int:
    """The uid of a user given by name or number.

    :raises ValueError: where there is no such user.
    """
    return _number(text, "user", lambda name: pwd.getpwnam(name).pw_uid)


def group_number(text: str) -> int:
    """The gid of a group given by name or number.

    :raises ValueError: where there is no such group.
    """
    return _number(text, "group", lambda name: grp.getgrnam(name).gr_gid)


def _number(text: str, what: str, find: Callable[[str], int]) -> int:
    if text.isascii() and text.isdigit():
        if int(text) > _MOST_ID:
            raise ValueError(f"{text} is no number of a {what}")
        return int(text)
    try:
        return find(text)
    except KeyError:
        raise ValueError(f"there is no {what} called {text!r}") from None


class Access:
    """Who may attach which address."""

    __slots__ = ("lines",)

    def __init__(self, lines: Iterable[Grant] = ()) -> None:
        self.lines = tuple(lines)

    def permits(self, uid: int, gid: int, address: bytes) -> bool:
        """Whether a peer of this user may have *address*, of 4 or 16 bytes.  Without any line all may."""
        return not self.lines or any(line.covers(uid, gid, address) for line in self.lines)

    def grants(self, uid: int, gid: int, address: bytes) -> bool:
        """Whether a line names this user together with *address*, which then may be one of several.

        A line about anybody does not: a peer that took all addresses of its net would keep others out.
        """
        return any(
            line.networks and line.names_user and line.covers(uid, gid, address) for line in self.lines
        )


Assign = Callable[[int, int, int], Any]


class Credentials:
    """What ``tuntap-use-credentials`` asks for.

    :ivar required: whether peers have to send their credentials.
    :ivar assigns: whether these say which address a peer has; then none is learnt from packets.
    """

    __slots__ = ("_assign", "assigns", "required")

    def __init__(self, required: bool = False, assign: Assign | None = None) -> None:
        self.required = required
        self.assigns = assign is not None
        self._assign = assign

    def address(self, pid: int, uid: int, gid: int) -> bytes:
        """The address, 4 or 16 bytes, that this peer has; ``b""`` refuses it.  Only where `assigns`.

        :raises ValueError: when the function that was asked fails, or answers with what is no address.
        """
        if self._assign is None:
            return b""
        try:
            answer = self._assign(pid, uid, gid)
            if not answer:
                return b""
            if isinstance(answer, str):
                return read_ip(answer).packed
            return ipaddress.ip_address(answer).packed
        except Exception as error:
            raise ValueError(f"no address for pid {pid}, uid {uid}, gid {gid}: {error!r}") from error


def read_credentials(text: str) -> Credentials:
    """What the value *text* of ``tuntap-use-credentials`` means.

    :raises ValueError: with the reason, where the file or the function can not be used.
    """
    word = text.strip().lower()
    if word in TRUE:
        return Credentials(required=True)
    if word in FALSE:
        return Credentials()
    kind, colon, rest = text.partition(":")
    if not colon or not rest:
        raise ValueError(f"expected true, map:<file> or <module>:<function>, got {text!r}")
    if kind == "map":
        addresses = read_map(rest)
        return Credentials(required=True, assign=lambda pid, uid, gid: addresses.get(uid))
    return Credentials(required=True, assign=_function(kind, rest))


def read_map(path: str) -> Mapping[int, str]:
    """Addresses by uid, from a file with lines ``<uid or name> <address>``; ``#`` begins a remark.

    :raises ValueError: with path and line, where it can not be read.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeError) as error:
        raise ValueError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    addresses: dict[int, str] = {}
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            if len(words) != 2:
                raise ValueError(f"expected <uid or name> <address>, got {line.strip()!r}")
            uid = user_number(words[0])
            if uid in addresses:
                raise ValueError(f"the user {words[0]} has an address already")
            addresses[uid] = str(read_ip(words[1]))
        except ValueError as error:
            raise ValueError(f"{path}:{number}: {error}") from None
    return addresses


def _function(module: str, name: str) -> Assign:
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:
        raise ValueError(f"{module}:{name} can not be had: {error}") from error
    if not callable(found):
        raise ValueError(f"{module}:{name} can not be called")
    assign: Assign = found
    return assign
