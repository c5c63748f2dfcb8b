"""Follows a capture: into a file that Wireshark opens, or onto a terminal, a line for each packet.

Packets are read and written one by one, so that a file never ends within one, however the capture was ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Protocol

from uwsgid._version import __version__
from uwsgid.tuntap.rules import PROTOCOLS
from uwsgid.wire import pcapng
from uwsgid.wire.ip import BadPacket, Facts, look, show_end

ENOUGH: Final = 128  #: bytes of a packet that a line can tell of

_NAMES: Final = {number: name for name, number in PROTOCOLS.items()}


class Source(Protocol):
    """Where a capture comes from."""

    def read(self) -> bytes:
        """The next bytes; nothing at the end."""


class Sink(Protocol):
    """Where packets go."""

    def take(self, captured: pcapng.Captured) -> None:
        """One packet."""

    def flush(self) -> None:
        """There is no other for now."""


class File(Protocol):
    """What a pcapng stream is written to."""

    def write(self, data: bytes, /) -> object: ...

    def flush(self) -> object: ...


class PcapngSink:
    """Writes packets to a file.

    :param name: of the device that was captured.
    :param snap: bytes that were kept of each packet; 0 for all.
    """

    def __init__(self, file: File, name: str, snap: int = 0) -> None:
        self._file = file
        file.write(pcapng.section(f"uwsgid {__version__}") + pcapng.interface(name, snap))

    def take(self, captured: pcapng.Captured) -> None:
        """Write one packet."""
        self._file.write(
            pcapng.packet(
                captured.data,
                captured.when,
                comment=captured.comment,
                direction=captured.direction,
                length=captured.length,
            )
        )

    def flush(self) -> None:
        """Give away what is held back."""
        self._file.flush()


class LineSink:
    """Writes a line for each packet.

    :param write: takes a text that ends with a line feed.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._lines: list[str] = []

    def take(self, captured: pcapng.Captured) -> None:
        """Tell of one packet."""
        self._lines.append(line(captured) + "\n")

    def flush(self) -> None:
        """Give away what is held back."""
        if self._lines:
            self._write("".join(self._lines))
            del self._lines[:]


def follow(source: Source, begin: Callable[[str], Sink], most: int = 0) -> int:
    """Pass the packets of a capture on until it ends.

    :param begin: is told the name of the device before the first packet, and makes the sink.
    :param most: packets after which it ends; 0 for any number.
    :returns: how many there were.
    :raises PeerError: this is no capture.
    :raises OSError: source or sink can not go on.
    """
    reader = pcapng.Reader()
    sink: Sink | None = None
    count = 0
    try:
        while data := source.read():
            reader.feed(data)
            while True:
                event = reader.next_event()
                if sink is None and reader.interfaces:
                    sink = begin(reader.interfaces[0])
                if not isinstance(event, pcapng.Captured):
                    break
                if sink is not None:
                    sink.take(event)
                count += 1
                if count == most:
                    return count
            if sink is not None:
                sink.flush()
    except KeyboardInterrupt:
        pass
    finally:
        if sink is not None:
            sink.flush()
    return count


def line(captured: pcapng.Captured) -> str:
    """One packet, in one line."""
    seconds, nanoseconds = divmod(captured.when, 10**9)
    clock = time.strftime("%H:%M:%S", time.localtime(seconds))
    way = {pcapng.IN: "in ", pcapng.OUT: "out"}.get(captured.direction, "?  ")
    # of a packet that was shortened, what is missing does not change what can be told
    whole = captured.data + bytes(max(captured.length - len(captured.data), 0))
    try:
        what = describe(look(whole, 0, len(whole)))
    except BadPacket as bad:
        what = f"{bad}"
    verdict = captured.comment.replace("\n", " ")
    return f"{clock}.{nanoseconds // 1000:06} {way} {what}, {captured.length} bytes: {verdict}"


def describe(facts: Facts) -> str:
    """Who sends what to whom, such as ``192.168.0.2:40000 > 8.8.8.8:443 tcp SYN``."""
    words = [
        show_end(facts.src, facts.sport),
        ">",
        show_end(facts.dst, facts.dport),
        _NAMES.get(facts.protocol, f"protocol {facts.protocol}"),
    ]
    for name in ("syn", "ack", "fin", "rst"):
        if getattr(facts, name):
            words.append(name.upper())
    if facts.icmp_type >= 0:
        words.append(f"type {facts.icmp_type} code {facts.icmp_code}")
    if facts.fragment:
        words.append("first fragment" if facts.first else "fragment")
    return " ".join(words)
