"""Standard streams of several statements at a time."""

from __future__ import annotations

import io
import sys
import threading

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.manhole.streams import borrowed


def nothing(value: object) -> None:
    """Shows no value."""


class StreamsTests(SynchronousTestCase):
    def test_two_at_a_time(self) -> None:
        """Each thread has its own, and the originals come back when the last is through."""
        original = sys.stdout
        said: dict[str, list[str]] = {"a": [], "b": []}
        started, go_on = threading.Event(), threading.Event()

        def run() -> None:
            with borrowed(said["b"].append, nothing):
                started.set()
                go_on.wait(10)
                sys.stdout.writelines(["b", "\n"])

        thread = threading.Thread(target=run)
        with borrowed(said["a"].append, nothing):
            thread.start()
            started.wait(10)
            print("a")
        self.assertIsNot(sys.stdout, original)
        go_on.set()
        thread.join(10)
        self.assertIs(sys.stdout, original)
        self.assertEqual(("".join(said["a"]), "".join(said["b"])), ("a\n", "b\n"))

    def test_manners(self) -> None:
        """They are no terminal, flush, take text only, and have the rest of what they stand for."""
        said: list[str] = []
        self.patch(sys, "stdin", io.StringIO("one\ntwo\n"))
        with borrowed(said.append, nothing):
            self.assertFalse(sys.stdout.isatty())
            sys.stdout.flush()
            self.assertRaises(TypeError, sys.stdout.write, b"bytes")
            self.assertIsNotNone(sys.stdout.encoding)
            self.assertEqual((sys.stdin.read(), sys.stdin.readline(), list(sys.stdin)), ("", "", []))
            found: list[str] = []
            thread = threading.Thread(target=lambda: found.extend(sys.stdin))
            thread.start()
            thread.join(10)
        self.assertEqual((found, said), (["one\n", "two\n"], []))

    def test_nothing_is_closed(self) -> None:
        """A statement closes nothing that belongs to the process; ``exit()`` would close standard input."""
        originals = {name: io.StringIO("one\n") for name in ("stdin", "stdout", "stderr")}
        for name, stream in originals.items():
            self.patch(sys, name, stream)
        with borrowed(lambda text: None, nothing):
            for name in originals:
                getattr(sys, name).close()
            self.assertRaises(SystemExit, exit)
            self.assertEqual([stream.closed for stream in originals.values()], [False] * 3)
            streams = [sys.stdin, sys.stdout]
            thread = threading.Thread(target=lambda: [stream.close() for stream in streams])
            thread.start()
            thread.join(10)
        self.assertEqual([stream.closed for stream in originals.values()], [True, True, False])

    def test_somebody_stays(self) -> None:
        """A stream that a statement put there for good stays there."""
        mine = io.StringIO()
        before = sys.stdout
        try:
            with borrowed(lambda text: None, nothing):
                sys.stdout = mine
            self.assertIs(sys.stdout, mine)
        finally:
            sys.stdout = before
