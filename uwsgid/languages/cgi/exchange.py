"""One request and one script: the body goes in while the answer comes out.

Neither side is trusted to read before it writes.  As long as the body has not gone to the script, everything
is waited for at once, and what the script writes meanwhile lies in a `Spool`; after that the script waits for
the client, as any pipe would let it.  The answer starts when the body is here, because nginx, like others,
sends no more of a body once an answer comes.

The first bytes of a body wait a moment for those that follow, so that a short answer leaves in one piece and
with a length.
"""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Final

from uwsgid.errors import AppError, BodyError, PeerGone, UwsgidError
from uwsgid.languages.cgi.head import BadOutput, Head, HeadReader
from uwsgid.languages.cgi.spool import Spool

if TYPE_CHECKING:
    from uwsgid.languages.cgi.process import Process
    from uwsgid.request.connection import Connection
    from uwsgid.request.request import Request

_PIECE: Final = 1 << 16  #: bytes of one read
_SMALL: Final = 1 << 12  #: bytes that a client takes at once when poll() says that it takes something
_HOLD: Final = 1 << 15  #: bytes from which on the start of an answer waits for nothing
_MOMENT: Final = 0.02  #: seconds that the start of an answer waits for more of it
_LOOK: Final = 0.02  #: seconds between two looks at a client that a reactor reads
#: Bytes that an answer may be longer than twice the body so far, before the script has to wait.
_AHEAD: Final = 16 << 20
_GONE: Final = select.POLLHUP | select.POLLERR | select.POLLNVAL


class TooSlow(UwsgidError):
    """The script neither read nor wrote for ``cgi-timeout`` seconds."""


