"""How a vassal hands its tun device over to a router of ours, and what the router answers.

Beside the socket of a router there is a companion, ``<socket>.dev``, of the type ``SOCK_SEQPACKET``: the
kernel keeps the borders of the records, so there is no framing here.  The vassal sends one `Hello`, along
with the descriptor of its device (``SCM_RIGHTS``); the router looks at both and sends one `Answer`.  After
that nothing is said: the connection stands for the life of the device at the router, and ends with it.

A record is a msgpack map.  A router serves vassals that it does not trust, so a record is either exactly what
this page says or a `PeerError`.  What rules and addresses mean is decided by who receives them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NoReturn

import msgpack

from uwsgid.errors import ConfigError, PeerError

VERSION: Final = 1  #: ``v`` in every record
MAX_RECORD: Final = 4096  #: bytes of the longest record; whoever receives should offer one more
MAX_NAME: Final = 15  #: bytes of the name of a device

_MAX_WHY: Final = 1000  # letters, of up to four bytes each


@dataclass(frozen=True, slots=True)
class Hello:
    """Vassal to router: here is my device, read and write it yourself.

    :ivar device: its name in the vassal's network namespace, for the log.
    :ivar rules: ``tuntap-device-rule``, as they were written.
    :ivar addresses: those the vassal means to use; the router may know better.
    """

    device: str
    rules: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()

    def pack(self) -> bytes:
        """The bytes of this record.

        :raises ConfigError: there are more rules than one record holds.
        """
        data = _pack({"v": VERSION, "device": self.device, "rules": self.rules, "addresses": self.addresses})
        if len(data) > MAX_RECORD:
            raise ConfigError(
                f"the rules of the device {self.device} take {len(data)} bytes, and a router takes "
                f"{MAX_RECORD}: give it fewer of them, or give them to the router"
            )
        return data

    @classmethod
    def unpack(cls, data: bytes) -> Hello:
        """The record that *data*, one whole datagram, holds.

        :raises PeerError: it is no such record.
        """
        said = _read(data, {"v", "device", "rules", "addresses"})
        device = said["device"]
        if not isinstance(device, str) or not _is_name(device):
            raise PeerError(f"a handed-over device with the impossible name {device!r}", status=0)
        return cls(device, _texts(said, "rules"), _texts(said, "addresses"))


@dataclass(frozen=True, slots=True)
class Answer:
    """Router to vassal: whether I took your device.

    :ivar ok: it did; packets flow from now on.
    :ivar why: what was wrong, for the log of the vassal; empty where nothing was.
    """

    ok: bool
    why: str = ""

    def pack(self) -> bytes:
        """The bytes of this record; a long reason is cut."""
        if self.ok:
            return _pack({"v": VERSION, "ok": True})
        why = self.why[:_MAX_WHY].encode("utf-8", "replace").decode()
        return _pack({"v": VERSION, "ok": False, "why": why})

    @classmethod
    def unpack(cls, data: bytes) -> Answer:
        """The record that *data*, one whole datagram, holds.

        :raises PeerError: it is no such record.
        """
        said = _read(data, {"v", "ok"}, "why")
        ok, why = said["ok"], said.get("why", "")
        if not isinstance(ok, bool) or not isinstance(why, str) or ok == ("why" in said):
            raise PeerError(f"an answer about a handed-over device that makes no sense: {said!r}", status=0)
        return cls(ok, why)


def _pack(said: dict[str, Any]) -> bytes:
    data: bytes = msgpack.packb(said)
    return data


def _unpack(data: bytes) -> Any:
    """What *data* says; all of it, once each, and without extensions.

    :raises PeerError: it says anything else.
    """
    try:
        return msgpack.unpackb(data, object_pairs_hook=_each_once, ext_hook=_no_extension)
    except (ValueError, msgpack.UnpackException) as error:
        raise PeerError(f"a record about a device that is no msgpack: {error}", status=0) from None


def _each_once(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    said = dict(pairs)
    if len(said) != len(pairs):
        raise ValueError("a key twice in a map")
    return said


def _no_extension(code: int, data: bytes) -> NoReturn:
    raise ValueError(f"an extension of the type {code}")


def _read(data: bytes, names: set[str], optional: str = "") -> dict[str, Any]:
    """The map in *data*, with exactly those names."""
    if len(data) > MAX_RECORD:
        raise PeerError(f"a record of more than {MAX_RECORD} bytes about a device", status=0)
    said = _unpack(data)
    if not isinstance(said, dict):
        raise PeerError("a record about a device that is no map", status=0)
    version = said.get("v")
    if type(version) is not int or version != VERSION:
        raise PeerError(
            f"a record about a device in the version {version!r}, and {VERSION} is known", status=0
        )
    if said.keys() - {optional} != names:
        raise PeerError(f"a record about a device with the names {', '.join(sorted(said))}", status=0)
    return said


def _texts(said: dict[str, Any], name: str) -> tuple[str, ...]:
    texts = said[name]
    if not isinstance(texts, list):
        raise PeerError(f"{name} of a handed-over device that are no list", status=0)
    for text in texts:
        if not isinstance(text, str) or not text.isprintable() or not text:
            raise PeerError(f"{name} of a handed-over device with {text!r} among them", status=0)
    return tuple(texts)


def _is_name(name: str) -> bool:
    """Whether the kernel would take *name* for a device (``dev_valid_name`` in net/core/dev.c)."""
    return (
        0 < len(name.encode()) <= MAX_NAME
        and name not in (".", "..")
        and name.isprintable()
        and not any(letter in "/:" or letter.isspace() for letter in name)
    )
