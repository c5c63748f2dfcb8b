"""Who drops privileges, and when."""

from __future__ import annotations

import signal

from tests.worker.family import FamilyCase
from uwsgid.testing import MemoryKernel
from uwsgid.worker.dropping import Moment, drop_at, enter_late_directory


class DropTests(FamilyCase):
    def drop(self, lines: str, uid: int = 0) -> MemoryKernel:
        """All moments of a newborn, one after the other."""
        house = self.household(f"uid = shop\ngid = shop\n{lines}")
        kernel = MemoryKernel(uid=uid, gid=uid)
        house.kernel, house.say = kernel, self.lines.append
        for moment in Moment:
            drop_at(moment, house, signal.SIGHUP)
            kernel.calls.append((moment.name,))
        return kernel

    def setUp(self) -> None:
        super().setUp()
        self.lines: list[str] = []

    def test_once(self) -> None:
        """Privileges are dropped at their moment only, and the death signal is set anew after that."""
        for line, moment in (("master-as-root = 1", "BIRTH"), ("drop-after-apps = 1", "LOADED")):
            kernel = self.drop(line)
            names = kernel.names()
            at = names.index("setuid")
            self.assertEqual(names[at - 2 : at + 3], [
                "setgid", "initgroups", "setuid", "set_parent_death_signal", moment
            ])  # fmt: skip
            self.assertEqual(names.count("setuid"), 1)
            self.assertEqual(kernel.death_signal, signal.SIGHUP)

    def test_who_is_not_root(self) -> None:
        """A newborn whose parent has dropped already leaves things as they are."""
        kernel = self.drop("master-as-root = 1", uid=1001)
        self.assertEqual(kernel.names(), [moment.name for moment in Moment])
        self.assertEqual(self.lines, [])

    def test_late_directory(self) -> None:
        """chdir2 is entered, and told, where it is given."""
        house = self.household("chdir2 = /srv/shop")
        kernel = MemoryKernel()
        house.kernel, house.say = kernel, self.lines.append
        enter_late_directory(house)
        self.assertEqual((kernel.calls, self.lines), ([("chdir", "/srv/shop")], ["chdir() to /srv/shop"]))
