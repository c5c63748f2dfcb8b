"""Tests of uwsgid.languages.foreign.line, with an interpreter that says what it is told to."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
from collections.abc import Callable
from struct import pack
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import AppError, BodyError
from uwsgid.languages.foreign.frames import BridgeError, counted, frame, read_counted
from uwsgid.languages.foreign.line import Line, Untouched
from uwsgid.request.reply import KnownHead


class FakeReply:
    """Remembers what was answered."""

    def __init__(self) -> None:
        self.status, self.headers = "", [("", "")]
        self.body = b""
        self.close = self.broken = self.sent = self.ended = False
        self.gone = False

    def start(self, status: str, headers: list[tuple[str, str]]) -> None:
        if "\n" in status:
            raise AppError("a status with a line break")
        self.status, self.headers = status, headers

    def start_again(self, known: KnownHead) -> None:
        self.start(known.status, known.headers)

    def whole(self, data: bytes) -> None:
        self.write(data)

    def write(self, data: bytes) -> None:
        if self.gone:
            raise OSError("write error")
        self.body += data
        self.sent = True

    def finish(self) -> None:
        self.ended = True

    def sendfile(self, fd: int, offset: int, count: int) -> None:
        self.write(os.pread(fd, count, offset))


class FakeBody:
    """A body that arrives in pieces; None stands for one that has to be awaited."""

    def __init__(self, *pieces: bytes | None, length: int | None = None) -> None:
        self._pieces = list(pieces)
        self.length = sum(len(piece or b"") for piece in pieces) if length is None else length
        self.broken: BodyError | None = None

    def read_now(self, most: int) -> bytes | None:
        if self.broken is not None and not self._pieces:
            raise self.broken
        return self._pieces.pop(0) if self._pieces else b""

    def read(self, size: int) -> bytes:
        piece = self._pieces[0] or b""
        self._pieces[0] = piece[size:]
        return piece[:size]


class FakeRequest:
    def __init__(self, body: FakeBody | None = None) -> None:
        self.vars = {"REQUEST_METHOD": "GET"}
        self.body = body or FakeBody()
        self.reply = FakeReply()


def whole(turn: int, head: bytes, body: bytes, flags: int = 0) -> bytes:
    """``w``."""
    return frame(b"w", pack("<BBI", turn, flags, len(head)) + head + body)


class Interpreter:
    """The other end of a line: runs a script in a thread."""

    def __init__(self, script: Callable[[Interpreter], None]) -> None:
        self.end, ours = socket.socketpair()
        self.end.settimeout(30)
        self.calls: list[bytes] = []
        self.learnt: list[bytes] = []
        self.heard: list[tuple[str, bytes]] = []
        self.line = Line(ours.detach(), os.getpid(), self._call, self.learnt.append)
        self._script = script
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _call(self, payload: bytes) -> bytes:
        self.calls.append(payload)
        return b"\1answer"

    def _run(self) -> None:
        try:
            self._script(self)
        except OSError:
            pass
        finally:
            self.end.close()

    def hear(self) -> tuple[str, bytes]:
        """The next frame of the worker."""
        header = self._exactly(5)
        payload = self._exactly(int.from_bytes(header[1:], "little"))
        self.heard.append((chr(header[0]), payload))
        return self.heard[-1]

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self.end.recv(size - len(data))
            if not piece:
                raise OSError("the worker is gone")
            data += piece
        return data

    def say(self, data: bytes) -> None:
        self.end.sendall(data)

    def serve(self, request: FakeRequest) -> bool:
        typed: Any = request
        try:
            return self.line.serve(typed, 0)
        finally:
            if not self.line.pending:
                self.line.close()
                self._thread.join(30)


class PipeTests(SynchronousTestCase):
    """A child that waits for requests at a pipe."""

    def setUp(self) -> None:
        self.pipe, theirs = os.pipe()
        self.addCleanup(os.close, self.pipe)
        self.end, ours = socket.socketpair()
        self.addCleanup(self.end.close)
        self.line = Line(ours.detach(), os.getpid(), lambda payload: b"", lambda payload: None, theirs)
        self.addCleanup(self.line.close)

    def serve(self, request: FakeRequest) -> bool:
        typed: Any = request
        return self.line.serve(typed, 0)

    def test_short(self) -> None:
        """A request that fits goes through the pipe, and its answer comes over the line."""
        self.end.sendall(whole(1, b"200", b"body"))
        request = FakeRequest()
        self.assertTrue(self.serve(request))
        self.assertEqual((request.reply.body, os.read(self.pipe, 9999)[:1]), (b"body", b"q"))

    def test_long(self) -> None:
        """A longer one goes over the line, which the pipe tells."""
        self.end.sendall(whole(1, b"200", b"body"))
        self.assertTrue(self.serve(FakeRequest(FakeBody(b"x" * 5000))))
        self.assertEqual((os.read(self.pipe, 9999), self.end.recv(1)), (frame(b"m"), b"q"))

    def test_unread(self) -> None:
        """What the child left in the pipe may go to another one."""
        self.end.shutdown(socket.SHUT_RDWR)
        self.assertRaises(Untouched, self.serve, FakeRequest())

    def test_read(self) -> None:
        """What the child has read may not."""

        def child() -> None:
            os.read(self.pipe, 9999)
            self.end.shutdown(socket.SHUT_RDWR)

        thread = threading.Thread(target=child)
        thread.start()
        with self.assertRaises(BridgeError) as caught:
            self.serve(FakeRequest())
        thread.join(30)
        self.assertNotIsInstance(caught.exception, Untouched)

    def test_ring(self) -> None:
        """A child can be asked to look at its line, and hears at the pipe that its worker let go of both."""
        self.line.ring()
        self.line.close()
        self.assertEqual((os.read(self.pipe, 9999), os.read(self.pipe, 9999)), (frame(b"m"), b""))


class AnswersTests(SynchronousTestCase):
    """A child that answers through a pipe."""

    LOOK = frame(b"m")

    def setUp(self) -> None:
        self.requests, theirs = os.pipe()
        self.addCleanup(os.close, self.requests)
        answers, self.answers = os.pipe()
        self.addCleanup(self.end_answers)
        self.end, ours = socket.socketpair()
        self.addCleanup(self.end.close)
        self.line = Line(
            ours.detach(), os.getpid(), lambda payload: b"\1" + payload, lambda payload: None, theirs, answers
        )
        self.addCleanup(self.line.close)

    def end_answers(self) -> None:
        if self.answers >= 0:
            os.close(self.answers)
            self.answers = -1

    def serve(self, request: FakeRequest | None = None) -> bool:
        typed: Any = request or FakeRequest()
        return self.line.serve(typed, 0)

    def refused(self) -> BridgeError:
        with self.assertRaises(BridgeError) as caught:
            self.serve()
        error: BridgeError = caught.exception
        return error

    def hear(self, size: int = 9999) -> bytes:
        """The request."""
        return os.read(self.requests, size)

    def test_short(self) -> None:
        """An answer that is whole comes through the pipe, and nothing over the line."""
        for turn in (1, 2):
            os.write(self.answers, whole(turn, b"200\0A\0b", b"body"))
            request = FakeRequest()
            self.assertTrue(self.serve(request))
            self.assertEqual((request.reply.status, request.reply.body), ("200", b"body"))

    def test_look(self) -> None:
        """Whatever else there is to say is said over the line, which the pipe tells."""
        os.write(self.answers, self.LOOK)
        self.end.sendall(
            frame(b"h", b"\x01200") + frame(b"b", b"some") + frame(b"b", b"thing") + frame(b"e", b"\0")
        )
        request = FakeRequest()
        self.assertTrue(self.serve(request))
        self.assertEqual(request.reply.body, b"something")
        os.write(self.answers, whole(2, b"200", b"body"))
        self.assertTrue(self.serve())

    def test_look_for_a_whole_answer(self) -> None:
        """Also an answer that is too long for the pipe."""
        os.write(self.answers, self.LOOK)
        self.end.sendall(whole(1, b"200", b"x" * 100_000))
        request = FakeRequest()
        self.assertTrue(self.serve(request))
        self.assertEqual(len(request.reply.body), 100_000)

    def test_flags(self) -> None:
        """What the child does after its answer is told over the line."""
        os.write(self.answers, whole(1, b"200", b"body", 1))
        self.assertTrue(self.serve())
        self.assertTrue(self.line.pending)
        self.end.sendall(frame(b"u", counted([b"log"])) + frame(b"z", b"\2"))
        self.line.finish()
        self.assertEqual((self.line.pending, self.line.replace), (False, True))

    def test_junk(self) -> None:
        """Nothing that stands in the pipe is waited for, and nothing but an answer of now is one."""
        for said in (
            b"j",
            b"junk that is no frame",
            whole(1, b"200", b"body")[:-1],
            whole(1, b"200", b"body") + b"more",
            frame(b"h", b"\x01200"),
            frame(b"w", b""),
            whole(9, b"200", b"body"),
            self.LOOK + b"more",
        ):
            with self.subTest(said=said):
                self.setUp()
                os.write(self.answers, said)
                self.assertNotIsInstance(self.refused(), Untouched)

    def test_end_of_an_idle_child(self) -> None:
        """Its mother tells it, who ends the line first; what is unread may go to another child."""
        self.end.shutdown(socket.SHUT_RDWR)
        os.write(self.answers, self.LOOK)
        self.assertIsInstance(self.refused(), Untouched)

    def test_end_of_a_child_that_left_the_request(self) -> None:
        """One that came over the line may go to another child as well."""
        self.end.sendall(frame(b"y"))
        self.end.shutdown(socket.SHUT_RDWR)
        os.write(self.answers, self.LOOK)
        self.assertIsInstance(self.refused(), Untouched)

    def test_end_of_a_busy_child(self) -> None:
        """A request that was read is lost, though a fork of the child keeps all open."""

        def child() -> None:
            self.hear()
            self.end.shutdown(socket.SHUT_RDWR)
            os.write(self.answers, self.LOOK)

        thread = threading.Thread(target=child)
        thread.start()
        self.assertNotIsInstance(self.refused(), Untouched)
        thread.join(30)

    def test_end_of_everybody(self) -> None:
        """The end of the pipe is the end of the child and of its mother."""

        def child() -> None:
            self.hear()
            self.end_answers()

        thread = threading.Thread(target=child)
        thread.start()
        self.assertNotIsInstance(self.refused(), Untouched)
        thread.join(30)

    def test_end_within_a_conversation(self) -> None:
        """A child that ends when it has begun to talk costs its request."""
        os.write(self.answers, self.LOOK)
        self.end.sendall(frame(b"h", b"\x01200") + frame(b"b", b"some")[:-2])
        self.end.shutdown(socket.SHUT_RDWR)
        os.write(self.answers, self.LOOK)
        request = FakeRequest()
        with self.assertRaises(BridgeError) as caught:
            self.serve(request)
        self.assertNotIsInstance(caught.exception, Untouched)
        self.assertEqual(request.reply.status, "200")

    def test_end_behind_an_answer(self) -> None:
        """An answer counts although its child has ended since; the next request is for another."""
        os.write(self.answers, whole(1, b"200", b"body"))
        os.write(self.answers, self.LOOK)
        self.end.shutdown(socket.SHUT_RDWR)
        request = FakeRequest()
        self.assertTrue(self.serve(request))
        self.assertEqual(request.reply.body, b"body")
        self.assertIsInstance(self.refused(), Untouched)

    def test_close(self) -> None:
        """Who lets go of a line lets go of all its descriptors."""
        self.line.close()
        self.assertRaises(BrokenPipeError, os.write, self.answers, b"x")
        self.assertEqual(self.hear(), b"")


class LineTests(SynchronousTestCase):
    """One request."""

    def answered(self, *frames: bytes) -> tuple[bool, FakeRequest]:
        """What comes of these frames."""

        def script(interpreter: Interpreter) -> None:
            interpreter.hear()
            interpreter.say(b"".join(frames))
            interpreter.hear()

        request = FakeRequest()
        return Interpreter(script).serve(request), request

    def test_whole(self) -> None:
        """A whole answer in one frame."""
        ok, request = self.answered(whole(1, b"200\0A\0b", b"body"))
        self.assertTrue(ok)
        reply = request.reply
        self.assertEqual((reply.status, reply.headers, reply.body), ("200", [("A", "b")], b"body"))
        self.assertTrue(reply.ended)

    def test_large(self) -> None:
        """A whole answer that needs many reads."""
        _, request = self.answered(whole(1, b"200", b"x" * 1_000_000))
        self.assertEqual(len(request.reply.body), 1_000_000)

    def test_pieces(self) -> None:
        """A head, pieces and an end."""
        ok, request = self.answered(
            frame(b"h", b"\x01201"), frame(b"b", b"a"), frame(b"b", b"b"), frame(b"e", b"\0")
        )
        self.assertTrue(ok and request.reply.ended)
        self.assertEqual((request.reply.status, request.reply.body), ("201", b"ab"))

    def test_failed(self) -> None:
        """An application that failed is told with its text; without text it is False."""
        with self.assertRaisesRegex(AppError, "apple"):
            self.answered(frame(b"x", b"\0apple"))
        self.assertFalse(self.answered(frame(b"x", b"\0"))[0])

    def test_nonsense(self) -> None:
        """What makes no sense is an error of the bridge."""
        for frames in (
            [b"junk"],
            [whole(2, b"200", b"an answer to another request")],
            [frame(b"w", b"\1\0")],
            [frame(b"w", pack("<BBI", 1, 0, 99) + b"200")],
            [frame(b"b", b"a body without a head")],
            [frame(b"e", b"\0")],
            [frame(b"f", bytes(20))],
            [frame(b"z")],
            [frame(b"h", b"\x01200"), frame(b"h", b"\x01200")],
            [frame(b"h", b"\x02200")],
            [frame(b"h", b"\x01200\0A")],
            [frame(b"h", b"\x01200"), whole(1, b"200", b"")],
        ):
            with self.assertRaises(BridgeError):
                self.answered(*frames)

    def test_refused_head(self) -> None:
        """A head that can not be sent is the application's fault; the rest of its answer is passed over."""
        for frames in (
            [frame(b"h", b"\x01200\n"), frame(b"b", b"x"), frame(b"e", b"\0")],
            [whole(1, b"200\n", b"x")],
        ):
            with self.assertRaisesRegex(AppError, "line break"):
                self.answered(*frames)

    def test_end_of_the_interpreter(self) -> None:
        """An interpreter that ends within a request has had it; one that ended before has not."""

        def within(interpreter: Interpreter) -> None:
            interpreter.hear()

        with self.assertRaises(BridgeError) as caught:
            Interpreter(within).serve(FakeRequest())
        self.assertNotIsInstance(caught.exception, Untouched)
        gone = Interpreter(lambda interpreter: None)
        gone._thread.join(30)
        with self.assertRaises(Untouched) as untouched:
            gone.serve(FakeRequest(FakeBody(b"start")))
        self.assertEqual(untouched.exception.start, b"start")

    def test_end_while_the_request_is_on_its_way(self) -> None:
        """A request that was written and that nobody read may go to another interpreter."""

        def mother(interpreter: Interpreter) -> None:
            interpreter.end.recv(1, socket.MSG_PEEK)
            interpreter.say(frame(b"y"))

        def kernel(interpreter: Interpreter) -> None:
            interpreter.end.recv(1, socket.MSG_PEEK)

        for script in (mother, kernel):
            with self.assertRaises(Untouched) as untouched:
                Interpreter(script).serve(FakeRequest(FakeBody(b"start")))
            self.assertEqual(untouched.exception.start, b"start")

        def later(interpreter: Interpreter) -> None:
            interpreter.hear()
            interpreter.say(frame(b"h", b"\1200 OK") + frame(b"y"))

        with self.assertRaises(BridgeError) as caught:
            Interpreter(later).serve(FakeRequest())
        self.assertNotIsInstance(caught.exception, Untouched)

    def test_body(self) -> None:
        """The interpreter gets the body as it asks for it, and nothing at its end."""

        def script(interpreter: Interpreter) -> None:
            interpreter.hear()
            for _ in range(3):
                interpreter.say(frame(b"r", pack("<I", 100)))
                interpreter.hear()
            interpreter.say(whole(1, b"200", b""))

        interpreter = Interpreter(script)
        interpreter.serve(FakeRequest(FakeBody(b"first", b"second", b"third")))
        self.assertEqual([payload for letter, payload in interpreter.heard[1:]], [b"second", b"third", b""])

    def test_broken_body(self) -> None:
        """A body that broke is told, and if the application lets that pass it is the client's fault."""

        def script(interpreter: Interpreter) -> None:
            interpreter.hear()
            interpreter.say(frame(b"r", pack("<I", 100)))
            interpreter.hear()
            interpreter.say(frame(b"x", b"\0error during read"))

        body = FakeBody(b"some", length=100)
        body.broken = BodyError("gone", status=0)
        interpreter = Interpreter(script)
        with self.assertRaises(BodyError):
            interpreter.serve(FakeRequest(body))
        self.assertEqual(interpreter.heard[1], ("x", b"error"))

    def test_calls(self) -> None:
        """Calls are answered in between."""

        def script(interpreter: Interpreter) -> None:
            interpreter.hear()
            interpreter.say(frame(b"u", counted([b"worker_id"])) + frame(b"i", b"/a"))
            interpreter.hear()
            interpreter.say(whole(1, b"200", b""))

        interpreter = Interpreter(script)
        interpreter.serve(FakeRequest())
        self.assertEqual(read_counted(interpreter.calls[0]), [b"worker_id"])
        self.assertEqual(interpreter.heard[1], ("a", b"\1answer"))
        self.assertEqual(interpreter.learnt, [b"/a"])

    def test_the_client_is_gone(self) -> None:
        """The interpreter is told once that nobody reads its answer."""

        def script(interpreter: Interpreter) -> None:
            interpreter.hear()
            interpreter.say(frame(b"h", b"\x01200") + frame(b"b", b"a") + frame(b"b", b"b"))
            interpreter.hear()
            interpreter.say(frame(b"x", b"\0"))

        interpreter, request = Interpreter(script), FakeRequest()
        request.reply.gone = True
        self.assertTrue(interpreter.serve(request))
        self.assertEqual(interpreter.heard[1:], [("g", b"\1")])

    def test_files(self) -> None:
        """An open file of the interpreter is sent; what is none has to come another way."""
        file = tempfile.TemporaryFile()  # noqa: SIM115
        self.addCleanup(file.close)
        file.write(b"0123456789")
        file.flush()
        file.seek(3)
        sent = []

        def script(interpreter: Interpreter) -> None:
            interpreter.hear()
            interpreter.say(frame(b"h", b"\x01200"))
            for number, offset, count in ((file.fileno(), -1, -1), (file.fileno(), 8, 1), (0xFFFF, 0, -1)):
                interpreter.say(frame(b"f", pack("<Iqq", number, offset, count)))
                sent.append(interpreter.hear())
            interpreter.say(frame(b"e", b"\0"))

        request = FakeRequest()
        Interpreter(script).serve(request)
        self.assertEqual(request.reply.body, b"34567898")
        self.assertEqual(sent, [("k", b"\1"), ("k", b"\1"), ("k", b"\0")])

    def test_flags(self) -> None:
        """The end of a request may ask for a close, for another worker, and for time afterwards."""

        def script(interpreter: Interpreter) -> None:
            interpreter.hear()
            interpreter.say(whole(1, b"200", b"", 7))
            interpreter.say(frame(b"u", counted([b"log"])))
            interpreter.hear()
            interpreter.say(frame(b"z"))

        interpreter, request = Interpreter(script), FakeRequest()
        interpreter.serve(request)
        self.assertTrue(request.reply.close and interpreter.line.replace and interpreter.line.pending)
        interpreter.line.finish()
        self.assertFalse(interpreter.line.pending)
        interpreter.line.close()
        interpreter._thread.join(30)
