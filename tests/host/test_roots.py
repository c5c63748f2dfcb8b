"""Another root: the grammar of pivot-root, and the calls."""

from __future__ import annotations

import errno
import importlib
import os
import sys

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import KernelError
from uwsgid.host.roots import PivotRoot, change_root, parse_pivot_root, pivot_root
from uwsgid.testing import MemoryKernel


class GrammarTests(SynchronousTestCase):
    def test_where_the_old_root_goes(self) -> None:
        """The second path is what it is seen from within the new root."""
        for text, inside in (
            ("/ns /ns/.old", ".old"),
            ("/ns/ /ns/.old", ".old"),
            ("/ns /ns/mnt/.old/", "mnt/.old"),
            ("/srv/jail /srv/../srv/jail/old", "old"),
            ("jail jail/old", "old"),
        ):
            self.assertEqual(parse_pivot_root(text).inside, inside, text)

    def test_mistakes(self) -> None:
        """What uWSGI computes from paths that do not belong together is refused."""
        for text, said in (
            ("/ns", "invalid pivot_root syntax, new_root and put_old must be separated by a space"),
            ("/ns ", "invalid pivot_root syntax"),
            ("/ns .old", "one path of '/ns .old' is absolute and the other one is not"),
            ("/ns /mnt/.old", "put_old has to be a directory inside new_root, and /mnt/.old is not in /ns"),
            ("/ns /ns2/.old", "/ns2/.old is not in /ns"),
            ("/ns /ns/../old", "is not in /ns"),
            ("/ns /ns/", "not new_root itself"),
        ):
            with self.assertRaisesRegex(ValueError, said):
                parse_pivot_root(text)


class CallTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.kernel = MemoryKernel(uid=0, gid=0)
        self.said: list[str] = []

    def test_chroot(self) -> None:
        """The working directory moves along; in uWSGI it stays outside, which is a way out."""
        change_root(self.kernel, "/jail", self.said.append)
        self.assertEqual(self.kernel.calls, [("chroot", "/jail"), ("chdir", "/")])
        self.assertEqual(self.said, ["chroot() to /jail"])

    def test_modules(self) -> None:
        """A directory of modules that was not there before is found in another root."""
        place = os.path.abspath(self.mktemp())
        self.patch(sys, "path", [*sys.path, place])
        self.assertRaises(ImportError, importlib.import_module, "uwsgid_test_inside")
        os.mkdir(place)
        with open(os.path.join(place, "uwsgid_test_inside.py"), "w") as file:
            file.write("HERE = True")
        self.assertRaises(ImportError, importlib.import_module, "uwsgid_test_inside")
        change_root(self.kernel, "/jail", self.said.append)
        self.assertTrue(importlib.import_module("uwsgid_test_inside").HERE)
        del sys.modules["uwsgid_test_inside"]

    def test_pivot_root(self) -> None:
        """Mounts are made private, and we stand in the new root, with the old one below."""
        pivot_root(self.kernel, parse_pivot_root("/ns /ns/.old"), self.said.append)
        self.assertEqual(
            self.kernel.calls,
            [
                ("mount", "none", "/", "none", "0x44000", ""),
                ("chdir", "/ns"),
                ("pivot_root", ".", ".old"),
                ("chdir", "/"),
            ],
        )
        self.assertEqual(self.said, ["pivot_root() to /ns, the old root is at /.old"])

    def test_detached(self) -> None:
        """The old root goes where it is asked for."""
        self.kernel.mounts["/.old"] = ("", "")
        pivot_root(self.kernel, PivotRoot("/ns", "/ns/.old", ".old"), self.said.append, detach=True)
        self.assertEqual(self.kernel.calls[-1], ("umount", "/.old", "0x2"))

    def test_what_is_missing(self) -> None:
        """A new root that is not there, not mounted, or without a place for the old one is told apart."""
        wanted = PivotRoot("/ns", "/ns/.old", ".old")
        for call, number, said in (
            ("chdir", errno.ENOENT, r"chdir\(\): No such file or directory \[pivot-root /ns\]"),
            (
                "pivot_root",
                errno.EINVAL,
                r"Invalid argument \[/ns /ns/.old\]: the new root has to be a mount",
            ),
            ("pivot_root", errno.ENOENT, r"No such file or directory \[.*\]: make the directory /ns/.old"),
            ("pivot_root", errno.EBUSY, r"Device or resource busy \[/ns /ns/.old\]: the new root has to be"),
            ("pivot_root", errno.EPERM, r"pivot_root\(\): Operation not permitted \[/ns /ns/.old\]$"),
        ):
            self.kernel.fail(call, number)
            with self.assertRaisesRegex(KernelError, said):
                pivot_root(self.kernel, wanted, self.said.append)
