"""What has to hold for any record of a log, and for any bytes that are to be a sealed log."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Final

import msgpack

from uwsgid.logs.encoders import Encoder, compression, messagepack, templates
from uwsgid.logs.encoders.sealed import make_key
from uwsgid.logs.encoders.sealing import Sealer
from uwsgid.logs.encoders.unsealing import Fault, Opened, Unsealer

KEY: Final = make_key(b"8f1d7ac03be6925418f0c47d6b2ea9135fd8037b91e64c2ab07f15d3894ee260", "it")
JSON: Final[Encoder] = templates.json_format('{"unix":${unix},"msg":"${msg}","all":["${msgnl}"]}')
PACK: Final[Encoder] = messagepack.messagepack("map:2|str:text|msg|str:bytes|msgbinnl")
GZIP: Final[Encoder] = compression.gzip("")
COMPRESS: Final[Encoder] = compression.compress("")


def records(data: bytes) -> None:
    """Whatever a record is, it is one value of JSON, one of MessagePack, and comes out of compression."""
    line = data[:-1] if data.endswith(b"\n") else data
    made = JSON(data)
    assert len(made.decode().splitlines()) == 1
    found = json.loads(made)
    assert set(found) == {"unix", "msg", "all"}
    assert (found["msg"], found["all"]) == (
        line.decode("utf-8", "replace"),
        [data.decode("utf-8", "replace")],
    )
    packed = msgpack.unpackb(PACK(data), unicode_errors="surrogateescape")
    assert packed == {"text": line.decode("utf-8", "surrogateescape"), "bytes": data}
    assert gzip.decompress(GZIP(data)) == zlib.decompress(COMPRESS(data)) == data


def sealed(data: bytes) -> None:
    """A sealed log means the same however it is cut; only what was sealed comes out of it, and all of it.

    The first byte says how it is cut, and where a whole record stands among the others.
    """
    if not data:
        return
    size, stream = data[0] % 32 + 1, data[1:]
    at = min(data[0], len(stream))
    mine = Sealer(KEY, data[0] % 2 + 1, lambda _: b"session of mine.")(b"record")
    stream = stream[:at] + mine + stream[at:]
    whole = _read(stream, len(stream))
    pieces = _read(stream, size)
    assert whole == pieces, (whole, pieces)
    assert Opened(b"record") in whole
    assert all(said.text for said in whole if isinstance(said, Fault))


def _read(stream: bytes, size: int) -> list[Opened | Fault]:
    unsealer = Unsealer([KEY])
    found = [said for at in range(0, len(stream), size) for said in unsealer.feed(stream[at : at + size])]
    return found + unsealer.finish()


LOGS: Final = {"records": records, "sealed": sealed}


def seeds(name: str) -> list[bytes]:
    """Bytes that lead a target into every corner that is known."""
    if name == "records":
        return [
            b"GET /\n",
            b'","admin":true,"x":"\n',
            b'"}\r\n{"unix":0}\n\n',
            b"\0\x01\x1b\x7f\\u0022\\",
            b"\xff\xfe\xed\xa0\x80\xe2\x82",
            "\x85\u2028\u2029\U0001f600\n".encode(),
            b"x" * 40 + b"\n",
            b"y" * 1100,
        ]
    seal = Sealer(KEY, 1, lambda _: b"s" * 16)
    parts = [seal(record) for record in (b"one\n", b"", b"three" * 20)]
    return [
        b"\0" + b"".join(parts),
        b"\x23" + b"".join(parts[1:]) + parts[0],
        b"\x48" + parts[0][:30] + parts[1],
        b"\x05junk\n" + parts[0] + b"\n\nmore",
        b"\x11" + parts[0].replace(KEY.id, b"stranger"),
        b"\x01Nov 21 AQE" + b"A" * 80 + b"\nAQI=\n",
    ]
