"""Mounts and umounts: their words, and the calls that are made of them."""

from __future__ import annotations

import errno

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import KernelError
from uwsgid.host.mounts import (
    MOUNT_FLAGS,
    UMOUNT_FLAGS,
    Mount,
    Umount,
    apply,
    make_private,
    mount_points,
    parse_mount,
    parse_umount,
)
from uwsgid.testing import MemoryKernel

MOUNTINFO = r"""22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:21 / /ns rw - tmpfs tmpfs rw
31 30 0:22 / /ns/proc rw - proc proc rw
32 30 0:23 / /ns/my\040site rw - tmpfs tmpfs rw
33 31 0:24 / /ns/proc/sys ro - proc proc rw
34 30 0:25 / /ns/proc rw - tmpfs tmpfs rw
35 22 0:26 / /nsother rw - tmpfs tmpfs rw
"""


class Words(SynchronousTestCase):
    def test_values(self) -> None:
        """Each word has the value that the kernel gives it, and each operation has words of its own."""
        for word, value in {
            "bind": 4096, "dirsync": 128, "mandlock": 64, "move": 8192, "noatime": 1024, "nodev": 4,
            "noexec": 8, "rdonly": 1, "readonly": 1, "ro": 1, "remount": 32, "nosuid": 2, "sync": 16,
            "rec": 16384, "recursive": 16384, "private": 262144, "shared": 1048576,
        }.items():  # fmt: skip
            self.assertEqual(MOUNT_FLAGS[word], value, word)
        self.assertEqual((UMOUNT_FLAGS["force"], UMOUNT_FLAGS["detach"]), (1, 2))

    def test_mount(self) -> None:
        """A mount has a type, what, where, flags, and the rest is for the file system."""
        self.assertEqual(
            parse_mount("none /distros/x /ns bind,rec"), Mount("none", "/distros/x", "/ns", 4096 | 16384)
        )
        self.assertEqual(
            parse_mount("proc none /proc nodev,noexec hidepid=2"),
            Mount("proc", "none", "/proc", 4 | 8, "hidepid=2"),
        )
        self.assertEqual(parse_mount("tmpfs tmpfs /tmp"), Mount("tmpfs", "tmpfs", "/tmp"))
        self.assertEqual(
            parse_mount('none "/my distro" "/my ns" bind'), Mount("none", "/my distro", "/my ns", 4096)
        )

    def test_no_type(self) -> None:
        """Without a type the text begins with a space, and defaults means no flags, as in 2.1."""
        self.assertEqual(parse_mount(" /a /b bind"), Mount("", "/a", "/b", 4096))
        self.assertEqual(
            parse_mount("tmpfs tmpfs /t defaults size=1m"), Mount("tmpfs", "tmpfs", "/t", 0, "size=1m")
        )

    def test_umount(self) -> None:
        """An umount has a place and flags, and being recursive is none of the kernel's."""
        self.assertEqual(parse_umount("/proc"), Umount("/proc"))
        self.assertEqual(parse_umount("/.old rec,detach"), Umount("/.old", 2, True))
        self.assertEqual(parse_umount('"/my old" force'), Umount("/my old", 1))

    def test_what_is_missing(self) -> None:
        """A mount without a place, and an umount without one, are mistakes."""
        for text in ("", "proc", "proc none", "proc none "):
            self.assertRaisesRegex(ValueError, "expected <type> <what> <where>", parse_mount, text)
        for text in ("", "/a detach b"):
            self.assertRaisesRegex(ValueError, "expected <where>", parse_umount, text)

    def test_unknown_flags(self) -> None:
        """A slip is named, with what may have been meant."""
        self.assertRaisesRegex(
            ValueError, 'unknown mount flag "privat"; did you mean private', parse_mount, "a b c privat"
        )
        self.assertRaisesRegex(
            ValueError, 'unknown umount flag "hidepid=2"; known: detach', parse_umount, "/proc hidepid=2"
        )

    def test_wrong_operation(self) -> None:
        """In uWSGI ``umount … ro`` is forced and ``mount … detach`` is nosuid; here both are mistakes."""
        self.assertRaisesRegex(
            ValueError, 'unknown umount flag "ro"; it is one of mount', parse_umount, "/a ro"
        )
        self.assertRaisesRegex(
            ValueError, 'unknown mount flag "detach"; it is one of umount', parse_mount, "a b c detach"
        )


