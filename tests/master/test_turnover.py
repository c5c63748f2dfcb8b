"""One generation after the other, as scripts of what happens and what is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.master.turnover import Stage, Turnover
from uwsgid.supervise.child import Child


@dataclass(eq=False)
class Hand:
    """A worker, as far as a turnover looks at it."""

    slot: int
    generation: int
    is_ready: bool = False
    was_ready: bool = False
    told: bool = False

    def __repr__(self) -> str:
        return f"{self.slot}g{self.generation}"


@dataclass
class Shop:
    """An employer that writes down what it is asked for.

    :ivar seats: how many more workers can be hired.
    """

    hands: list[Hand] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    seats: int = 100

    def hire(self, slot: int, generation: int) -> Child | None:
        if not self.seats:
            self.calls.append(f"no seat for {slot}")
            return None
        self.seats -= 1
        made = Hand(slot, generation)
        self.hands.append(made)
        self.calls.append(f"hire {made!r}")
        return cast(Child, made)

    def old_workers(self, slot: int, generation: int) -> list[Child]:
        return [
            cast(Child, hand) for hand in self.hands if hand.slot == slot and hand.generation != generation
        ]

    def promote(self, generation: int) -> None:
        self.calls.append(f"promote g{generation}")

    def dismiss(self, child: Child, reason: str) -> None:
        child.told, child.is_ready = True, False
        self.calls.append(f"dismiss {child!r}")

    def discard(self, child: Child) -> None:
        self.calls.append(f"discard {child!r}")

    def turnover_done(self, turnover: Turnover) -> None:
        self.calls.append("done")

    def turnover_failed(self, turnover: Turnover, reason: str) -> None:
        self.calls.append(f"failed: {reason}")


class TurnoverCase(SynchronousTestCase):
    """A shop with workers of generation 1, and a turnover to generation 2."""

    def reload(self, slots: int = 2, *, chain: bool = False, dead: int = 0) -> None:
        self.shop = Shop([Hand(slot, 1, True, True) for slot in range(1, slots + 1) if slot != dead])
        self.turnover = Turnover(self.shop, 2, range(1, slots + 1), chain=chain)

    def hand(self, name: str) -> Hand:
        return next(hand for hand in self.shop.hands if repr(hand) == name)

    def ready(self, name: str) -> None:
        hand = self.hand(name)
        hand.is_ready = hand.was_ready = True
        self.turnover.step()

    def gone(self, name: str, *, crashed: bool = True, killed: bool = True) -> None:
        hand = self.hand(name)
        self.shop.hands.remove(hand)
        self.turnover.worker_ended(cast(Child, hand), "how", crashed=crashed, killed=killed)
        self.turnover.step()

    def expect(self, *calls: str) -> None:
        """Exactly this was asked for since the last call."""
        self.assertEqual(self.shop.calls, list(calls))
        self.shop.calls.clear()


class Plain(TurnoverCase):
    """All at once."""

    def test_usual(self) -> None:
        """Hire all, wait for all, promote, dismiss all."""
        self.reload()
        self.expect()
        self.turnover.loaded()
        self.expect("hire 1g2", "hire 2g2")
        self.ready("2g2")
        self.expect()
        self.ready("1g2")
        self.expect("promote g2", "dismiss 1g1", "dismiss 2g1", "done")
        self.assertIs(self.turnover.stage, Stage.OVER)

    def test_nothing_before_it_is_loaded(self) -> None:
        """Deaths and readiness before the loading change nothing."""
        self.reload()
        self.gone("1g1")
        self.turnover.step()
        self.expect()

    def test_no_slots(self) -> None:
        """An instance without workers changes its generation at once."""
        self.reload(0)
        self.turnover.loaded()
        self.expect("promote g2", "done")

    def test_fails_to_load(self) -> None:
        """Nobody was hired, so nobody is discarded; it fails once."""
        self.reload()
        self.turnover.failed("no module")
        self.turnover.failed("its zygote ended")
        self.turnover.loaded()
        self.expect("failed: no module")

    def test_zygote_dies(self) -> None:
        """All new workers are discarded, ready or not."""
        self.reload()
        self.turnover.loaded()
        self.ready("1g2")
        self.shop.calls.clear()
        self.turnover.failed("its zygote ended")
        self.expect("discard 1g2", "discard 2g2", "failed: its zygote ended")

    def test_new_worker_gives_up(self) -> None:
        """A new worker that exits before it is ready makes the reload fail."""
        self.reload()
        self.turnover.loaded()
        self.ready("2g2")
        self.shop.calls.clear()
        self.gone("1g2", killed=False)
        self.expect("discard 1g2", "discard 2g2", "failed: its worker 1 ended before it could serve (how)")

    def test_new_worker_is_killed(self) -> None:
        """One that is killed is hired again, but not for ever."""
        self.reload(1)
        self.turnover.loaded()
        self.gone("1g2")
        self.gone("1g2")
        self.expect("hire 1g2", "hire 1g2", "hire 1g2")
        self.gone("1g2")
        self.expect("discard 1g2", "failed: its worker 1 ended before it could serve (how)")

    def test_new_worker_crashes_after_it_was_ready(self) -> None:
        """It is hired again, and the others wait for it."""
        self.reload()
        self.turnover.loaded()
        self.ready("1g2")
        self.gone("1g2", killed=False)
        self.expect("hire 1g2", "hire 2g2", "hire 1g2")
        self.ready("2g2")
        self.expect()
        self.ready("1g2")
        self.expect("promote g2", "dismiss 2g1", "dismiss 1g1", "done")

    def test_new_worker_is_recycled(self) -> None:
        """However often a new worker has done its work before its sisters are ready, it is no failure."""
        self.reload()
        self.turnover.loaded()
        for _ in range(5):
            self.ready("1g2")
            self.gone("1g2", crashed=False, killed=False)
        self.assertNotIn("failed", " ".join(self.shop.calls))

    def test_old_worker_dies(self) -> None:
        """The death of an old worker is not its business."""
        self.reload()
        self.turnover.loaded()
        self.shop.calls.clear()
        self.gone("1g1")
        self.expect()

    def test_no_seat(self) -> None:
        """It waits for a seat, and never promotes before every slot has its worker."""
        self.reload()
        self.shop.seats = 1
        self.turnover.loaded()
        self.ready("1g2")
        self.expect("hire 1g2", "no seat for 2", "no seat for 2")
        self.shop.seats = 1
        self.turnover.step()
        self.expect("hire 2g2")

    def test_fewer_slots(self) -> None:
        """A slot that is not wanted any more is not waited for, hired or not."""
        self.reload(3)
        self.shop.seats = 2
        self.turnover.loaded()
        self.ready("1g2")
        self.shop.calls.clear()
        self.turnover.resize((1,))
        self.expect("promote g2", "dismiss 1g1", "done")

    def test_more_slots(self) -> None:
        """A slot that is wanted meanwhile changes, too."""
        self.reload(1)
        self.turnover.loaded()
        self.turnover.resize((1, 2))
        self.expect("hire 1g2", "hire 2g2")


class Chains(TurnoverCase):
    """One slot after the other."""

    def test_usual(self) -> None:
        """The next slot only when the new worker accepts and the old one is gone."""
        self.reload(chain=True)
        self.turnover.loaded()
        self.expect("hire 1g2")
        self.ready("1g2")
        self.expect("promote g2", "dismiss 1g1")
        self.turnover.step()
        self.expect()
        self.gone("1g1")
        self.expect("hire 2g2")
        self.ready("2g2")
        self.expect("dismiss 2g1")
        self.gone("2g1")
        self.expect("done")

    def test_dead_slot(self) -> None:
        """A slot without an old worker does not hold it up, as it does in 1.9.16."""
        for dead in (1, 2, 3):
            self.reload(3, chain=True, dead=dead)
            self.turnover.loaded()
            for slot in (1, 2, 3):
                if any(repr(hand) == f"{slot}g2" for hand in self.shop.hands):
                    self.ready(f"{slot}g2")
                if slot != dead:
                    self.gone(f"{slot}g1", crashed=False)
            self.assertEqual(self.shop.calls[-1], "done", dead)

    def test_old_worker_dies_before_its_turn(self) -> None:
        """A slot that has a new worker by then is left out."""
        self.reload(chain=True)
        self.turnover.loaded()
        self.ready("1g2")
        self.gone("2g1")
        self.gone("1g1")
        self.expect("hire 1g2", "promote g2", "dismiss 1g1", "done")

    def test_deaths_before_the_first_seat(self) -> None:
        """A death while there is no seat for the first slot does no harm."""
        self.reload(chain=True)
        self.shop.seats = 0
        self.turnover.loaded()
        self.gone("2g1")
        self.shop.seats = 1
        self.turnover.step()
        self.expect("no seat for 1", "no seat for 1", "hire 1g2")

    def test_first_fails(self) -> None:
        """Before the first slot has changed, a failure leaves everything as it was."""
        self.reload(chain=True)
        self.turnover.loaded()
        self.gone("1g2", killed=False)
        self.expect("hire 1g2", "discard 1g2", "failed: its worker 1 ended before it could serve (how)")

    def test_second_fails(self) -> None:
        """Later, those who serve stay."""
        self.reload(chain=True)
        self.turnover.loaded()
        self.ready("1g2")
        self.gone("1g1", crashed=False)
        self.shop.calls.clear()
        self.gone("2g2", killed=False)
        self.expect("discard 2g2", "failed: its worker 2 ended before it could serve (how)")

    def test_new_worker_crashes_when_it_serves(self) -> None:
        """A crash after the change of its slot is a crash like any other."""
        self.reload(chain=True)
        self.turnover.loaded()
        self.ready("1g2")
        self.gone("1g2", killed=False)
        self.gone("1g1")
        self.expect("hire 1g2", "promote g2", "dismiss 1g1", "hire 2g2")

    def test_cheaped_slot(self) -> None:
        """A slot that is not wanted any more, be it the one in turn, is left out."""
        self.reload(3, chain=True)
        self.turnover.loaded()
        self.ready("1g2")
        self.gone("1g1")
        self.shop.calls.clear()
        self.turnover.resize((1, 3))
        self.expect("hire 3g2")
        self.turnover.resize((1,))
        self.expect("done")
