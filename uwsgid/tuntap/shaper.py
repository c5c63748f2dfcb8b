"""How fast a peer may send and receive: a token bucket for each direction.

::

    192.168.0.2     10mbit            1,250,000 bytes a second each way
    192.168.0.0/24  2m 256k           two million bytes a second, 256,000 at once
    192.168.0.9     64kbit 8k out     only what the peer sends

A number is bytes, or bytes a second; ``k``, ``m`` and ``g`` are a thousand, a million and a thousand million,
and ``bit`` behind makes bits of bytes.  The first line that holds an address of the peer counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from uwsgid.tuntap.networks import Network, doubt_about, read_network

SYNTAX: Final = "must be <address or net> <rate> [burst] [in|out]"
#: Seconds of its rate that a bucket holds, where no burst is given.
DEFAULT_BURST: Final = 0.1
LEAST_BURST: Final = 65536

_SCALES: Final = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}
_RATE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)([kmg]?)(bit|byte)?(?:/s)?", re.ASCII | re.IGNORECASE)


class Bucket:
    """Tokens for bytes, that come in at a steady rate.

    A packet larger than the burst passes when the bucket is full, and the bucket owes for it: super-packets
    of 64 KiB cross slow limits too, and the rate is kept in the long run.

    :param rate: bytes a second.
    :param burst: how many tokens there can be.
    """

    __slots__ = ("_tokens", "_when", "burst", "rate")

    def __init__(self, rate: float, burst: float) -> None:
        self.rate = rate
        self.burst = burst
        self._tokens = burst
        self._when = 0.0

    def take(self, size: int, now: float) -> bool:
        """Whether *size* bytes may pass now; when they may, their tokens are gone.

        :param now: seconds of any clock that does not go back.
        """
        tokens = self._tokens + (now - self._when) * self.rate
        if tokens > self.burst:
            tokens = self.burst
        self._when = now
        if tokens >= size or tokens >= self.burst:
            self._tokens = tokens - size
            return True
        self._tokens = tokens
        return False


@dataclass(frozen=True, slots=True)
class Limit:
    """What peers with addresses of *network* may send and receive.

    :ivar rate: bytes a second.
    :ivar burst: bytes.
    :ivar inward: whether packets to the peer are limited.
    :ivar outward: whether packets from the peer are.
    """

    network: Network
    rate: float
    burst: float
    inward: bool
    outward: bool
    text: str
    origin: str = ""

    @property
    def doubts(self) -> tuple[str, ...]:
        """What is odd about the text."""
        return tuple(filter(None, (doubt_about(self.text.split()[0]),)))


def read_limit(text: str, origin: str = "") -> Limit:
    """The limit *text*, ``<address or net> <rate> [burst] [in|out]``.

    :raises ValueError: with the reason, where it is none.
    """
    words = text.split()
    written = " ".join(words)
    direction = words.pop() if words and words[-1] in ("in", "out") else ""
    if not 2 <= len(words) <= 3:
        raise ValueError(f"{SYNTAX}, got {text!r}")
    network = read_network(words[0])
    rate = read_amount(words[1])
    if not rate:
        raise ValueError("a rate of 0 lets nothing pass; a firewall rule with deny does that")
    burst = read_amount(words[2]) if len(words) == 3 else max(rate * DEFAULT_BURST, LEAST_BURST)
    if not burst:
        raise ValueError("a burst of 0 lets nothing pass")
    return Limit(network, rate, burst, direction != "out", direction != "in", written, origin)


def read_amount(text: str) -> float:
    """Bytes of an amount such as ``10mbit``, ``2m`` or ``64kbyte``.

    :raises ValueError: where *text* is none.
    """
    match = _RATE.fullmatch(text)
    if match is None:
        raise ValueError(f"expected a number with k, m or g and bit or byte, such as 10mbit, got {text!r}")
    number, scale, unit = match.groups()
    return float(number) * _SCALES[scale.lower()] / (8 if (unit or "").lower() == "bit" else 1)


class Limits:
    """All limits, in the order they were written."""

    __slots__ = ("limits",)

    def __init__(self, limits: Iterable[Limit] = ()) -> None:
        self.limits = tuple(limits)

    def __len__(self) -> int:
        return len(self.limits)

    def buckets(self, address: bytes) -> tuple[Bucket | None, Bucket | None]:
        """New buckets for a peer at *address*: for packets to it, and for those from it; None is no limit."""
        inward: Bucket | None = None
        outward: Bucket | None = None
        found_in = found_out = False
        for limit in self.limits:
            if not limit.network.holds(address):
                continue
            if limit.inward and not found_in:
                found_in, inward = True, Bucket(limit.rate, limit.burst)
            if limit.outward and not found_out:
                found_out, outward = True, Bucket(limit.rate, limit.burst)
        return inward, outward
