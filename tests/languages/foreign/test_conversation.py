"""Answers of more than a frame, and what an application wants before it answers."""

from __future__ import annotations

import tempfile
from struct import pack

from tests.languages.foreign.support import FakeBody, FakeRequest, Interpreter, ScriptCase, whole
from uwsgid.errors import AppError, BodyError
from uwsgid.languages.foreign.frames import BridgeError, counted, frame, read_counted


class ConversationTests(ScriptCase):
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
