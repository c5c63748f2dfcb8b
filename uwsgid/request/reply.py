"""The answer to a request: a head that waits for its first byte of body, then bytes.

`Reply` adds nothing to what the application says, which is what a front end that speaks uwsgi expects;
`StatusReply` does the same for SCGI, and `uwsgid.request.fastcgi` for FastCGI.
`HttpReply` speaks to HTTP clients themselves: it says where the answer ends, so that the connection can carry
the next request.  Head and first bytes leave in one write: small ones are joined for it, large ones are not
copied.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from uwsgid.errors import PeerTimeout
from uwsgid.wire.response import LAST_CHUNK, REASONS, Framing, chunk, framing, head, status_code

if TYPE_CHECKING:
    from uwsgid.request.connection import Connection
    from uwsgid.request.terms import Terms

#: The status of a request that was cut off, for the log; there is nobody to tell.
_GONE: Final = 400
#: Bytes of a body that are joined with the head at most.
COPIED: Final = 16384
#: How an answer travelled, where it was not plain writes; the words of the request log.
VIA_SENDFILE: Final = "sendfile()"
VIA_OFFLOAD: Final = "offload()"

#: Characters of a protocol that heads are remembered in.
_MAX_PROTOCOL: Final = 16

# global names cost less than attributes of the class
_CLOSE: Final = Framing.CLOSE
_LENGTH: Final = Framing.LENGTH
_CHUNKED: Final = Framing.CHUNKED
_NONE: Final = Framing.NONE


class KnownHead:
    """Status and headers that come again, and what became of them last.

    :ivar made: a protocol, the head in it, and the number of the status; the head is empty before the first.
    """

    __slots__ = ("headers", "made", "status")

    def __init__(self, status: str, headers: list[tuple[str, str]]) -> None:
        self.status = status
        self.headers = headers
        self.made: tuple[str, bytes, int] = ("", b"", 0)  # in one piece, for the sake of other threads


class Reply:
    """One answer.

    :param vars: of the request; its ``SERVER_PROTOCOL`` starts the status line.
    :ivar protocol: as the client said it; empty where it said none.
    :ivar status: the number, 0 before `start`.
    :ivar sent: whether the head left.
    :ivar broken: whether the client can not be written to any more.
    :ivar header_count: how many header fields there are.
    :ivar headers_size: bytes of the head, status line included.
    :ivar body_size: bytes of the body that were sent, without their framing.
    :ivar write_errors: how many writes failed.
    :ivar via: how it travelled, `VIA_SENDFILE`, `VIA_OFFLOAD`, or empty for plain writes.
    :ivar close: the connection can not be used for another request.
    """

    __slots__ = ("_connection", "_head", "_headers", "_protocol", "_terms", "_vars", "body_size", "broken",
                 "close", "header_count", "headers_size", "protocol", "sent", "status", "via",
                 "write_errors")  # fmt: skip

    # ---- hot path, watched by bench-requests (a) -----------------------------------------------------------

    def __init__(self, connection: Connection, vars: dict[str, Any]) -> None:
        self._connection = connection
        self._terms: Terms = connection.terms
        self._vars = vars
        self.protocol: str = vars.get("SERVER_PROTOCOL", "")
        self._protocol = self.protocol or "HTTP/1.0"
        self._head = b""  # of an answer that started and was not sent
        self._headers: Sequence[tuple[str, str]] = ()
        self.status = 0
        self.sent = False
        self.broken = False
        self.header_count = 0
        self.headers_size = 0
        self.body_size = 0
        self.write_errors = 0
        self.via = ""
        self.close = True

    def start(self, status: str, headers: Sequence[tuple[str, str]]) -> None:
        """Say status and headers.  Until the first byte of body a second call replaces the first.

        :param status: a number and a reason; a number alone gets its usual reason.
        :raises AppError: texts that can not be sent, see `uwsgid.wire.response.head`.
        """
        terms = self._terms
        if not terms.plain_headers:
            headers = self._own_headers(headers)
        self._head = data = head("Status:" if terms.cgi_mode else self._protocol, status, headers)
        self.status = status_code(status)
        self._headers = headers
        self.header_count = len(headers)
        self.headers_size = len(data)

    def start_again(self, known: KnownHead) -> None:
        """As `start`, with status and headers that may have been said before.

        :raises AppError: as `start`.
        """
        terms = self._terms
        protocol = "Status:" if terms.cgi_mode else self._protocol
        said, data, code = known.made
        if data and said == protocol:
            self._head = data
            self._headers = headers = known.headers
            self.status = code
            self.header_count = len(headers)
            self.headers_size = len(data)
            return
        self.start(known.status, known.headers)
        if terms.plain_headers and len(protocol) <= _MAX_PROTOCOL:
            known.made = (protocol, self._head, self.status)

    @property
    def started(self) -> bool:
        """Whether there is a status to send."""
        return self.status != 0

    def whole(self, data: bytes) -> None:
        """*data* is the whole body.

        :raises OSError: ``write error``, as in `write`.
        """
        if not self.sent:
            self.sent = True
            self.body_size = len(data)
            self._send_whole(data)
        elif data:
            self.write(data)

    def _send_whole(self, data: bytes) -> None:
        """Send the head and *data* behind it, which was counted as sent."""
        size = len(data)
        try:
            if size > COPIED:
                self._connection.send_parts([self._head, data])
            else:
                self._connection.send(self._head + data if size else self._head)
        except (OSError, PeerTimeout) as error:
            self._take_back(len(self._head) + size, size)
            self._failed(error, "headers")

    # ---- end of the hot path -------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send some of the body, and the head before it if that did not leave yet.

        :raises OSError: ``write error``: the client is gone or takes nothing, and the options
            (``disable-write-exception``, ``write-errors-tolerance``) do not say to keep quiet about it.
        """
        if not data:
            return
        self.body_size += len(data)
        if self.sent:
            self._push(data, "body", len(data))
        else:
            self.sent = True
            self._push(self._head + data, "headers", len(data))

    def flush(self) -> None:
        """Send the head now, whatever the body will be.

        :raises OSError: as `write`.
        """
        if not self.sent:
            self.sent = True
            self._push(self._head, "headers")

    def sendfile(self, fd: int, offset: int | None, count: int) -> None:
        """Send *count* bytes of a file as (part of) the body.

        :param offset: where they start; None takes the file's own position and moves it.
        :raises OSError: as `write`.
        """
        self.flush()
        if not self.broken:
            self._push_file(fd, offset, count)

    @property
    def connection(self) -> Connection:
        """What it is written to."""
        return self._connection

    def hand_over(self, count: int) -> int:
        """Send the head, as that of the last answer on its connection; somebody else sends the body.

        :param count: bytes of the body.
        :returns: how many of them the client is to get.
        :raises OSError: as `write`.
        """
        self.flush()
        self.close = True
        self.via = VIA_OFFLOAD
        return 0 if self.broken else count

    def _push_file(self, fd: int, offset: int | None, count: int) -> None:
        self.via = VIA_SENDFILE
        connection = self._connection
        try:
            sent = connection.send_file(fd, offset, count)
        except (OSError, PeerTimeout) as error:
            self.body_size += connection.taken
            self._failed(error, "sendfile")
            return
        self.body_size += sent
        if sent != count:
            self.close = self.broken = True

    def finish(self) -> None:
        """The body is complete.

        :raises OSError: as `write`.
        """
        self.flush()

    def refuse(self, status: int) -> None:
        """End an answer that can not be had, because of the client; what was not sent yet is forgotten.

        :param status: what is answered in its place, 0 for nothing: the client is gone.
        """
        if self.sent:
            self.broken = True
        elif status:
            said = f"{status} {REASONS[status]}"
            try:
                self.start(said, [("Content-Type", "text/plain; charset=utf-8"), ("Connection", "close")])
                self.whole(f"{said}\n".encode())
            except OSError:
                pass
        else:
            self.sent = self.broken = True
            self.status, self.header_count, self.headers_size = _GONE, 0, 0
        self.close = True

    def _push(self, data: bytes, what: str, body: int = 0) -> None:
        """Send *data*, of which *body* bytes are body that was counted as sent."""
        if self.broken:
            self.body_size -= body
            self._count_failure()
            return
        try:
            self._connection.send(data)
        except (OSError, PeerTimeout) as error:
            self._take_back(len(data), body)
            self._failed(error, what)

    def _take_back(self, size: int, body: int) -> None:
        """Of a write of *size* bytes, which failed, the *body* at its end did not leave as counted."""
        self.body_size -= min(body, size - self._connection.taken)

    def _failed(self, error: OSError | PeerTimeout, what: str) -> None:
        terms = self._terms
        self.broken = self.close = True
        call = "uwsgi_response_sendfile_do()" if what == "sendfile" else f"uwsgi_response_write_{what}_do()"
        if isinstance(error, PeerTimeout):
            terms.say(f"{call} TIMEOUT !!! {self._connection.who}: {error} (socket-timeout)")
        else:
            if isinstance(error, BrokenPipeError) and not terms.ignore_sigpipe:
                terms.say(
                    "SIGPIPE: writing to a closed pipe/socket/fd (probably the client disconnected) on "
                    f"request {self._vars.get('REQUEST_URI', '')} (ip {self._connection.who}) !!!"
                )
            if not terms.ignore_write_errors:
                terms.say(f"{call}: {error.strerror} [{self._connection.who}]")
        self._count_failure()

    def _count_failure(self) -> None:
        self.write_errors += 1
        if self._terms.write_exception and self.write_errors > self._terms.tolerance:
            raise OSError("write error")

    def _own_headers(self, headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        unwanted = self._terms.rem_headers
        return [pair for pair in headers if pair[0].lower() not in unwanted] + self._terms.add_headers


class StatusReply(Reply):
    """An answer that begins with ``Status:``, of which a front end makes a status line."""

    __slots__ = ()

    def __init__(self, connection: Connection, vars: dict[str, Any]) -> None:
        super().__init__(connection, vars)
        self._protocol = "Status:"


class HttpReply(Reply):
    """An answer to an HTTP client.

    :param version: of the request, (1, 0) or (1, 1).
    :param keep_alive: the client and we want to go on with this connection.
    """

    __slots__ = ("_framing", "_keep_alive", "_method", "_remaining", "_told", "_version")

    # ---- hot path, watched by bench-requests (b) -----------------------------------------------------------

    def __init__(
        self,
        connection: Connection,
        vars: dict[str, Any],
        version: tuple[int, int],
        keep_alive: bool,
    ) -> None:
        super().__init__(connection, vars)
        self._version = version
        self._keep_alive = keep_alive
        self._framing = _CLOSE
        self._remaining = 0  # bytes that Content-Length still allows, under `Framing.LENGTH`
        self._told = False
        self._method = vars["REQUEST_METHOD"]  # an application may change its environ

    def _frame(self, size: int | None) -> None:
        """Complete the head, now that it is known whether *size* is the whole body."""
        self._framing, extra, keep_alive, length = framing(
            self._method,
            self.status,
            self._headers,
            self._version,
            self._keep_alive,
            size,
        )
        self.close = not keep_alive
        self._remaining = length or 0
        if extra:
            self._head = self._head[:-2] + extra + b"\r\n"
            self.header_count += extra.count(b"\n")
            self.headers_size += len(extra)
        self.sent = True

    def whole(self, data: bytes) -> None:
        """*data* is the whole body.

        :raises OSError: as `write`.
        """
        if self.sent:  # the application called write() before; nobody need call `finish` where we close
            self.write(data)
            self.finish()
            self._framing = _NONE
            return
        self._frame(len(data))
        data = self._fitting(data)
        self.body_size = size = len(data)
        if self.broken:
            self._push(data, "headers", size)
        else:
            self._send_whole(data)

    # ---- end of the hot path -------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """As `Reply.write`; what is more than ``Content-Length`` is cut off, and the log says so once.

        :raises OSError: as `Reply.write`.
        """
        if not data:
            return
        start, what = b"", "body"
        if not self.sent:
            self._frame(None)
            start, what = self._head, "headers"
        data = self._fitting(data)
        size = len(data)
        self.body_size += size
        if self._framing is _CHUNKED:
            data = chunk(data)
        if start or data:
            self._push(start + data, what, size)

    def flush(self) -> None:
        """Send the head now; a length that was not given is not known.

        :raises OSError: as `write`.
        """
        if not self.sent:
            self._frame(None)
            self._push(self._head, "headers")

    def sendfile(self, fd: int, offset: int | None, count: int) -> None:
        """As `Reply.sendfile`.

        :raises OSError: as `write`.
        """
        if not self.sent:
            self._frame(count)
            self._push(self._head, "headers")
        if self._framing is _NONE or self.broken:
            return
        if self._framing is _LENGTH:
            if count > self._remaining:
                self._tell_cut(count - self._remaining)
                count = self._remaining
            self._remaining -= count
        if not count:
            return
        if self._framing is _CHUNKED:
            self._push(b"%x\r\n" % count, "body")
        self._push_file(fd, offset, count)
        if self._framing is _CHUNKED:
            self._push(b"\r\n", "body")

    def hand_over(self, count: int) -> int:
        """As `Reply.hand_over`.

        :raises OSError: as `write`.
        """
        self._keep_alive = False
        self._frame(count)
        self._push(self._head, "headers")
        self.close = True
        self.via = VIA_OFFLOAD
        if self._framing is _NONE or self.broken:
            return 0
        if self._framing is _LENGTH:
            if count > self._remaining:
                self._tell_cut(count - self._remaining)
                count = self._remaining
            self._remaining = 0
        return count

    def finish(self) -> None:
        """The body is complete.

        :raises OSError: as `write`.
        """
        if not self.sent:
            self.whole(b"")
        elif self._framing is _CHUNKED and not self.broken:
            self._push(LAST_CHUNK, "body")
        if self._remaining:
            self.close = True  # the client waits for bytes that do not exist; the end of the stream tells it

    def _fitting(self, data: bytes) -> bytes:
        """What of *data* the client is to get."""
        how = self._framing
        if how is _LENGTH:
            remaining = self._remaining
            if len(data) > remaining:
                self._tell_cut(len(data) - remaining)
                data = data[:remaining]
            self._remaining = remaining - len(data)
        elif how is _NONE:
            return b""
        return data

    def _tell_cut(self, surplus: int) -> None:
        if not self._told:
            self._told = True
            uri = self._vars.get("REQUEST_URI", "")
            self._terms.say(
                f"the application wrote more than its Content-Length for {uri}: "
                f"{surplus} bytes and what follows are cut off"
            )
