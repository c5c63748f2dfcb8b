"""The head of what a script writes: header fields up to an empty line (RFC 3875 section 6).

`HeadReader` takes the bytes as they come and knows no descriptors.  It is strict, because a line that is no
field is a script that broke down in the middle, or one that copied a client's text into its head: the client
gets an error then, and never half of a head.

All fields are read before the status is known, wherever ``Status`` stands (uWSGI 1.9.16 wants it first,
uWSGI 2.0 does not).  A first line ``HTTP/1.1 200 OK``, as scripts write that mean to speak to the client
themselves (``nph-…``), is taken for a status.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from uwsgid.errors import UwsgidError
from uwsgid.wire.response import REASONS

_NAME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_STATUS: Final = re.compile(r"([1-5][0-9][0-9])(?: [^\x00-\x08\x0a-\x1f\x7f]*)?")
_STATUS_LINE: Final = re.compile(rb"HTTP/[0-9](?:\.[0-9])? ([0-9]{3}.*)")
#: Bytes that no field may have: all controls but the tab.
_CONTROLS: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_SHOWN: Final = 60  # bytes of a bad line


class BadOutput(UwsgidError):
    """A script wrote what is no answer."""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of an answer.

    :ivar status: with its reason.
    :ivar fields: names and values, without ``Status``.
    :ivar length: ``Content-Length``, None where the script does not say it.
    :ivar rest: the start of the body, as far as it is here.
    """

    status: str
    fields: tuple[tuple[str, str], ...]
    length: int | None
    rest: bytes


class HeadReader:
    """Collects a head.

    :param most: bytes that it may have.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._buffer = b""
        self._at = 0  # up to where the lines of the buffer were read
        self._status = ""
        self._fields: list[tuple[str, str]] = []
        self._length: int | None = None
        self._has_location = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing was written at all."""
        return not self._buffer

    def feed(self, data: bytes) -> Head | None:
        """Take *data*; the head, once it is complete.

        :raises BadOutput: it is none.
        """
        self._buffer += data
        while (end := self._buffer.find(b"\n", self._at)) >= 0:
            line = self._buffer[self._at : end].removesuffix(b"\r")
            is_first = not self._at
            self._at = end + 1
            if self._at > self._most:
                break
            if not line:
                return self._whole(is_first)
            if is_first and (said := _STATUS_LINE.fullmatch(line)):
                self._status = _status(said[1].decode("latin-1").strip())
            else:
                self._take(*_field(line))
        if len(self._buffer) > self._most:
            raise BadOutput(f"more than {self._most} bytes of headers, option cgi-buffer-size")
        return None

    def _take(self, name: str, value: str) -> None:
        match name.lower():
            case "status":
                if self._status:
                    raise BadOutput("more than one Status")
                self._status = _status(value)
                return
            case "location":
                if self._has_location:
                    raise BadOutput("more than one Location")
                self._has_location = True
            case "content-length":
                self._length = _length(value, self._length)
            case "transfer-encoding":
                raise BadOutput("a Transfer-Encoding, which is the server's business")
        self._fields.append((name, value))

    def _whole(self, is_empty: bool) -> Head:
        if is_empty:
            raise BadOutput("an empty line in place of headers")
        status = self._status or ("302 Found" if self._has_location else "200 OK")
        return Head(status, tuple(self._fields), self._length, self._buffer[self._at :])


def _field(line: bytes) -> tuple[str, str]:
    name, colon, value = line.partition(b":")
    if not colon or not _NAME.fullmatch(name) or _CONTROLS.search(value):
        raise BadOutput(f"a line that is no header: {line[:_SHOWN]!r}")
    return name.decode("ascii"), value.strip(b" \t").decode("latin-1")


def _status(text: str) -> str:
    said = _STATUS.fullmatch(text)
    if said is None or text.startswith("1"):
        raise BadOutput(f"the status {text[:_SHOWN]!r}")
    code = said[1]
    return text if len(text) > len(code) + 1 else f"{code} {REASONS.get(int(code), 'Unknown')}"


def _length(text: str, before: int | None) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise BadOutput(f"the Content-Length {text[:_SHOWN]!r}")
    length = int(text)
    if before is not None and before != length:
        raise BadOutput(f"two Content-Length, {before} and {length}")
    return length
