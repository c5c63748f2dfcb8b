"""Server lines and their prefixes."""

from __future__ import annotations

import socket
import time

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigProblems
from uwsgid.logs.lines import VERBOSE_LIMIT, Lines, encode
from uwsgid.logs.writing import writer

NOW = 1378203072.5


def said(config: str, *texts: str, verbose: bool = False) -> bytes:
    written: list[bytes] = []
    lines = Lines(settings_of(config), written.append, clock=lambda: NOW)
    for text in texts:
        (lines.say_verbose if verbose else lines.say)(text)
    return b"".join(written)


class PrefixTests(SynchronousTestCase):
    def test_no_date_leaves_the_text_alone(self) -> None:
        """Without logdate a line is its text and a newline."""
        self.assertEqual(said("", "spawned uWSGI worker 1"), b"spawned uWSGI worker 1\n")

    def test_every_way_to_say_true_means_ctime(self) -> None:
        """A bare logdate and the words for true give the 24 letters of ctime."""
        expected = f"{time.ctime(NOW)} - up\n".encode()
        for config in ("logdate", "logdate = true", "log-date = 1", "log-prefix = On", "logdate = yes"):
            self.assertEqual(said(config, "up"), expected, config)
        self.assertEqual(len(expected), 24 + len(" - up\n"))

    def test_a_format_is_used(self) -> None:
        """Any other value is a strftime format."""
        expected = time.strftime("[%Y-%m-%d]", time.localtime(NOW))
        self.assertEqual(said("logdate = [%Y-%m-%d]", "up"), f"{expected} - up\n".encode())

    def test_a_format_makes_64_bytes_at_most(self) -> None:
        """What a format makes is cut at 64 bytes, as in 1.9.16."""
        self.assertEqual(said("logdate = " + "x" * 100, "up"), b"x" * 64 + b" - up\n")

    def test_false_means_no_date(self) -> None:
        """logdate = false is no date, not the word."""
        self.assertEqual(said("logdate = false", "up"), b"up\n")

    def test_verbose_lines_always_carry_the_time(self) -> None:
        """A verbose line has ctime, or the format where one is set."""
        self.assertEqual(said("", "up", verbose=True), f"{time.ctime(NOW)} - up\n".encode())
        self.assertEqual(said("logdate = %%", "up", verbose=True), b"% - up\n")

    def test_verbose_lines_are_cut(self) -> None:
        """A verbose line is 4096 bytes at most and still ends with a newline; others are not cut."""
        line = said("", "x" * 5000, verbose=True)
        self.assertEqual((len(line), line[-1:]), (VERBOSE_LIMIT, b"\n"))
        self.assertEqual(len(said("", "x" * 5000)), 5001)

    def test_a_bad_format_is_a_problem_of_the_configuration(self) -> None:
        """A format that strftime refuses is told with its place."""
        error = self.assertRaises(ConfigProblems, settings_of, "logdate = a\x00b")
        self.assertIn("lines:1: logdate: ", str(error))


class WriteTests(SynchronousTestCase):
    def test_a_line_is_one_write(self) -> None:
        """A line of several lines stays one record on the pipe."""
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(mine.close)
        self.addCleanup(theirs.close)
        Lines(settings_of(), writer(theirs.fileno())).say("one\ntwo")
        self.assertEqual(mine.recv(100), b"one\ntwo\n")

    @given(st.text(st.characters()))
    def test_any_text_can_be_encoded(self, text: str) -> None:
        """No text, lone surrogates included, stops a line."""
        self.assertIsInstance(encode(text), bytes)
