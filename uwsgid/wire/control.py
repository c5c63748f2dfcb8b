"""What master, seed, zygote and workers say to each other, one record per datagram.

They talk over ``SOCK_SEQPACKET`` pairs, so the kernel keeps the borders of the records and there is no
framing here.  A record is one tag byte, its integers in the order of the fields (32 bits, signed,
little-endian) and at most one text, in UTF-8, that takes what is left.  Two conversations share the tags, so
that a record sent down the wrong pair is noticed:

- master and seed or zygote: `Fork` and `Retire` go down, `Born` and `Failed` come back, matched by ticket;
- master and any child: `Ready`, `Loaded`, `LoadFailed` and `Ask` go up, `Leave`, `Pause`, `Resume` and
  `Report` and `Knock` go down.

Whoever receives should offer `MAX_RECORD` bytes: no record is longer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from struct import Struct
from struct import error as StructError
from typing import Any, ClassVar, Final, TypeVar

from uwsgid.errors import InternalError, PeerError

MAX_RECORD: Final = 16384  #: bytes of the longest record; a longer text is cut when it is packed
_MAX_TEXT: Final = MAX_RECORD - 64

#: What a worker of a vassal tells its master in `Ask`: its first request is done.
LOYAL: Final = "loyal"
#: Its answers to `Knock`: it waits for work, or does not.
AWAKE: Final = "awake"
BUSY: Final = "busy"
#: What a worker tells its steward in `Ask`: the configuration wants a master, and I do not begin.
MASTER: Final = "master"


class Record:
    """Something said in one datagram.

    :cvar tag: its first byte.
    :cvar layout: its integers.
    :cvar numbers: the fields that are integers, in order.
    :cvar text: the field that is a text, or an empty string.
    """

    __slots__ = ()

    tag: ClassVar[int]
    layout: ClassVar[Struct]
    numbers: ClassVar[tuple[str, ...]]
    text: ClassVar[str]

    def pack(self) -> bytes:
        """The bytes of this record.

        :raises InternalError: an integer does not fit its 32 bits.
        """
        try:
            head = self.layout.pack(self.tag, *[getattr(self, name) for name in self.numbers])
        except StructError as error:
            raise InternalError(f"{self!r} does not fit its record: {error}") from error
        if not self.text:
            return head
        said: str = getattr(self, self.text)
        text = said.encode("utf-8", "surrogatepass")
        if len(text) > _MAX_TEXT:
            text = said[: _MAX_TEXT // 4].encode("utf-8", "surrogatepass")
        return head + text


_RECORDS: Final[dict[int, type[Record]]] = {}

_R = TypeVar("_R", bound=Record)


def _record(tag: int) -> Callable[[type[_R]], type[_R]]:
    """Give a dataclass its tag, and derive its layout from its fields."""

    def enter(cls: type[_R]) -> type[_R]:
        if tag in _RECORDS:
            raise InternalError(f"{cls.__name__} takes the tag of {_RECORDS[tag].__name__}")
        kinds = {field.name: field.type for field in fields(cls)}  # type: ignore[arg-type]
        cls.tag = tag
        cls.numbers = tuple(name for name, kind in kinds.items() if kind == "int")
        cls.text = "".join(name for name, kind in kinds.items() if kind == "str")
        cls.layout = Struct("<B" + "i" * len(cls.numbers))
        _RECORDS[tag] = cls
        return cls

    return enter


def unpack(data: bytes) -> Record:
    """The record that `data`, one whole datagram, holds.

    :raises PeerError: empty, an unknown tag, too short, too long, or a text that is not UTF-8.
    """
    if not data:
        raise PeerError("an empty control record", status=0)
    cls = _RECORDS.get(data[0])
    if cls is None:
        raise PeerError(f"a control record with the unknown tag {data[0]}", status=0)
    size = cls.layout.size
    if len(data) < size or (len(data) > size and not cls.text):
        raise PeerError(
            f"a control record {cls.__name__} of {len(data)} bytes, which is not its size", status=0
        )
    values: dict[str, Any] = dict(zip(cls.numbers, cls.layout.unpack_from(data)[1:], strict=True))
    if cls.text:
        try:
            values[cls.text] = data[size:].decode("utf-8", "surrogatepass")
        except UnicodeDecodeError as error:
            raise PeerError(
                f"a control record {cls.__name__} that is not UTF-8: {error}", status=0
            ) from error
    return cls(**values)


# ---- master and seed, master and zygote


@_record(1)
@dataclass(frozen=True, slots=True)
class Fork(Record):
    """Master to seed or zygote: make me a child.

    :ivar ticket: what the answer refers to.
    :ivar role: the name of what the child shall be.
    :ivar slot: its place among those of its role.
    :ivar seat: its record on the board.
    :ivar generation: which loading of the applications it belongs to.
    """

    ticket: int
    role: str
    slot: int
    seat: int
    generation: int


@_record(2)
@dataclass(frozen=True, slots=True)
class Born(Record):
    """Seed or zygote to master: the child of that ticket lives.

    :ivar pid: its process id, as the master sees it.
    """

    ticket: int
    pid: int


@_record(3)
@dataclass(frozen=True, slots=True)
class Failed(Record):
    """Seed or zygote to master: the child of that ticket could not be made."""

    ticket: int
    reason: str


@_record(4)
@dataclass(frozen=True, slots=True)
class Retire(Record):
    """Master to seed or zygote: no more births are asked of you, leave."""


@_record(5)
@dataclass(frozen=True, slots=True)
class Deliver(Record):
    """Master to seed: send this signal to the child of mine whose pidfd comes along.

    A master that dropped its privileges may not signal those who have theirs still; the seed may.

    :ivar number: the signal.
    """

    number: int


@_record(6)
@dataclass(frozen=True, slots=True)
class Spawn(Record):
    """Emperor to its nest: make me this vassal.  The answer is `Born` or `Failed`.

    :ivar start: how it begins (`uwsgid.supervise.vassals.VassalStart`); its descriptors come along.
    :ivar simple: 1 where nothing but its configuration keeps it from having a steward for a master.
    """

    ticket: int
    start: str
    simple: int = 0


# ---- emperor and nest, for vassals that outlive their emperor


@_record(7)
@dataclass(frozen=True, slots=True)
class Hold(Record):
    """Emperor to nest: keep the descriptors that come along, so that this vassal can outlive me.

    :ivar pid: the vassal.
    :ivar about: what my successor has to know; without descriptors, what it has to know from now on.
    """

    pid: int
    about: str


@_record(8)
@dataclass(frozen=True, slots=True)
class Release(Record):
    """Emperor to nest: this vassal is gone."""

    pid: int


@_record(9)
@dataclass(frozen=True, slots=True)
class Census(Record):
    """A new emperor to the nest of its predecessor: who is there?"""

    ticket: int


@_record(10)
@dataclass(frozen=True, slots=True)
class Held(Record):
    """Nest to a new emperor: this vassal lives, and here is what I kept for you.

    :ivar about: as in `Hold`.
    """

    pid: int
    about: str


@_record(11)
@dataclass(frozen=True, slots=True)
class Counted(Record):
    """Nest to a new emperor: that was everybody."""

    ticket: int


# ---- a child to its master


@_record(16)
@dataclass(frozen=True, slots=True)
class Ready(Record):
    """I can do my work now.

    :ivar pid: who speaks.
    """

    pid: int


@_record(17)
@dataclass(frozen=True, slots=True)
class Loaded(Record):
    """My applications are loaded.

    :ivar apps: how many there are.
    :ivar failed: how many could not be loaded, although nothing says that they are needed.
    :ivar about: a table of them, for statistics (`uwsgid.supervise.appfacts`).
    """

    apps: int
    failed: int = 0
    about: str = ""


@_record(18)
@dataclass(frozen=True, slots=True)
class LoadFailed(Record):
    """An application could not be loaded, and the configuration needs it.

    :ivar code: what an instance that never served exits with.
    """

    reason: str
    code: int = 22


@_record(19)
@dataclass(frozen=True, slots=True)
class Ask(Record):
    """An application asks something of the master by the ``uwsgi`` module, or a worker says how it is.

    :ivar what: a word, such as ``reload`` or ``stop``.
    """

    what: str


@_record(20)
@dataclass(frozen=True, slots=True)
class Terms(Record):
    """A lone worker to its steward: how I want to be treated, see `uwsgid.steward.terms`.

    :ivar mercy: seconds that I get to finish.
    :ivar rest: the most seconds between two births of those who do not live long.
    :ivar flags: the rest of it.
    :ivar sockets: a line for each of the listening sockets that come along.
    """

    mercy: int
    rest: int
    flags: int
    sockets: str


# ---- a master to its child


@_record(32)
@dataclass(frozen=True, slots=True)
class Leave(Record):
    """Finish what you do, then end.

    :ivar reason: why, for the log.
    """

    reason: str


@_record(33)
@dataclass(frozen=True, slots=True)
class Pause(Record):
    """Take no new work."""


@_record(34)
@dataclass(frozen=True, slots=True)
class Resume(Record):
    """Take work again."""


@_record(35)
@dataclass(frozen=True, slots=True)
class Report(Record):
    """Tell the log what you are doing."""


@_record(36)
@dataclass(frozen=True, slots=True)
class Knock(Record):
    """Answer as soon as you wait for work: the emperor wants to know whether anybody does."""


SeedRecord = Fork | Born | Failed | Retire | Deliver | Spawn | Hold | Release | Census | Held | Counted
ChildRecord = Ready | Loaded | LoadFailed | Ask | Terms
MasterRecord = Leave | Pause | Resume | Report