class Exchange:
    """Carries a body to *process*, and its answer to the client.

    :param timeout: seconds that the script may be silent.
    :param most: bytes of its head.
    :param clock: monotonic seconds.
    """

    def __init__(
        self,
        request: Request,
        connection: Connection,
        process: Process,
        timeout: float,
        most: int,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._body = request.body
        self._reply = request.reply
        self._connection = connection
        self._process = process
        self._timeout = timeout
        self._clock = clock
        self._reader = HeadReader(most)
        self._head: Head | None = None
        self._left: int | None = None  # bytes of the answer that the script owes, where it said how many
        self._spool = Spool()
        self._pending = memoryview(b"")  # of the body, for the script
        self._received = 0
        self._ended = False  # the body
        self._active = self._heard = clock()

    def run(self) -> None:
        """See the answer through to its end.

        :raises BadOutput: the script wrote no answer.
        :raises TooSlow: it stopped in the middle.
        :raises BodyError: the client did, of its body.
        :raises PeerGone: the client does not want the answer any more.
        :raises OSError: the same, or there is no room for what has to be kept.
        """
        try:
            while not self._is_complete:
                self._feed()
                self._wait()
            self._process.close_stdin()
            self._finish()
        finally:
            self._spool.close()

    # ---- towards the script --------------------------------------------------------------------------------

    @property
    def _feeding(self) -> bool:
        return self._process.stdin >= 0

    @property
    def _wants_body(self) -> bool:
        return self._feeding and not self._pending and not self._ended

    def _feed(self) -> None:
        """Write of the body what is here and goes in at once."""
        while self._feeding:
            if self._wants_body:
                data = self._body.read_now(_PIECE)
                if data is None:
                    return
                self._heard = self._active = self._clock()
                self._received += len(data)
                self._pending, self._ended = memoryview(data), not data
            if self._ended and not self._pending:
                self._process.close_stdin()
                return
            try:
                count = os.write(self._process.stdin, self._pending)
            except BlockingIOError:
                return
            except BrokenPipeError:
                self._process.close_stdin()  # it wants no more, which is its right
                self._pending = memoryview(b"")
                return
            self._active = self._clock()
            self._pending = self._pending[count:]

    @property
    def _may_answer(self) -> bool:
        """Whether the client has sent all that is wanted of it."""
        return not self._feeding or self._ended or self._received == self._body.length

    @property
    def _waits_a_moment(self) -> bool:
        """Whether there is a head that could leave."""
        return self._head is not None and self._may_answer and not self._reply.sent

    # ---- waiting -------------------------------------------------------------------------------------------

    def _wait(self) -> None:
        """Wait for whatever comes first, and do what it asks for."""
        process, client = self._process, self._connection.watched_fd
        held_back = self._feeding and self._spool.size > _AHEAD + 2 * self._received
        poll = select.poll()
        if not held_back:
            poll.register(process.stdout, select.POLLIN)
        if self._pending:
            poll.register(process.stdin, select.POLLOUT)
        if client >= 0:
            events = select.POLLIN if self._wants_body else 0
            if self._feeding and self._spool.size and (self._may_answer or held_back):
                events |= select.POLLOUT
            poll.register(client, events)
        found = dict(poll.poll(self._patience(client) * 1000))
        if self._is_client_gone(found.get(client, 0) if client >= 0 else None):
            raise PeerGone()
        if client >= 0 and found.get(client, 0) & select.POLLOUT:
            self._write(self._spool.take(_SMALL))
        if process.stdout in found:
            self._read()
        elif self._head is not None and self._spool.size and not self._feeding:
            self._flush()  # a moment has passed, and nothing came
        elif self._waits_a_moment and not self._spool.size and not found:
            self._reply.flush()
        self._look_at_the_clock(held_back)

    def _patience(self, client: int) -> float:
        """Seconds until there is something to do though nothing happens."""
        now = self._clock()
        patience = self._active + self._timeout - now
        if self._wants_body:
            patience = min(patience, self._heard + self._connection.terms.timeout - now)
            if client < 0:
                patience = min(patience, _LOOK)
        if self._waits_a_moment or (self._reply.sent and self._spool.size and not self._feeding):
            patience = min(patience, _MOMENT)
        if client < 0:
            patience = min(patience, 1.0)
        return max(0.0, patience) + 0.001

    def _is_client_gone(self, events: int | None) -> bool:
        if events is None:
            return self._connection.is_lost
        return bool(events & _GONE)

    def _look_at_the_clock(self, held_back: bool) -> None:
        now = self._clock()
        if self._wants_body and now >= self._heard + self._connection.terms.timeout:
            terms = self._connection.terms
            terms.say(
                f"[uwsgi-body-read] Timeout reading the body for a CGI script: {self._received} of "
                f"{self._body.length} bytes, then nothing for {terms.timeout:g} seconds "
                f"[{self._connection.who}, option socket-timeout]"
            )
            raise BodyError("timeout during read of a body for CGI", status=408, option="socket-timeout")
        if now >= self._active + self._timeout:
            if held_back:
                raise PeerGone("the client takes nothing of the answer")
            raise TooSlow(f"CGI timeout !!! nothing for {self._timeout:g} seconds, option cgi-timeout")

    # ---- towards the client --------------------------------------------------------------------------------

    @property
    def _is_complete(self) -> bool:
        return self._process.stdout < 0 or self._left == 0

    def _read(self) -> None:
        """Take what the script wrote."""
        try:
            data = os.read(self._process.stdout, _PIECE)
        except BlockingIOError:
            return
        self._active = self._clock()
        if not data:
            if self._head is None:
                what = "nothing at all" if self._reader.is_empty else "no end of its headers"
                raise BadOutput(what)
            self._process.close_pipes()
            return
        if self._head is None:
            self._head = self._reader.feed(data)
            if self._head is None:
                return
            self._start(self._head)
            data = self._head.rest
        if self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
        self._spool.add(data)
        if not self._feeding and (self._reply.sent or self._spool.size >= _HOLD):
            self._flush()

    def _start(self, head: Head) -> None:
        try:
            self._reply.start(head.status, head.fields)
        except AppError as error:
            raise BadOutput(str(error)) from None
        self._left = head.length

    def _flush(self) -> None:
        while self._spool.size:
            self._write(self._spool.take(_PIECE))

    def _write(self, data: bytes) -> None:
        self._reply.write(data)
        if self._reply.broken:
            raise PeerGone()
        self._active = self._clock()  # the script had to wait for the client

    def _finish(self) -> None:
        if self._reply.sent or self._spool.size > _HOLD:
            self._flush()
            self._reply.finish()
        else:
            self._reply.whole(self._spool.take(_HOLD))
            self._reply.finish()
