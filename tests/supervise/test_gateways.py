"""The life of one gateway, seen from inside."""

from __future__ import annotations

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import Settings, settings_of
from uwsgid.supervise.board import Board
from uwsgid.supervise.exits import Exit
from uwsgid.supervise.gateways import GatewayLife
from uwsgid.supervise.household import Household
from uwsgid.testing import MemoryKernel


class FakeReactor(MemoryReactorClock):
    """Runs until somebody stops it, by calls that a test put there."""

    def run(self, installSignalHandlers: bool = True) -> None:
        assert not installSignalHandlers, "a gateway has handlers of its own"
        self.running = True
        for call, arguments, keywords in self.whenRunningHooks:
            call(*arguments, **keywords)
        while self.running:
            self.advance(1)

    def stop(self) -> None:
        assert self.running, "stopped twice"
        self.running = False


class Lives(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = FakeReactor()
        self.reactor.running = False
        self.told: list[str] = []
        house = Household(settings_of("processes = 1"), MemoryKernel(), print, Board(1), (), 1, 0.0)
        house.read_again = lambda: settings_of("processes = 2")
        self.house = house
        self.life = GatewayLife(self.reactor, house, print, 1, "probe 1", lambda: self.told.append("told"))

    def test_the_end(self) -> None:
        """The reactor runs until the end; then the farewells, and the code of whoever ended it first."""
        self.life.before_end(lambda: self.told.append("goodbye"))
        self.reactor.callLater(3, self.life.end, 7)
        self.reactor.callLater(3, self.life.end)
        self.assertEqual(self.life.run(), 7)
        self.assertEqual((self.told, self.reactor.seconds()), (["goodbye"], 3))

    def test_an_end_before_it_runs(self) -> None:
        """Who is told to end before the reactor runs never runs it."""
        self.life.end()
        self.assertEqual(self.life.run(), Exit.END)
        self.assertEqual(self.reactor.seconds(), 0)

    def test_hangups(self) -> None:
        """Everybody who wants to hear of a hangup does, each time."""
        self.life.on_hangup(lambda: self.told.append("one"))
        self.life.on_hangup(lambda: self.told.append("two"))
        self.life.hang_up()
        self.life.hang_up()
        self.assertEqual(self.told, ["one", "two"] * 2)

    def test_settings(self) -> None:
        """Reading changes nothing; what is adopted counts, and the master is told."""
        fresh: Settings = self.life.read_settings()
        self.assertIs(self.life.settings, self.house.settings)
        self.assertEqual(self.told, [])
        self.life.adopt(fresh)
        self.assertIs(self.life.settings, fresh)
        self.assertEqual(self.told, ["told"])
