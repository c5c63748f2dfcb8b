"""What a process gives up at the very end."""

from __future__ import annotations

import errno
import os
import subprocess
import threading
from collections.abc import Callable
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigProblems, KernelError
from uwsgid.host import filters
from uwsgid.host.confinement import (
    MARK,
    NO_BINDING,
    SERVER,
    Confinement,
    confine,
    filters_in_force,
    fingerprint,
    parse_profile,
)
from uwsgid.host.kernel import Kernel
from uwsgid.interfaces import Profile, Rule
from uwsgid.testing import MemoryKernel

NEWUSER: Final = 0x10000000
OTHER: Final = Profile("other", "allow", (Rule("mount", "kill"),))


class Binding:
    """What libseccomp's binding looks like.

    :ivar calls: what was asked of the filter.
    """

    ALLOW, LOG, KILL_PROCESS, MASKED_EQ = "ALLOW", "LOG", "KILL", "&="

    class Arch:
        NATIVE = 0

    class Attr:
        CTL_TSYNC = "all threads"

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def ERRNO(self, number: int) -> str:
        return f"errno {number}"

    def Arg(self, *what: Any) -> tuple[Any, ...]:
        return what

    def resolve_syscall(self, arch: int, name: str) -> int:
        return -1 if name == "quatsch" else 1

    def SyscallFilter(self, action: str) -> Binding:
        self.calls.append(("filter", action))
        return self

    def add_rule(self, *what: Any) -> None:
        self.calls.append(("rule", *what))

    def set_attr(self, *what: Any) -> None:
        self.calls.append(("set", *what))

    def load(self) -> None:
        self.calls.append(("load",))


class ProfileTests(SynchronousTestCase):
    """The text of a profile."""

    def setUp(self) -> None:
        self.patch(filters, "binding", Binding)

    def test_everything(self) -> None:
        """Comments, the default, actions with several calls, and bits of the first argument."""
        made = parse_profile(
            "tight",
            "# nothing\n\n default allow # or not\nEPERM mount umount2\nENOSYS clone3\n"
            "EPERM clone&0x10000000\nlog ptrace\nkill kexec_load\n",
        )
        self.assertEqual(
            made,
            Profile(
                "tight",
                "allow",
                (
                    Rule("mount", "EPERM"),
                    Rule("umount2", "EPERM"),
                    Rule("clone3", "ENOSYS"),
                    Rule("clone", "EPERM", NEWUSER),
                    Rule("ptrace", "log"),
                    Rule("kexec_load", "kill"),
                ),
            ),
        )

    def test_refused(self) -> None:
        """Each mistake has its line."""
        for text, said in (
            ("default alow", "p:1: unknown action alow: expected allow, log, kill or the name of an errno"),
            ("default EPERMM", "p:1: unknown action EPERMM"),
            ("default allow\ndefault kill", "p:2: expected one default, with one action"),
            ("default", "p:1: expected one default, with one action"),
            ("default allow\nkill", "p:2: expected names of system calls behind kill"),
            ("default allow\nkill quatsch", "p:2: unknown system call quatsch"),
            ("default allow\nkill a;b", "p:2: unknown system call a;b"),
            ("default allow\nkill clone&x", "p:2: clone&x: expected the bits of an argument as a number"),
            ("default allow\nkill clone&0", "p:2: clone&0: expected the bits of an argument as a number"),
            ("kill mount", "p: there is no line that says the default, as in: default allow"),
            ("", "p: there is no line that says the default"),
        ):
            error = self.assertRaises(ValueError, parse_profile, "p", text)
            self.assertTrue(str(error).startswith(said), (text, str(error)))

    @settings(deadline=None, max_examples=100)
    @given(st.text(alphabet="default allowEPRM kill&0x\n#\t", max_size=60))
    def test_any_text(self, text: str) -> None:
        """Whatever a file holds is a profile or a ValueError."""
        try:
            self.assertTrue(parse_profile("p", text).default)
        except ValueError as error:
            self.assertTrue(str(error).startswith("p:"))

    def test_options(self) -> None:
        """server, or a file; neither is an error with its place."""
        path = self.mktemp()
        with open(path, "w", encoding="ascii") as file:
            file.write("default EACCES\nallow read\n")
        made = settings_of(f"seccomp = server\nseccomp = {path}")[Confinement].seccomp
        self.assertEqual(made, (SERVER, Profile(path, "EACCES", (Rule("read", "allow"),))))
        error = self.assertRaises(ConfigProblems, settings_of, "seccomp = sever")
        self.assertEqual(
            error.problems,
            (
                "lines:1: seccomp: sever: No such file or directory; "
                "expected a file, or the name of a profile: server",
            ),
        )

    def test_binary(self) -> None:
        """A file that is no text is named."""
        path = self.mktemp()
        with open(path, "wb") as file:
            file.write(b"default \xff\n")
        error = self.assertRaises(ConfigProblems, settings_of, f"seccomp = {path}")
        self.assertEqual(error.problems, (f"lines:1: seccomp: {path}: expected a text file",))

    def test_without_a_binding(self) -> None:
        """A profile that nobody could load ends the start."""
        self.patch(filters, "binding", lambda: None)
        error = self.assertRaises(ConfigProblems, settings_of, "seccomp = server")
        self.assertEqual(error.problems, (f"lines:1: seccomp: {NO_BINDING}",))
        self.assertFalse(settings_of("no-new-privs = true")[Confinement].seccomp)

    def test_server(self) -> None:
        """The built-in profile says nothing twice, and refuses no call that an instance makes itself."""
        calls = [rule.call for rule in SERVER.rules]
        self.assertEqual(len(calls), len(set(calls)))
        needed = (
            "prctl execve fork vfork kcmp pidfd_open pidfd_send_signal waitid setresuid mlockall memfd_create"
        )
        self.assertEqual(set(needed.split()) & set(calls), set())


