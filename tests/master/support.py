"""An instance without processes, for the tests of the master."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.master.workforce import Workforce
from uwsgid.request.log_options import RequestLog
from uwsgid.supervise.board import Board, Phase
from uwsgid.supervise.deadline import Harakiri
from uwsgid.supervise.gateways import Gateway
from uwsgid.supervise.household import Household
from uwsgid.supervise.memory import MemoryLimits
from uwsgid.supervise.processes import Processes
from uwsgid.testing import MemoryChild, MemoryNursery

#: Sections have to be imported before a configuration is read.
SECTIONS = (RequestLog, Harakiri, MemoryLimits)


class InstanceCase(SynchronousTestCase):
    """A test with a workforce whose children are in memory.

    :ivar lines: what was logged.
    :ivar asked: what was asked of the master.
    :ivar end_is_near: what the workforce is told.
    :ivar codes: the exit codes of the end, at most one.
    """

    nursery: MemoryNursery
    workforce: Workforce
    house: Household
    end_is_near = False

    def prepare(
        self,
        config: str = "processes = 2",
        *,
        need_app: bool = False,
        gateways: Sequence[Gateway] = (),
    ) -> None:
        """Make an instance; nothing is started."""
        settings = settings_of(config)
        self.lines: list[str] = []
        self.asked: list[str] = []
        self.codes: list[int] = []
        board = Board(settings[Processes].processes, settings[Processes].threads)
        self.nursery = MemoryNursery(board)
        self.addCleanup(self.nursery.close)
        self.house = Household(
            settings=settings,
            kernel=self.nursery.kernel,
            say=self.lines.append,
            board=board,
            listeners=(),
            master_pid=1,
            started=0.0,
            gateways=gateways,
        )
        self.workforce = Workforce(
            self.house,
            self.nursery.reactor,
            need_app=need_app,
            say=self.lines.append,
            asked=self.asked.append,
            ended=self.codes.append,
            end_is_near=lambda: self.end_is_near,
            clock=self.nursery.reactor.seconds,
            monotonic=self.nursery.reactor.seconds,
        )

    def begin(self, config: str = "processes = 2", *, need_app: bool = False) -> None:
        """Make an instance and wait until it serves, as far as the nursery lets it."""
        self.prepare(config, need_app=need_app)
        self.start()

    def start(self) -> None:
        self.workforce.start(self.nursery.seed())
        self.nursery.run()

    def run_for(self, seconds: float = 0) -> None:
        """Let everybody act, and time pass."""
        self.nursery.run(seconds)

    def logged(self) -> list[str]:
        """What was logged since the last call."""
        found = list(self.lines)
        self.lines.clear()
        return found

    def assertLogged(self, part: str) -> None:
        """A line with *part* in it was logged."""
        self.assertTrue(any(part in line for line in self.lines), f"{part!r} not in {self.lines}")

    def staff(self) -> dict[int, list[int]]:
        """The generations of the living workers, by slot."""
        found: dict[int, list[int]] = {}
        for child in self.nursery.living("worker"):
            found.setdefault(child.slot, []).append(child.generation)
        return found

    def accepting(self, slot: int) -> list[MemoryChild]:
        """The workers of *slot* that said that they are ready and were not told to leave."""
        board = self.house.board
        return [
            child
            for child in self.nursery.living("worker", slot)
            if board.pid[child.seat] == child.pid
            and board.phase[child.seat] == Phase.READY
            and not child.told
        ]

    def check_board(self) -> None:
        """Nobody but living or expected workers has a seat, and the board points to the living."""
        board = self.house.board
        expected = {child.seat for child in self.workforce.workers()}
        taken = {seat for seat in range(board.seats) if board.phase[seat] != Phase.EMPTY}
        self.assertEqual(taken, expected)
        living = {child.seat for child in self.nursery.living("worker")}
        for slot in range(1, board.slots + 1):
            if board.current[slot - 1] >= 0:
                self.assertIn(board.current[slot - 1], living)
                self.assertEqual(board.slot[board.current[slot - 1]], slot)
            elif slot in self.workforce.wanted:
                self.assertEqual([child for child in self.workforce.workers(slot) if child.pid], [])
