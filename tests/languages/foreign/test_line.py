"""Tests of uwsgid.languages.foreign.line, with an interpreter that says what it is told to."""

from __future__ import annotations

import os
import socket
import threading
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.languages.foreign.support import FakeBody, FakeRequest, Interpreter, ScriptCase, whole
from uwsgid.languages.foreign.frames import BridgeError, counted, frame
from uwsgid.languages.foreign.line import Line, Untouched


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


class LineTests(ScriptCase):
    """One request."""

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
