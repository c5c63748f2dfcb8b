"""A connection that writes down what it is given."""

from __future__ import annotations

from collections.abc import Sequence

from uwsgid.config.settings import settings_of
from uwsgid.request.connection import Connection
from uwsgid.request.terms import Terms

PLAIN = [("Content-Type", "text/plain")]


class PaperConnection(Connection):
    """A connection that keeps what is written to it.

    :ivar writes: one entry a write.
    :ivar said: the lines of its log.
    :ivar failure: raised by the next writes.
    """

    def __init__(self, config: str = "") -> None:
        self.writes: list[bytes] = []
        self.said: list[str] = []
        self.failure: OSError | None = None
        super().__init__(-1, "192.0.2.7", None, None, Terms(settings_of(config), self.said.append))

    def send(self, data: bytes) -> None:
        if self.failure is not None:
            raise self.failure
        self.writes.append(data)

    def send_parts(self, parts: Sequence[bytes | memoryview]) -> None:
        self.send(b"".join(parts))

    def send_file(self, fd: int, offset: int | None, count: int | None) -> int:
        assert count is not None
        self.writes.append(f"<file {offset} {count}>".encode())
        return count

    @property
    def text(self) -> bytes:
        return b"".join(self.writes)
