"""Pid files on the way up, and after a start that failed."""

from __future__ import annotations

import errno

from tests.door.support import SEED, SERVED, BootCase
from uwsgid.door.command import RELOADS
from uwsgid.door.pidfiles import rewrite_pidfiles
from uwsgid.errors import KernelError


class FailureTests(BootCase):
    def test_safe_pidfiles(self) -> None:
        """A safe-pidfile goes away with a start that fails, a pidfile stays."""
        self.kernel.fail("bind", errno.EADDRINUSE)
        with self.assertRaisesRegex(KernelError, "Address already in use"):
            self.boot(*SERVED, "--pidfile", "/a", "--safe-pidfile", "/b", "--safe-pidfile2", "/c")
        self.assertEqual(self.steps("unlink"), ["unlink /b", "unlink /c"])
        self.assertEqual(self.kernel.files["/a"].content, b"4711\n")

    def test_safe_pidfiles_of_a_reload(self) -> None:
        """A reload that fails leaves the files of the instance alone."""
        self.environ[RELOADS] = "0"
        self.kernel.fail("bind", errno.EADDRINUSE)
        with self.assertRaises(KernelError):
            self.boot(*SERVED, "--safe-pidfile", "/b")
        self.assertEqual(self.steps("unlink"), [])

    def start_twice(self, option: str, content: bytes) -> bytes:
        """What *option*'s file says after a start that failed, having said *content* before."""
        self.environ.clear()
        self.kernel.add_file("/run/a.pid", content=content)
        self.kernel.fail("bind", errno.EADDRINUSE)
        with self.assertRaises(KernelError):
            self.boot(*SERVED, option, "/run/a.pid")
        return bytes(self.kernel.files["/run/a.pid"].content)

    def test_who_lives_is_named_again(self) -> None:
        """A second start by mistake does not take the pid file away from the running instance."""
        for option in ("--pidfile", "--safe-pidfile"):
            self.assertEqual(self.start_twice(option, b"99\n"), b"99\n")
        self.assertEqual([call for call in self.kernel.calls if call[0] == "kill"], [("kill", "99", "0")] * 2)

    def test_somebody_else_lives(self) -> None:
        """A process that we may not signal lives."""
        self.kernel.fail("kill", errno.EPERM)
        self.assertEqual(self.start_twice("--pidfile", b"99\n"), b"99\n")

    def test_the_dead_are_not_named_again(self) -> None:
        """A process that is gone, nonsense and our own number are nobody."""
        for content in (b"99\n", b"nonsense", b"0", b"-5", b"4711\n"):
            if content == b"99\n":
                self.kernel.fail("kill", errno.ESRCH)
            self.assertEqual(self.start_twice("--pidfile", content), b"4711\n")


class RewritingTests(BootCase):
    def content(self, path: str) -> bytes:
        return bytes(self.kernel.files[path].content)

    def test_who_stands_outside(self) -> None:
        """What is written again names whom it named: the process outside, and the one inside."""
        self.kernel.forks = [0, SEED]
        booted = self.boot(*SERVED, "--pidfile", "/a", "--pidfile2", "/b", "--refork-as-root")
        self.assertEqual((self.content("/a"), self.content("/b")), (b"4711\n", b"4712\n"))
        self.kernel.write_file("/a", b"")
        rewrite_pidfiles(booted)
        self.assertEqual((self.content("/a"), self.content("/b")), (b"4711\n", b"4712\n"))

    def test_after_a_reload(self) -> None:
        """A new image knows from the file whom it names; without one it is itself."""
        self.environ[RELOADS] = "0"
        self.kernel.add_file("/a", content=b"99\n")
        booted = self.boot(*SERVED, "--pidfile", "/a", "--pidfile2", "/b")
        rewrite_pidfiles(booted)
        self.assertEqual((self.content("/a"), self.content("/b")), (b"99\n", b"4711\n"))
