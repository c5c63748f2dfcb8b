"""`uwsgid.tuntap.commands`: ``uwsgid tuntap …``."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.tuntap.test_following import BLOCKS, HEAD, Pieces
from tests.tuntap.test_showing import document, peer
from uwsgid.errors import PeerError
from uwsgid.testing.packets import PLAIN
from uwsgid.tuntap import asking
from uwsgid.tuntap.commands import Commands


class Terminal(io.StringIO):
    """Where a person reads."""

    def isatty(self) -> bool:
        return True


class Closing(Pieces):
    """A stream of a capture."""

    closed = False

    def close(self) -> None:
        """It is not followed any more."""
        self.closed = True


class CommandsTests(SynchronousTestCase):
    """The commands ask a router and print what it says."""

    def setUp(self) -> None:
        """A router that answers, and three places to write to."""
        self.out, self.err, self.binary = io.StringIO(), io.StringIO(), io.BytesIO()
        self.asked: list[tuple[str, ...]] = []
        self.said: Any = document(peer("192.168.0.2"))
        self.stream = Closing(HEAD + b"".join(BLOCKS))
        self.slept: list[float] = []
        self.patch(asking, "document", self.document)
        self.patch(asking, "capture", self.capture)

    def document(self, address: str) -> Any:
        """The router's statistics."""
        self.asked.append((address,))
        if isinstance(self.said, Exception):
            raise self.said
        return self.said

    def capture(self, address: str, filter: str) -> Closing:
        """The router's capture."""
        self.asked.append((address, filter))
        return self.stream

    def run_words(self, text: str, out: io.StringIO | None = None) -> int:
        """Run a command line."""
        return Commands(out or self.out, self.err, self.binary, sleep=self.sleep).run(text.split())

    def sleep(self, seconds: float) -> None:
        """Rest, and be interrupted the third time."""
        self.slept.append(seconds)
        if len(self.slept) == 3:
            raise KeyboardInterrupt

    def test_rules(self) -> None:
        """The chains are printed."""
        self.assertEqual(self.run_words("rules /run/stats"), 0)
        self.assertIn("tuntap-router-firewall-in: no rules", self.out.getvalue())
        self.assertEqual(self.asked, [("/run/stats",)])

    def test_top_once(self) -> None:
        """Where nobody watches, the peers are printed once, or as often as is said."""
        self.assertEqual(self.run_words("top /run/stats"), 0)
        self.assertEqual(self.out.getvalue().count("192.168.0.2"), 1)
        self.assertEqual(self.run_words("top /run/stats -n 2 -d 0.5"), 0)
        self.assertEqual(self.slept, [0.5])
        self.assertNotIn("\x1b", self.out.getvalue())

    def test_top_a_few_times_on_a_terminal(self) -> None:
        """A person who says how often gets tables one below the other, and no screen."""
        for text, times in (("top /run/stats --once", 1), ("top /run/stats -n 2", 2)):
            screen = Terminal()
            self.assertEqual(self.run_words(text, screen), 0)
            self.assertEqual(screen.getvalue().count("192.168.0.2"), times)
            self.assertNotIn("\x1b[?1049h", screen.getvalue())
        self.assertEqual(self.slept, [1.0])

    def test_top_until_interrupted(self) -> None:
        """Without an end there is one by Ctrl-C, and nobody asks again and again without a rest."""
        self.assertEqual(self.run_words("top /run/stats -n 0 -d 0"), 0)
        self.assertEqual(self.out.getvalue().count("192.168.0.2"), 3)
        self.assertEqual(self.slept, [0.1] * 3)

    def test_capture_lines(self) -> None:
        """Without a file there are lines, and the router sends no more than they tell."""
        self.assertEqual(self.run_words("capture /run/stats tcp or udp"), 0)
        self.assertEqual(self.asked, [("/run/stats", "snap 128 tcp or udp")])
        self.assertEqual(len(self.out.getvalue().splitlines()), len(PLAIN))
        self.assertEqual(self.err.getvalue(), f"capturing what crosses emperor0\n{len(PLAIN)} packets\n")
        self.assertTrue(self.stream.closed)

    def test_capture_file(self) -> None:
        """A file has the packets, and is for nobody else to read."""
        path = self.mktemp()
        self.assertEqual(self.run_words(f"capture /run/stats -w {path} -c 2 snap 96 tcp"), 0)
        data = Path(path).read_bytes()
        self.assertTrue(data.endswith(BLOCKS[0] + BLOCKS[1]))
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual(self.asked, [("/run/stats", "snap 96 tcp")])
        self.assertEqual(
            (self.out.getvalue(), self.err.getvalue()), ("", "capturing what crosses emperor0\n2 packets\n")
        )

    def test_a_file_stays_where_there_is_no_capture(self) -> None:
        """A file from before is not emptied for a router that does not answer; nor is a capture left open."""
        path = Path(self.mktemp())
        path.write_bytes(b"precious")

        def nobody(address: str, filter: str) -> Closing:
            raise PeerError("no router", status=0)

        self.patch(asking, "capture", nobody)
        self.assertEqual(self.run_words(f"capture /run/stats -w {path}"), 1)
        self.assertEqual(path.read_bytes(), b"precious")
        self.patch(asking, "capture", self.capture)
        self.assertEqual(self.run_words(f"capture /run/stats -w {path.parent}"), 1)
        self.assertTrue(self.stream.closed)

    def test_capture_to_standard_output(self) -> None:
        """The stream may go on to another program."""
        self.assertEqual(self.run_words("capture /run/stats -w -"), 0)
        self.assertTrue(self.binary.getvalue().endswith(b"".join(BLOCKS)))
        self.assertEqual(self.asked, [("/run/stats", "")])

    def test_help(self) -> None:
        """The usage is there for the asking, and for who says nothing."""
        for text, code in (("", 2), ("-h", 0), ("help", 0), ("top --help", 0), ("capture -h", 0)):
            self.assertEqual(self.run_words(text), code)
        self.assertEqual(self.out.getvalue().count("usage: uwsgid tuntap top"), 5)

    def test_the_command(self) -> None:
        """``uwsgid tuntap`` is found without a configuration, and without Twisted."""
        code = "import sys, uwsgid.tuntap.commands; sys.exit('twisted' in sys.modules)"
        self.assertEqual(subprocess.run([sys.executable, "-c", code], timeout=60).returncode, 0)
        words = [sys.executable, "-m", "uwsgid", "tuntap", "rules", f"/nowhere/{os.getpid()}"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("No such file", done.stderr)

    def test_nobody_else_pays_for_rich(self) -> None:
        """Neither an instance with all its parts nor a capture imports what draws tables."""
        code = (
            "import sys, uwsgid.tuntap.commands, uwsgid.door.service, uwsgid.door.catalog as catalog\n"
            "for name in (*catalog.GATEWAYS, 'uwsgid.tuntap.client', 'uwsgid.tuntap.standin'):\n"
            "    __import__(name)\n"
            "sys.exit('rich' in sys.modules)"
        )
        self.assertEqual(subprocess.run([sys.executable, "-c", code], timeout=60).returncode, 0)

    def test_wrong_words(self) -> None:
        """Words that make no sense are named, and nobody is asked anything."""
        for text, words in (
            ("tpo /run/stats", "'tpo'"),
            ("top", "stats address"),
            ("top /run/stats more", "'more'"),
            ("top /run/stats -n", "-n needs a value"),
            ("top /run/stats -n x", "-n needs a number"),
            ("top /run/stats -d -1", "-d needs a number"),
            ("top /run/stats --once -n 2", "--once is -n 1"),
            ("rules /run/stats -n 1", "-n is not known"),
            ("rules /run/stats --once", "--once is not known"),
            ("capture /run/stats tpc", "'tpc'"),
            ("capture /run/stats -c nan", "-c needs a number"),
        ):
            self.assertEqual(self.run_words(text), 2, text)
            self.assertIn(words, self.err.getvalue().splitlines()[0], text)
            self.err.seek(0)
            self.err.truncate()
        self.assertEqual(self.asked, [])

    def test_trouble(self) -> None:
        """What goes wrong is one line, and a reader that left is no trouble."""
        trouble: tuple[tuple[Exception, int, str], ...] = (
            (PeerError("no router", status=0), 1, "uwsgid tuntap: no router\n"),
            (ConnectionRefusedError(111, "Connection refused"), 1, "Connection refused"),
            (BrokenPipeError(), 0, ""),
        )
        for error, code, words in trouble:
            self.said = error
            self.assertEqual(self.run_words("rules /run/stats"), code)
            self.assertIn(words, self.err.getvalue())
