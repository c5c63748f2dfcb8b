"""What ``uwsgid manhole …`` means."""

from __future__ import annotations

import io
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Sequence
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import ConfigError
from uwsgid.manhole import commands
from uwsgid.manhole.commands import UsageError, Wish, main, place_of, read_words, ssh_command
from uwsgid.manhole.options import Place
from uwsgid.manhole.verdict import UNREACHABLE

HOLE = Place("unix", path="/run/site.hole")
SSH = Place("ssh", host="127.0.0.1", port=2222)


def nowhere(config: str) -> Sequence[Place]:
    return ()


class WordsTests(SynchronousTestCase):
    def test_words(self) -> None:
        """The options stand before or behind the address."""
        self.assertEqual(read_words(["site.ini"]), Wish("site.ini"))
        self.assertEqual(
            read_words(["--worker", "2", "site.ini", "-c", "workers"]), Wish("site.ini", 2, "workers")
        )

    def test_nonsense(self) -> None:
        """What means nothing is named."""
        for words, part in (
            ([], "the address or the configuration is missing"),
            (["--worker"], "--worker needs a value"),
            (["--worker", "0", "a"], "from 1, got '0'"),
            (["-c"], "-c needs a value"),
            (["--workers", "2", "site.ini"], "the option --workers is not known"),
            (["site.ini", "other.ini"], "'other.ini' means nothing here"),
        ):
            self.assertIn(part, str(self.assertRaises(UsageError, read_words, words)))


class PlaceTests(SynchronousTestCase):
    def find(self, where: str, places: Sequence[Place] = (), worker: int = 0) -> Place:
        return place_of(Wish(where, worker), lambda config: places)

    def test_addresses(self) -> None:
        """As the option has them, as a path, or as a configuration has them, where a socket is preferred."""
        self.assertEqual(self.find("unix:/run/site.hole"), HOLE)
        self.assertEqual(self.find("ssh:127.0.0.1:2222"), SSH)
        self.assertEqual(self.find("site.ini", places=(SSH, HOLE)), HOLE)
        self.assertEqual(self.find("site.ini", places=(SSH,)), SSH)
        self.assertEqual(self.find("site.ini", places=(HOLE,), worker=3).path, "/run/site.hole.worker3")
        self.assertEqual(self.find("site.ini", places=(SSH,), worker=3), SSH)
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(f"{folder}/a")
            self.assertEqual(self.find(f"{folder}/a").path, f"{folder}/a")

    def test_none(self) -> None:
        """Where there is none, the text says what to add."""
        self.assertIn("manhole = unix:", str(self.assertRaises(ConfigError, self.find, "site.ini")))
        self.assertIn("expected an address", str(self.assertRaises(UsageError, self.find, "ssh:nowhere")))

    def test_ssh(self) -> None:
        """For ssh the program is run, to this machine where every address is meant; a worker is a user."""
        self.assertEqual(ssh_command(SSH, Wish("")), ["ssh", "-p", "2222", "127.0.0.1"])
        self.assertEqual(
            ssh_command(Place("ssh", host="::", port=22), Wish("", worker=2, code="threads()")),
            ["ssh", "-p", "22", "-l", "worker2", "::1", "--", "threads()"],
        )


class MainTests(SynchronousTestCase):
    def run_main(self, *words: str) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        with patch.object(sys, "stdout", out), patch.object(sys, "stderr", err):
            code = main(words, nowhere)
        return code, out.getvalue(), err.getvalue()

    def test_help(self) -> None:
        """It explains itself."""
        self.assertEqual(self.run_main("--help")[:2], (0, commands.USAGE))
        self.assertEqual(self.run_main()[0], UNREACHABLE)

    def test_errors(self) -> None:
        """An error is a line, not a traceback; a mistake in the words shows how they go."""
        code, _, text = self.run_main("--worker", "x", "site.ini")
        self.assertEqual((code, commands.USAGE in text), (2, True))
        code, _, text = self.run_main("unix:/nonexistent/site.hole")
        self.assertEqual(code, 2)
        self.assertIn("no manhole answers at /nonexistent/site.hole: No such file", text)
        self.assertIn("manhole-workers = true", self.run_main("--worker", "2", "unix:/nonexistent/a")[2])
        self.assertIn("opens no manhole", self.run_main("site.ini")[2])

    def test_ssh(self) -> None:
        """The program ssh takes over, where there is one."""
        with patch.object(os, "execv") as execute, patch.object(shutil, "which", return_value="/usr/bin/ssh"):
            execute.side_effect = SystemExit(0)
            self.assertRaises(SystemExit, main, ["ssh:127.0.0.1:2222"], nowhere)
            execute.assert_called_once_with("/usr/bin/ssh", ["ssh", "-p", "2222", "127.0.0.1"])
            self.assertRaises(SystemExit, main, ["--worker", "2", "ssh:127.0.0.1:2222"], nowhere)
            execute.assert_called_with("/usr/bin/ssh", ["ssh", "-p", "2222", "-l", "worker2", "127.0.0.1"])
        with patch.object(shutil, "which", return_value=None):
            self.assertIn("openssh-client", self.run_main("ssh:127.0.0.1:2222")[2])
