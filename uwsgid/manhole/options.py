"""The options of the manhole: where it is, who may come down, and what is refused.

A prompt in the master can do whatever the master can, so it is closed unless a line opens it, there is no
password that could be guessed, and what would open it to a network has to be said in so many words.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from uwsgid.config.directive import Directive
from uwsgid.config.kinds import Flag, Kind, Text
from uwsgid.config.section import Section, flag, option, section

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings

UNIX: Final = "unix"
SSH: Final = "ssh"
EXPECTED: Final = "unix:/run/site.hole or ssh:127.0.0.1:2222"

#: What has to be installed for ``ssh:``.
EXTRA: Final = "pip install 'uwsgid[manhole]'"

_MOST_PATH: Final = 102 - len(".worker1000")  #: bytes; workers put their number behind it


@dataclass(frozen=True, slots=True)
class Place:
    """Where a manhole is.

    :ivar kind: `UNIX` or `SSH`.
    :ivar path: of the socket; empty for ssh.
    :ivar host: an address, as text; empty for a socket.
    :ivar origin: the line that says so.
    """

    kind: str
    path: str = ""
    host: str = ""
    port: int = 0
    origin: str = ""

    def __str__(self) -> str:
        if self.kind == UNIX:
            return f"unix:{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"ssh:{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return self.kind == UNIX or ipaddress.ip_address(self.host).is_loopback


def worker_path(path: str, slot: int) -> str:
    """Where the manhole of worker *slot* is, beside that of the master at *path*."""
    return f"{path}.worker{slot}"


def worker_user(slot: int) -> str:
    """As whom somebody logs in by ssh who wants the prompt of worker *slot*."""
    return f"worker{slot}"


def worker_in(user: str) -> int:
    """The worker whose prompt the name of a *user* asks for; 0 for that of the master."""
    found = re.fullmatch("worker([1-9][0-9]{0,8})", user, re.ASCII)
    return int(found[1]) if found else 0


def read_place(text: str, origin: str = "") -> Place:
    """The value *text* of ``manhole``.

    :raises ValueError: with the reason, where it is none.
    """
    kind, colon, rest = text.partition(":")
    if colon and kind == UNIX:
        return Place(UNIX, path=_path(rest), origin=origin)
    if colon and kind == SSH:
        host, port = _endpoint(rest)
        return Place(SSH, host=host, port=port, origin=origin)
    hint = f"; did you mean unix:{text}?" if text.startswith("/") else ""
    raise ValueError(f"expected {EXPECTED}, got {text!r}{hint}")


def _path(path: str) -> str:
    if path.startswith(("@", "\\0")):
        raise ValueError(
            f"{path!r} has no file whose permissions could keep others out; give it a path, as in {EXPECTED}"
        )
    if not os.path.isabs(path):
        raise ValueError(f"the path of the socket has to begin with /, got {path!r}; try {EXPECTED}")
    if len(os.fsencode(path)) > _MOST_PATH:
        raise ValueError(f"the path of the socket may have {_MOST_PATH} bytes, {path!r} is longer")
    return path


def _endpoint(text: str) -> tuple[str, int]:
    host, colon, number = text.rpartition(":")
    if not (colon and number.isascii() and number.isdecimal() and 0 < int(number) < 65536):
        raise ValueError(f"expected an address and a port, as in ssh:127.0.0.1:2222, got {text!r}")
    host = {"": "0.0.0.0", "localhost": "127.0.0.1"}.get(host, host)
    try:
        return str(ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))), int(number)
    except ValueError:
        raise ValueError(f"{host!r} is no IP address; names are not looked up, try 127.0.0.1") from None


def _place(directive: Directive) -> Place:
    if directive.value is None:
        raise ValueError(f"expected {EXPECTED}, got no value")
    return read_place(directive.value.strip(), str(directive.origin))


PLACES: Final = Kind("manhole", EXPECTED, _place, many=True, reads_directive=True)

if TYPE_CHECKING:
    Places = tuple[Place, ...]
else:
    from typing import Annotated

    Places = Annotated[Any, PLACES]


@section("Manhole")
class Manhole(Section):
    """An interactive Python prompt in the running instance."""

    places: Places = option(
        "manhole",
        default=(),
        implies=("master",),
        help="a Python prompt in the master, at unix:<path> or ssh:<address>:<port>",
    )
    keys: Text = option(
        "manhole-keys",
        default="",
        help="the public keys that may log in by ssh, a file like authorized_keys; read at each login",
    )
    host_key: Text = option(
        "manhole-host-key",
        default="",
        help="the key by which ssh clients know this instance; made (ed25519, mode 0600) where it is missing",
    )
    anywhere: Flag = flag(
        "manhole-anywhere", default=False, help="let ssh listen on other addresses than those of loopback"
    )
    workers: Flag = flag(
        "manhole-workers",
        default=False,
        help="a prompt in each worker as well, for uwsgid manhole --worker and ssh worker2@…",
    )

    @property
    def sockets(self) -> tuple[Place, ...]:
        """The places that are UNIX sockets."""
        return tuple(place for place in self.places if place.kind == UNIX)

    @property
    def ssh(self) -> tuple[Place, ...]:
        """The places that speak ssh."""
        return tuple(place for place in self.places if place.kind == SSH)

    @property
    def takes_guests(self) -> bool:
        """Whether who comes in by ssh may go on to a worker."""
        return bool(self.workers and self.ssh)

    def allows(self, place: Place) -> bool:
        """Whether the configuration lets *place* be reached from where it can be."""
        return place.is_loopback or self.anywhere

    def check(self, settings: Settings) -> Iterable[str]:
        """What would leave the manhole open, or useless."""
        seen: set[str] = set()
        for place in self.places:
            if str(place) in seen:
                yield f"{place.origin}: manhole: {place} is there already"
            seen.add(str(place))
            if not self.allows(place):
                yield (
                    f"{place.origin}: manhole: {place} can be reached from other machines; try "
                    f"ssh:127.0.0.1:{place.port} and a tunnel, or say manhole-anywhere = true"
                )
        if self.ssh:
            origin = self.ssh[0].origin
            if not self.keys:
                yield (
                    f"{origin}: manhole: {self.ssh[0]} needs manhole-keys, a file of public keys such as "
                    "~/.ssh/authorized_keys; there are no passwords"
                )
            if not self.host_key:
                yield (
                    f"{origin}: manhole: {self.ssh[0]} needs manhole-host-key, the path of a file that is "
                    "made at the first start; keep it where the user of the instance may write"
                )
            if not has_conch():
                yield f"{origin}: manhole: {self.ssh[0]} needs twisted.conch: {EXTRA}"
        for field in ("keys", "host_key"):
            if getattr(self, field) and not self.ssh:
                yield settings.problem(
                    Manhole, field, "no manhole speaks ssh; add manhole = ssh:127.0.0.1:2222, or remove it"
                )
        if self.anywhere and not self.ssh:
            yield settings.problem(Manhole, "anywhere", "no manhole speaks ssh; remove it")
        if self.workers and not self.places:
            yield settings.problem(
                Manhole,
                "workers",
                "the prompts of workers are reached by that of the master; add manhole = unix:/run/site.hole",
            )


def has_conch() -> bool:
    """Whether what ``ssh:`` needs is installed.  Nothing is imported: conch would bring a reactor."""
    return find_spec("bcrypt") is not None and find_spec("twisted.conch") is not None
