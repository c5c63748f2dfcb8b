"""What a start waits for."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigProblems, KernelError
from uwsgid.host.addresses import parse_address
from uwsgid.host.kernel import Kernel
from uwsgid.host.waits import (
    EVERY,
    PathKind,
    Waits,
    When,
    is_mountpoint,
    wait_for,
    wait_for_interface,
    wait_for_path,
    wait_for_socket,
)
from uwsgid.testing import MemoryKernel


class WaitCase(SynchronousTestCase):
    """A clock that moves when somebody pauses, and things that happen meanwhile."""

    def setUp(self) -> None:
        self.kernel = MemoryKernel(uid=0)
        self.lines: list[str] = []
        self.now = 0.0
        self.pauses = 0
        self.events: dict[int, Callable[[], object]] = {}

    def clock(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds
        self.pauses += 1
        self.events.pop(self.pauses, lambda: None)()

    def path(self, path: str, kind: PathKind, seconds: int = 2) -> None:
        wait_for_path(self.kernel, path, kind, seconds, self.lines.append, pause=self.pause, clock=self.clock)


class PathTests(WaitCase):
    def test_there_already(self) -> None:
        """What is there is not waited for, and nothing is said."""
        self.kernel.add_file("/f")
        self.path("/f", PathKind.FILE)
        self.assertEqual((self.pauses, self.lines), (0, []))

    def test_comes(self) -> None:
        """What comes ends the wait at the next look."""
        self.events[3] = lambda: self.kernel.add_file("/f")
        self.path("/f", PathKind.ANY)
        self.assertEqual(self.pauses, 3)
        self.assertEqual(self.lines, ["waiting for /f (max 2 seconds) ...", "/f is there"])

    def test_never_comes(self) -> None:
        """The limit ends it, with the reason."""
        error = self.assertRaises(KernelError, self.path, "/f", PathKind.ANY)
        self.assertEqual(str(error), "/f unavailable after 2 seconds: No such file or directory")
        self.assertAlmostEqual(self.now, 2, delta=EVERY)

    def test_zero_is_a_minute_as_in_uwsgi(self) -> None:
        """A limit of 0 stands for 60 seconds."""
        error = self.assertRaises(KernelError, self.path, "/f", PathKind.ANY, 0)
        self.assertIn("unavailable after 60 seconds", str(error))

    def test_kinds(self) -> None:
        """A file is no directory and the other way round; uWSGI would not mind."""
        self.kernel.add_file("/f")
        self.kernel.add_file("/d", mode=stat.S_IFDIR | 0o755)
        self.path("/d", PathKind.DIRECTORY)
        for path, kind, said in (
            ("/f", PathKind.DIRECTORY, "it is not a directory"),
            ("/d", PathKind.FILE, "it is not a regular file"),
            ("/f", PathKind.MOUNTPOINT, "it is not a mount point"),
        ):
            error = self.assertRaises(KernelError, self.path, path, kind)
            self.assertEqual(str(error), f"{path} unavailable after 2 seconds: {said}")

    def test_mountpoint(self) -> None:
        """A directory becomes a mount point when its file system is another one than its parent's."""
        self.kernel.add_file("/", mode=stat.S_IFDIR | 0o755)
        mounted = self.kernel.add_file("/m", mode=stat.S_IFDIR | 0o755)
        self.events[2] = lambda: setattr(mounted, "device", 7)
        self.path("/m", PathKind.MOUNTPOINT)
        self.assertEqual(self.pauses, 2)
        self.assertTrue(is_mountpoint(self.kernel, "/"))


class InterfaceTests(WaitCase):
    def wait(self, name: str) -> None:
        wait_for_interface(self.kernel, name, 1, self.lines.append, pause=self.pause, clock=self.clock)

    def test_comes(self) -> None:
        """An interface needs no address."""
        self.events[1] = lambda: self.kernel.interfaces.append(("uwsgi0", ""))
        self.wait("uwsgi0")
        self.assertEqual(self.lines[-1], "interface uwsgi0 is there")

    def test_never_comes(self) -> None:
        """The name is in the error."""
        error = self.assertRaises(KernelError, self.wait, "eth7")
        self.assertEqual(str(error), "interface eth7 unavailable after 1 seconds: No such device")


