"""What has to hold for any bytes: a function each, that raises where it does not.

A target takes bytes and returns nothing.  Expected refusals are caught here; whatever else comes out is a
bug.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import msgpack

from tests.fuzz import bridges, gateway, logs, requests, scripts
from tests.wire import test_ip as packets_of_tests
from uwsgid.errors import PeerError
from uwsgid.testing.packets import PLAIN
from uwsgid.tuntap.capture import Capture, Filter
from uwsgid.tuntap.decision import DROP, Decision
from uwsgid.tuntap.following import line
from uwsgid.wire import handover, pcapng, tunframe
from uwsgid.wire.events import NEED_DATA
from uwsgid.wire.handover import Answer, Hello
from uwsgid.wire.ip import BadPacket, Facts, flow_key, is_unicast, look, read_address, show
from uwsgid.wire.tunframe import FrameDecoder, PacketFrame, RuleBlock

Target = Callable[[bytes], None]

REASONS: Final = {"runt", "version", "header", "length", "fragment"}
_KEYS: Final[dict[bytes, Facts]] = {}
_MOST_KEYS: Final = 100_000


def packets(data: bytes) -> None:
    """`look` and `flow_key` agree about any packet, wherever it lies; and about one with the right length."""
    _packet(data)
    if len(data) >= 20 and data[0] >> 4 == 4:
        _packet(data[:2] + len(data).to_bytes(2, "big") + data[4:])
    if len(data) >= 40 and data[0] >> 4 == 6:
        _packet(data[:4] + (len(data) - 40).to_bytes(2, "big") + data[6:])


def _packet(data: bytes) -> None:
    end = len(data)
    key = flow_key(data, 0, end)
    try:
        facts = look(data, 0, end)
    except BadPacket as bad:
        assert bad.reason in REASONS, bad.reason
        assert not key, "a key for a packet that is refused"
        return
    assert len(facts.src) == len(facts.dst) == (4 if facts.version == 4 else 16)
    assert read_address(show(facts.src)) == facts.src
    assert is_unicast(facts.dst) in (True, False)
    assert key == packets_of_tests.expected_key(data)
    if key:
        if len(_KEYS) > _MOST_KEYS:
            _KEYS.clear()
        assert _KEYS.setdefault(key, replace(facts, length=0)) == replace(facts, length=0)
    elsewhere = bytearray(bytes(10) + data + b"\xff" * 60)
    assert flow_key(elsewhere, 10, 10 + end) == key
    assert look(elsewhere, 10, 10 + end) == facts
    assert flow_key(data, 0, end - 1) == b"", "a key for a packet that lost its end"


def frames(data: bytes) -> None:
    """A stream of frames means the same however it is cut, and what it says can be said again."""
    if not data:
        return
    size, stream = data[0] % 16 + 1, data[1:]
    limit = 64 if data[0] & 0x80 else tunframe.MAX_BODY
    whole, pieces = FrameDecoder(limit), FrameDecoder(limit)
    whole.feed(stream)
    said = list(_events(whole))
    heard: list[PacketFrame | RuleBlock | str] = []
    for at in range(0, len(stream), size):
        pieces.feed(memoryview(stream)[at : at + size])
        heard += _events(pieces)
        if heard and isinstance(heard[-1], str):
            break
    assert said == heard, (said, heard)
    again = FrameDecoder(limit)
    events = [event for event in said if not isinstance(event, str)]
    for event in events:
        isolated = (
            tunframe.frame(event.data) if isinstance(event, PacketFrame) else tunframe.rule_block(event.rules)
        )
        again.feed(isolated)
    assert list(_events(again)) == events
    if len(events) == len(said):
        assert whole.pending == pieces.pending


def _events(decoder: FrameDecoder) -> list[PacketFrame | RuleBlock | str]:
    said: list[PacketFrame | RuleBlock | str] = []
    while True:
        try:
            event = decoder.next_event()
        except PeerError as error:
            assert error.status == 0
            return [*said, str(error)]
        if event is NEED_DATA:
            return said
        assert isinstance(event, PacketFrame | RuleBlock)
        said.append(event)


def hellos(data: bytes) -> None:
    """Any datagram is a hello, an answer or refused; what is taken can be said again."""
    try:
        hello = Hello.unpack(data)
    except PeerError:
        pass
    else:
        assert 0 < len(hello.device.encode()) <= handover.MAX_NAME
        assert Hello.unpack(hello.pack()) == hello
    try:
        answer = Answer.unpack(data)
    except PeerError:
        return
    assert replace(Answer.unpack(answer.pack()), why="") == replace(answer, why="")


def captures(data: bytes) -> None:
    """Any text is a filter or refused, any bytes are a capture or refused, and any packet can be shown."""
    written: list[bytes] = []

    def write(block: bytes) -> bool:
        written.append(block)
        return True

    words, _, rest = data.partition(b"\n")
    try:
        filter = Filter(words.decode("utf-8", "replace"))
    except ValueError:
        filter = Filter()
    capture = Capture(write, "emperor0", filter, lambda: 1)
    for inward in (False, True):
        capture.show(rest, 0, len(rest), inward, Decision(DROP, reason="denied"), None)
    reader = pcapng.Reader()
    reader.feed(b"".join(written))
    while isinstance(event := reader.next_event(), pcapng.Captured):
        assert event.length == len(rest)
        assert event.data == rest[: filter.snap or None]
        assert "\n" not in line(event)
    stranger = pcapng.Reader()
    stranger.feed(data)
    try:
        while isinstance(event := stranger.next_event(), pcapng.Captured):
            assert len(event.data) <= len(data)
    except PeerError:
        pass


TARGETS: Final[dict[str, Target]] = {
    "packets": packets,
    "frames": frames,
    "hellos": hellos,
    "captures": captures,
    **requests.REQUESTS,
    **gateway.GATEWAY,
    **scripts.SCRIPTS,
    **bridges.BRIDGES,
    **logs.LOGS,
}


def seeds(name: str) -> list[bytes]:
    """Bytes that lead a target into every corner that is known."""
    if name in gateway.GATEWAY:
        return gateway.seeds(name)
    if name in requests.REQUESTS:
        return requests.seeds(name)
    if name in scripts.SCRIPTS:
        return scripts.seeds(name)
    if name in bridges.BRIDGES:
        return bridges.seeds(name)
    if name in logs.LOGS:
        return logs.seeds(name)
    bad = [packet for cases in packets_of_tests.BAD.values() for packet in cases.values()]
    odd = [packet for packet, _ in packets_of_tests.ODD.values()]
    short = [packet for packet in (*PLAIN.values(), *odd, *bad) if len(packet) < 300]
    rule = tunframe.RuleRecord(1, b"\x0a\0\0\5", b"\xff" * 4, bytes(4), bytes(4), 2, b"\x7f\0\0\1", 53)
    block = tunframe.rule_block([rule, replace(rule, direction=0, action=1)])
    match name:
        case "packets":
            return short
        case "frames":
            joined = b"".join(map(tunframe.frame, PLAIN.values())) + block
            return [
                b"\x02" + joined,
                b"\x85" + joined,
                b"\x00" + block[:-1],
                b"\x00\0\0\0\0",
                b"\x00\0\1\0\2",
            ]
        case "hellos":
            return [
                Hello("uwsgi0", ("out 10.0.0.0/8 any deny",), ("192.168.0.2", "fd00::2")).pack(),
                Answer(True).pack(),
                Answer(False, "that is a tap").pack(),
                msgpack.packb({"a": [1, -1, 70000, None, True, b"x", "y" * 40], "b": {"c": 2**40}}),
            ]
        case _:
            stream = pcapng.section("x") + pcapng.interface("y") + pcapng.packet(b"z", 1, comment="c")
            words = b"snap 40 not tcp and src net 10.0.0.0/8 or dst port 22,80-90 in denied\n"
            return [stream, *(words + packet for packet in short[:12])]
