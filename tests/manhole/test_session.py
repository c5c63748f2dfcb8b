"""Sessions: what clients send, and what they get."""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.manhole.console import ClientGone
from uwsgid.manhole.record import Record
from uwsgid.manhole.session import Session

SIZE = b"\x1b[8;24;80t"


class SessionCase(SynchronousTestCase):
    """A session without a socket."""

    def setUp(self) -> None:
        self.begin()

    def begin(self, send: Callable[[str], None] | None = None) -> None:
        self.sent: list[str] = []
        self.logged: list[str] = []
        self.closed = 0

        def close() -> None:
            self.closed += 1

        self.session = Session(
            {"thing": 6}, Record(self.logged.append, "here"), send or self.sent.append, close, "hello"
        )

    def take(self) -> str:
        """What was sent since the last call."""
        text = "".join(self.sent)
        self.sent.clear()
        return text


class PipeTests(SessionCase):
    """Lines from somewhere else than a terminal."""

    def test_lines(self) -> None:
        """Lines are answered as they come, in whatever pieces, without prompt, echo or greeting."""
        for data in (b"thing *", b" 7\r\nprint(", b"'x'", b")\n1/0\n"):
            self.session.receive(data)
        self.assertRegex(self.take(), r"(?s)^42\nx\nTraceback .*ZeroDivisionError")
        self.session.receive(b"7\n")
        self.assertEqual(self.take(), "7\n")
        self.assertEqual(
            [line.partition("> ")[2] for line in self.logged], ["thing * 7", "print('x')", "1/0", "7"]
        )

    def test_blocks(self) -> None:
        """A block may end without a blank line."""
        self.session.receive(b"for n in range(2):\n  print(n)\nprint('end')\nif 1:\n  2\n")
        self.session.end_of_input()
        self.assertEqual(self.take(), "0\n1\nend\n2\n")
        self.assertEqual((self.closed, self.session.failed), (1, False))

    def test_verdict(self) -> None:
        """Who wants a verdict gets it last, and nothing is run after what failed."""
        self.session.receive(b"\x00thing")
        self.session.end_of_input()
        self.assertEqual(self.take(), "6\n\x000")
        self.begin()
        self.session.receive(b"\x001/0\nthing\n")
        self.assertTrue(self.take().endswith("ZeroDivisionError: division by zero\n\x001"))
        self.assertEqual(self.closed, 1)
        self.begin()
        self.session.receive(b"\x00def f(")
        self.session.end_of_input()
        self.assertTrue(self.take().endswith("not complete\n\x001"))

    def test_exit(self) -> None:
        """``exit()`` ends the session; nothing that follows is run."""
        self.session.receive(b"\x00exit()\nthing\n")
        self.assertEqual((self.take(), self.session.is_over), ("\x000", True))
        self.session.receive(b"thing\n")
        self.session.end_of_input()
        self.assertEqual((self.take(), self.closed), ("", 1))

    def test_a_command(self) -> None:
        """Lines of a command, as ssh has them, are run and are all."""
        self.session.run_command("thing\nthing + 1")
        self.assertEqual((self.take(), self.closed), ("6\n7\n", 1))
        self.begin()
        self.session.run_command("1/0\nthing")
        self.assertNotIn("6", self.take().partition("Error")[2])
        self.assertTrue(self.session.failed)

    def test_a_line_without_end(self) -> None:
        """Who never ends a line is sent away."""
        self.session.receive(b"x" * ((1 << 20) + 1))
        self.assertTrue(self.session.is_over)
        self.assertIn("a line may have", self.take())

    def test_dismissed(self) -> None:
        """A session that we end is told why."""
        self.session.receive(b"\x00")
        self.session.dismiss("the instance ends")
        self.assertEqual(self.take(), "*** the instance ends ***\n\x001")

    def test_who_does_not_read(self) -> None:
        """The session of a client that does not take its answers is over."""

        def send(text: str) -> None:
            raise ClientGone

        self.begin(send)
        self.session.receive(b"thing\n")
        self.assertTrue(self.session.is_over)
        self.begin(send)
        self.session.receive(SIZE)
        self.assertTrue(self.session.is_over)
        self.begin(send)
        self.session.receive(b"1/0\n")
        self.session.receive(b"thing\n")
        self.assertTrue(self.session.is_over)


class TerminalTests(SessionCase):
    """Keys from a terminal."""

    def setUp(self) -> None:
        super().setUp()
        self.session.receive(SIZE[:5])
        self.assertEqual(self.take(), "")
        self.session.receive(SIZE[5:])

    def test_a_greeting_and_a_prompt(self) -> None:
        """A terminal is greeted; a new size is no reason to greet it again."""
        self.assertEqual(self.take(), "hello\r\n\r\x1b[J>>> ")
        self.session.receive(b"\x1b[8;24;40t")
        self.assertEqual(self.take(), "")

    def test_lines(self) -> None:
        """Answers have the ends of lines that terminals want, and a prompt begins at the margin."""
        self.take()
        self.session.receive(b"print('a', end='')\r")
        self.assertTrue(self.take().endswith("\r\na\r\n\r\x1b[J>>> "))
        self.session.receive(b"if 1:\r")
        self.assertTrue(self.take().endswith("... "))
        self.session.receive(b"\x03")
        self.assertTrue(self.take().endswith("^C\r\n\r\x1b[J>>> "))

    def test_nothing_is_obeyed(self) -> None:
        """What a statement prints can not move the cursor or set the title of the terminal."""
        self.take()
        self.session.receive(rb"print('\x1b]0;pwned\x07\x9b2J\tx')" + b"\r")
        self.assertIn("\r\n\\x1b]0;pwned\\x07\\x9b2J\tx\r\n", self.take())

    def test_the_end(self) -> None:
        """Ctrl-D leaves; so does the end of the connection, and our own end is told."""
        self.session.receive(b"\x04")
        self.assertTrue(self.session.is_over)
        for end, text in (("end_of_input", ""), ("dismiss", "*** bye ***")):
            self.begin()
            self.session.receive(SIZE)
            self.take()
            getattr(self.session, end)(*(["bye"] if text else []))
            self.assertIn(text, self.take())

    def test_an_interruption(self) -> None:
        """Ctrl-C that comes when its statement is through leaves a prompt."""
        self.take()
        self.session.begin_again()
        self.assertTrue(self.take().endswith(">>> "))
