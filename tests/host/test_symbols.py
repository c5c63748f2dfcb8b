"""Functions of C by their names."""

from __future__ import annotations

import errno
import os
import signal

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.host.symbols import find_symbol, handle_signal


class SymbolTests(SynchronousTestCase):
    def test_calls(self) -> None:
        """A function takes numbers and texts, and returns an int."""
        absolute, number, here = find_symbol("abs"), find_symbol("atoi"), find_symbol("getpid")
        assert absolute is not None and number is not None and here is not None
        self.assertEqual((absolute(-3), number("42"), here()), (3, 42, os.getpid()))

    def test_missing(self) -> None:
        """A name that nobody has is no function."""
        self.assertIsNone(find_symbol("uwsgid_no_such_function"))
        self.assertIsNone(find_symbol("a\0b"))
        self.assertFalse(handle_signal(signal.SIGUSR2, "uwsgid_no_such_function"))

    def test_bad_signal(self) -> None:
        """What the kernel refuses is an error."""
        error = self.assertRaises(OSError, handle_signal, signal.SIGKILL, "abs")
        self.assertEqual(error.errno, errno.EINVAL)
