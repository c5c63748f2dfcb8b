"""A boot that touches nothing: a kernel in memory, a log that is a list, an environment that is a dict."""

from __future__ import annotations

import os
import signal
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.door import speaking
from uwsgid.door.boot import Boot, boot
from uwsgid.door.command import Answer, Site, decide
from uwsgid.interfaces import IKernel
from uwsgid.testing import MemoryKernel

#: What the pretended kernel answers for the seed.
SEED = 5000
#: A configuration that can be served.
SERVED = ("--http-socket", "127.0.0.1:8080", "--wsgi-file", "app.py")


class ListLogs:
    """Stands in for `uwsgid.logs.setup.Logs`.

    :ivar opened: with what it was opened.
    """

    opened: dict[str, Any]
    said: list[str]
    pipe = None
    request_writer = 2

    @classmethod
    def of(cls, said: list[str]) -> type[ListLogs]:
        return type("Logs", (cls,), {"said": said, "opened": {}})

    @classmethod
    def open(cls, settings: Any, **more: Any) -> ListLogs:
        cls.opened.update(more)
        return cls()

    def write(self, data: bytes) -> None:
        self.said.append(data.decode().rstrip("\n"))

    def drain(self) -> None:
        pass

    def patient(self) -> AbstractContextManager[None]:
        return nullcontext()

    def open_late(self) -> None:
        pass

    def registered(self) -> tuple[str, ...]:
        return ()


class BootCase(SynchronousTestCase):
    """A test that boots.

    :ivar kernel: root's, with a directory ``/srv`` to stand in.
    :ivar said: what was logged.
    :ivar environ: the environment of the process.
    """

    def setUp(self) -> None:
        self.kernel = MemoryKernel(uid=0, gid=0)
        self.kernel.forks = [SEED, SEED + 1]  # where they can not sleep
        self.said: list[str] = []
        self.environ: dict[str, str] = {}
        self.logs = ListLogs.of(self.said)
        self.patch(speaking, "Logs", self.logs)
        self.addCleanup(signal.signal, signal.SIGHUP, signal.getsignal(signal.SIGHUP))

    def site(self, *argv: str, kernel: IKernel | None = None) -> Site:
        """What *argv* describes.

        :raises AssertionError: when it is nothing to serve.
        """
        decided = decide(argv or SERVED, self.environ, kernel or self.kernel)
        if isinstance(decided, Answer):
            raise AssertionError(decided.text)
        return decided

    def boot(self, *argv: str) -> Boot:
        """Boot it; what was opened for real is closed at the end of the test."""
        booted = boot(self.site(*argv), self.kernel, self.said.append, environ=self.environ)
        self.addCleanup(booted.starter.close)
        if booted.seed is not None:
            self.addCleanup(booted.seed[0].close)
        if booted.household.locks is not None:
            self.addCleanup(os.close, booted.household.locks.fileno())
        return booted

    def steps(self, *names: str) -> list[str]:
        """The calls of the kernel that are called *names*, in their order, with what tells them apart."""
        told = ("write_file", "bind", "chdir", "umask", "unlink")
        return [
            f"{call[0]} {call[1]}" if call[0] in told else call[0]
            for call in self.kernel.calls
            if call[0] in names
        ]
