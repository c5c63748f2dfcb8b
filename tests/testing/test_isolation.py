"""The pretended namespaces, mounts and capabilities refuse what Linux refuses."""

from __future__ import annotations

import errno

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.interfaces import Profile
from uwsgid.testing import MemoryKernel

_BIND = 1 << 10


class Isolation(SynchronousTestCase):
    """Of root, and of an ordinary user."""

    def test_only_root(self) -> None:
        """An ordinary user mounts nothing, changes no root, and may have a user namespace only."""
        kernel = MemoryKernel()
        self.assertRaises(PermissionError, kernel.unshare, 0x04000000)
        self.assertRaises(PermissionError, kernel.mount, "none", "/proc", "proc", 0)
        self.assertRaises(PermissionError, kernel.chroot, "/jail")
        kernel.unshare(0x10000000)
        self.assertEqual(kernel.calls, [("unshare", "0x10000000")])

    def test_maps(self) -> None:
        """In a user namespace we are whom the maps make of us; who has no place keeps the number."""
        kernel = MemoryKernel(uid=1000, gid=7)
        kernel.unshare_mapped(0x10000000, "0 1000 1\n1 100000 10", "0 1000 1", False)
        self.assertEqual((kernel.uid, kernel.gid), (0, 7))
        kernel = MemoryKernel(uid=100003)
        kernel.unshare_mapped(0x10000000, "0 1000 1\n1 100000 10", "0 0 1", True)
        self.assertEqual(kernel.uid, 4)
        self.assertEqual(kernel.names(), ["unshare_mapped"])

    def test_mounts(self) -> None:
        """What is not mounted can not be unmounted; a change of propagation mounts nothing."""
        kernel = MemoryKernel(uid=0)
        kernel.mount("none", "/", "", 0x44000)
        kernel.mount("none", "/proc", "proc", 0)
        kernel.umount("/proc")
        error = self.assertRaises(OSError, kernel.umount, "/proc")
        self.assertEqual((error.errno, list(kernel.mounts)), (errno.EINVAL, ["/"]))

    def test_directories(self) -> None:
        """A directory is made once, and is gone when it was removed."""
        kernel = MemoryKernel(uid=0)
        kernel.mkdir("/jail", 0o700)
        self.assertRaises(FileExistsError, kernel.mkdir, "/jail")
        kernel.rmdir("/jail")
        self.assertRaises(FileNotFoundError, kernel.rmdir, "/jail")

    def test_capabilities(self) -> None:
        """Nobody gets what is not permitted any more, and ambient is only what may be inherited."""
        kernel = MemoryKernel(uid=0)
        kernel.set_capabilities(_BIND, _BIND, 0)
        self.assertRaises(PermissionError, kernel.set_capabilities, _BIND, _BIND | 1, 0)
        self.assertRaises(PermissionError, kernel.raise_ambient, 10)
        kernel.set_capabilities(_BIND, _BIND, _BIND)
        kernel.raise_ambient(10)
        self.assertEqual((kernel.capabilities(), kernel.ambient), ((_BIND, _BIND, _BIND), _BIND))

    def test_bounding(self) -> None:
        """A number that no capability has is EINVAL, as the end of a search for all of them."""
        kernel = MemoryKernel(uid=0)
        kernel.drop_bounding(40)
        self.assertEqual(self.assertRaises(OSError, kernel.drop_bounding, 41).errno, errno.EINVAL)

    def test_filters(self) -> None:
        """Only root, or who gave up new privileges, may filter system calls."""
        kernel = MemoryKernel()
        profile = Profile("p")
        self.assertRaises(PermissionError, kernel.load_filter, profile)
        kernel.set_no_new_privs()
        kernel.load_filter(profile)
        self.assertEqual(kernel.filters, [profile])

    def test_jails(self) -> None:
        """Each jail has the next number; an ordinary user enters none."""
        kernel = MemoryKernel(uid=0)
        self.assertEqual([kernel.jail("/a", "", "", (), ()), kernel.jail_set((), 5)], [1, 2])
        self.assertRaises(PermissionError, MemoryKernel().jail_set, (), 5)