class Applying(SynchronousTestCase):
    def setUp(self) -> None:
        self.kernel = MemoryKernel(uid=0, gid=0, cwd="/")

    def mounted(self, text: str) -> list[tuple[str, ...]]:
        self.kernel.calls.clear()
        apply(self.kernel, parse_mount(text))
        return self.kernel.calls

    def unmounted(self, text: str) -> list[tuple[str, ...]]:
        self.kernel.calls.clear()
        apply(self.kernel, parse_umount(text))
        return self.kernel.calls

    def test_mount(self) -> None:
        """One call for what the kernel does in one."""
        self.assertEqual(
            self.mounted("tmpfs tmpfs /tmp ro,nosuid size=1m"),
            [("mount", "tmpfs", "/tmp", "tmpfs", hex(3), "size=1m")],
        )
        self.assertEqual(
            self.mounted("none none / rec,private"), [("mount", "none", "/", "none", hex(0x44000), "")]
        )

    def test_read_only_bind(self) -> None:
        """A bind mount gets its attributes and its propagation by calls of their own."""
        self.assertEqual(
            self.mounted("none /a /b bind,rec,ro,nodev,slave"),
            [
                ("mount", "/a", "/b", "none", hex(4096 | 16384), ""),
                ("mount", "none", "/b", "none", hex(32 | 4096 | 1 | 4), ""),
                ("mount", "none", "/b", "none", hex(1 << 19 | 16384), ""),
            ],
        )

    def test_remount(self) -> None:
        """The two lines that uWSGI needs for a read-only bind mount do the same."""
        self.assertEqual(
            self.mounted("none /a /b bind,remount,ro"),
            [("mount", "/a", "/b", "none", hex(4096 | 32 | 1), "")],
        )

    def test_half_a_mount(self) -> None:
        """A bind mount that can not be made read-only does not stay."""
        real, calls = self.kernel.mount, self.kernel.calls

        def mount(source: str, target: str, fstype: str, flags: int, data: str = "") -> None:
            if flags & 32:
                self.kernel.fail("mount", errno.EPERM)
            real(source, target, fstype, flags, data)

        self.patch(self.kernel, "mount", mount)
        with self.assertRaisesRegex(KernelError, r"uwsgi_mount\(\): Operation not permitted \[/a on /b\]"):
            self.mounted("none /a /b bind,ro")
        self.assertEqual([call[:2] for call in calls], [("mount", "/a"), ("umount", "/b")])

    def test_refused(self) -> None:
        """What the kernel refuses is told with its reason."""
        self.kernel.fail("mount", errno.ENOENT)
        with self.assertRaisesRegex(KernelError, r"uwsgi_mount\(\): No such file .*\[none on /x\]"):
            self.mounted("proc none /x")
        with self.assertRaisesRegex(KernelError, r"uwsgi_umount\(\): Invalid argument \[/nothing\]"):
            self.unmounted("/nothing")

    def test_umount(self) -> None:
        """A plain umount is one call, whatever is below."""
        self.kernel.mounts["/ns"] = ("", "")
        self.assertEqual(self.unmounted("/ns detach"), [("umount", "/ns", hex(2))])

    def test_recursive_umount(self) -> None:
        """What is below goes first, the deepest before all others; what only begins alike stays."""
        self.kernel.add_file("/proc/self/mountinfo", MOUNTINFO.encode())
        for point in ("/ns", "/ns/proc", "/ns/my site", "/ns/proc/sys", "/nsother"):
            self.kernel.mounts[point] = ("", "")
        self.assertEqual(
            [call[1] for call in self.unmounted("/ns rec")],
            ["/ns/proc/sys", "/ns/proc", "/ns/my site", "/ns"],
        )
        self.assertIn("/nsother", self.kernel.mounts)

    def test_relative_and_slashes(self) -> None:
        """A place that is not written as the kernel writes it is found all the same."""
        self.kernel.add_file("/proc/self/mountinfo", MOUNTINFO.encode())
        self.kernel.mounts.update({"/ns/proc/sys": ("", ""), "ns//": ("", "")})
        self.assertEqual([call[1] for call in self.unmounted("ns// rec")], ["/ns/proc/sys", "ns//"])

    def test_what_covers(self) -> None:
        """What another mount covers is reached once that one is gone."""
        self.kernel.add_file("/proc/self/mountinfo", MOUNTINFO.encode())
        covered = {"/ns/proc/sys"}

        def umount(target: str, flags: int = 0) -> None:
            if target in covered or target not in ("/ns", "/ns/proc", "/ns/proc/sys"):
                raise OSError(errno.EINVAL, "covered")
            covered.clear()
            self.kernel.calls.append(("umount", target))
            if len(self.kernel.calls) > 3:
                covered.update(("/ns/proc", "/ns/proc/sys"))

        self.patch(self.kernel, "umount", umount)
        self.assertEqual(
            [call[1] for call in self.unmounted("/ns rec")][:4],
            ["/ns/proc", "/ns/proc", "/ns/proc/sys", "/ns/proc"],
        )

    def test_without_proc(self) -> None:
        """Without /proc nobody knows what is below."""
        with self.assertRaisesRegex(KernelError, r"uwsgi_umount\(\): No such file .*mountinfo"):
            self.unmounted("/ns rec")

    def test_private(self) -> None:
        """A private tree is one call."""
        make_private(self.kernel)
        self.assertEqual(self.kernel.calls, [("mount", "none", "/", "none", hex(0x44000), "")])


class Table(SynchronousTestCase):
    def test_points(self) -> None:
        """Mount points come in the order of the table, with their blanks, as often as they are there."""
        self.assertEqual(
            list(mount_points(MOUNTINFO)),
            ["/", "/ns", "/ns/proc", "/ns/my site", "/ns/proc/sys", "/ns/proc", "/nsother"],
        )
