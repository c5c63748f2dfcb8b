"""Rules: what each of them looks at, and how it is written.

::

    deny
    allow 192.168.0.0/24 192.168.0.1
    deny  10.0.0.0/8 any tcp dport 22,80-90 log
    allow any any icmp type echo-request
    allow any any established
    count any 192.168.0.2 udp

The first word is the action, and a rule is that word alone, or that word with source and destination: so far
it is uWSGI's grammar with uWSGI's meaning.  More words narrow a rule, and all of them have to fit.  ``allow``
and ``deny`` end the search; ``count`` and ``log`` only note the packet, and the search goes on.

uWSGI takes every first word but ``deny`` for ``allow``, skips rules of two words, and ignores what stands
behind the third (plugins/tuntap/firewall.c).  A firewall that opens because of a slip of the pen is none, so
here all of that is an error.

Rules of a device have their own order of words, uWSGI's again: ``out any 10.0.0.0/8 deny``.  Their words may
be quoted.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import Final

from uwsgid.tuntap.networks import (
    ANY,
    Network,
    Target,
    doubt_about,
    read_network,
    read_number,
    read_target,
)

ALLOW: Final = "allow"
DENY: Final = "deny"
ROUTE: Final = "route"
NOTE: Final = ""  #: neither: the search goes on

SYNTAX: Final = "invalid tuntap firewall rule syntax. must be <action> <src/mask> <dst/mask>"
ROUTE_SYNTAX: Final = "invalid tuntap routing rule syntax, must be: <src/mask> <dst/mask> <gateway>"
DEVICE_SYNTAX: Final = (
    "invalid tuntap device rule syntax, must be <in|out> <src/mask> <dst/mask> <action> [target]"
)

TCP: Final = 6
UDP: Final = 17
ICMP: Final = 1
ICMP6: Final = 58

PROTOCOLS: Final = {
    "icmp": ICMP,
    "tcp": TCP,
    "udp": UDP,
    "icmp6": ICMP6,
    "ipip": 4,
    "gre": 47,
    "esp": 50,
    "ah": 51,
    "dccp": 33,
    "sctp": 132,
    "udplite": 136,
}
_WITH_PORTS: Final = frozenset({TCP, UDP, 33, 132, 136})
#: those that need no ``proto`` before them
BARE_PROTOCOLS: Final = ("tcp", "udp", "icmp", "icmp6")

ICMP_TYPES: Final = {
    ICMP: {
        "echo-reply": 0,
        "unreachable": 3,
        "redirect": 5,
        "echo-request": 8,
        "time-exceeded": 11,
        "parameter-problem": 12,
    },
    ICMP6: {
        "unreachable": 1,
        "too-big": 2,
        "time-exceeded": 3,
        "parameter-problem": 4,
        "echo-request": 128,
        "echo-reply": 129,
        "router-solicitation": 133,
        "router-advertisement": 134,
        "neighbour-solicitation": 135,
        "neighbour-advertisement": 136,
    },
}

_WITH_VALUE: Final = frozenset({"proto", "sport", "dport", "type", "code"})
_WORDS: Final = "tcp, udp, icmp, icmp6, proto, sport, dport, type, code, established, log"

Ranges = tuple[tuple[int, int], ...]


@dataclass(slots=True, eq=False)
class Rule:
    """One rule, and what it has seen.  It is the same as itself only, so that it can be counted.

    :ivar action: `ALLOW`, `DENY`, `ROUTE` or `NOTE`.
    :ivar text: as it was written.
    :ivar origin: where it was written, ``shop.ini:14``; empty for rules that a peer sent.
    :ivar protocols: the numbers that fit; None for all.
    :ivar sports: first and last port of each range; None for all, as in the next two.
    :ivar types: ICMP types.
    :ivar code: the ICMP code, -1 for all.
    :ivar established: fits only packets of flows that were allowed before.
    :ivar log: whether a packet that fits is worth a line.
    :ivar target: of a rule with the action `ROUTE`.
    :ivar doubts: what is odd about the text.
    """

    action: str
    text: str
    origin: str = ""
    src: Network = ANY
    dst: Network = ANY
    protocols: frozenset[int] | None = None
    sports: Ranges | None = None
    dports: Ranges | None = None
    types: Ranges | None = None
    code: int = -1
    established: bool = False
    log: bool = False
    target: Target | None = None
    doubts: tuple[str, ...] = ()
    packets: int = 0
    bytes: int = 0

    @property
    def decides(self) -> bool:
        """Whether the search ends with it."""
        return self.action != NOTE

    @property
    def count_only(self) -> bool:
        """Whether it was written to count, and for nothing else."""
        return self.action == NOTE and not self.log

    @property
    def version(self) -> int:
        """4 or 6 where it fits packets of that version only, else 0."""
        return self.src.version or self.dst.version

    @property
    def looks_deeper(self) -> bool:
        """Whether it looks at more than the two addresses."""
        return (
            self.protocols is not None
            or self.sports is not None
            or self.dports is not None
            or self.types is not None
            or self.code >= 0
            or self.established
        )

    def count(self, length: int) -> None:
        """One more packet of *length* bytes was decided or noted by it."""
        self.packets += 1
        self.bytes += length

    def fresh(self) -> Rule:
        """The same rule, which has not seen anything yet."""
        return replace(self, packets=0, bytes=0)

    def __str__(self) -> str:
        return self.text


@dataclass(slots=True, eq=False)
class DeviceRule:
    """A rule that a device asks its router to apply to itself.

    :ivar inward: whether it is for packets to the device; else for those from it.
    """

    inward: bool
    rule: Rule

    @property
    def text(self) -> str:
        return self.rule.text


def read_rule(text: str, origin: str = "") -> Rule:
    """The firewall rule *text*.

    :param origin: where it is written, for reports.
    :raises ValueError: with the reason, where it is no rule.
    """
    words = text.split()
    rule = Rule(NOTE, " ".join(words), origin)
    _set_action(rule, words[0] if words else "", text)
    if len(words) == 1:
        return rule
    if len(words) == 2:
        raise ValueError(f"{SYNTAX}, got {text!r}")
    _set_networks(rule, words[1], words[2])
    _set_matches(rule, words[3:])
    return rule


def read_route(text: str, origin: str = "") -> Rule:
    """The routing rule *text*, ``<src/mask> <dst/mask> <addr:port>``.

    :raises ValueError: with the reason, where it is none.
    """
    words = text.split()
    if len(words) != 3:
        raise ValueError(f"{ROUTE_SYNTAX}, got {text!r}")
    rule = Rule(ROUTE, " ".join(words), origin)
    _set_networks(rule, words[0], words[1])
    rule.target = read_target(words[2])
    return rule


def read_device_rule(text: str, origin: str = "") -> DeviceRule:
    """The rule of a device *text*, ``<in|out> <src/mask> <dst/mask> <action> [addr:port] [more words]``.

    :raises ValueError: with the reason, where it is none.
    """
    words = quoted_words(text)
    if len(words) < 4:
        raise ValueError(f"{DEVICE_SYNTAX}, got {text!r}")
    direction, src, dst, action, *more = words
    if direction not in ("in", "out"):
        raise ValueError(f"the direction of a tuntap device rule is 'in' or 'out', got {direction!r}")
    rule = Rule(NOTE, " ".join(words), origin)
    if action in ("route", "gateway"):
        rule.action = ROUTE
        if not more:
            raise ValueError("tuntap rule route/gateway requires a target")
        rule.target = read_target(more.pop(0))
    elif action in (ALLOW, DENY):
        rule.action = action
    else:
        raise ValueError(f"unsupported tuntap rule action: {action}")
    _set_networks(rule, src, dst)
    _set_matches(rule, more)
    if rule.established:
        raise ValueError("'established' is for the rules of the router itself")
    return DeviceRule(direction == "in", rule)


def quoted_words(text: str) -> list[str]:
    """The words of *text* between blanks and tabs; quotes keep blanks in a word, as in uWSGI's own lists.

    :raises ValueError: a quote has no end.
    """
    splitter = shlex.shlex(text, posix=True)
    splitter.whitespace_split = True
    splitter.commenters = splitter.escape = ""
    return list(splitter)


def _set_action(rule: Rule, word: str, text: str) -> None:
    if word in (ALLOW, DENY):
        rule.action = word
    elif word == "log":
        rule.log = True
    elif word != "count":
        raise ValueError(f"a rule begins with allow, deny, log or count, got {text!r}")


def _set_networks(rule: Rule, src: str, dst: str) -> None:
    rule.src, rule.dst = read_network(src), read_network(dst)
    if rule.src.version and rule.dst.version and rule.src.version != rule.dst.version:
        raise ValueError(f"no packet goes from {src} to {dst}: one is IPv4, the other IPv6")
    rule.doubts = tuple(filter(None, (doubt_about(src), doubt_about(dst))))


def _set_matches(rule: Rule, words: list[str]) -> None:
    seen: set[str] = set()
    types = code = ""
    pending = _split_pairs(words)
    while pending:
        word = pending.pop(0)
        key = "proto" if word in BARE_PROTOCOLS else word
        if key in seen:
            raise ValueError(f"{key!r} is given twice")
        seen.add(key)
        if word in _WITH_VALUE and not pending:
            raise ValueError(f"{word!r} needs a value")
        if word in BARE_PROTOCOLS:
            rule.protocols = frozenset({PROTOCOLS[word]})
        elif word == "proto":
            rule.protocols = frozenset({read_protocol(pending.pop(0))})
        elif word == "sport":
            rule.sports = read_ranges(pending.pop(0), "a port", 65535)
        elif word == "dport":
            rule.dports = read_ranges(pending.pop(0), "a port", 65535)
        elif word == "type":
            types = pending.pop(0)
        elif word == "code":
            code = pending.pop(0)
        elif word == "established":
            rule.established = True
        elif word == "log":
            rule.log = True
        elif word == "count":
            raise ValueError("every rule counts; 'count' as the first word makes one that only counts")
        else:
            raise ValueError(f"{word!r} means nothing here; known are {_WORDS}")
    _check_ports(rule)
    if types or code:
        _set_types(rule, types, code)


def _split_pairs(words: list[str]) -> list[str]:
    """``dport=22`` is ``dport 22``."""
    split: list[str] = []
    for word in words:
        name, equals, value = word.partition("=")
        split.extend((name, value) if equals and name in _WITH_VALUE else (word,))
    return split


def read_protocol(text: str) -> int:
    """The protocol that *text* names or numbers.

    :raises ValueError: where there is none.
    """
    if text in PROTOCOLS:
        return PROTOCOLS[text]
    if text.isdigit():
        return read_number(text, "a protocol", 255)
    raise ValueError(f"the protocol {text!r} is not known; known are {', '.join(PROTOCOLS)} and numbers")


def read_ranges(text: str, what: str, most: int, names: dict[str, int] | None = None) -> Ranges:
    """Numbers and ranges of them, with commas between, such as ``22,80-90``.

    :param what: what they are, for the error.
    :param names: words for some of the numbers.
    :raises ValueError: where *text* has something else.
    """
    ranges: list[tuple[int, int]] = []
    for item in text.split(","):
        if names is not None and item in names:
            ranges.append((names[item], names[item]))
            continue
        first, dash, last = item.partition("-")
        low = read_number(first, what, most)
        high = read_number(last, what, most) if dash else low
        if high < low:
            raise ValueError(f"{item} ends before it begins")
        ranges.append((low, high))
    return tuple(ranges)


def within(number: int, ranges: Ranges) -> bool:
    """Whether a number is in one of the ranges."""
    return any(first <= number <= last for first, last in ranges)


def _check_ports(rule: Rule) -> None:
    if rule.sports is None and rule.dports is None:
        return
    if rule.protocols is None:
        rule.protocols = frozenset({TCP, UDP})
    elif not rule.protocols <= _WITH_PORTS:
        raise ValueError("only tcp, udp, sctp, dccp and udplite have ports")


def _set_types(rule: Rule, types: str, code: str) -> None:
    protocol = next(iter(rule.protocols)) if rule.protocols is not None else -1
    if protocol not in ICMP_TYPES:
        raise ValueError("'type' and 'code' need icmp or icmp6")
    if types:
        rule.types = read_ranges(types, "an ICMP type", 255, ICMP_TYPES[protocol])
    if code:
        rule.code = read_number(code, "an ICMP code", 255)
