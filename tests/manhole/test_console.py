"""Statements and their answers."""

from __future__ import annotations

import sys
import threading
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.manhole.console import ClientGone, Console, Outcome


class Nasty:
    """An object that can not be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


class Unspeakable(Exception):
    """An exception that can not be told."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


class ConsoleTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.said: list[str] = []
        self.names: dict[str, Any] = {"thing": 6}
        self.console = Console(self.names, self.said.append)

    def push(self, *lines: str) -> tuple[Outcome, str]:
        """What became of the last of *lines*, and what was written."""
        self.said.clear()
        outcomes = [self.console.push(line) for line in lines]
        return outcomes[-1], "".join(self.said)

    def test_values(self) -> None:
        """The value of an expression is shown, None is not, and ``_`` is the last one."""
        self.assertEqual(self.push("thing * 7"), (Outcome.DONE, "42\n"))
        self.assertEqual(self.push("_ + 1"), (Outcome.DONE, "43\n"))
        self.assertEqual(self.push("None"), (Outcome.DONE, ""))
        self.assertEqual(
            self.push("print('a'); print('b', file=__import__('sys').stderr)"), (Outcome.DONE, "a\nb\n")
        )

    def test_blocks(self) -> None:
        """A block goes on until a blank line."""
        self.assertEqual(self.push("for n in range(2):")[0], Outcome.MORE)
        self.assertEqual(self.push("    n")[0], Outcome.MORE)
        self.assertTrue(self.console.is_open)
        self.assertEqual(self.push(""), (Outcome.DONE, "0\n1\n"))
        self.push("def f(x):", "    return x", "")
        self.assertEqual(self.push("f(3)"), (Outcome.DONE, "3\n"))
        self.push("if True:")
        self.console.forget()
        self.assertFalse(self.console.is_open)

    def test_where_a_file_ends_a_block(self) -> None:
        """A line at the margin ends a complete block, unless it belongs to it."""
        self.push("try:", "    1/0")
        self.assertFalse(self.console.ends_before("except ZeroDivisionError:"))
        self.assertFalse(self.console.ends_before("    more"))
        self.push("except ZeroDivisionError:", "    print('no')")
        self.assertTrue(self.console.ends_before("print('x')"))
        self.console.forget()
        self.push("thing = (1,")
        self.assertFalse(self.console.ends_before("2)"))
        self.console.forget()
        self.assertFalse(self.console.ends_before("1"))

    def test_exceptions(self) -> None:
        """A traceback begins with the statement, and shows its line."""
        outcome, text = self.push("def f():", "    1/0", "", "f()")
        self.assertEqual(outcome, Outcome.FAILED)
        self.assertRegex(
            text, r"(?s)^Traceback .*line 1, in <module>\n    f\(\)\n.*in f\n    1/0\n.*ZeroDivisionError"
        )
        self.assertNotIn("console.py", text)
        self.assertEqual(self.push("x = = 1")[0], Outcome.FAILED)
        self.assertIn("SyntaxError", "".join(self.said))
        self.assertEqual(self.push("raise GeneratorExit")[0], Outcome.FAILED)
        self.assertEqual(self.push("raise KeyboardInterrupt"), (Outcome.FAILED, "KeyboardInterrupt\n"))

    def test_what_can_not_be_shown(self) -> None:
        """Objects and exceptions without a text do no harm."""
        self.names.update(nasty=Nasty(), Unspeakable=Unspeakable)
        outcome, text = self.push("nasty")
        self.assertEqual((outcome, "no repr" in text), (Outcome.FAILED, True))
        outcome, text = self.push("raise Unspeakable")
        self.assertEqual((outcome, "Unspeakable" in text), (Outcome.FAILED, True))

    def test_the_end(self) -> None:
        """``exit()`` ends the session and nothing else; there is nothing to be read."""
        self.assertEqual(self.push("raise SystemExit(1)")[0], Outcome.LEFT)
        self.assertEqual(self.push("exit()")[0], Outcome.LEFT)
        self.assertEqual(self.push("input()")[0], Outcome.FAILED)
        self.assertIn("EOFError", "".join(self.said))

    def test_nobody_reads(self) -> None:
        """A statement that prints for ever ends when nobody takes what it prints, whatever it catches."""

        def write(text: str) -> None:
            raise ClientGone

        console = Console({}, write)
        for line in (
            "while True:",
            "    try:",
            "        print('x')",
            "    except Exception:",
            "        pass",
        ):
            console.push(line)
        self.assertEqual(console.push(""), Outcome.LEFT)

    def test_streams_are_borrowed(self) -> None:
        """Other threads print where they always do, and afterwards everything is as before."""
        before = (sys.stdin, sys.stdout, sys.stderr, sys.displayhook)
        written: list[str] = []

        class Other:
            def write(self, text: str) -> int:
                written.append(text)
                return len(text)

        self.patch(sys, "stdout", Other())

        def elsewhere() -> None:
            thread = threading.Thread(target=lambda: print("elsewhere"))
            thread.start()
            thread.join()

        self.names["elsewhere"] = elsewhere
        self.assertEqual(self.push("print('here'); elsewhere()"), (Outcome.DONE, "here\n"))
        self.assertEqual("".join(written), "elsewhere\n")
        self.assertEqual((sys.stdin, sys.stderr, sys.displayhook), (before[0], before[2], before[3]))
        self.assertIsInstance(sys.stdout, Other)

    def test_completion(self) -> None:
        """Names that statements made are known."""
        self.push("something = 1")
        self.assertEqual(self.console.complete("somet").candidates, ("something",))
