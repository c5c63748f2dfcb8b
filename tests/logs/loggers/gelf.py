"""A receiver of GELF over UDP, strict about the published format.

https://go2docs.graylog.org/current/getting_in_log_data/gelf.html
"""

from __future__ import annotations

import gzip
import json
import re
import socket
import zlib
from typing import Any, Final

_STANDARD: Final = {"version", "host", "short_message", "full_message", "timestamp", "level"}


class GelfReceiver:
    """Puts chunks together and reads messages.

    :ivar chunked: how many messages came in chunks.
    """

    def __init__(self, receiver: socket.socket) -> None:
        self._receiver = receiver
        self._pieces: dict[bytes, dict[int, bytes]] = {}
        self.chunked = 0

    def receive(self) -> dict[str, Any]:
        """The next whole message.

        :raises AssertionError: something is not as the format wants it.
        """
        while True:
            data = self._receiver.recv(65536)
            assert len(data) <= 8192, f"a datagram of {len(data)} bytes"
            if data[:2] != b"\x1e\x0f":
                return read_message(data)
            identity, number, count = data[2:10], data[10], data[11]
            assert 0 < count <= 128, f"{count} chunks"
            assert number < count, f"chunk {number} of {count}"
            pieces = self._pieces.setdefault(identity, {})
            assert number not in pieces, f"chunk {number} twice"
            pieces[number] = data[12:]
            if len(pieces) == count:
                self.chunked += 1
                del self._pieces[identity]
                return read_message(b"".join(pieces[number] for number in range(count)))


def read_message(data: bytes) -> dict[str, Any]:
    """A message, decompressed and checked.

    :raises AssertionError: something is not as the format wants it.
    """
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    elif data[:1] == b"\x78":
        data = zlib.decompress(data)
    message: dict[str, Any] = json.loads(data)
    assert message["version"] in ("1.0", "1.1"), message
    for field in ("host", "short_message"):
        assert isinstance(message[field], str), message
        assert message[field].strip(), message
    assert isinstance(message.get("full_message", ""), str), message
    assert isinstance(message["timestamp"], int | float), message
    assert message["level"] in range(8), message
    for field, value in message.items():
        if field not in _STANDARD:
            assert re.fullmatch(r"_[\w.\-]*", field), field
            assert field != "_id", message
            assert isinstance(value, str | int | float), message
    return message
