"""The programs that an emperor executes beside its vassals: ``vassals-stop-hook``.  Nobody waits for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure


class Programs:
    """Executes programs, and knows which are still running."""

    def __init__(self, reactor: Any, say: Callable[[str], None]) -> None:
        self._reactor = reactor
        self._say = say
        self._running: dict[_Program, Any] = {}
        self._idle: list[Deferred[None]] = []

    @property
    def pids(self) -> frozenset[int]:
        """Those that run."""
        return frozenset(process.pid for process in self._running.values() if process.pid)

    def run(self, program: str, argument: str, environ: Mapping[str, str], cwd: str) -> None:
        """Execute *program* directly, without a shell; how it ends is said where that is not well."""
        protocol = _Program(f"{program} {argument}", self)
        try:
            self._running[protocol] = self._reactor.spawnProcess(
                protocol, program, (program, argument), environ, cwd, childFDs={0: "w", 1: 1, 2: 2}
            )
        except OSError as error:
            self._say(f"[emperor] {program}: {error.strerror}")

    def when_idle(self) -> Deferred[None]:
        """Fires when none is running."""
        if not self._running:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._idle.append(waiting)
        return waiting

    def kill(self) -> None:
        """End those that run."""
        for process in self._running.values():
            process.signalProcess("KILL")

    def ended(self, protocol: _Program, how: str) -> None:
        """One is over."""
        self._running.pop(protocol, None)
        if how:
            self._say(f"[emperor] {protocol.text}: {how}")
        if not self._running:
            idle, self._idle = self._idle, []
            for waiting in idle:
                waiting.callback(None)


class _Program(ProcessProtocol):
    def __init__(self, text: str, programs: Programs) -> None:
        self.text = text
        self._programs = programs

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.closeStdin()

    def processEnded(self, reason: Failure) -> None:
        value: Any = reason.value
        code, number = getattr(value, "exitCode", None), getattr(value, "signal", None)
        how = f"killed by signal {number}" if number else f"exited with code {code}" if code else ""
        self._programs.ended(self, how)
