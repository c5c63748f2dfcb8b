"""The master FIFO."""

from __future__ import annotations

import os
import socket
import stat
from functools import partial

from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.errors import KernelError
from uwsgid.master.fifo import Fifo, FifoFiles
from uwsgid.testing import MemoryReactor


class Orders(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = self.mktemp()
        os.mkdir(self.folder)
        self.reactor = MemoryReactor()
        self.lines: list[str] = []
        self.given: list[str] = []

    def path(self, name: str = "fifo") -> str:
        return os.path.join(self.folder, name)

    def open(self, *names: str) -> Fifo:
        fifo = Fifo(
            self.reactor,
            tuple(self.path(name) for name in names or ("fifo",)),
            {letter: partial(self.given.append, letter) for letter in "rqQ+"},
            self.lines.append,
        )
        self.addCleanup(fifo.stop)
        fifo.start()
        return fifo

    def write(self, data: bytes, name: str = "fifo") -> None:
        """Write as a shell does: open, write, close."""
        descriptor = os.open(self.path(name), os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(descriptor, data)
        finally:
            os.close(descriptor)
        self.reactor.poll()

    def test_pipe(self) -> None:
        """The pipe is for its owner alone, and gone after the stop."""
        fifo = self.open()
        found = os.stat(self.path())
        self.assertTrue(stat.S_ISFIFO(found.st_mode))
        self.assertEqual(stat.S_IMODE(found.st_mode) & 0o077, 0)
        fifo.stop()
        self.assertEqual((os.path.exists(self.path()), self.reactor.readers, fifo.fileno()), (False, [], -1))
        fifo.stop()

    def test_letters(self) -> None:
        """Each letter is an order, in the order in which they come; other bytes are ignored."""
        self.open()
        self.write(b"r\n\0\xff \xc3\xa9xq+")
        self.assertEqual(self.given, ["r", "q", "+"])

    def test_writers_come_and_go(self) -> None:
        """The end of one writer is not the end of the pipe."""
        self.open()
        for _ in range(3):
            self.write(b"r")
            self.assertFalse(self.reactor.poll())
        self.assertEqual(self.given, ["r", "r", "r"])

    def test_digits(self) -> None:
        """A digit changes to another pipe; the old one is removed."""
        self.open("a", "b")
        self.write(b"1", "a")
        self.assertEqual(self.lines, [f"active master fifo is now {self.path('b')}"])
        self.assertEqual(os.listdir(self.folder), ["b"])
        self.write(b"r0", "b")
        self.write(b"q", "a")
        self.assertEqual((self.given, os.listdir(self.folder)), (["r", "q"], ["a"]))

    def test_digits_that_lead_nowhere(self) -> None:
        """The number of a pipe that is not configured is ignored; that of the active one is only said."""
        self.open("a")
        for digit in (b"7", "\N{SUPERSCRIPT TWO}".encode("latin-1"), b"0"):
            self.write(digit, "a")
        self.assertEqual(self.lines, [f"active master fifo is now {self.path('a')}"])
        self.write(b"r", "a")
        self.assertEqual(self.given, ["r"])

    def test_digit_of_a_path_that_is_taken(self) -> None:
        """Where the other pipe can not be made, the log says why and the present one stays."""
        self.open("a", "b")
        with open(self.path("b"), "w") as file:
            file.write("precious")
        self.write(b"1", "a")
        self.assertIn("exists and is no named pipe", self.lines[0])
        self.write(b"r", "a")
        self.assertEqual(self.given, ["r"])

    def test_left_behind(self) -> None:
        """A pipe that an earlier instance left is made anew."""
        os.mkfifo(self.path(), 0o666)
        before = os.stat(self.path()).st_ino
        other = os.open(self.path(), os.O_RDWR | os.O_NONBLOCK)
        self.addCleanup(os.close, other)
        self.open()
        self.assertNotEqual(os.stat(self.path()).st_ino, before)
        self.write(b"r")
        self.assertEqual(self.given, ["r"])

    def test_precious_things(self) -> None:
        """What is no pipe is never removed, not even a link or a socket."""
        with open(self.path("file"), "w") as file:
            file.write("precious")
        os.symlink("file", self.path("link"))
        os.mkdir(self.path("folder"))
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.path("socket"))
            for name in ("file", "link", "folder", "socket"):
                error = self.assertRaises(KernelError, self.open, name)
                self.assertIn(f"{self.path(name)} exists and is no named pipe", str(error))
        self.assertEqual(sorted(os.listdir(self.folder)), ["file", "folder", "link", "socket"])

    def test_no_folder(self) -> None:
        """A path that can not be made is an error with its reason."""
        error = self.assertRaises(KernelError, self.open, "nowhere/fifo")
        self.assertIn("master-fifo: ", str(error))
        self.assertIn("No such file or directory", str(error))

    def test_replaced(self) -> None:
        """What somebody else put in its place stays when we stop."""
        fifo = self.open()
        os.unlink(self.path())
        with open(self.path(), "w") as file:
            file.write("precious")
        fifo.stop()
        self.assertTrue(os.path.exists(self.path()))

    def test_lost(self) -> None:
        """When the reactor gives up, the pipe goes."""
        self.open().connectionLost(Failure(OSError()))
        self.assertEqual(os.listdir(self.folder), [])

    def test_option(self) -> None:
        """The option may be repeated; ten pipes have a digit."""
        paths = settings_of("master-fifo = a\nmaster-fifo = b")[FifoFiles].paths
        self.assertEqual(tuple(paths), ("a", "b"))
