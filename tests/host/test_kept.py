"""Descriptors that survive the process image."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.host.kept import VARIABLE, Kept, parse_kept
from uwsgid.testing import MemoryKernel


class KeptTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.kernel = MemoryKernel(uid=0)
        self.environ: dict[str, str] = {}

    def opened(self) -> int:
        self.kernel.add_file("/dev/thing")
        return self.kernel.open("/dev/thing", 0)

    def left(self, *keys: str) -> dict[str, int]:
        """Keep something under each of *keys* and leave it to the next image."""
        kept = Kept(self.kernel)
        made = {key: self.opened() for key in keys}
        for key, fd in made.items():
            kept.keep(key, fd)
        kept.leave_behind(self.environ)
        return made

    def test_round_trip(self) -> None:
        """What is left behind is found by its key, closes on the next exec, and leaves no trace."""
        made = self.left("tun emperor0", "socket /run/a b.sock")
        self.assertTrue(set(made.values()) <= self.kernel.inheritable)
        kept = Kept.inherited(self.kernel, self.environ)
        self.assertEqual({key: kept.get(key) for key in made}, made)
        self.assertEqual(set(kept.descriptors()), set(made.values()))
        self.assertEqual(self.kernel.inheritable & set(made.values()), set())
        self.assertNotIn(VARIABLE, self.environ)
        self.assertTrue(kept.has_outlived)

    def test_nothing(self) -> None:
        """A first start has nothing; who keeps nothing leaves no variable."""
        kept = Kept.inherited(self.kernel, self.environ)
        self.assertIsNone(kept.get("tun emperor0"))
        self.assertFalse(kept.has_outlived)
        kept.leave_behind(self.environ)
        self.assertEqual(self.environ, {})

    def test_own(self) -> None:
        """What was kept here is told apart from what our former self left."""
        made = self.left("tun one")
        kept = Kept.inherited(self.kernel, self.environ)
        self.assertIsNone(kept.own("tun one"))
        kept.get("tun one")
        self.assertEqual(kept.own("tun one"), made["tun one"])

    def test_what_nobody_asked_for(self) -> None:
        """A device that the configuration has no more is closed, others are not."""
        made = self.left("tun one", "tun two")
        kept = Kept.inherited(self.kernel, self.environ)
        kept.get("tun one")
        kept.close_unclaimed()
        self.assertEqual(list(self.kernel.descriptors), [made["tun one"]])
        self.assertIsNone(kept.get("tun two"))

    def test_a_child(self) -> None:
        """A child that has no use for them closes them all, once."""
        kept = Kept(self.kernel)
        kept.keep("tun one", self.opened())
        kept.close_all()
        kept.close_all()
        self.assertEqual((kept.descriptors(), self.kernel.descriptors), ((), {}))

    def test_a_child_with_some_of_them(self) -> None:
        """A child that has use for its own closes those of others."""
        kept = Kept(self.kernel)
        made = {key: self.opened() for key in ("tun one", "emperor-stats /s", "socket x")}
        for key, fd in made.items():
            kept.keep(key, fd)
        kept.close_others("emperor-")
        self.assertEqual(list(self.kernel.descriptors), [made["emperor-stats /s"]])
        self.assertEqual(kept.descriptors(), (made["emperor-stats /s"],))

    def test_forgotten(self) -> None:
        """What is forgotten stays open, and is not left behind."""
        kept = Kept(self.kernel)
        fd = self.opened()
        kept.keep("tun one", fd)
        kept.forget("tun one")
        kept.leave_behind(self.environ)
        self.assertEqual((self.environ, list(self.kernel.descriptors)), ({}, [fd]))

    def test_of_another_process(self) -> None:
        """Who finds the variable of somebody else takes nothing."""
        self.left("tun one")
        self.kernel.pid += 1
        self.assertIsNone(Kept.inherited(self.kernel, self.environ).get("tun one"))

    def test_closed_meanwhile(self) -> None:
        """A descriptor that is not open is not there."""
        self.environ[VARIABLE] = f"{self.kernel.getpid()}\n77 tun one"
        self.assertIsNone(Kept.inherited(self.kernel, self.environ).get("tun one"))

    def test_nonsense(self) -> None:
        """Lines that are none of ours are left out."""
        self.assertEqual(parse_kept("9\n3 a\nx b\n4\n\n-5 c\n6 d e", 9), [(3, "a"), (6, "d e")])
        for text in ("", "9", "x\n3 a", "99\n3 a"):
            self.assertEqual(parse_kept(text, 9), [], text)
