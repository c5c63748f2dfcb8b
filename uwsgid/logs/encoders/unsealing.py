"""Reads sealed records again: bytes in, records and complaints out.

What is whole is given out, what is not is told, and reading goes on behind it, with whatever looks like the
head of a record.  Since the records of a session
are numbered, it is noticed when one of them is missing, or comes again.  What was cut off at the begin or the
end of a session is not: nobody but who sealed it knows how long it was.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag

from uwsgid.logs.encoders.sealed import CIPHERS, HEAD, LONGEST, TAG, VERSION, Cipher, Key, nonce

_CIPHERS: Final = frozenset(CIPHERS.values())
_BEFORE_ID: Final = 6  #: bytes of a head before the name of the key
_BLANK: Final = b" \t\r\n"
_PREFIX: Final = 4096  #: bytes that may stand before a record on its line

#: A record as text, wherever it stands in its line.
_TEXT: Final = re.compile(rb"(?<![A-Za-z0-9+/])AQ[EI][A-Za-z0-9+/]{68,}={0,2}")


@dataclass(frozen=True, slots=True)
class Opened:
    """A record as it was before it was sealed."""

    record: bytes


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that was wrong, for the operator."""

    text: str


@dataclass(slots=True)
class _Session:
    """The records of a session that came.

    :ivar first: the lowest number of all.
    :ivar next: one more than the highest.
    :ivar gaps: ranges between them that did not come, each with its end, which is not in it.
    """

    cipher: Cipher
    first: int
    next: int
    gaps: list[tuple[int, int]] = field(default_factory=list)

    def take(self, number: int) -> bool:
        """Note that a record came; whether it is the first time."""
        if number == self.next:
            self.next += 1
            return True
        if number > self.next:
            self.gaps.append((self.next, number))
            self.next = number + 1
            return True
        if number < self.first:
            if number + 1 < self.first:
                self.gaps.append((number + 1, self.first))
            self.first = number
            return True
        for at, (start, end) in enumerate(self.gaps):
            if start <= number < end:
                parts = [(start, number), (number + 1, end)]
                self.gaps[at : at + 1] = [part for part in parts if part[0] < part[1]]
                return True
        return False


