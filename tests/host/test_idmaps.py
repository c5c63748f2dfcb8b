"""Maps of users and groups: their grammar, what is mapped by default, and the kernel's own opinion."""

from __future__ import annotations

import os

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from uwsgid.host.idmaps import EVERYBODY, IdMap, own_maps, parse_id_map, unshare_mapped
from uwsgid.testing import MemoryKernel


class GrammarTests(SynchronousTestCase):
    def test_three_numbers(self) -> None:
        """Inside, outside and how many, with blanks or colons."""
        for text in ("0 100000 65536", "0:100000:65536", " 0  100000 65536 "):
            self.assertEqual(parse_id_map(text), IdMap(0, 100000, 65536))
        self.assertEqual(str(IdMap(0, 100000, 65536)), "0 100000 65536")

    def test_mistakes(self) -> None:
        """What is no map says so."""
        for text, said in (
            ("0 1", "expected three numbers, inside outside count, got '0 1'"),
            ("0 -1 1", "expected three numbers"),
            ("a b c", "expected three numbers"),
            ("0 0 0", "expected a count from 1"),
            (f"0 {EVERYBODY} 1", "beyond the largest number"),
        ):
            with self.assertRaisesRegex(ValueError, said):
                parse_id_map(text)


class DefaultTests(SynchronousTestCase):
    def test_root(self) -> None:
        """Root keeps all it has, all there are where /proc says nothing."""
        maps = own_maps(MemoryKernel(uid=0, gid=0))
        self.assertEqual((maps.uids, maps.setgroups), ((IdMap(0, 0, EVERYBODY),), True))

    def test_an_ordinary_user(self) -> None:
        """Anybody else may be root alone."""
        maps = own_maps(MemoryKernel(uid=1000, gid=100))
        self.assertEqual((maps.uids, maps.gids), ((IdMap(0, 1000, 1),), (IdMap(0, 100, 1),)))
        self.assertFalse(maps.setgroups)

    def test_maps_of_the_configuration(self) -> None:
        """What is configured replaces the default of its kind alone."""
        mine = (IdMap(0, 5, 5),)
        self.assertEqual(own_maps(MemoryKernel(uid=0), mine).uids, mine)
        self.assertEqual(own_maps(MemoryKernel(uid=0), mine).gids, (IdMap(0, 0, EVERYBODY),))
        self.assertEqual(own_maps(MemoryKernel(uid=1000, gid=1000), (), mine).gids, mine)


class KernelTests(SynchronousTestCase):
    """With the real kernel, in a child."""

    def in_child(self, uid_map: str, gid_map: str, setgroups: bool) -> str:
        """What a process sees of itself after it left with these maps."""
        if os.geteuid() != 0:
            raise SkipTest("needs root")
        told, tell = os.pipe()
        child = os.fork()
        if child == 0:
            text = "failed"
            try:
                unshare_mapped(0x10000000, uid_map, gid_map, setgroups)
                with open("/proc/self/uid_map") as file:
                    text = f"{' '.join(file.read().split())} {os.getuid()}"
            except OSError as error:
                text = f"{error.strerror}: {error.filename}"
            finally:
                os.write(tell, text.encode())
                os._exit(0)
        os.close(tell)
        with os.fdopen(told) as pipe:
            text = pipe.read()
        os.waitpid(child, 0)
        return text

    def test_maps_of_root(self) -> None:
        """More than one range, which only somebody outside can write."""
        self.assertEqual(self.in_child("0 0 1\n1 100000 1000", "0 0 1000", True), "0 0 1 1 100000 1000 0")

    def test_no_groups(self) -> None:
        """Without setgroups a single number is mapped."""
        self.assertEqual(self.in_child("0 0 1", "0 0 1", False), "0 0 1 0")

    def test_a_refusal(self) -> None:
        """Ranges that overlap are the kernel's to refuse, and we hear it."""
        self.assertEqual(
            self.in_child("0 0 10\n5 100 10", "0 0 10", True), "Invalid argument: user namespace maps"
        )
