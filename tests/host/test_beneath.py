"""Opening beneath a directory: the kernel's way and the way of kernels that can not."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.descriptors import open_descriptors
from uwsgid.host import syscalls
from uwsgid.host.beneath import Opener


class OpenerTests(SynchronousTestCase):
    """Files, links and ``..``."""

    openat2 = True

    def setUp(self) -> None:
        self.opener = Opener(openat2=self.openat2)
        self.root = Path(os.path.realpath(self.mktemp()))
        (self.root / "in" / "deep").mkdir(parents=True)
        (self.root / "in" / "deep" / "file").write_text("deep")
        (self.root / "in" / "file").write_text("inside")
        (self.root / "secret").write_text("secret")
        (self.root / "in" / "out").symlink_to("../secret")
        (self.root / "in" / "near").symlink_to("file")
        (self.root / "in" / "door").symlink_to("deep")
        os.mkfifo(self.root / "in" / "pipe")
        self.at = self.opener.directory(os.fsencode(self.root / "in"))
        self.addCleanup(os.close, self.at)

    def read(self, path: str) -> str:
        with os.fdopen(self.opener.beneath(self.at, path.encode()), "rb") as file:
            return file.read().decode()

    def refuses(self, path: str) -> str:
        try:
            fd = self.opener.beneath(self.at, path.encode())
        except OSError as error:
            return errno.errorcode[error.errno or 0]
        os.close(fd)
        return ""

    def test_what_is_there_opens(self) -> None:
        """Files below the directory open, also by a path with dots and double slashes in it."""
        for path in ("file", "./file", "deep/../file", "deep//.././deep/../file"):
            self.assertEqual(self.read(path), "inside")
        self.assertEqual(self.read("deep/file"), "deep")

    def test_nothing_leaves(self) -> None:
        """No ``..``, no absolute path and no link leads out of the directory."""
        self.assertEqual(self.refuses("../secret"), "EXDEV")
        self.assertEqual(self.refuses("deep/../../secret"), "EXDEV")
        self.assertEqual(self.refuses("deep/../.."), "EXDEV")
        self.assertEqual(self.refuses("out"), "ELOOP")

    def test_a_link_is_not_followed(self) -> None:
        """A link is refused wherever it stands, also one that stays below."""
        self.assertEqual(self.refuses("near"), "ELOOP")
        self.assertEqual(self.refuses("door/file"), "ELOOP")

    def test_what_is_not_there(self) -> None:
        """Missing files, files taken for directories and names that are too long are told apart."""
        self.assertEqual(self.refuses("nothing"), "ENOENT")
        self.assertEqual(self.refuses("nothing/file"), "ENOENT")
        self.assertEqual(self.refuses("file/more"), "ENOTDIR")
        self.assertEqual(self.refuses("file/"), "ENOTDIR")
        self.assertEqual(self.refuses("x" * 300), "ENAMETOOLONG")

    def test_a_fifo_does_not_make_us_wait(self) -> None:
        """A named pipe without a writer opens at once, for the caller to see what it is."""
        fd = self.opener.beneath(self.at, b"pipe")
        self.addCleanup(os.close, fd)
        self.assertTrue(stat.S_ISFIFO(os.fstat(fd).st_mode))

    def test_a_directory_can_be_looked_at(self) -> None:
        """A directory opens like a file, whatever way its path ends."""
        for path in (b"deep", b"deep/", b".", b"deep/..", b"deep/."):
            fd = self.opener.beneath(self.at, path)
            self.assertTrue(stat.S_ISDIR(os.fstat(fd).st_mode))
            os.close(fd)

    def test_absolute_paths(self) -> None:
        """An absolute path opens where no link is on the way."""
        with os.fdopen(self.opener.file(os.fsencode(self.root / "secret")), "rb") as file:
            self.assertEqual(file.read(), b"secret")
        with self.assertRaises(OSError) as caught:
            self.opener.file(os.fsencode(self.root / "in" / "door" / "file"))
        self.assertEqual(caught.exception.errno, errno.ELOOP)
        with self.assertRaises(OSError) as caught:
            self.opener.directory(os.fsencode(self.root / "in" / "door"))
        self.assertIn(caught.exception.errno, (errno.ELOOP, errno.ENOTDIR))
        with self.assertRaises(OSError) as caught:
            self.opener.directory(os.fsencode(self.root / "secret"))
        self.assertEqual(caught.exception.errno, errno.ENOTDIR)


class WalkingTests(OpenerTests):
    """The same without openat2(2)."""

    openat2 = False

    def test_no_descriptor_is_lost(self) -> None:
        """However a walk ends, it leaves one descriptor behind or none."""
        before = len(open_descriptors())
        for path in ("out", "door/file", "../secret", "deep/../../x", "nothing/x", "file/x", "file/"):
            self.refuses(path)
        self.read("deep/../file")
        self.assertEqual(len(open_descriptors()), before)

    @given(st.lists(st.sampled_from(["..", ".", "", "deep", "file", "near", "door", "x"]), max_size=6))
    @settings(max_examples=200, deadline=None)
    def test_both_ways_agree(self, names: list[str]) -> None:
        """A walk ends where the kernel's own ends: with the same file, or both with none."""
        path = "/".join(names).lstrip("/") or "."
        kernel = Opener().beneath
        outcomes = []
        for beneath in (kernel, self.opener.beneath):
            try:
                fd = beneath(self.at, path.encode())
            except OSError:
                outcomes.append(-1)
            else:
                outcomes.append(os.fstat(fd).st_ino)
                os.close(fd)
        self.assertEqual(outcomes[0], outcomes[1], path)


class KernelTests(SynchronousTestCase):
    """What the kernel answers where it does not do as asked."""

    def test_a_kernel_without_it_is_asked_once(self) -> None:
        """After ENOSYS, or EPERM from a filter, every path is walked."""
        for number in (errno.ENOSYS, errno.EPERM):
            opener = Opener()
            with mock.patch.object(syscalls, "openat2", side_effect=OSError(number, "")) as call:
                os.close(opener.directory(b"/"))
                asked = call.call_count
                os.close(opener.directory(b"/"))
                self.assertEqual(call.call_count, asked)

    def test_a_forbidden_file_is_no_missing_call(self) -> None:
        """EPERM for one file is the file's affair: the next one is opened by the kernel again."""
        opener = Opener()
        real = syscalls.openat2

        def forbid(directory: int, path: bytes, flags: int, resolve: int) -> int:
            if path == b"/forbidden":
                raise OSError(errno.EPERM, "")
            return real(directory, path, flags, resolve)

        with mock.patch.object(syscalls, "openat2", side_effect=forbid):
            self.assertRaises(PermissionError, opener.file, b"/forbidden")
            self.assertTrue(opener._openat2)

    def test_a_rename_in_between(self) -> None:
        """EAGAIN is tried again, and ends as a refusal where it does not end."""
        opener = Opener()
        renamed = OSError(errno.EAGAIN, "")
        with (
            mock.patch.object(syscalls, "openat2", side_effect=renamed),
            self.assertRaises(OSError) as caught,
        ):
            opener.beneath(0, b"x")
        self.assertEqual(caught.exception.errno, errno.EXDEV)
