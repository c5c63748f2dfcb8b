"""A request whose answer comes in pieces, or whose application wants something before it answers.

The worker is the one who serves: it reads the body from the client and writes the answer to it.  The
interpreter runs the application, and asks for what it needs.
"""

from __future__ import annotations

import os
import stat
from struct import unpack
from typing import TYPE_CHECKING, Final

from uwsgid.errors import AppError, BodyError
from uwsgid.host.facts import is_proc_ours
from uwsgid.languages.foreign.frames import BridgeError, frame, read_head
from uwsgid.languages.foreign.handover import ASKED, hand_over

if TYPE_CHECKING:
    from uwsgid.languages.foreign.line import Line
    from uwsgid.request.request import Request

_WHOLE: Final = ord("w")
_SLOW_DOWN: Final = 1 << 20  #: the most that is read of a body at a time


class Conversation:
    """One request whose answer needs more than a frame.

    :param line: where it was sent.
    """

    def __init__(self, line: Line, request: Request) -> None:
        self._line = line
        self._request = request
        self._reply = request.reply
        self._started = False
        self._told = False  # that the client is gone
        self._failure: BodyError | None = None
        self._refused: AppError | None = None  # what was wrong with the head

    def listen(self, data: bytes) -> bool:
        """Do what the interpreter asks, until the request is over; False where the application failed.

        :param data: what was heard so far.
        :raises BridgeError: it ended or said what makes no sense; it can not be used again.
        :raises AppError: its answer can not be sent.
        """
        line, reader = self._line, self._line.reader
        reader.feed(data)
        while True:
            heard = reader.next()
            if heard is None:
                reader.feed(line.receive())
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
                    line.send(frame(b"a", line.call(payload)))
            elif letter == ord("f"):
                line.send(frame(b"k", bytes((self._file(payload),))))
            elif letter == ord("i"):
                line.learn(payload)
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
                line.answer_whole(reply, payload[6:end], payload[end:])
                line.note_end(reply, payload[1])
                return True
        elif letter == ord("e") and payload and self._started:
            if self._refused is None:
                try:
                    reply.finish()
                except OSError:
                    pass
            line.note_end(reply, payload[0])
            return True
        elif letter == ord("x") and payload:
            line.note_end(reply, payload[0])
            self._failed(payload[1:])
            return self._told
        raise BridgeError(f"said {chr(letter)!r} where that means nothing: {payload[:40]!r}")

    def _hand_over(self) -> None:
        try:
            hand_over(self._request, self._line.fd)
            self._started = True
        except AppError as error:
            self._line.send(frame(b"a", b"\3" + str(error).encode()))
        except OSError as error:
            raise BridgeError(f"closed its line: {error.strerror}") from None

    def _check_turn(self, turn: int) -> None:
        if turn != self._line.turn:
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
            self._line.send(frame(b"g", bytes((self._line.turn,))))

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
            self._line.send(frame(b"x", kind.encode()))
            return
        self._line.send(frame(b"d", data))

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
