"""Has the changed configuration of a forked vassal read, before anybody is disturbed for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from uwsgid.host.children import ExitStatus
from uwsgid.supervise.child import Child
from uwsgid.supervise.reader import READER
from uwsgid.supervise.supervisor import Supervisor
from uwsgid.wire.control import Loaded, LoadFailed, Record

Verdict = Callable[[bool, list[str]], None]


class Rereading:
    """Asks a seed for a reader, and tells what came of it.

    :param seed: a seed that bears; None where there is none.
    :param proceed: called when a reader is gone.
    """

    def __init__(
        self, supervisor: Supervisor, seed: Callable[[], Child | None], proceed: Callable[[], None]
    ) -> None:
        self._supervisor: Final = supervisor
        self._seed: Final = seed
        self._proceed: Final = proceed
        self._verdicts: Final[dict[Child, Verdict]] = {}

    def read(self, verdict: Verdict) -> None:
        """Tell *verdict* whether the configuration can be used, and what is wrong with it.

        Where nobody can read it now the answer is yes: the instance that begins with it will judge.
        """
        seed = self._seed()
        try:
            if seed is not None:
                self._verdicts[self._supervisor.have(self, seed, READER)] = verdict
                return
        except OSError:
            pass  # no descriptor is left for the talk with it
        verdict(True, [])

    def _tell(self, child: Child, usable: bool, lines: list[str]) -> None:
        verdict = self._verdicts.pop(child, None)
        if verdict is not None:
            verdict(usable, lines)

    # ---- what the reader tells

    def child_born(self, child: Child) -> None:
        """It begins to read."""

    def child_ready(self, child: Child) -> None:
        """Readers do not say this."""

    def child_said(self, child: Child, record: Record) -> None:
        if isinstance(record, Loaded):
            self._tell(child, True, [])
        elif isinstance(record, LoadFailed):
            self._tell(child, False, record.reason.splitlines())

    def child_ended(self, child: Child, status: ExitStatus | None) -> None:
        self._tell(child, True, [])
        self._proceed()
