"""A whole instance in a process that was forked."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import socket
import sys
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path

from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.door import vassal
from uwsgid.door.vassal import Life, begin, let_go, live, open_descriptors


class ForkCase(SynchronousTestCase):
    """A test whose body runs in a child, since it turns its process inside out."""

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="uwsgid-"))
        self.addCleanup(os.system, f"rm -rf {self.folder}")

    def fork(self, body: Callable[[], object]) -> int:
        """Run *body* in a child whose output goes to the file ``out``; its exit code."""
        pid = os.fork()
        if pid == 0:
            try:
                os.chdir(self.folder)
                out = os.open("out", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
                os.dup2(out, 1)
                os.dup2(out, 2)
                body()
            except BaseException as error:
                os.write(2, f"{type(error).__name__}: {error}\n".encode())
            finally:
                os._exit(99)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def output(self) -> str:
        return (self.folder / "out").read_text()


class LiveTests(ForkCase):
    def test_question(self) -> None:
        """A command line that asks something is answered, with the code of a program."""
        self.assertEqual(self.fork(lambda: live(["--version"], {})), 0)
        self.assertRegex(self.output(), r"^\d+\.\d+")

    def test_mistake(self) -> None:
        """A configuration that can not be used ends with 1 and the reason."""
        (self.folder / "site.ini").write_text("[uwsgi]\nharakiri = soon\n")
        self.assertEqual(self.fork(lambda: live(["site.ini"], {})), 1)
        self.assertIn("site.ini:2: harakiri: expected a number of seconds, got 'soon'", self.output())

    def test_a_start_that_fails(self) -> None:
        """So does a start that fails, and no vassal of it is left."""
        self.assertEqual(self.fork(lambda: live(["--socket", "/nowhere/x.sock"], {})), 1)
        self.assertIn("/nowhere/x.sock", self.output())

    def test_instance(self) -> None:
        """An instance without a server loads, and ends with 0; its variables are its own."""
        (self.folder / "app.py").write_text(
            "import os\nprint('shop is', os.environ['NAME'], os.environ.get('HOME'))\n"
            "def application(environ, start_response): pass\n"
        )
        environ = {"NAME": "open", "PATH": os.environ["PATH"]}
        argv = ["--no-server", "--socket", "x.sock", "--wsgi-file", "app.py"]
        self.assertEqual(self.fork(lambda: live(argv, environ)), 0)
        self.assertIn("shop is open None", self.output())
        self.assertIn("goodbye to uWSGI.", self.output())

    def test_fallback(self) -> None:
        """fallback-config is what comes next within the process; from there is no further fall."""
        (self.folder / "site.ini").write_text("[uwsgi]\nfallback-config = other.ini\nharakiri = soon\n")
        (self.folder / "other.ini").write_text("[uwsgi]\nfallback-config = site.ini\nprocesses = many\n")
        self.assertEqual(self.fork(lambda: live(["site.ini"], {})), 1)
        out = self.output()
        self.assertIn("!!! Fallback config to other.ini !!!", out)
        self.assertEqual(out.count("Fallback config"), 1)
        self.assertIn("other.ini:3: processes", out)


class BeginTests(ForkCase):
    def check(self, body: Callable[[], bool]) -> None:
        """The body is true in a child."""
        code = self.fork(lambda: os._exit(0 if body() else 1))
        log = self.folder / "out"
        self.assertEqual(code, 0, log.read_text() if log.exists() else "")

    def test_arguments(self) -> None:
        """Arguments and environment are those of the life, and nothing else."""
        os.environ["LEFT_OVER"] = "1"
        self.addCleanup(os.environ.pop, "LEFT_OVER")

        def body() -> bool:
            begin(Life(("a.ini", "--master"), {"B": "2"}))
            return sys.argv[1:] == ["a.ini", "--master"] and dict(os.environ) == {"B": "2"}

        self.check(body)

    def test_signals(self) -> None:
        """Reactions to signals are those that a program starts with, whatever they were."""

        def body() -> bool:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.signal(signal.SIGUSR1, lambda number, frame: None)
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            begin(Life((), {}))
            return (
                signal.getsignal(signal.SIGHUP) == signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL
                and signal.getsignal(signal.SIGPIPE) == signal.getsignal(signal.SIGXFSZ) == signal.SIG_IGN
            )

        self.check(body)

    def test_log_and_exit(self) -> None:
        """What was registered for the exit is forgotten, and Twisted logs through us alone."""

        def body() -> bool:
            atexit.register(print, "never")
            begin(Life((), {}))
            begin(Life((), {}))
            return atexit._ncallbacks() == 0 and len(globalLogPublisher._observers) == 1

        self.check(body)

    def test_reactor(self) -> None:
        """Letting go leaves no reactor, and none of its descriptors."""

        def body() -> bool:
            sys.modules.pop("twisted.internet.reactor", None)
            before = open_descriptors()
            from uwsgid.loops.reactor import fresh_reactor

            reactor = weakref.ref(fresh_reactor())
            let_go()
            return (
                reactor() is None
                and "twisted.internet.reactor" not in sys.modules
                and set(open_descriptors()) <= set(before)
            )

        self.check(body)

    def test_descriptors(self) -> None:
        """What would close on exec is closed, and nobody who had it closes it later; the rest stays open."""

        def body() -> bool:
            kept, lost = socket.socketpair()
            os.set_inheritable(kept.fileno(), True)
            number = lost.fileno()
            opened = open("/dev/null")  # noqa: SIM115
            let_go()
            again = os.open("/dev/null", os.O_RDONLY)
            others = [os.dup(again)]
            while others[-1] < number:  # earlier tests may have left lower ones
                others.append(os.dup(again))
            held = number in (again, *others)
            del lost, opened
            gc.collect()
            os.fstat(again)
            for fd in others:
                os.fstat(fd)
            return held and kept.fileno() >= 0

        self.check(body)

    def test_without_proc(self) -> None:
        """Descriptors are found without /proc too."""
        expected = open_descriptors()

        def refuse(path: str) -> list[str]:
            raise FileNotFoundError(2, "No such file or directory", path)

        self.patch(vassal.os, "listdir", refuse)  # type: ignore[attr-defined]
        # the listing itself had one
        self.assertEqual([fd for fd in expected if fd in open_descriptors()], open_descriptors())