class LoadTests(SynchronousTestCase):
    """What libseccomp is told."""

    def setUp(self) -> None:
        self.binding = Binding()
        self.patch(filters, "binding", lambda: self.binding)

    def test_rules(self) -> None:
        """One rule a call, or one for each bit; unknown calls and what is the default anyway are left out."""
        filters.load(
            Profile(
                "p",
                "allow",
                (
                    *(Rule("mount", "EPERM"), Rule("clone", "kill", 0b101), Rule("bpf", "log")),
                    *(Rule("quatsch", "kill"), Rule("read", "allow")),
                ),
            )
        )
        self.assertEqual(
            self.binding.calls,
            [
                ("filter", "ALLOW"),
                ("rule", "errno 1", "mount"),
                ("rule", "KILL", "clone", (0, "&=", 1, 1)),
                ("rule", "KILL", "clone", (0, "&=", 4, 4)),
                ("rule", "LOG", "bpf"),
                ("set", "all threads", 1),
                ("load",),
            ],
        )

    def test_without_a_binding(self) -> None:
        """That is ENOSYS, and no call is known."""
        self.patch(filters, "binding", lambda: None)
        self.assertEqual(self.assertRaises(OSError, filters.load, SERVER).errno, errno.ENOSYS)
        self.assertFalse(filters.knows("mount"))


