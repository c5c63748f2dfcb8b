"""Answers and bodies of FastCGI: the same as elsewhere, in records.

The answer begins with ``Status:``, which a front end makes a status line of, or with the status line itself
on sockets that say so (nph).  Where its end is told apart from the end of the connection, the connection can
carry the next request.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from uwsgid.errors import PeerError, PeerTimeout
from uwsgid.request.body import Body
from uwsgid.request.reply import COPIED, Reply
from uwsgid.wire.events import NEED_DATA, Answer, BodyChunk
from uwsgid.wire.fastcgi import FastCgiDecoder
from uwsgid.wire.fastcgi_records import MAX_CONTENT, answer_parts, stdout, trailer

if TYPE_CHECKING:
    from uwsgid.request.connection import Connection

#: The least that is asked of the socket.
_PIECE: Final = 65536
#: Bytes of a file that are sent at a time: a few whole records.
_FILE_PIECE: Final = 4 * MAX_CONTENT


class FastCgiReply(Reply):
    """An answer in records.

    An answer to HEAD has no body, whatever the application says (RFC 3875 section 4.3.3): HAProxy takes one
    for an error.

    :param number: two bytes, what the peer knows the request by.
    :param nph: begin with a status line.
    """

    __slots__ = ("_dead", "_ended", "_head_only", "_number")

    # ---- hot path, watched by bench-protocols --------------------------------------------------------------

    def __init__(self, connection: Connection, vars: dict[str, Any], number: bytes, nph: bool) -> None:
        super().__init__(connection, vars)
        self._number = number
        self._head_only = vars.get("REQUEST_METHOD") == "HEAD"
        self._ended = False
        self._dead = False  # the connection can not be written to any more
        if not nph:
            self._protocol = "Status:"

    def whole(self, data: bytes) -> None:
        """*data* is the whole body; it leaves in one write with the head, and with the end of the answer.

        :raises OSError: as `Reply.write`.
        """
        if self.sent:
            self.write(data)
            return
        self.sent = self._ended = True
        if self._head_only:
            data = b""
        self.body_size = size = len(data)
        if self.broken:
            self._push(data, "headers", size)
            return
        head, number = self._head, self._number
        try:
            if size > COPIED and len(head) <= MAX_CONTENT:
                self._connection.send_parts(answer_parts(number, head, data))
            else:
                self._connection.send(stdout(number, head + data) + trailer(number))
        except (OSError, PeerTimeout) as error:
            self._take_back(len(head) + size, size)
            self._failed(error, "headers")

    def end(self) -> None:
        """Tell the peer that the request is over, unless that is done."""
        if not self._ended:
            self._ended = True
            if not self._dead:
                try:
                    self._connection.send(trailer(self._number))
                except (OSError, PeerTimeout):
                    self.close = True

    # ---- end of the hot path -------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """As `Reply.write`.

        :raises OSError: as `Reply.write`.
        """
        if not self._head_only:
            super().write(data)
        elif data:
            self.flush()

    def finish(self) -> None:
        """The body is complete.

        :raises OSError: as `Reply.write`.
        """
        self.flush()
        self.end()

    def _push(self, data: bytes, what: str, body: int = 0) -> None:
        super()._push(stdout(self._number, data), what, body)

    def _push_file(self, fd: int, offset: int | None, count: int) -> None:
        """Send a part of a file; it has to be read, since each record needs its header."""
        done = count if self._head_only else 0
        while done < count and not self.broken:
            most = min(count - done, _FILE_PIECE)
            data = os.read(fd, most) if offset is None else os.pread(fd, most, offset + done)
            if not data:
                self.close = self.broken = True
                return
            done += len(data)
            self.body_size += len(data)
            self._push(data, "body", len(data))

    def _failed(self, error: OSError | PeerTimeout, what: str) -> None:
        self._dead = True
        super()._failed(error, what)


class FastCgiBody(Body):
    """A body that its decoder cuts out of records.

    It ends where STDIN does, and after ``CONTENT_LENGTH`` bytes; a STDIN that ends earlier is a body that was
    cut.
    """

    __slots__ = ()

    def __init__(self, connection: Connection, length: int | None, decoder: FastCgiDecoder) -> None:
        super().__init__(connection, length, b"", decoder)

    def _receive_chunked(self, most: int) -> bytes:
        return self._connection.receive(most)

    def _chunk(self, receive: Callable[[int], bytes | None]) -> bytes | None:
        decoder = self._decoder
        while self._left:
            event = decoder.next_event()
            if isinstance(event, BodyChunk):
                data = event.data
                self._arrived += len(data)
                if self.length is None:
                    limit = self._connection.terms.limit_post
                    if limit and self._arrived > limit:
                        raise PeerError(f"a body of more than {limit} bytes", status=413, option="limit-post")
                else:
                    data = data[: self._left]
                    self._left -= len(data)
                return data
            if isinstance(event, Answer):
                self._connection.send(event.data)
            elif event is NEED_DATA:
                received = receive(_PIECE)
                if received is None:
                    return None
                if not received:
                    raise EOFError
                decoder.feed(received)
            elif self.length is not None:
                raise EOFError
            else:
                self._left = 0
        return b""
