"""A whole master over an instance without processes, for the tests of what it is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import cast

from tests.master.support import InstanceCase
from uwsgid.logs.setup import Logs
from uwsgid.master.inheritance import Inheritance
from uwsgid.master.service import Master
from uwsgid.testing import Executed


class FakeLogs:
    """Writes down what is asked of the log."""

    pipe = None

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.pipeline = self
        self.troubles: dict[str, int] = {}
        self.hear: Callable[[Sequence[bytes]], None] | None = None
        self.unheard: list[bytes] = []

    def begin(self) -> None:
        """Nothing is slow here."""

    def finish(self) -> None:
        """Nothing waits here."""

    def check_size(self) -> None:
        self.calls.append("check_size")

    def reopen(self) -> None:
        self.calls.append("reopen")

    def rotate(self) -> None:
        self.calls.append("rotate")

    def drain(self) -> None:
        self.calls.append("drain")

    def patient(self) -> AbstractContextManager[None]:
        return nullcontext()

    def write_unheard(self, data: bytes) -> None:
        self.unheard.append(data)

    def restore(self) -> None:
        self.calls.append("restore")


class MasterCase(InstanceCase):
    """A master over children in memory.

    :ivar executed: the new process images.
    """

    master: Master

    def build(self, config: str = "processes = 2") -> None:
        """Make the master; the reactor does not run yet."""
        self.prepare(config)
        self.logs = FakeLogs()
        self.executed: list[Executed] = []
        self.source = self.mktemp()
        self.change("one")
        left = Inheritance(
            household=self.house,
            logs=cast(Logs, self.logs),
            say=self.lines.append,
            seed=self.nursery.seed(),
            argv=("--ini", "site.ini"),
            cwd="/srv/shop",
            sources=(self.source,),
            environ={},
            no_server=False,
            removals=(("pidfile", "/run/shop.pid"),),
            write_pidfiles=lambda: self.lines.append("pidfiles"),
        )
        self.master = Master(left, self.nursery.reactor, self.codes.append)
        self.workforce = self.master.workforce
        self.patch(self.master.signals, "install", lambda: None)
        self.patch(self.master._undertaker, "install", lambda: None)
        self.addCleanup(self.nursery.reactor.removeAll)

    def serve(self, config: str = "processes = 2") -> None:
        """Make the master and have it serve."""
        self.build(config)
        self.master.startService()
        self.run_for(0.1)

    def change(self, text: str) -> None:
        """Change the file of the configuration."""
        with open(self.source, "w") as file:
            file.write(text)

    def check_says(self, usable: bool, *lines: str) -> None:
        """Let the check of a changed configuration come to this result at once."""
        self.patch(self.master._reexec, "check", lambda verdict: verdict(usable, list(lines)))

    def run_to_exec(self, seconds: float = 3) -> Executed:
        """Time passes until the process becomes another one."""
        execve = self.nursery.kernel.execve

        def note(*arguments: object) -> None:
            try:
                execve(*arguments)  # type: ignore[arg-type]
            except Executed as image:
                self.executed.append(image)

        self.patch(self.nursery.kernel, "execve", note)
        self.run_for(seconds)
        self.assertEqual(len(self.executed), 1, self.lines)
        return self.executed[0]
