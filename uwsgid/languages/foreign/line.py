"""One core's line to its interpreter: a request goes over, and what comes back becomes the answer.

Nearly every answer is one frame, and is sent from here; a longer talk is a `Conversation`.  Whatever the
interpreter says is checked, for it runs code of strangers: what makes no sense ends it, as its own end does,
and costs the request it was busy with.
"""

from __future__ import annotations

import errno
import fcntl
import os
import termios
from collections.abc import Callable
from select import PIPE_BUF
from typing import TYPE_CHECKING, Final

from uwsgid.languages.foreign.conversation import Conversation
from uwsgid.languages.foreign.frames import (
    CLOSE,
    GOES_ON,
    HEADER,
    REPLACE,
    BridgeError,
    FrameReader,
    frame,
    read_head,
    request_frame,
)
from uwsgid.request.reply import KnownHead

if TYPE_CHECKING:
    from uwsgid.request.reply import Reply
    from uwsgid.request.request import Request

_LETTERS: Final = b"whbfexruizy"
_FIRST: Final = 16384  #: bytes of the first read of an answer, which is all for most
_PIECE: Final = 1 << 18
_INLINE: Final = 65536  #: bytes of a body that go with its request, if they are here
_WHOLE: Final = ord("w")
_UNREAD: Final = frame(b"y")
_LOOK: Final = frame(b"m")
#: Bytes that go through a pipe in one piece, and into an empty one at once.
_SHORT: Final = PIPE_BUF
#: Heads that were read before, most come again.
_HEADS: Final[dict[bytes, KnownHead]] = {}
_MAX_HEADS: Final = 256
_MAX_HEAD: Final = 512


class Untouched(BridgeError):
    """The interpreter had ended before it got the request, so that another one may have it.

    :ivar start: what was read of the request's body.
    """

    def __init__(self, text: str, start: bytes) -> None:
        super().__init__(text)
        self.start = start