class ConfineTests(SynchronousTestCase):
    """The order, and what a reload does."""

    def setUp(self) -> None:
        self.kernel = MemoryKernel()
        self.environ: dict[str, str] = {}
        self.lines: list[str] = []

    def confine(self, **options: Any) -> None:
        confine(self.kernel, Confinement(**options), self.environ, self.lines.append)

    def test_nothing(self) -> None:
        """Without the options nothing is changed."""
        self.confine()
        self.assertEqual((self.kernel.calls, self.environ), ([], {}))

    def test_no_new_privs(self) -> None:
        """The one call."""
        self.confine(no_new_privs=True)
        self.assertEqual(self.kernel.calls, [("set_no_new_privs",)])

    def test_filters(self) -> None:
        """No new privileges come first, which an ordinary user needs; then each profile."""
        self.confine(seccomp=(SERVER, OTHER))
        self.assertEqual(
            self.kernel.calls,
            [("set_no_new_privs",), ("load_filter", "server"), ("load_filter", "other")],
        )
        self.assertEqual(self.lines[0], "seccomp profile server is in force")
        self.assertEqual(self.environ[MARK].split(), [fingerprint(SERVER), fingerprint(OTHER)])

    def test_reload(self) -> None:
        """A filter that was inherited is not loaded again; a new one is."""
        self.confine(seccomp=(SERVER,))
        self.kernel.calls.clear()
        self.confine(seccomp=(SERVER, OTHER))
        self.assertEqual(self.kernel.calls, [("set_no_new_privs",), ("load_filter", "other")])
        self.assertEqual(len(self.environ[MARK].split()), 2)
        self.assertEqual(filters_in_force({**self.environ, "HOME": "/"}), self.environ)
        self.assertEqual(filters_in_force({"HOME": "/"}), {})

    def test_fingerprint(self) -> None:
        """It depends on what a profile says, not on its name."""
        self.assertEqual(fingerprint(SERVER), fingerprint(Profile("x", SERVER.default, SERVER.rules)))
        self.assertNotEqual(fingerprint(SERVER), fingerprint(OTHER))

    def test_refused(self) -> None:
        """The kernel's refusal names the profile."""
        self.kernel.fail("load_filter", errno.EINVAL)
        error = self.assertRaises(KernelError, self.confine, seccomp=(OTHER,))
        self.assertEqual(str(error), "seccomp(): Invalid argument [other]")


class LiveTests(SynchronousTestCase):
    """A child that confines itself."""

    def child(self, config: str, act: Callable[[], str], before: Callable[[], None] = lambda: None) -> str:
        """What *act* answered, as an ordinary user if we are root; *before* is done unconfined."""
        if filters.binding() is None:
            raise SkipTest(f"seccomp {NO_BINDING}")
        wanted = settings_of(config)[Confinement]
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                if os.geteuid() == 0:
                    os.setgroups([])
                    os.setresgid(65534, 65534, 65534)
                    os.setresuid(65534, 65534, 65534)
                before()
                confine(Kernel(), wanted, {}, lambda line: None)
                os.write(writing, act().encode())
                os._exit(0)
            except BaseException as error:
                os.write(writing, repr(error).encode())
            finally:
                os._exit(1)
        os.close(writing)
        with open(reading, encoding="utf-8") as stream:
            told = stream.read()
        self.status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return told

    def test_status(self) -> None:
        """The kernel tells of both, and a program that is executed cannot shed them."""
        told = self.child(
            "seccomp = server", lambda: subprocess.check_output(["cat", "/proc/self/status"], text=True)
        )
        self.assertEqual(self.status, 0, told)
        self.assertIn("NoNewPrivs:\t1\n", told)
        self.assertIn("Seccomp:\t2\n", told)

    def test_server(self) -> None:
        """A new user namespace, which any user may have otherwise, is refused; threads and programs run."""

        def act() -> str:
            try:
                Kernel().unshare(NEWUSER)
            except OSError as error:
                return f"{error.strerror}, {subprocess.check_output(['echo', 'fine'], text=True)}"
            return "there it is"

        self.assertEqual(self.child("seccomp = server", act), "Operation not permitted, fine\n")

    def test_threads(self) -> None:
        """A thread that was there before is filtered as well."""

        def act() -> str:
            go.set()
            thread.join()
            return ", ".join(told)

        def ask() -> None:
            go.wait()
            with open("/proc/thread-self/status", encoding="ascii") as lines:
                told.extend(line.strip() for line in lines if line.startswith(("NoNewPrivs", "Seccomp:")))

        told: list[str] = []
        go, thread = threading.Event(), threading.Thread(target=ask)
        self.assertEqual(self.child("seccomp = server", act, thread.start), "NoNewPrivs:\t1, Seccomp:\t2")

    def test_kill(self) -> None:
        """A call that a profile kills for ends the process with SIGSYS."""
        path = self.mktemp()
        with open(path, "w", encoding="ascii") as file:
            file.write("default allow\nkill getpgid\nENOTTY getsid\n")

        def act() -> str:
            try:
                os.getsid(0)
            except OSError as error:
                if error.errno == errno.ENOTTY:
                    os.getpgid(0)
            return "alive"

        told = self.child(f"seccomp = {path}", act)
        self.assertEqual((self.status, told), (-31, ""))
