"""A changed configuration is read by a child of the seed."""

from __future__ import annotations

from tests.master.support import InstanceCase
from uwsgid.master.rereading import Rereading
from uwsgid.testing import MemoryChild
from uwsgid.wire.control import Loaded, LoadFailed


class RereadingTests(InstanceCase):
    def setUp(self) -> None:
        super().setUp()
        self.begin()
        self.verdicts: list[tuple[bool, list[str]]] = []
        self.proceeded = 0
        self.rereading = Rereading(self.workforce.supervisor, self.workforce.seed, self.note)

    def note(self) -> None:
        self.proceeded += 1

    def ask(self) -> MemoryChild:
        """Have the configuration read; the reader."""
        self.rereading.read(lambda usable, lines: self.verdicts.append((usable, lines)))
        self.run_for()
        return self.nursery.living("reader")[-1]

    def test_usable(self) -> None:
        """A reader that is content means that the configuration can be used; its end changes nothing."""
        reader = self.ask()
        reader.say(Loaded(0))
        self.run_for()
        self.assertEqual(self.verdicts, [(True, [])])
        reader.exit(0)
        self.run_for()
        self.assertEqual((self.verdicts, self.proceeded), ([(True, [])], 1))

    def test_unusable(self) -> None:
        """All problems of one that can not be used are told."""
        self.ask().say(LoadFailed("site.ini:2: a\nsite.ini:3: b"))
        self.run_for()
        self.assertEqual(self.verdicts, [(False, ["site.ini:2: a", "site.ini:3: b"])])

    def test_killed(self) -> None:
        """Where the reader is killed, the instance that begins with the configuration will judge."""
        self.ask().die(9)
        self.run_for()
        self.assertEqual(self.verdicts, [(True, [])])

    def test_two(self) -> None:
        """The end of one reader is not taken for the verdict of another."""
        first = self.ask()
        first.say(Loaded(0))
        self.run_for()
        second = self.ask()
        first.exit(0)
        self.run_for()
        self.assertEqual(self.verdicts, [(True, [])])
        second.say(LoadFailed("no"))
        self.run_for()
        self.assertEqual(self.verdicts, [(True, []), (False, ["no"])])

    def test_nobody_can_read(self) -> None:
        """Without a seed the answer is yes at once."""
        for seed in self.nursery.living("seed"):
            seed.die(9)
        self.run_for()
        self.workforce.supervisor.children.clear()
        self.rereading.read(lambda usable, lines: self.verdicts.append((usable, lines)))
        self.assertEqual(self.verdicts, [(True, [])])