class Line:
    """The connection of one core to the child that serves it.

    :param fd: of the connection, which blocks.
    :param pid: of the child.
    :param call: answers a call of the API: the payload of ``u`` to that of ``a``.
    :param learn: takes the payload of ``i``.
    :param pipe: the end of a pipe at which the child waits for requests; -1 where it waits at the connection.
    :param answers: the end of a pipe where it begins to answer; -1 where it does at the connection.
    :ivar turn: the number of the request, which its answer has to name.
    :ivar pending: the child is busy with what it wanted to do after its answer.
    :ivar replace: the worker is to be replaced.
    """

    __slots__ = ("_answers", "_ended", "_pipe", "call", "fd", "learn", "pending", "pid", "reader", "replace",
                 "turn")  # fmt: skip

    def __init__(
        self,
        fd: int,
        pid: int,
        call: Callable[[bytes], bytes],
        learn: Callable[[bytes], None],
        pipe: int = -1,
        answers: int = -1,
    ) -> None:
        self.fd = fd
        self._pipe = pipe
        self._answers = answers
        self._ended = False  # it was heard beside an answer
        self.pid = pid
        self.call = call
        self.learn = learn
        self.reader = FrameReader(_LETTERS)
        self.turn = 0
        self.pending = False
        self.replace = False

    # ---- hot path, watched by bench-protocols --------------------------------------------------------------

    def serve(self, request: Request, application: int, start: bytes | None = None) -> bool:
        """Have one request answered; False where the application failed.

        :param start: what was read of its body already; None for nothing.
        :raises Untouched: the interpreter has ended before.

        :raises BridgeError: the interpreter ended or said what makes no sense; it can not be used again.
        :raises AppError: its answer can not be sent; nothing was.
        """
        body = request.body
        length = body.length
        if start is None:
            start = b"" if length == 0 else body.read_now(_INLINE) or b""
        if self._ended:
            raise Untouched("ended", start)
        self.turn = turn = (self.turn + 1) & 255
        data = request_frame(turn, application, request.vars, length, start)
        back = self._answers
        way = self.fd
        if back < 0:
            back = way
        try:
            if self._pipe >= 0:
                if len(data) <= _SHORT:
                    way = self._pipe
                else:
                    os.write(self._pipe, _LOOK)
            sent = os.write(way, data)
        except OSError as error:
            raise Untouched(f"closed its line: {error.strerror}", start) from None
        try:
            if sent != len(data):
                self.send(data[sent:])
            data = os.read(back, _FIRST)
        except BridgeError as error:
            raise Untouched(str(error), start) from None
        except OSError as error:
            if error.errno == errno.ECONNRESET:  # closed, with something unread
                raise Untouched(f"closed its line: {error.strerror}", start) from None
            raise BridgeError(f"closed its line: {error.strerror}") from None
        # a whole answer in one piece, as nearly all are, needs no reader
        if len(data) > 10 and data[0] == _WHOLE and data[5] == turn and (back != way or self.reader.idle):
            end = HEADER + (data[1] | data[2] << 8 | data[3] << 16 | data[4] << 24)
            head_end = 11 + (data[7] | data[8] << 8 | data[9] << 16 | data[10] << 24)
            if end == len(data) and head_end <= end:
                self.answer_whole(request.reply, data[11:head_end], data[head_end:])
                flags = data[6]
                if flags:
                    self.note_end(request.reply, flags)
                return True
        return self._converse(request, data, start)

    def answer_whole(self, reply: Reply, head: bytes, body: bytes) -> None:
        """Send a whole answer."""
        known = _HEADS.get(head)
        if known is None:
            known = KnownHead(*read_head(head))
            if len(head) <= _MAX_HEAD:
                if len(_HEADS) >= _MAX_HEADS:
                    _HEADS.clear()
                _HEADS[head] = known
        reply.start_again(known)
        try:
            reply.whole(body)
            if not reply.close:
                reply.finish()
        except OSError:
            pass  # the client is gone, and the log has said so

    # ---- end of the hot path -------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                sent = os.write(self.fd, rest)  # mypyc would do twice what stands in a bound of a slice
                rest = rest[sent:]
        except OSError as error:
            raise BridgeError(f"closed its line: {error.strerror}") from None

    def receive(self) -> bytes:
        try:
            data = os.read(self.fd, _PIECE)
        except OSError as error:
            raise BridgeError(f"closed its line: {error.strerror}") from None
        if not data:
            raise BridgeError("ended")
        return data

    def _converse(self, request: Request, data: bytes, start: bytes) -> bool:
        """Go on with an answer that is not whole."""
        if self._answers >= 0 and data:
            data = self._look(data, start)
        if not data:
            if self._pipe >= 0 and any(fcntl.ioctl(self._pipe, termios.FIONREAD, bytes(4))):
                raise Untouched("ended", start)
            raise BridgeError("ended")
        if data == _UNREAD and self.reader.idle:
            raise Untouched("ended", start)
        return Conversation(self, request).listen(data)

    def _look(self, data: bytes, start: bytes) -> bytes:
        """What there is to be heard instead of *data*, which came through the pipe.

        A short answer stands alone there, or *look* does: the child goes on at the connection.  A second
        *look* is its mother's, who says so when the child has ended.
        """
        if data.endswith(_LOOK) and len(data) > HEADER:
            self._ended = True
            data = data[:-HEADER]
        if data == _LOOK:
            try:
                return os.read(self.fd, _FIRST)
            except OSError as error:
                if error.errno == errno.ECONNRESET:  # closed, with something unread
                    raise Untouched(f"closed its line: {error.strerror}", start) from None
                raise BridgeError(f"closed its line: {error.strerror}") from None
        if data[0] != _WHOLE or len(data) != HEADER + int.from_bytes(data[1:HEADER], "little"):
            raise BridgeError(f"junk in place of an answer: {data[:40]!r}")
        return data

    def finish(self) -> None:
        """Wait until the child has done what it wanted to do after its answer.

        :raises BridgeError: as `serve`.
        """
        reader = self.reader
        while self.pending:
            heard = reader.next()
            if heard is None:
                reader.feed(self.receive())
                continue
            letter, payload = heard
            if letter == ord("u"):
                self.send(frame(b"a", self.call(payload)))
            elif letter == ord("i"):
                self.learn(payload)
            elif letter == ord("z"):
                self.pending = False
                if payload and payload[0] & REPLACE:
                    self.replace = True
            else:
                raise BridgeError(f"said {chr(letter)!r} after its answer")

    def command(self, data: bytes) -> None:
        """Say something that is no request.

        :raises BridgeError: the child is gone.
        """
        try:
            self.ring()
        except OSError as error:
            raise BridgeError(f"closed its line: {error.strerror}") from None
        self.send(data)

    def answer(self) -> bool:
        """Answer what the child asks beside requests, once it said something; False at its end.

        :raises BridgeError: it said what makes no sense.
        """
        try:
            data = os.read(self.fd, _PIECE)
        except OSError:
            data = b""
        self.reader.feed(data)
        while (heard := self.reader.next()) is not None:
            letter, payload = heard
            if letter == ord("u"):
                self.send(frame(b"a", self.call(payload)))
            elif letter == ord("i"):
                self.learn(payload)
            else:
                raise BridgeError(f"said {chr(letter)!r} without a request")
        return bool(data)

    def note_end(self, reply: Reply, flags: int) -> None:
        if flags & GOES_ON:
            self.pending = True
        if flags & REPLACE:
            self.replace = True
        if flags & CLOSE:
            reply.close = True

    def close(self) -> None:
        """Give the connection back; the mother then kills the child if it does not end by itself."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1
        if self._answers >= 0:
            os.close(self._answers)
            self._answers = -1

    def ring(self) -> None:
        """Have an idle child look at its connection.

        :raises OSError: it is gone.
        """
        if self._pipe >= 0:
            os.write(self._pipe, _LOOK)
