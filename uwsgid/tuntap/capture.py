"""Captures: what crosses a router, and what became of each packet, as a stream for Wireshark.

A `Filter` says which packets are wanted, and a `Capture` turns them into pcapng for one client.  Where it
gets them from is told by `uwsgid.tuntap.tap`.

The words of a filter; all have to fit, but for those on the other side of an ``or``::

    host 192.168.0.2          either address; ``src host`` and ``dst host`` for one of them
    net 10.0.0.0/8            likewise, with ``src net`` and ``dst net``
    port 22,80-90             either port; ``src port`` and ``dst port``, or sport and dport, for one of them
    tcp  udp  icmp  icmp6     what it carries; ``proto`` with a name or number for others
    ip   ip6                  its version
    in   out                  towards a vassal, from a vassal
    denied                    dropped by a rule
    dropped                   dropped, for any reason
    not …                     whatever does not fit the next word
    and                       nothing: for readers
    or                        or what follows
    snap 96                   keep no more bytes of each packet; once, and first

Packets that are no proper packets are shown too: they fit no word about addresses, ports and protocols.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from uwsgid._version import __version__
from uwsgid.tuntap.decision import DROP
from uwsgid.tuntap.networks import read_network, read_number
from uwsgid.tuntap.rules import BARE_PROTOCOLS, PROTOCOLS, read_protocol, read_ranges, within
from uwsgid.wire import pcapng
from uwsgid.wire.ip import BadPacket, Buffer, Facts, look, read_address

if TYPE_CHECKING:
    from uwsgid.tuntap.decision import Decision
    from uwsgid.tuntap.peer import Peer

#: Whether a packet fits: its facts (None if it is no proper one), whether it goes to a vassal, the verdict.
Test = Callable[[Facts | None, bool, "Decision"], bool]

_LEAST_SNAP: Final = 20
_MOST_WORDS: Final = 256

_FLAGS: Final[dict[str, Test]] = {
    "in": lambda facts, inward, decision: inward,
    "out": lambda facts, inward, decision: not inward,
    "denied": lambda facts, inward, decision: decision.kind == DROP and decision.reason == "denied",
    "dropped": lambda facts, inward, decision: decision.kind == DROP,
    "ip": lambda facts, inward, decision: facts is not None and facts.version == 4,
    "ip6": lambda facts, inward, decision: facts is not None and facts.version == 6,
}
_VALUED: Final = ("host", "net", "port")
_KNOWN: Final = ", ".join((*_VALUED, "src", "dst", "sport", "dport", "proto", *BARE_PROTOCOLS, *_FLAGS))


class Filter:
    """Which packets are wanted.

    :param text: the words; none are all packets.
    :ivar text: the words, one blank between two.
    :ivar snap: bytes to keep of each packet; 0 for all.
    :raises ValueError: they mean nothing; the text says which word does not.
    """

    __slots__ = ("_ways", "snap", "text")

    def __init__(self, text: str = "") -> None:
        words = text.split()
        if len(words) > _MOST_WORDS:
            raise ValueError(f"a filter of more than {_MOST_WORDS} words")
        self.text = " ".join(words)
        self.snap = 0
        if words[:1] == ["snap"]:
            self.snap = read_number(_value(words, 0), "the bytes to keep", 65535, _LEAST_SNAP)
            del words[:2]
        self._ways = tuple(map(_read_way, _split(words, "or"))) if words else ((),)

    def __repr__(self) -> str:
        return f"<Filter {self.text!r}>"

    def fits(self, facts: Facts | None, inward: bool, decision: Decision) -> bool:
        """Whether a packet is wanted.

        :param facts: what is known of it; None where it is no proper packet.
        :param inward: it goes to a vassal.
        """
        for way in self._ways:
            for test in way:
                if not test(facts, inward, decision):
                    break
            else:
                return True
        return False


class Capture:
    """Shows packets to one client.

    :param write: takes bytes for the client; False, where it has no room for them.
    :param name: of the device, for the client.
    :param filter: which packets.
    :param clock: nanoseconds since 1970.
    :ivar shown: packets that were.
    :ivar lost: packets that were not, for want of room.
    """

    __slots__ = ("_clock", "_filter", "_unsaid", "_write", "lost", "shown")

    def __init__(
        self,
        write: Callable[[bytes], bool],
        name: str,
        filter: Filter,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._write = write
        self._filter = filter
        self._clock = clock
        self._unsaid = 0
        self.shown = 0
        self.lost = 0
        write(pcapng.section(f"uwsgid {__version__}") + pcapng.interface(name, filter.snap))

    def show(
        self,
        buffer: Buffer,
        start: int,
        end: int,
        inward: bool,
        decision: Decision,
        peer: Peer | None,
        way: Decision | None = None,
    ) -> None:
        """Show the packet in ``buffer[start:end]``, if it is wanted.

        :param inward: it came from the host or the gateway; else it came from *peer*.
        :param way: where it was sent when it was lost; None for a packet that was not.
        """
        facts: Facts | None = None
        try:
            facts = look(buffer, start, end)
        except BadPacket:
            pass
        if not self._filter.fits(facts, inward, decision):
            return
        comment = str(decision) if peer is None else f"from {peer.name}: {decision}"
        if way is not None:
            comment += f", on its way {way}"
        if self._unsaid:
            comment += f" ({self._unsaid} packets before this one are not shown)"
        length = max(end - start, 0)
        kept = min(length, self._filter.snap or length)
        block = pcapng.packet(
            memoryview(buffer)[start : start + kept],
            self._clock(),
            comment=comment,
            direction=pcapng.IN if inward else pcapng.OUT,
            length=length,
        )
        if self._write(block):
            self.shown += 1
            self._unsaid = 0
        else:
            self.lost += 1
            self._unsaid += 1


# ---- the words of a filter ---------------------------------------------------------------------------------


def _split(words: list[str], border: str) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for word in words:
        if word == border:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def _read_way(words: list[str]) -> tuple[Test, ...]:
    """The tests that all have to fit."""
    tests: list[Test] = []
    at, negated = 0, False
    while at < len(words):
        word = words[at]
        if word == "and" and tests and not negated and at + 1 < len(words):
            at += 1
            continue
        if word == "not":
            at, negated = at + 1, not negated
            continue
        test, at = _read_test(words, at)
        tests.append(_negate(test) if negated else test)
        negated = False
    if not tests or negated:
        raise ValueError("a filter that ends where a word is missing")
    return tuple(tests)


def _read_test(words: list[str], at: int) -> tuple[Test, int]:
    """The test that begins at a word, and where the next one begins."""
    word = words[at]
    if word in _FLAGS:
        return _FLAGS[word], at + 1
    if word in BARE_PROTOCOLS:
        return _carries(PROTOCOLS[word]), at + 1
    side = {"sport": "src", "dport": "dst"}.get(word, "")
    if side:
        return _port(side, _value(words, at)), at + 2
    if word == "proto":
        return _carries(read_protocol(_value(words, at))), at + 2
    if word in ("src", "dst"):
        side, at = word, at + 1
        word = words[at] if at < len(words) else ""
        if word not in _VALUED:
            raise ValueError(f"{side!r} needs host, net or port behind it")
    if word in _VALUED:
        value = _value(words, at)
        kinds: dict[str, Callable[[str, str], Test]] = {"host": _host, "net": _net, "port": _port}
        return kinds[word](side, value), at + 2
    raise ValueError(f"{word!r} means nothing in a filter; known are {_KNOWN}, and, or, not and snap")


def _value(words: list[str], at: int) -> str:
    if at + 1 >= len(words):
        raise ValueError(f"{words[at]!r} needs a value")
    return words[at + 1]


def _negate(test: Test) -> Test:
    return lambda facts, inward, decision: not test(facts, inward, decision)


def _host(side: str, text: str) -> Test:
    address = read_address(text)
    if side == "src":
        return lambda facts, inward, decision: facts is not None and facts.src == address
    if side == "dst":
        return lambda facts, inward, decision: facts is not None and facts.dst == address
    return lambda facts, inward, decision: facts is not None and address in (facts.src, facts.dst)


def _net(side: str, text: str) -> Test:
    holds = read_network(text).holds
    if side == "src":
        return lambda facts, inward, decision: facts is not None and holds(facts.src)
    if side == "dst":
        return lambda facts, inward, decision: facts is not None and holds(facts.dst)
    return lambda facts, inward, decision: facts is not None and (holds(facts.src) or holds(facts.dst))


def _port(side: str, text: str) -> Test:
    ports = read_ranges(text, "a port", 65535)
    if side == "src":
        return lambda facts, inward, decision: facts is not None and within(facts.sport, ports)
    if side == "dst":
        return lambda facts, inward, decision: facts is not None and within(facts.dport, ports)
    return lambda facts, inward, decision: (
        facts is not None and (within(facts.sport, ports) or within(facts.dport, ports))
    )


def _carries(protocol: int) -> Test:
    return lambda facts, inward, decision: facts is not None and facts.protocol == protocol
