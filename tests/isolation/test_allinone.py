"""The jail of the option namespace: who is born in it, how it is furnished, when it is over."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.errors import KernelError
from uwsgid.isolation.allinone import JAIL_PID, Warden, furnish, live_in_jail
from uwsgid.isolation.options import AllInOne
from uwsgid.isolation.refork import Heard
from uwsgid.testing import MemoryKernel
from uwsgid.testing.kernel import Exited


def jail(lines: str) -> AllInOne:
    return settings_of(lines)[AllInOne]


class FirstChild(MemoryKernel):
    """A kernel in which the child of a fork is the first process of its namespace."""

    def getpid(self) -> int:
        return 1


class WardenTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.kernel = MemoryKernel(uid=0, gid=0)
        self.said: list[str] = []
        self.environ: dict[str, str] = {}
        self.hooks: list[str] = []
        self.pauses: list[float] = []
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        self.addCleanup(signal.pthread_sigmask, signal.SIG_SETMASK, before)
        for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM):
            self.addCleanup(signal.signal, number, signal.getsignal(number))

    def warden(self, listen: Callable[[], Heard], *, exit_on_reload: bool = False) -> Warden:
        self.kernel.add_file("/proc/self/ns/pid")
        return Warden(
            self.kernel,
            self.said.append,
            lambda: self.hooks.append(self.environ[JAIL_PID]),
            self.environ,
            frozenset({signal.SIGINT}),
            exit_on_reload,
            listen=listen,
            pause=self.pauses.append,
            clock=lambda: 0.0,
        )

    def lives(self, *codes: int, heard: tuple[int, ...] = (), exit_on_reload: bool = False) -> int:
        """What the process outside exits with, whose children end with these codes, one after the other."""
        self.kernel.forks = [100 + number for number in range(len(codes))]
        for number, code in enumerate(codes):
            self.kernel.ended[100 + number] = (os.CLD_EXITED, code)
        signals = iter((*heard, *(signal.SIGCHLD for _ in codes)))
        with self.assertRaises(Exited) as caught:
            live_in_jail(
                jail("namespace = /jail"),
                self.warden(lambda: Heard(next(signals)), exit_on_reload=exit_on_reload),
            )
        return int(caught.exception.code)

    def test_respawning(self) -> None:
        """Somebody is kept alive in the jail, with the hooks of post-jail outside, until it is in vain."""
        self.assertEqual(self.lives(0, 5, 1), 1)
        self.assertEqual(self.hooks, ["100", "101", "102"])
        self.assertEqual(self.said.count("*** jailing uWSGI in /jail ***"), 3)
        self.assertIn("pid 100 ended. Respawning...", self.said)
        self.assertEqual(self.pauses, [1.0, 1.0])

    def test_our_own_pids(self) -> None:
        """Each child is the first of a namespace of its own; our next children are ours again."""
        self.lives(0, 1)
        self.assertEqual(
            [call[0] for call in self.kernel.calls if call[0] in ("unshare", "fork", "setns")],
            ["unshare", "fork", "setns"] * 2,
        )

    def test_the_end(self) -> None:
        """exit-on-reload takes 0 for the end, and a signal that ends is not followed by a new life."""
        self.assertEqual(self.lives(0, exit_on_reload=True), 0)
        self.assertEqual(self.lives(7, heard=(signal.SIGINT,)), 7)
        self.assertEqual([call for call in self.kernel.calls if call[0] == "kill"], [("kill", "100", "2")])

    def test_inside(self) -> None:
        """The first process gets host name, IPC and mounts of its own, and dies with the one outside."""
        self.kernel = FirstChild(uid=0, gid=0)
        self.kernel.forks = [0, 0]
        for lines, flags in (("", 0x0C020000), ("namespace-net = x", 0x4C020000)):
            self.kernel.calls.clear()
            live_in_jail(jail(f"namespace = /jail\n{lines}"), self.warden(lambda: Heard(0)))
            self.assertEqual(
                self.kernel.calls[-3:],
                [
                    ("set_parent_death_signal", "9"),
                    ("unshare", hex(flags)),
                    ("mount", "none", "/", "none", "0x44000", ""),
                ],
            )

    def test_no_namespace(self) -> None:
        """Whoever is not the first process has no jail, and must not go on."""
        self.kernel.forks = [0]
        with self.assertRaisesRegex(KernelError, "your kernel does not support linux pid namespace"):
            live_in_jail(jail("namespace = /jail"), self.warden(lambda: Heard(0)))


class FurnitureTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.kernel = MemoryKernel(uid=0, gid=0)
        self.kernel.mounts["/.uwsgi_ns_tmp_mountpoint"] = ("", "")
        self.kernel.add_file("/.uwsgi_ns_tmp_mountpoint")
        self.said: list[str] = []

    def furnish(self, lines: str) -> list[str]:
        furnish(jail(lines), self.kernel, self.said.append)
        return [" ".join(call).rstrip() for call in self.kernel.calls]

    def test_a_directory(self) -> None:
        """A directory becomes the root, with a proc of its own and what is kept, and the old one goes."""
        self.assertEqual(
            self.furnish(
                "namespace = /jail:shop\nnamespace-keep-mount = /jail/data\nnamespace-keep-mount = /srv:/srv"
            ),
            [
                "sethostname shop",
                "chdir /jail",
                "mount /jail /jail none 0x5000",
                "chdir /jail",
                "mkdir .uwsgi_ns_tmp_mountpoint 0o700",
                "pivot_root . .uwsgi_ns_tmp_mountpoint",
                "chdir /",
                "mount proc /proc proc 0x0",
                "mount /.uwsgi_ns_tmp_mountpoint/jail/data /data none 0x5000",
                "mount /.uwsgi_ns_tmp_mountpoint/srv /srv none 0x5000",
                "umount /.uwsgi_ns_tmp_mountpoint 0x2",
                "rmdir /.uwsgi_ns_tmp_mountpoint",
            ],
        )

    def test_a_directory_that_was_left(self) -> None:
        """What somebody left who was killed is no obstacle, unlike in uWSGI."""
        self.kernel.add_file("/jail/.uwsgi_ns_tmp_mountpoint")
        self.assertIn("pivot_root . .uwsgi_ns_tmp_mountpoint", self.furnish("namespace = /jail"))

    def test_the_root(self) -> None:
        """A jail in / has a proc of its own, and all mounts."""
        self.assertEqual(self.furnish("ns = /"), ["chdir /", "mount proc /proc proc 0x0"])

    def test_failures(self) -> None:
        """A directory that is not there, and one that can not be written."""
        for call, number, said in (
            ("chdir", errno.ENOENT, r"chdir\(\): No such file or directory \[namespace /jail\]"),
            ("mkdir", errno.EROFS, r"mkdir\(\): Read-only file system \[/jail/.uwsgi_ns_tmp_mountpoint\]"),
            ("mount", errno.EPERM, r"mount\(\): Operation not permitted \[/jail on itself\]"),
        ):
            self.kernel.fail(call, number)
            with self.assertRaisesRegex(KernelError, said):
                self.furnish("namespace = /jail")