class Unsealer:
    """Opens what was sealed with any of *keys*, binary or text, wherever it stands among other bytes.

    On a line of text, what stands before a record, as syslog puts it there, is no fault.
    """

    def __init__(self, keys: Sequence[Key]) -> None:
        self._keys: Final = {key.id: key for key in keys}
        self._sessions: Final[dict[tuple[bytes, bytes, int], _Session]] = {}
        self._buffer = bytearray()
        self._read = 0  # bytes that are not in the buffer any more
        self._strange = -1  # where something began that can not be opened; -1 for nowhere
        self._other = b""  # the key that its begin seems to want

    def feed(self, data: bytes) -> list[Opened | Fault]:
        """More of the log: what it says."""
        self._buffer += data
        return list(self._scan(at_end=False))

    def finish(self) -> list[Opened | Fault]:
        """The log is at its end: what is left, and what is wrong with all of it."""
        found = list(self._scan(at_end=True))
        for (_, name, _), session in self._sessions.items():
            for start, end in sorted(session.gaps):
                which = f"record {start} is" if end == start + 1 else f"records {start} to {end - 1} are"
                found.append(Fault(f"session {name.hex()[:8]}: {which} missing"))
        return found

    def _scan(self, *, at_end: bool) -> Iterator[Opened | Fault]:
        buffer, at = self._buffer, 0
        while True:
            start = self._find(at)
            if start is None:
                end = len(buffer) if at_end else self._tail(at)
                self._pass(at, end)
                at = end
                break
            binary = buffer[start] == VERSION
            found = self._binary(start) if binary else self._text(start, at_end=at_end)
            if found is None and not at_end:
                break
            begin = start if binary else max(at, buffer.rfind(b"\n", 0, start) + 1)
            self._pass(at, begin)
            sealed, end = found or (b"", start)
            try:
                said = self._open(sealed, self._read + start)
            except InvalidTag:
                # its length may be wrong as well, so the next one can begin anywhere behind it
                self._pass(start, start + 1, sealed)
                at = start + 1
                continue
            yield from self._told(self._read + begin)
            yield said
            at = end
        del buffer[:at]
        self._read += at
        if at_end:
            yield from self._told(self._read)

    def _find(self, at: int) -> int | None:
        """Where the next record that may be opened seems to begin, from *at* on."""
        buffer, found = self._buffer, []
        for id in self._keys:
            where = buffer.find(id, at + _BEFORE_ID)
            while where >= 0 and not _is_head(buffer, where - _BEFORE_ID):
                where = buffer.find(id, where + 1)
            if where >= 0:
                found.append(where - _BEFORE_ID)
        binary = min(found, default=None)
        text = _TEXT.search(buffer, at, len(buffer) if binary is None else binary)
        return binary if text is None else text.start()

    def _binary(self, start: int) -> tuple[bytes, int] | None:
        """The binary record at *start* and where it ends; None where more is needed."""
        end = start + HEAD.size + int.from_bytes(self._buffer[start + 2 : start + _BEFORE_ID], "big")
        return (bytes(self._buffer[start:end]), end) if end <= len(self._buffer) else None

    def _text(self, start: int, *, at_end: bool) -> tuple[bytes, int] | None:
        """The same for one that is text."""
        found = _TEXT.match(self._buffer, start)
        assert found is not None
        if found.end() == len(self._buffer) and not at_end:
            return None
        try:
            return base64.b64decode(found.group(), validate=True), found.end()
        except binascii.Error:
            return b"", found.end()

    def _open(self, sealed: bytes, where: int) -> Opened | Fault:
        """What a record says.

        :raises InvalidTag: it is no record, or it was changed, or its key is not here.
        """
        if not _is_head(sealed, 0):
            raise InvalidTag
        _, cipher, length, id, name, number = HEAD.unpack_from(sealed)
        if len(sealed) != HEAD.size + length or id not in self._keys:
            raise InvalidTag
        session = self._sessions.get((id, name, cipher))
        opener = session.cipher if session is not None else self._keys[id].session(name, cipher)
        record = opener.decrypt(nonce(number), sealed[HEAD.size :], sealed[: HEAD.size])
        if session is None:
            self._sessions[id, name, cipher] = _Session(opener, number, number + 1)
        elif not session.take(number):
            return Fault(f"byte {where}: record {number} of session {name.hex()[:8]} is there again")
        return Opened(record)

    def _tail(self, at: int) -> int:
        """Up to where the buffer can be forgotten: a record may begin behind it, or the line of one."""
        buffer = self._buffer
        line = buffer.rfind(b"\n") + 1
        shortest = len(buffer) - HEAD.size + 1
        return max(at, min(shortest, line if len(buffer) - line <= _PREFIX else shortest))

    def _pass(self, start: int, end: int, sealed: bytes = b"") -> None:
        """Go over bytes that can not be opened.

        :param sealed: the record that they looked like.
        """
        if self._strange < 0 and (rest := self._buffer[start:end].lstrip(_BLANK)):
            self._strange = self._read + end - len(rest)
            begin = sealed or self._buffer[end - len(rest) :][: HEAD.size]
            self._other = bytes(begin[_BEFORE_ID : _BEFORE_ID + 8]) if _is_head(begin, 0) else b""

    def _told(self, end: int) -> Iterator[Fault]:
        """Tell of such bytes, which end before *end*."""
        if self._strange >= 0:
            why = "are no sealed records, or damaged ones"
            if self._other and self._other not in self._keys:
                why = f"are sealed with another key, {self._other.hex()}, or damaged"
            yield Fault(f"bytes {self._strange} to {end - 1} {why}")
            self._strange = -1


def _is_head(data: bytes | bytearray, at: int) -> bool:
    """Whether *data* looks like a record at *at*, whoever sealed it."""
    if len(data) - at < HEAD.size or data[at] != VERSION or data[at + 1] not in _CIPHERS:
        return False
    return TAG <= int.from_bytes(data[at + 2 : at + _BEFORE_ID], "big") <= LONGEST
