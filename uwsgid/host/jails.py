"""FreeBSD's jails: ``jail``, ``jail-attach`` and ``jail2``, each of which locks the process up once more.

``jail`` is the old call with a fixed struct; ``jail2`` hands a list of parameters to jail_set(2), whose
values are bytes of the parameter's type (`parameter`).  The types are those that ``security.jail.param``
lists; what is not known here is not guessed.  Everywhere else these options are recognised and refused, since
a site that asks for a jail must not run without one.

The calls themselves are in `uwsgid.host.freebsd`.  What is here is tested against the published layouts, on
Linux.
"""

from __future__ import annotations

import difflib
import enum
import platform
import socket
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from uwsgid.config.kinds import Kind, Text
from uwsgid.config.section import Section, option, section
from uwsgid.errors import KernelError
from uwsgid.host.calls import attempt
from uwsgid.host.freebsd import JAIL_ATTACH, JAIL_CREATE, JAIL_UPDATE
from uwsgid.interfaces import IKernel

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings

Say = Callable[[str], None]
Bytes = tuple[bytes, bytes | None]

ON_FREEBSD: Final = platform.system() == "FreeBSD"


class Type(enum.Enum):
    """What the kernel takes for a parameter."""

    TEXT = "a text"
    NUMBER = "a whole number"
    LONG = "a number from 0"
    BOOLEAN = "true or false"
    SYSTEM = "disable, new or inherit"
    IP4 = "IPv4 addresses, separated by commas"
    IP6 = "IPv6 addresses, separated by commas"


#: The parameters of jail(8), but for those that can only be read.  ``allow.`` and what is below are booleans.
TYPES: Final = {
    "jid": Type.NUMBER,
    "name": Type.TEXT,
    "path": Type.TEXT,
    "securelevel": Type.NUMBER,
    "devfs_ruleset": Type.NUMBER,
    "children.max": Type.NUMBER,
    "enforce_statfs": Type.NUMBER,
    "persist": Type.BOOLEAN,
    "osrelease": Type.TEXT,
    "osreldate": Type.NUMBER,
    "host": Type.SYSTEM,
    "host.hostname": Type.TEXT,
    "host.domainname": Type.TEXT,
    "host.hostuuid": Type.TEXT,
    "host.hostid": Type.LONG,
    "ip4": Type.SYSTEM,
    "ip4.addr": Type.IP4,
    "ip4.saddrsel": Type.BOOLEAN,
    "ip6": Type.SYSTEM,
    "ip6.addr": Type.IP6,
    "ip6.saddrsel": Type.BOOLEAN,
    "vnet": Type.SYSTEM,
    "sysvmsg": Type.SYSTEM,
    "sysvsem": Type.SYSTEM,
    "sysvshm": Type.SYSTEM,
    "linux": Type.SYSTEM,
    "linux.osname": Type.TEXT,
    "linux.osrelease": Type.TEXT,
    "linux.oss_version": Type.NUMBER,
    "zfs.mount_snapshot": Type.NUMBER,
    "meta": Type.TEXT,
    "env": Type.TEXT,
}
_SYSTEM: Final = ("disable", "new", "inherit")
_BOOLEAN: Final = ("false", "true")


@dataclass(frozen=True, slots=True)
class JailArgument:
    """The value of ``jail``."""

    path: str
    hostname: str = ""
    name: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.path, self.hostname, self.name)))


@dataclass(frozen=True, slots=True)
class Parameter:
    """One ``jail2``.

    :ivar text: as it was written.
    :ivar name: what the kernel is told; *value* likewise, None for a boolean.
    """

    text: str
    name: bytes
    value: bytes | None

    def __str__(self) -> str:
        return self.text


def parse_jail(text: str) -> JailArgument:
    """``rootfs [hostname] [jailname]``; the name may contain blanks (core/init.c, the option ``jail``).

    :raises ValueError: for an empty text.
    """
    words = text.strip().split(" ", 2)
    if not words[0]:
        raise ValueError
    return JailArgument(*words)


def parameter(text: str) -> Parameter:
    """``key[=value]`` as the kernel wants it; without a value it is ``1``, as in uWSGI.

    A boolean has no bytes: ``allow.mount=false`` is the parameter ``allow.nomount`` (jail_set(2)).

    :raises ValueError: for a key that is not known, and for a value that is not of its type.
    """
    key, equals, value = text.strip().partition("=")
    key = key.strip()
    value = value if equals else "1"
    if (positive := _without_no(key)) is not None:
        if equals and _choice(_BOOLEAN, value) != 1:
            raise ValueError(f"{key}: write {positive}=true for the opposite")
        return Parameter(text, key.encode(), None)
    kind = _type_of(key)
    if kind is None:
        near = difflib.get_close_matches(key, TYPES, n=1)
        raise ValueError(f"unknown jail parameter {key}{f'; did you mean {near[0]}?' if near else ''}")
    try:
        if kind is Type.BOOLEAN:
            return Parameter(text, (key if _choice(_BOOLEAN, value) else _with_no(key)).encode(), None)
        return Parameter(text, key.encode(), _bytes(kind, value))
    except (ValueError, OSError, struct.error):
        raise ValueError(f"{key}: expected {kind.value}, got {value!r}") from None


def attach_parameters(text: str) -> tuple[Bytes, ...]:
    """How jail_set(2) is told which jail to enter: by its number, where *text* is one, else by its name."""
    if text.isascii() and text.isdigit():
        return ((b"jid", struct.pack("=i", int(text))),)
    return ((b"name", text.encode() + b"\0"),)


