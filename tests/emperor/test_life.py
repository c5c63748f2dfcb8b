"""The machine of a life, without a vassal."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.emperor.life import make_life
from uwsgid.host.children import ExitStatus


class Note:
    """Notes what its life comes to."""

    def __init__(self) -> None:
        self.ordered = self.reload_at_birth = False
        self.done: list[str] = []

    def ask(self) -> None:
        self.done.append("ask")

    def meet(self, pid: int) -> None:
        self.done.append(f"meet {pid}")

    def reload(self) -> None:
        self.done.append("reload")

    def send_away(self) -> None:
        self.done.append("send away")

    def curse(self) -> None:
        self.done.append("curse")

    def watch_socket(self) -> None:
        self.done.append("watch")

    def leave_socket(self) -> None:
        self.done.append("leave")

    def fall_asleep(self) -> None:
        self.done.append("fall asleep")

    def end(self, status: ExitStatus | None) -> None:
        self.done.append("never born" if status is None else "end")


class Lives(SynchronousTestCase):
    def setUp(self) -> None:
        self.note = Note()
        self.life = make_life(self.note)

    def test_plain(self) -> None:
        """It is asked for, born, reloaded, told to go, and gone; what comes too late does nothing."""
        self.life.start()
        self.life.born(7)
        self.life.reload()
        self.life.stop()
        self.life.reload()
        self.life.stop()
        self.life.died(ExitStatus())
        self.life.lost()
        self.assertEqual(self.note.done, ["ask", "meet 7", "reload", "send away", "end"])
        self.assertTrue(self.note.ordered)

    def test_before_its_birth(self) -> None:
        """A reload waits for the birth; one that is told to go is sent away as soon as it is there."""
        self.life.start()
        self.life.reload()
        self.assertTrue(self.note.reload_at_birth)
        self.life.stop()
        self.life.born(7)
        self.assertEqual(self.note.done, ["ask", "meet 7", "send away"])

    def test_never_born(self) -> None:
        """The end of one that was never born has no status, whoever was at fault."""
        self.life.start()
        self.life.not_born()
        other = Note()
        make_life(other).stop()
        self.assertEqual((self.note.done, other.done), (["ask", "never born"], ["never born"]))

    def test_on_demand(self) -> None:
        """Its socket wakes it, and when nobody wants it any more the socket is watched again."""
        self.life.sleep()
        self.life.wake()
        self.life.born(7)
        self.life.idle()
        self.life.died(ExitStatus())
        self.life.wake()
        self.assertEqual(
            self.note.done, ["watch", "leave", "ask", "meet 7", "send away", "fall asleep", "leave", "ask"]
        )

    def test_unheard(self) -> None:
        """One whose pipe is gone is cursed, once."""
        self.life.start()
        self.life.lost()
        self.life.born(7)
        self.life.lost()
        self.life.lost()
        self.assertEqual(self.note.done, ["ask", "meet 7", "curse"])