class SocketTests(WaitCase):
    def wait(self, text: str) -> None:
        wait_for_socket(
            self.kernel, parse_address(text), 1, self.lines.append, pause=self.pause, clock=self.clock
        )

    def test_each_family(self) -> None:
        """Names are resolved, and no descriptor stays, whether it worked or not."""
        for text, peer in (
            ("localhost:3031", "127.0.0.1:3031"),
            ("[::1]:3031", "::1:3031"),
            ("/run/db.sock", "/run/db.sock"),
        ):
            self.kernel.fail("connect", errno.ECONNREFUSED)
            self.wait(text)
            self.assertIn(("connect", peer), self.kernel.calls)
        self.assertEqual((self.kernel.descriptors, self.pauses), ({}, 3))

    def test_unknown_name(self) -> None:
        """A name that nobody resolves is waited for as well."""
        error = self.assertRaises(KernelError, self.wait, "nowhere:1")
        self.assertEqual(
            str(error), "socket nowhere:1 unavailable after 1 seconds: Name or service not known"
        )


class OptionTests(WaitCase):
    def record(self, *methods: str) -> list[str]:
        """The arguments of these methods of the kernel, from now on."""
        looked: list[str] = []

        def recorded(method: Callable[[str], object]) -> Callable[[str], object]:
            def call(argument: str) -> object:
                looked.append(argument)
                return method(argument)

            return call

        for name in methods:
            self.patch(self.kernel, name, recorded(getattr(self.kernel, name)))
        return looked

    def test_moments(self) -> None:
        """Interfaces and paths come before the drop, in this order, and sockets after it."""
        waits = settings_of(
            "wait-for-socket = :3031\nwait-for-mountpoint = /m\nwait-for-dir = /d\nwait-for-file = /f\n"
            "wait-for-fs = /x\nwait-for-iface = eth7\nwait-for-fs-timeout = 1\nwait-iface-timeout = 1\n"
            "wait-for-socket-timeout = 1"
        )[Waits]
        self.kernel.interfaces.append(("eth7", ""))
        for name in ("/x", "/f", "/d", "/m", "/"):
            mode = stat.S_IFREG if name in "/x/f" else stat.S_IFDIR
            self.kernel.add_file(name, mode=mode).device = 1 if name == "/m" else 0
        looked = self.record("stat", "interface_index")
        wait_for(self.kernel, waits, self.lines.append, When.AS_ROOT, pause=self.pause, clock=self.clock)
        self.assertEqual(looked, ["eth7", "/x", "/f", "/d", "/m", "/m/.."])
        self.assertNotIn("connect", self.kernel.names())
        wait_for(self.kernel, waits, self.lines.append, When.AFTERWARDS, pause=self.pause, clock=self.clock)
        self.assertEqual(self.kernel.names(), ["connect", "close"])

    def test_addresses(self) -> None:
        """Only places where somebody can listen are taken."""
        for text in ("=0", "fd://3", "10.0.*:3031", ":0", "[1:2"):
            self.assertRaises(ConfigProblems, settings_of, f"wait-for-socket = {text}")


class LiveTests(SynchronousTestCase):
    """The real kernel."""

    def test_this_machine(self) -> None:
        """The loopback interface, /proc and a listening socket are found at once."""
        folder = tempfile.mkdtemp(prefix="uwsgid-")
        self.addCleanup(shutil.rmtree, folder)
        lines: list[str] = []
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(os.path.join(folder, "s"))
        listener.listen()
        kernel = Kernel()
        wait_for_interface(kernel, "lo", 1, lines.append)
        wait_for_path(kernel, "/proc", PathKind.MOUNTPOINT, 1, lines.append)
        wait_for_path(kernel, "/", PathKind.MOUNTPOINT, 1, lines.append)
        wait_for_socket(kernel, parse_address(os.path.join(folder, "s")), 1, lines.append)
        self.assertEqual(lines, [])
        self.assertFalse(is_mountpoint(kernel, folder))
        self.assertFalse(is_mountpoint(kernel, __file__))

    def test_refused(self) -> None:
        """Nobody listens: the reason is the kernel's."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = parse_address(f"127.0.0.1:{free.getsockname()[1]}")
            error = self.assertRaises(
                KernelError, wait_for_socket, Kernel(), address, 1, lambda line: None, pause=lambda _: None,
                clock=iter((0.0, 1.0)).__next__,
            )  # fmt: skip
        self.assertIn("unavailable after 1 seconds: Connection refused", str(error))
