"""A new process image for the same instance."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase, TestCase

from uwsgid.host import Kernel
from uwsgid.host.inherit import VARIABLE
from uwsgid.host.kept import Kept
from uwsgid.host.tun import open_device
from uwsgid.master import reexec
from uwsgid.master.reexec import Reexec, Sources
from uwsgid.testing import Executed, MemoryKernel
from uwsgid.wire.vassal import MAX_CONFIG


class SourcesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = self.mktemp()
        self.write("one")

    def write(self, text: str) -> None:
        with open(self.path, "w") as file:
            file.write(text)

    def test_unchanged(self) -> None:
        """Files nobody wrote to have not changed; what is no file never changes."""
        sources = Sources((self.path, "http://example.com/site.ini", "/nowhere", os.getcwd()))
        self.assertFalse(sources.changed())
        self.assertFalse(Sources(()).changed())

    def test_another_size(self) -> None:
        """Another size is a change, at the same time too."""
        facts = os.stat(self.path)
        sources = Sources((self.path,))
        self.write("three")
        os.utime(self.path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        self.assertTrue(sources.changed())
        self.assertFalse(Sources((self.path,)).changed())

    def test_another_time(self) -> None:
        """Another time is a change, an earlier one too."""
        for seconds in (1, 4_000_000_000):
            sources = Sources((self.path,))
            os.utime(self.path, (seconds, seconds))
            self.assertTrue(sources.changed())

    def test_another_file(self) -> None:
        """A file that was put in its place is a change, as deployments do it."""
        facts = os.stat(self.path)
        sources = Sources((self.path,))
        other = self.mktemp()
        with open(other, "w") as file:
            file.write("two")
        os.utime(other, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        os.replace(other, self.path)
        self.assertTrue(sources.changed())

    def test_out_of_reach(self) -> None:
        """Files that were read and can not be seen, as from a jail, are out of reach; URLs are not."""
        self.assertFalse(Sources((os.path.abspath(self.path), "http://example.com/site.ini")).out_of_reach)
        self.assertTrue(Sources((os.path.abspath(self.path), "/nowhere/site.ini")).out_of_reach)

    def test_vanished(self) -> None:
        """A file that is gone is a change."""
        sources = Sources((self.path,))
        os.unlink(self.path)
        self.assertTrue(sources.changed())


class Images(SynchronousTestCase):
    def test_execute(self) -> None:
        """The lines that operators know, then the folder, then the last act, then the exec."""
        kernel, lines = MemoryKernel(), list[str]()
        made = Reexec(None, kernel, ("site.ini",), "/srv/shop", (), lines.append)
        image = self.assertRaises(Executed, made.execute, lambda: lines.append("last act"))
        self.assertEqual(
            lines,
            ["binary reloading uWSGI...", "chdir() to /srv/shop", f"running {sys.executable}", "last act"],
        )
        self.assertEqual(image.arguments, (sys.executable, "-m", "uwsgid", "site.ini"))
        self.assertEqual(kernel.cwd, "/srv/shop")

    def test_environment(self) -> None:
        """The new image finds what it is given and the sockets, not what the configuration set meanwhile."""
        self.patch(os, "environ", {"UWSGI_THREADS": "2"})
        made = Reexec(None, MemoryKernel(), (), "/", (), lambda text: None, {"HOME": "/root"})
        image = self.assertRaises(Executed, made.execute, lambda: None)
        self.assertEqual(image.environment, {"HOME": "/root", VARIABLE: ""})

    def test_kept(self) -> None:
        """The new image finds the devices that were kept."""
        kernel = MemoryKernel(uid=0)
        kept = Kept(kernel)
        device = open_device(kernel, "emperor0", vnet=True)
        kept.keep("tun emperor0", device.fd)
        made = Reexec(None, kernel, (), "/", (), lambda text: None, {}, kept)
        image = self.assertRaises(Executed, made.execute, lambda: None)
        self.assertEqual(Kept.inherited(kernel, image.environment).get("tun emperor0"), device.fd)
        self.assertEqual(kernel.calls.count(("set_inheritable", str(device.fd), "True")), 1)

    def test_signals(self) -> None:
        """At the exec signals wait; where it is refused, they are heard again."""
        held: list[set[int]] = []

        def refuse(*arguments: object) -> None:
            held.append({int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, ())})
            raise FileNotFoundError(2, "No such file or directory")

        kernel = MemoryKernel()
        self.patch(kernel, "execve", refuse)
        made = Reexec(None, kernel, (), "/", (), lambda text: None)
        self.assertRaises(FileNotFoundError, made.execute, lambda: None)
        self.assertLessEqual({signal.SIGHUP, signal.SIGTERM}, held[0])
        self.assertFalse(signal.pthread_sigmask(signal.SIG_BLOCK, ()) & {signal.SIGHUP, signal.SIGTERM})


class Verdicts(TestCase):
    def verdict(self, config: str, patch: Callable[[], object] = lambda: None) -> Deferred[Any]:
        path = self.mktemp() + ".ini"
        with open(path, "w") as file:
            file.write(config)
        patch()
        from twisted.internet import reactor

        answer: Deferred[Any] = Deferred()
        made = Reexec(reactor, Kernel(), (os.path.abspath(path),), os.getcwd(), (), print)
        made.check(lambda usable, lines: answer.callback((usable, "\n".join(lines))))
        return answer

    async def test_usable(self) -> None:
        """A configuration that can be read can be used."""
        usable, _ = await self.verdict("[uwsgi]\nsocket = /tmp/x.sock\n")
        self.assertTrue(usable)

    def test_out_of_reach(self) -> None:
        """Where this user can not execute the interpreter, the old configuration stays; an emperor helps."""
        self.patch(sys, "executable", "/nowhere/python")
        found: list[tuple[bool, list[str]]] = []
        made = Reexec(None, MemoryKernel(uid=99), (), "/", (), print, {})
        made.check(lambda usable, lines: found.append((usable, lines)))
        self.assertEqual(found, [(False, ["uid 99 can not execute /nowhere/python, only a restart can"])])
        vassal = Reexec(None, MemoryKernel(uid=99), (), "/", (), print, {"UWSGI_EMPEROR_FD": "5"})
        self.assertEqual(vassal.obstacle(), "")

    async def test_unusable(self) -> None:
        """One with a mistake can not, and the lines tell the place."""
        usable, text = await self.verdict("[uwsgi]\nsocket = /tmp/x.sock\nharakiri = soon\n")
        self.assertFalse(usable)
        self.assertIn(".ini:3: harakiri", text)

    async def test_sent(self) -> None:
        """A text that an emperor sent is judged as a file is, however long it is."""
        from twisted.internet import reactor

        made = Reexec(reactor, Kernel(), ("--ini", "emperor://a.ini"), os.getcwd(), (), print)
        for line, expected in (("", True), ("harakiri = soon\n", False)):
            answer: Deferred[Any] = Deferred()
            text = f"[uwsgi]\nsocket = /tmp/x.sock\n{line}".encode()
            made.check(lambda *told, heard=answer: heard.callback(told), text.ljust(MAX_CONFIG, b"\n"))
            usable, lines = await answer
            self.assertIs(usable, expected, lines)
            self.assertEqual("emperor://a.ini:3: harakiri" in "\n".join(lines), not expected)

    async def test_no_helper(self) -> None:
        """Where no helper can run, the new image shall judge for itself."""

        def refuse(*arguments: object, **more: object) -> None:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

        usable, _ = await self.verdict(
            "[uwsgi]\nharakiri = soon\n", lambda: self.patch(reexec, "getProcessOutputAndValue", refuse)
        )
        self.assertTrue(usable)
