"""Namespaces, mounts, the root directory and capabilities in memory.

It is the middle part of `uwsgid.testing.MemoryKernel`, over its files.  Nothing here imitates what a mount
shows; it keeps account of what was asked for, and refuses what Linux refuses to those who are not root.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence

from uwsgid.interfaces import Profile
from uwsgid.testing.files import MemoryFiles

#: All capabilities that Linux knows.
ALL_CAPABILITIES = (1 << 41) - 1


class MemoryIsolation(MemoryFiles):
    """What sets a process apart.  The attributes are the world; tests set them as they like.

    :ivar namespaces: the ``CLONE_NEW…`` flags of all namespaces that were made.
    :ivar mounts: what is attached, by mount point: source and type of file system.
    :ivar root: our root directory, as a path of the world that we started in.
    :ivar hostname: of our UTS namespace.
    :ivar effective: capabilities, as a mask; *permitted*, *passed_on* (the inheritable ones), *bounding* and
        *ambient* likewise.
    :ivar filters: the profiles that filter our system calls.
    :ivar jails: how many jails we entered, which is the number of the last one.
    :ivar file_systems: what `statfs` says of a path, where it says something else than 0xEF53 (ext4).
    """

    def __init__(self, *, uid: int, gid: int, cwd: str) -> None:
        super().__init__(uid=uid, gid=gid, cwd=cwd)
        self.namespaces = 0
        self.mounts: dict[str, tuple[str, str]] = {"/": ("/dev/root", "ext4")}
        self.root = "/"
        self.hostname = "host"
        self.effective = self.permitted = ALL_CAPABILITIES if uid == 0 else 0
        self.passed_on = self.ambient = 0
        self.bounding = ALL_CAPABILITIES
        self.keeps_capabilities = False
        self.no_new_privs = False
        self.filters: list[Profile] = []
        self.jails = 0
        self.file_systems: dict[str, int] = {}

    def mkdir(self, path: str, mode: int = 0o777) -> None:
        self._maybe_fail("mkdir")
        if self._path(path) in self.files:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
        self.add_file(path, mode=stat.S_IFDIR | (mode & ~self.mask))
        self._note("mkdir", path, oct(mode))

    def rmdir(self, path: str) -> None:
        self._maybe_fail("rmdir")
        if self.files.pop(self._path(path), None) is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        self._note("rmdir", path)

    def statfs(self, path: str) -> int:
        self._maybe_fail("statfs")
        return self.file_systems.get(path, 0xEF53)

    def unshare(self, flags: int) -> None:
        self._root_only("unshare", allowed=bool(flags & 0x10000000))
        self.namespaces |= flags
        self._note("unshare", hex(flags))

    def unshare_mapped(self, flags: int, uid_map: str, gid_map: str, setgroups: bool) -> None:
        self._maybe_fail("unshare_mapped")
        self.namespaces |= flags
        self.uid, self.gid = _mapped(self.uid, uid_map), _mapped(self.gid, gid_map)
        self._note("unshare_mapped", hex(flags), uid_map, gid_map, setgroups)

    def setns(self, fd: int, kind: int = 0) -> None:
        self._root_only("setns")
        self._note("setns", fd, hex(kind))

    def mount(self, source: str, target: str, fstype: str, flags: int, data: str = "") -> None:
        self._root_only("mount")
        if fstype or flags & 0x1000:
            self.mounts[target] = (source, fstype)
        self._note("mount", source, target, fstype, hex(flags), data)

    def umount(self, target: str, flags: int = 0) -> None:
        self._root_only("umount")
        if self.mounts.pop(target, None) is None:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), target)
        self._note("umount", target, hex(flags))

    def pivot_root(self, new_root: str, put_old: str) -> None:
        self._root_only("pivot_root")
        self.root = self._path(new_root)
        self._note("pivot_root", new_root, put_old)

    def chroot(self, path: str) -> None:
        self._root_only("chroot")
        self.root = self._path(path)
        self._note("chroot", path)

    def sethostname(self, name: str) -> None:
        self._root_only("sethostname")
        self.hostname = name
        self._note("sethostname", name)

    def capabilities(self) -> tuple[int, int, int]:
        return self.effective, self.permitted, self.passed_on

    def set_capabilities(self, effective: int, permitted: int, inheritable: int) -> None:
        self._maybe_fail("set_capabilities")
        if permitted & ~self.permitted:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        self.effective, self.permitted, self.passed_on = effective, permitted, inheritable
        self._note("set_capabilities", hex(effective), hex(permitted), hex(inheritable))

    def set_keep_capabilities(self, on: bool) -> None:
        self._maybe_fail("set_keep_capabilities")
        self.keeps_capabilities = on
        self._note("set_keep_capabilities", on)

    def drop_bounding(self, capability: int) -> None:
        self._root_only("drop_bounding")
        if not ALL_CAPABILITIES >> capability & 1:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self.bounding &= ~(1 << capability)
        self._note("drop_bounding", capability)

    def raise_ambient(self, capability: int) -> None:
        self._maybe_fail("raise_ambient")
        if not (self.permitted & self.passed_on) >> capability & 1:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        self.ambient |= 1 << capability
        self._note("raise_ambient", capability)

    def set_no_new_privs(self) -> None:
        self._maybe_fail("set_no_new_privs")
        self.no_new_privs = True
        self._note("set_no_new_privs")

    def load_filter(self, profile: Profile) -> None:
        self._root_only("load_filter", allowed=self.no_new_privs)
        self.filters.append(profile)
        self._note("load_filter", profile.name)

    def jail(self, path: str, hostname: str, name: str, ip4: Sequence[str], ip6: Sequence[str]) -> int:
        self._root_only("jail")
        self._note("jail", path, hostname, name, ",".join(ip4), ",".join(ip6))
        return self._next_jail()

    def jail_set(self, parameters: Sequence[tuple[bytes, bytes | None]], flags: int) -> int:
        self._root_only("jail_set")
        self._note("jail_set", flags, *parameters)
        return self._next_jail()

    def _next_jail(self) -> int:
        self.jails += 1
        return self.jails


def _mapped(number: int, lines: str) -> int:
    """What *number* is in a user namespace; itself where it has no place there."""
    for line in lines.splitlines():
        inside, outside, count = (int(word) for word in line.split())
        if outside <= number < outside + count:
            return number + inside - outside
    return number
