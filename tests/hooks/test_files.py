"""Actions on files: each with its success, its failure and its arguments."""

from __future__ import annotations

import errno
import stat

from twisted.trial.unittest import SynchronousTestCase

from tests.hooks.support import Stage
from uwsgid.hooks.options import parse_action


class FileTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.stage = Stage()
        self.kernel = self.stage.kernel

    def content(self, path: str) -> bytes:
        return bytes(self.kernel.files[path].content)

    def test_mkdir(self) -> None:
        """A directory is made with the mode of the umask; one that is there is a failure."""
        self.assertEqual(self.stage.do("mkdir:/run/shop"), "")
        self.assertEqual(stat.S_IMODE(self.kernel.files["/run/shop"].mode), 0o755)
        self.assertEqual(self.stage.do("mkdir:/run/shop"), "mkdir: mkdir(): File exists [/run/shop]")

    def test_unlink(self) -> None:
        """A file is removed; one that is missing is a failure."""
        self.kernel.add_file("/x")
        self.assertEqual(self.stage.do("unlink:/x"), "")
        self.assertEqual(self.stage.do("unlink:/x"), "unlink: unlink(): No such file or directory [/x]")

    def test_create(self) -> None:
        """A file is made, or emptied."""
        self.kernel.add_file("/old", b"text")
        self.assertEqual((self.stage.do("create:/old"), self.stage.do("creat:/new")), ("", ""))
        self.assertEqual((self.content("/old"), self.content("/new")), (b"", b""))

    def test_chmod(self) -> None:
        """Three or four octal digits, and the first of four counts, which uWSGI passes over."""
        self.kernel.add_file("/x")
        for digits, mode in (("755", 0o755), ("1777", 0o1777), ("0640", 0o640)):
            self.assertEqual(self.stage.do(f"chmod:/x {digits}"), "")
            self.assertEqual(stat.S_IMODE(self.kernel.files["/x"].mode), mode)
        for text in ("chmod:/x", "chmod:/x 75", "chmod:/x 999", "chmod:/x 00755", "chmod:/x 755 y"):
            self.assertRaises(ValueError, parse_action, text)
        self.assertEqual(self.stage.do("chmod:/no 755"), "chmod: chmod(): No such file or directory [/no]")

    def test_sticky(self) -> None:
        """The sticky bit is added to what is there."""
        self.kernel.add_file("/tmp", mode=stat.S_IFDIR | 0o770)
        self.assertEqual(self.stage.do("sticky:/tmp"), "")
        self.assertEqual(stat.S_IMODE(self.kernel.files["/tmp"].mode), 0o1770)
        self.assertEqual(self.stage.do("sticky:/no"), "sticky: stat(): No such file or directory [/no]")

    def test_chown(self) -> None:
        """``chown`` knows names only, looked up when it is done."""
        self.kernel.add_file("/x")
        self.assertEqual(self.stage.do("chown:/x www-data adm"), "")
        self.assertEqual((self.kernel.files["/x"].uid, self.kernel.files["/x"].gid), (33, 4))
        self.assertEqual(self.stage.do("chown:/x ghost adm"), "chown: unable to find uid ghost")
        self.assertEqual(
            self.stage.do("chown:/x root 33"), "chown: unable to find gid 33; chown2 takes numbers"
        )
        self.assertRaises(ValueError, parse_action, "chown:/x root")

    def test_chown2(self) -> None:
        """``chown2`` knows numbers only."""
        self.kernel.add_file("/x")
        self.assertEqual(self.stage.do("chown2:/x 5 6"), "")
        self.assertEqual((self.kernel.files["/x"].uid, self.kernel.files["/x"].gid), (5, 6))
        for text in ("chown2:/x root 0", "chown2:/x 1", "chown2:/x -1 0"):
            self.assertRaises(ValueError, parse_action, text)
        self.kernel.fail("chown", errno.EPERM)
        self.assertEqual(self.stage.do("chown2:/x 5 6"), "chown2: chown(): Operation not permitted [/x]")

    def test_writing(self) -> None:
        """Texts replace or extend a file, with a newline where the name ends with n."""
        for text, content in (
            ("write:/x one two", b"one two"),
            ("append:/x , three", b"one two, three"),
            ("appendn:/x !", b"one two, three!\n"),
            ("appendn:/x", b"one two, three!\n\n"),
            ("writen:/x last", b"last\n"),
            ("append:/new  spaces ", b""),
        ):
            self.assertEqual(self.stage.do(text), "", text)
            if content:
                self.assertEqual(self.content("/x"), content, text)
        self.assertEqual(self.content("/new"), b" spaces ")
        self.assertEqual(self.kernel.descriptors, {})

    def test_nothing_to_write(self) -> None:
        """A text is needed, except for a newline."""
        for action in ("write", "writen", "append", "writefifo", "spinningfifo"):
            self.assertRaisesRegex(
                ValueError, f"invalid hook {action} syntax, must be: {action}:", parse_action, f"{action}:/x"
            )

    def test_short_write(self) -> None:
        """A text that is taken in part is a failure, as on a full disk."""
        self.patch(self.kernel, "write", lambda fd, content: 2)
        self.assertEqual(self.stage.do("write:/x four"), "write: write(): only 2 of 4 bytes were taken [/x]")
        self.assertEqual(self.kernel.descriptors, {})

    def test_refused_write(self) -> None:
        """What can not be opened or written is told, and nothing stays open."""
        self.kernel.fail("write", errno.ENOSPC)
        self.assertEqual(self.stage.do("write:/x text"), "write: write(): No space left on device [/x]")
        self.kernel.fail("open", errno.EACCES)
        self.assertEqual(self.stage.do("append:/x text"), "append: open(): Permission denied [/x]")
        self.assertEqual(self.kernel.descriptors, {})


class FifoTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.stage = Stage()
        self.kernel = self.stage.kernel

    def test_reader(self) -> None:
        """A text goes to the reader of a pipe, without a newline."""
        self.kernel.add_file("/fifo", mode=stat.S_IFIFO | 0o600)
        self.assertEqual(self.stage.do("writefifo:/fifo go on"), "")
        self.assertEqual(bytes(self.kernel.files["/fifo"].content), b"go on")

    def test_no_reader(self) -> None:
        """Without a reader nothing is written, and that is fine; without a pipe it is not."""
        for number in (errno.ENXIO, errno.ENODEV):
            self.kernel.fail("open", number)
            self.assertEqual(self.stage.do("writefifo:/fifo go"), "")
        self.assertEqual(
            self.stage.do("writefifo:/fifo go"), "writefifo: open(): No such file or directory [/fifo]"
        )

    def test_spinning(self) -> None:
        """A spinning one looks once a second until there are a pipe and a reader."""
        self.kernel.add_file("/fifo", mode=stat.S_IFIFO | 0o600)
        for number in (errno.ENOENT, errno.ENXIO, errno.ENODEV):
            self.kernel.fail("open", number)
        self.assertEqual(self.stage.do("spinningfifo:/fifo go"), "")
        self.assertEqual(self.stage.slept, [1, 1, 1])
        self.assertEqual(self.stage.said, ["waiting for a reader of the fifo ..."])
        self.assertEqual(bytes(self.kernel.files["/fifo"].content), b"go")

    def test_spinning_for_a_time(self) -> None:
        """It can be told when to give up, and does so at once for what time can not mend."""
        self.stage.config = "spinningfifo-timeout = 2"
        self.assertEqual(
            self.stage.do("spinningfifo:/fifo go"), "spinningfifo: nobody reads /fifo after 2 seconds"
        )
        self.assertEqual(
            self.stage.do("!spinningfifo:/fifo go"), "spinningfifo: nobody reads the pipe after 2 seconds"
        )
        self.assertEqual(self.stage.slept, [1, 1, 1, 1])
        self.kernel.fail("open", errno.EACCES)
        self.assertEqual(
            self.stage.do("spinningfifo:/fifo go"), "spinningfifo: open(): Permission denied [/fifo]"
        )
