"""A socket that hands descriptors out."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import KernelError
from uwsgid.supervise.handing import Handing, bind
from uwsgid.testing import MemoryReactor


class HandingCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.here = os.getcwd()
        os.chdir(self.folder)  # the path of a socket must be short
        self.addCleanup(os.chdir, self.here)
        self.reactor = MemoryReactor()
        self.lines: list[str] = []

    def hand(self, *descriptors: int, is_ours: bool = True) -> Handing:
        """A socket ``s`` that hands these out."""
        handing = Handing(
            self.reactor,
            bind("zerg-server", "s"),
            b"name1234",
            descriptors,
            self.lines.append,
            is_ours=is_ours,
        )
        handing.start()
        self.addCleanup(handing.stop)
        return handing


class BindTests(HandingCase):
    def test_in_the_place_of_a_dead_one(self) -> None:
        """A socket that somebody left is replaced."""
        bind("zerg-server", "s").close()
        with bind("zerg-server", "s") as listener:
            self.assertEqual(listener.getsockname(), "s")

    def test_something_else(self) -> None:
        """A file that is no socket stays, and the error says what to do."""
        Path("s").write_text("precious")
        error = self.assertRaises(KernelError, bind, "zerg-server", "s")
        self.assertIn("zerg-server: s exists and is no socket", str(error))
        self.assertEqual(Path("s").read_text(), "precious")

    def test_refused(self) -> None:
        """What the kernel refuses is told with option and path."""
        error = self.assertRaises(KernelError, bind, "zerg-server", "nowhere/s")
        self.assertEqual(str(error), "zerg-server: nowhere/s: No such file or directory")

    def test_mode(self) -> None:
        """The file has its mode from the first moment, and the umask is as before."""
        before = os.umask(0o22)
        self.addCleanup(os.umask, before)
        with bind("emperor-proxy-socket", "s", 0o600):
            self.assertEqual(os.stat("s").st_mode & 0o777, 0o600)
        self.assertEqual(os.umask(0o22), 0o22)

    def test_abstract(self) -> None:
        """A name with @ has no file."""
        with bind("zerg-server", f"@uwsgid-{os.getpid()}-handing") as listener:
            self.assertEqual(listener.getsockname()[:1], b"\0")
        self.assertEqual(os.listdir("."), [])


class AnswerTests(HandingCase):
    def ask(self) -> tuple[bytes, list[int]]:
        """What somebody gets who connects."""
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect("s")
            self.reactor.poll()
            message, fds, _, _ = socket.recv_fds(asking, 100, 8)
            self.assertEqual(asking.recv(1), b"")
        for fd in fds:
            self.addCleanup(os.close, fd)
        return message, fds

    def test_descriptors(self) -> None:
        """Everybody who connects gets the message and copies of the descriptors, then the end."""
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        self.hand(writing)
        for _ in range(3):
            message, fds = self.ask()
            self.assertEqual((message, len(fds)), (b"name1234", 1))
            os.write(fds[0], b"x")
        os.close(writing)
        self.assertEqual(os.read(reading, 10), b"xxx")

    def test_many_at_once(self) -> None:
        """Several who wait are answered in one go; one who left again harms nobody."""
        reading, writing = os.pipe()
        for fd in (reading, writing):
            self.addCleanup(os.close, fd)
        self.hand(writing)
        waiting = [socket.socket(socket.AF_UNIX) for _ in range(3)]
        for asking in waiting:
            asking.connect("s")
        waiting.pop(0).close()
        self.reactor.poll()
        for asking in waiting:
            with asking:
                message, fds, _, _ = socket.recv_fds(asking, 100, 8)
                self.assertEqual(message, b"name1234")
                for fd in fds:
                    os.close(fd)

    def test_stop(self) -> None:
        """The file goes with the socket, but not somebody else's in its place, nor one that is not ours."""
        handing = self.hand()
        handing.stop()
        handing.stop()
        self.assertEqual((os.path.exists("s"), self.reactor.readers), (False, []))
        handing = self.hand()
        os.unlink("s")
        Path("s").write_text("another")
        handing.stop()
        self.assertTrue(os.path.exists("s"))
        os.unlink("s")
        self.hand(is_ours=False).stop()
        self.assertTrue(os.path.exists("s"))
