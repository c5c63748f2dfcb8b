"""Listening sockets that somebody opened for us: our former self, systemd, upstart, inetd.

This module only *finds* them.  `uwsgid.host.sockets` decides which of them answers for which line of the
configuration.

A reload executes uwsgid again, and its listening sockets stay open across it: no client is refused.  The
variable `VARIABLE` carries what getsockname does not tell: the text the socket was configured with (a port
that the kernel chose once must be found again) and the inode of its file (for ``vacuum``).
"""

from __future__ import annotations

import enum
import socket
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Final

from uwsgid.host.addresses import Address, Family
from uwsgid.interfaces import IKernel, SocketFacts

#: one line for each socket: descriptor, inode, and the address as it was configured
VARIABLE: Final = "UWSGID_SOCKETS"

FIRST_ACTIVATED: Final = 3  #: SD_LISTEN_FDS_START of sd_listen_fds(3); upstart's bridge follows it


class Giver(enum.Enum):
    """Who opened a socket for us."""

    RELOAD = "reload"
    SYSTEMD = "systemd"
    UPSTART = "upstart"
    INETD = "inetd"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Inherited:
    """An open listening socket that we did not bind.

    :ivar address: where it listens, by getsockname.
    :ivar configured: the text that our former self had bound it for; empty where it was somebody else.
    :ivar name: what ``LISTEN_FDNAMES`` calls it.
    :ivar inode: of the socket's file when it was bound; 0 where that is not known.
    """

    fd: int
    address: Address
    giver: Giver
    configured: str = ""
    name: str = ""
    inode: int = 0


def local_address(facts: SocketFacts) -> Address | None:
    """The local address of a socket as uWSGI would print it; None for other families.  Pure."""
    if facts.family == socket.AF_UNIX:
        if facts.path.startswith("\0"):
            name = facts.path[1:]
            padded = name.endswith("\0")
            name = name.removesuffix("\0")
            return Address(Family.ABSTRACT, "@" + name, path=name, padded=padded)
        return Address(Family.UNIX, facts.path, path=facts.path)
    if facts.family == socket.AF_INET:
        return Address(Family.INET, f"{facts.host}:{facts.port}", host=facts.host, port=facts.port)
    if facts.family == socket.AF_INET6:
        return Address(Family.INET6, f"[{facts.host}]:{facts.port}", host=facts.host, port=facts.port)
    return None


def find_inherited(
    kernel: IKernel,
    environ: Mapping[str, str],
    say: Callable[[str], None],
    *,
    skip_zero: bool = False,
) -> tuple[Inherited, ...]:
    """All listening sockets that were open before we bound any, those of our former self first.

    :param skip_zero: leave descriptor 0 alone (the option ``skip-zero``).
    """
    found: dict[int, Inherited] = {}
    for fd, inode, configured in parse_variable(environ.get(VARIABLE, "")):
        _note(kernel, found, fd, Giver.RELOAD, configured=configured, inode=inode)
    for fd, name in _systemd(kernel, environ, say):
        _note(kernel, found, fd, Giver.SYSTEMD, name=name)
    for fd in _upstart(environ, say):
        _note(kernel, found, fd, Giver.UPSTART)
    activated = any(item.giver in (Giver.SYSTEMD, Giver.UPSTART) for item in found.values())
    if not activated and not skip_zero:
        _note(kernel, found, 0, Giver.INETD)
    try:
        others = kernel.open_descriptors()
    except OSError:
        others = []  # a jail without /proc
    for fd in others:
        if fd >= FIRST_ACTIVATED:
            _note(kernel, found, fd, Giver.UNKNOWN)
    return tuple(found.values())


def parse_variable(text: str) -> list[tuple[int, int, str]]:
    """Descriptor, inode and configured text of each line of `VARIABLE`; nonsense is left out.  Pure."""
    entries: list[tuple[int, int, str]] = []
    for line in text.split("\n"):
        parts = line.split(" ", 2)
        if len(parts) == 3 and parts[0].isdecimal() and parts[1].isdecimal():
            entries.append((int(parts[0]), int(parts[1]), parts[2]))
    return entries


def leave_behind(
    kernel: IKernel, entries: Iterable[tuple[int, int, str]], environ: MutableMapping[str, str]
) -> None:
    """Let sockets survive the coming exec, and write into *environ* what they are.

    :param entries: descriptor, inode, and the address as it was configured.
    """
    lines: list[str] = []
    for fd, inode, configured in entries:
        kernel.set_inheritable(fd, True)
        lines.append(f"{fd} {inode} {configured}")
    environ[VARIABLE] = "\n".join(lines)


def _note(
    kernel: IKernel,
    found: dict[int, Inherited],
    fd: int,
    giver: Giver,
    *,
    configured: str = "",
    name: str = "",
    inode: int = 0,
) -> None:
    if fd in found:
        return
    facts = kernel.socket_facts(fd)
    if facts is None or facts.kind != socket.SOCK_STREAM or not facts.listening:
        return
    address = local_address(facts)
    if address is not None:
        found[fd] = Inherited(fd, address, giver, configured, name, inode)


def _systemd(
    kernel: IKernel, environ: Mapping[str, str], say: Callable[[str], None]
) -> list[tuple[int, str]]:
    count = environ.get("LISTEN_FDS", "")
    if environ.get("LISTEN_PID") != str(kernel.getpid()) or not count.isdecimal() or not int(count):
        return []
    say("- SystemD socket activation detected -")
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    names += [""] * (int(count) - len(names))
    return [(FIRST_ACTIVATED + at, names[at]) for at in range(int(count))]


def _upstart(environ: Mapping[str, str], say: Callable[[str], None]) -> list[int]:
    numbers = environ.get("UPSTART_FDS", "").split()
    if environ.get("UPSTART_EVENTS") != "socket" or not numbers:
        return []
    say(f"- Upstart socket bridge detected (job: {environ.get('UPSTART_JOB', '')}) -")
    return [int(number) for number in numbers if number.isdecimal()]