def _address(family: int) -> Callable[[str], str]:
    def parse(text: str) -> str:
        try:
            socket.inet_pton(family, text.strip())
        except OSError:
            raise ValueError from None
        return text.strip()

    return parse


_JAIL: Final = Kind("jail", "rootfs, a host name and the name of the jail", parse_jail)
_PARAMETERS: Final = Kind("list of jail parameters", "key=value", parameter, many=True)
_IP4: Final = Kind("list of addresses", "an IPv4 address", _address(socket.AF_INET), many=True)
_IP6: Final = Kind("list of addresses", "an IPv6 address", _address(socket.AF_INET6), many=True)
OldJail = Annotated[JailArgument, _JAIL]
Parameters = Annotated[tuple[Parameter, ...], _PARAMETERS]
Ip4 = Annotated[tuple[str, ...], _IP4]
Ip6 = Annotated[tuple[str, ...], _IP6]

_NOTE: Final = "FreeBSD only; elsewhere the start is refused."


@section("FreeBSD jails")
class Jails(Section):
    """Jails that the instance enters before privileges are dropped, in the order jail, jail-attach, jail2."""

    jail: OldJail | None = option(
        "jail", default=None, help="rootfs, host name and name of a jail to enter", note=_NOTE
    )
    ip4: Ip4 = option("jail-ip4", default=(), help="IPv4 address of the jail", note=_NOTE)
    ip6: Ip6 = option("jail-ip6", default=(), help="IPv6 address of the jail", note=_NOTE)
    attach: Text = option("jail-attach", default="", help="number or name of a jail to enter", note=_NOTE)
    parameters: Parameters = option(
        "jail2",
        "libjail",
        default=(),
        help="parameter of a jail to make and enter, as in jail(8)",
        note=_NOTE,
    )
    jidfile: Text = option(
        "jidfile",
        "jid-file",
        default="",
        help="write the number of the jail to this file, inside of it",
        note=_NOTE,
    )

    def check(self, settings: Settings) -> Iterable[str]:
        """Jails on a system that has none, and addresses for a jail that takes none."""
        if not ON_FREEBSD:
            for declared in Jails.options:
                if getattr(self, declared.field) != declared.default:
                    where = settings.origin(Jails, declared.field)
                    yield f"{where}: option {declared.name} needs FreeBSD"
            return
        for field in ("ip4", "ip6"):
            if getattr(self, field) and self.jail is None:
                yield settings.problem(Jails, field, "there is no jail to give it to; jail2 has ip4.addr")


def enter_jails(kernel: IKernel, jails: Jails, say: Say) -> bool:
    """Enter all of them; whether there was any.

    :raises KernelError: where the kernel refuses, or the number of the jail can not be written.
    """
    if jails.jail is not None:
        wanted = jails.jail
        number = attempt(
            "jail()",
            wanted,
            lambda: kernel.jail(wanted.path, wanted.hostname, wanted.name, jails.ip4, jails.ip6),
        )
        _entered(kernel, number, jails.jidfile, say)
    if jails.attach:
        told = attach_parameters(jails.attach)
        number = attempt(
            "jail_set()",
            f"jail-attach {jails.attach}",
            lambda: kernel.jail_set(told, JAIL_UPDATE | JAIL_ATTACH),
        )
        _entered(kernel, number, "", say)
    if jails.parameters:
        for one in jails.parameters:
            say(f"FreeBSD libjail applying {one}")
        given = tuple((one.name, one.value) for one in jails.parameters)
        number = attempt("jail_set()", "jail2", lambda: kernel.jail_set(given, JAIL_CREATE | JAIL_ATTACH))
        _entered(kernel, number, jails.jidfile, say)
    return bool(jails.jail or jails.attach or jails.parameters)


def _entered(kernel: IKernel, number: int, jidfile: str, say: Say) -> None:
    say(f"--- running in FreeBSD jail {number} ---")
    if jidfile:
        try:
            kernel.write_file(jidfile, str(number).encode())
        except OSError as error:
            raise KernelError(f"unable to write jidfile: {error.strerror} [{jidfile}]") from None


def _type_of(key: str) -> Type | None:
    if key.startswith("allow."):
        return Type.BOOLEAN
    return TYPES.get(key)


def _with_no(key: str) -> str:
    above, dot, last = key.rpartition(".")
    return f"{above}{dot}no{last}"


def _without_no(key: str) -> str | None:
    """The boolean that *key* negates, as ``allow.nomount`` and ``nopersist`` do; None for all others."""
    above, dot, last = key.rpartition(".")
    positive = f"{above}{dot}{last.removeprefix('no')}"
    return positive if last.startswith("no") and _type_of(positive) is Type.BOOLEAN else None


def _bytes(kind: Type, value: str) -> bytes:
    match kind:
        case Type.TEXT:
            return value.encode(errors="surrogateescape") + b"\0"
        case Type.SYSTEM:
            return struct.pack("=i", _choice(_SYSTEM, value))
        case Type.LONG:
            return struct.pack("@L", int(value))
        case Type.IP4 | Type.IP6:
            family = socket.AF_INET if kind is Type.IP4 else socket.AF_INET6
            return b"".join(socket.inet_pton(family, text.strip()) for text in value.split(",") if text)
        case _:
            return struct.pack("=i", int(value))


def _choice(words: tuple[str, ...], value: str) -> int:
    word = value.strip().lower()
    number = words.index(word) if word in words else int(word)
    if not 0 <= number < len(words):
        raise ValueError
    return number
