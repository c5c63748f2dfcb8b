"""One core's line to its interpreter: a request goes over, and what comes back becomes the answer.

The worker is the one who serves: it reads the body from the client and writes the answer to it.  The
interpreter runs the application, and asks for what it needs.  Whatever it says is checked, for it runs code
of strangers: what makes no sense ends it, as its own end does, and costs the request it was busy with.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import termios
from collections.abc import Callable
from select import PIPE_BUF
from struct import unpack
from typing import TYPE_CHECKING, Any, Final

from uwsgid.errors import AppError, BodyError
from uwsgid.host.facts import is_proc_ours
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
from uwsgid.languages.foreign.handover import ASKED, hand_over
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
_SLOW_DOWN: Final = 1 << 20  #: the most that is read of a body at a time
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
    :ivar pending: the child is busy with what it wanted to do after its answer.
    :ivar replace: the worker is to be replaced.
    """

    __slots__ = ("_answers", "_call", "_ended", "_learn", "_pipe", "_reader", "_turn", "fd", "pending", "pid",
                 "replace")  # fmt: skip

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
        self._call = call
        self._learn = learn
        self._reader = FrameReader(_LETTERS)
        self._turn = 0
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
        self._turn = turn = (self._turn + 1) & 255
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
                self._send(data[sent:])
            data = os.read(back, _FIRST)
        except BridgeError as error:
            raise Untouched(str(error), start) from None
        except OSError as error:
            if error.errno == errno.ECONNRESET:  # closed, with something unread
                raise Untouched(f"closed its line: {error.strerror}", start) from None
            raise BridgeError(f"closed its line: {error.strerror}") from None
        # a whole answer in one piece, as nearly all are, needs no reader
        if len(data) > 10 and data[0] == _WHOLE and data[5] == turn and (back != way or self._reader.idle):
            end = HEADER + (data[1] | data[2] << 8 | data[3] << 16 | data[4] << 24)
            head_end = 11 + (data[7] | data[8] << 8 | data[9] << 16 | data[10] << 24)
            if end == len(data) and head_end <= end:
                self._answer(request.reply, data[11:head_end], data[head_end:])
                flags = data[6]
                if flags:
                    self._end(request.reply, flags)
                return True
        return self._converse(request, data, start)

    def _answer(self, reply: Reply, head: bytes, body: bytes) -> None:
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

    def _send(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                sent = os.write(self.fd, rest)  # mypyc would do twice what stands in a bound of a slice
                rest = rest[sent:]
        except OSError as error:
            raise BridgeError(f"closed its line: {error.strerror}") from None

    def _receive(self) -> bytes:
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
        if data == _UNREAD and self._reader.idle:
            raise Untouched("ended", start)
        return _Conversation(self, request).listen(data)

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
        reader = self._reader
        while self.pending:
            heard = reader.next()
            if heard is None:
                reader.feed(self._receive())
                continue
            letter, payload = heard
            if letter == ord("u"):
                self._send(frame(b"a", self._call(payload)))
            elif letter == ord("i"):
                self._learn(payload)
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
        self._send(data)

    def answer(self) -> bool:
        """Answer what the child asks beside requests, once it said something; False at its end.

        :raises BridgeError: it said what makes no sense.
        """
        try:
            data = os.read(self.fd, _PIECE)
        except OSError:
            data = b""
        self._reader.feed(data)
        while (heard := self._reader.next()) is not None:
            letter, payload = heard
            if letter == ord("u"):
                self._send(frame(b"a", self._call(payload)))
            elif letter == ord("i"):
                self._learn(payload)
            else:
                raise BridgeError(f"said {chr(letter)!r} without a request")
        return bool(data)

    def _end(self, reply: Reply, flags: int) -> None:
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


class _Conversation:
    """One request whose answer needs more than a frame."""

    def __init__(self, line: Line, request: Request) -> None:
        self._line = line
        self._request = request
        self._reply = request.reply
        self._started = False
        self._told = False  # that the client is gone
        self._failure: BodyError | None = None
        self._refused: AppError | None = None  # what was wrong with the head

    def listen(self, data: bytes) -> bool:
        line, reader = self._line, self._line._reader
        reader.feed(data)
        while True:
            heard = reader.next()
            if heard is None:
                reader.feed(line._receive())
                continue
            letter, payload = heard
            if letter == ord("b"):
                self._body(payload)
            elif letter == ord("h"):
                self._head(payload)
            elif letter == ord("r"):
                self._read(payload)
            elif letter == ord("u"):
                if payload == ASKED:
                    self._hand_over()
                else:
                    line._send(frame(b"a", line._call(payload)))
            elif letter == ord("f"):
                line._send(frame(b"k", bytes((self._file(payload),))))
            elif letter == ord("i"):
                line._learn(payload)
            else:
                ok = self._last(letter, payload)
                if self._refused is not None:
                    raise self._refused
                return ok

    def _last(self, letter: int, payload: bytes) -> bool:
        line, reply = self._line, self._reply
        if letter == ord("y"):
            raise BridgeError("ended")
        if letter == _WHOLE and len(payload) >= 6 and not self._started:
            self._check_turn(payload[0])
            end = 6 + int.from_bytes(payload[2:6], "little")
            if end <= len(payload):
                line._answer(reply, payload[6:end], payload[end:])
                line._end(reply, payload[1])
                return True
        elif letter == ord("e") and payload and self._started:
            if self._refused is None:
                try:
                    reply.finish()
                except OSError:
                    pass
            line._end(reply, payload[0])
            return True
        elif letter == ord("x") and payload:
            line._end(reply, payload[0])
            self._failed(payload[1:])
            return self._told
        raise BridgeError(f"said {chr(letter)!r} where that means nothing: {payload[:40]!r}")

    def _hand_over(self) -> None:
        try:
            hand_over(self._request, self._line.fd)
            self._started = True
        except AppError as error:
            self._line._send(frame(b"a", b"\3" + str(error).encode()))
        except OSError as error:
            raise BridgeError(f"closed its line: {error.strerror}") from None

    def _check_turn(self, turn: int) -> None:
        if turn != self._line._turn:
            raise BridgeError("sent an answer to no request of now")

    def _failed(self, text: bytes) -> None:
        """The application failed by itself, because of its request body, or since nobody reads its answer."""
        reply = self._reply
        if self._failure is not None:
            raise self._failure
        if self._told:
            return
        if self._started and reply.sent:
            reply.close = reply.broken = True
        if text:
            raise AppError(text.decode("utf-8", "replace"))

    def _head(self, payload: bytes) -> None:
        if len(payload) < 4 or self._started:
            raise BridgeError(f"said a head where that means nothing: {payload[:40]!r}")
        self._check_turn(payload[0])
        status, headers = read_head(payload[1:])
        self._started = True
        try:
            self._reply.start(status, headers)
        except AppError as error:
            self._refused = error

    def _body(self, payload: bytes) -> None:
        if not self._started:
            raise BridgeError("sent a body without a head")
        if self._refused is not None:
            return
        try:
            self._reply.write(payload)
        except OSError:
            self._client_is_gone()

    def _client_is_gone(self) -> None:
        if not self._told:
            self._told = True
            self._line._send(frame(b"g", bytes((self._line._turn,))))

    def _read(self, payload: bytes) -> None:
        most = min(int.from_bytes(payload[:4], "little"), _SLOW_DOWN)
        body = self._request.body
        try:
            data = body.read_now(most)
            if data is None:
                data = body.read(1) + (body.read_now(most - 1) or b"" if most > 1 else b"")
        except BodyError as error:
            self._failure = error
            kind = "timeout" if error.status == 408 else "error"
            self._line._send(frame(b"x", kind.encode()))
            return
        self._line._send(frame(b"d", data))

    def _file(self, payload: bytes) -> bool:
        """Send an open file of the interpreter; False where its bytes have to come another way."""
        if not self._started or len(payload) != 20:
            raise BridgeError(f"sent a file where that means nothing: {payload[:40]!r}")
        if self._refused is not None:
            return True
        if not is_proc_ours():
            return False  # it numbers processes in another way: the file would be somebody else's
        number, offset, count = unpack("<Iqq", payload)
        try:
            place = f"/proc/{self._line.pid}/fd/{number}"
            facts = os.stat(place)
            if not stat.S_ISREG(facts.st_mode):
                return False
            fd = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            return False
        try:
            if offset < 0:
                offset = _position(self._line.pid, number)
            rest = max(0, facts.st_size - offset)
            self._reply.sendfile(fd, offset, rest if count < 0 else min(count, rest))
        except OSError:
            self._client_is_gone()
        finally:
            os.close(fd)
        return True


def _position(pid: int, number: int) -> int:
    with open(f"/proc/{pid}/fdinfo/{number}", encoding="ascii") as lines:
        return int(next(lines).split()[1])


def fields(payload: bytes) -> Any:
    """The texts of a joined list."""
    return payload.decode("utf-8", "surrogateescape").split("\0")
