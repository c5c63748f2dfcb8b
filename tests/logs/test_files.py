"""The file engine."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import stat
import threading

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError, KernelError
from uwsgid.families import loggers
from uwsgid.logs.files import BURST, DatagramLogger, FileLogger, open_destination
from uwsgid.logs.pipeline import PartlyKept

NOW = 1700000000.9
SETTINGS = settings_of("")


class FileTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = self.mktemp()
        os.mkdir(self.folder)
        self.path = os.path.join(self.folder, "site.log")

    def logger(self, **more: object) -> FileLogger:
        made = FileLogger(self.path, clock=lambda: NOW, **more)  # type: ignore[arg-type]
        self.addCleanup(made.close)
        return made

    def kept(self, suffix: str = "") -> str:
        with open(self.path + suffix) as file:
            return file.read()

    def test_appends(self) -> None:
        """What was in the file stays, a batch is written in its order."""
        self.logger().write([b"one\n"])
        self.logger().write([b"two\n", b"three\n"])
        self.assertEqual(self.kept(), "one\ntwo\nthree\n")

    def test_truncates_where_asked(self) -> None:
        """log-truncate begins with an empty file."""
        self.logger().write([b"one\n"])
        self.logger(truncate=True).write([b"two\n"])
        self.assertEqual(self.kept(), "two\n")

    def test_mode(self) -> None:
        """logfile-chmod holds whatever the umask is; without it strangers can not read the log."""
        self.logger(mode=0o666)
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o666)
        other = FileLogger(self.path + ".2")
        self.addCleanup(other.close)
        self.assertEqual(stat.S_IMODE(os.stat(self.path + ".2").st_mode) & 0o007, 0)

    def test_owner(self) -> None:
        """logfile-chown with our own ids succeeds."""
        self.logger(owner=(os.getuid(), os.getgid()))
        self.assertEqual(os.stat(self.path).st_uid, os.getuid())

    def test_reopens_after_somebody_renamed_it(self) -> None:
        """The old file gets the first line, a new one of the old name the second and all that follows."""
        logger = self.logger()
        logger.write([b"old\n"])
        os.rename(self.path, self.path + ".1")
        logger.reopen()
        logger.write([b"new\n"])
        self.assertEqual(self.kept(".1"), "old\n[1700000000] logsize: 4, triggering log-reopen...\n")
        self.assertEqual(self.kept(), f"[1700000000] {self.path} reopened.\nnew\n")

    def test_a_failed_reopening_keeps_the_old_file(self) -> None:
        """Where the path can not be opened any more, lines go on to the old file, which says why."""
        logger = self.logger()
        os.rename(self.folder, self.folder + ".gone")
        logger.reopen()
        logger.write([b"still here\n"])
        with open(os.path.join(self.folder + ".gone", "site.log")) as file:
            text = file.read()
        self.assertIn("can not open the log file", text)
        self.assertTrue(text.endswith("still here\n"))

    def test_rotates_by_size(self) -> None:
        """A file larger than log-maxsize is set aside under its name and the time, once."""
        logger = self.logger(max_size=10)
        logger.write([b"0123456789"])
        logger.check_size()
        self.assertEqual(os.listdir(self.folder), ["site.log"])
        logger.write([b"\n"])
        logger.check_size()
        logger.write([b"next\n"])
        logger.check_size()
        backup = f"{self.path}.1700000000"
        self.assertEqual(
            self.kept(".1700000000"),
            f"0123456789\n[1700000000] logsize: 11, triggering rotation to {backup}...\n",
        )
        self.assertEqual(self.kept(), "next\n")

    def test_a_backup_of_the_same_name_is_overwritten(self) -> None:
        """log-backupname is used as it stands, each time."""
        logger = self.logger(backup_name=self.path + ".old")
        for word in (b"one\n", b"two\n"):
            logger.write([word])
            logger.rotate()
        self.assertTrue(self.kept(".old").startswith("two\n"))
        self.assertEqual(sorted(os.listdir(self.folder)), ["site.log", "site.log.old"])

    def test_rotation_that_fails_goes_on(self) -> None:
        """Where the backup can not be named, the log stays in its file and says so."""
        logger = self.logger(backup_name="/nowhere/at/all")
        logger.rotate()
        logger.write([b"on\n"])
        self.assertIn("can not rename", self.kept())
        self.assertTrue(self.kept().endswith("on\n"))

    def test_backups_of_one_second(self) -> None:
        """What two rotations of the same second set aside is kept, each under a name of its own."""
        logger = self.logger()
        for word in (b"one\n", b"two\n", b"three\n"):
            logger.write([word])
            logger.rotate()
        kept = [
            self.kept(suffix).split("\n")[0] for suffix in (".1700000000", ".1700000000.1", ".1700000000.2")
        ]
        self.assertEqual(kept, ["one", "two", "three"])

    def test_each_batch_counts(self) -> None:
        """A file grows beyond log-maxsize by one batch at most, however often the size is checked."""
        logger = self.logger(max_size=2 * BURST)
        batch = [b"x" * 999 + b"\n"] * 128
        for _ in range(60):
            logger.write(batch)
        sizes = [os.stat(os.path.join(self.folder, name)).st_size for name in os.listdir(self.folder)]
        self.assertEqual(len(sizes), 60 * 128000 // (2 * BURST + 64000) + 1)
        self.assertLess(max(sizes), 2 * BURST + 128000 + 200)

    def test_a_tiny_limit_makes_no_flood_of_files(self) -> None:
        """Between two checks a file smaller than a mebibyte is set aside once at most."""
        logger = self.logger(max_size=1)
        for _ in range(50):
            logger.write([b"line\n"])
        self.assertEqual(len(os.listdir(self.folder)), 2)
        logger.check_size()
        logger.write([b"line\n"])
        self.assertEqual(len(os.listdir(self.folder)), 3)
        logger.check_size()
        self.assertEqual(len(os.listdir(self.folder)), 4)

    def test_a_rotation_that_fails_is_told_once(self) -> None:
        """Batch after batch finds the file too large, and the log does not fill with complaints."""
        logger = self.logger(max_size=10, backup_name="/nowhere/at/all")
        for _ in range(5):
            logger.write([b"0123456789\n"])
            logger.check_size()
        self.assertEqual(self.kept().count("can not rename"), 1)
        self.assertEqual(self.kept().count("0123456789\n"), 5)

    def test_a_forbidden_rotation_is_told_once(self) -> None:
        """The same with names that change every second."""
        now = NOW
        logger = FileLogger(self.path, max_size=10, clock=lambda: now)
        self.addCleanup(logger.close)

        def refuse(path: str, backup: str) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

        self.patch(os, "rename", refuse)
        for _ in range(5):
            now += 1
            logger.write([b"0123456789\n"])
            logger.check_size()
        self.assertEqual(self.kept().count("can not rename"), 1)

    def test_rotation_of_a_file_that_was_renamed_already(self) -> None:
        """Where somebody was faster, a rotation begins the new file all the same."""
        logger = self.logger()
        logger.write([b"old\n"])
        os.rename(self.path, self.path + ".mine")
        logger.rotate()
        logger.write([b"new\n"])
        self.assertEqual(self.kept(), "new\n")
        self.assertTrue(self.kept(".mine").startswith("old\n"))

    def test_a_removed_file_is_made_anew(self) -> None:
        """The next check notices, says how many bytes went with the file, and goes on in a new one."""
        logger = self.logger()
        logger.write([b"kept by nobody\n"])
        logger.check_size()
        os.unlink(self.path)
        logger.write([b"lost\n"])
        logger.check_size()
        logger.write([b"new\n"])
        note = f"[1700000000] {self.path} was removed with 5 bytes since the last look at it\n"
        self.assertEqual(self.kept(), f"{note}new\n")

    def test_a_removed_folder(self) -> None:
        """Without its folder the file can not be made anew; once it is back, it is."""
        logger = self.logger()
        shutil.rmtree(self.folder)
        logger.write([b"lost\n"])
        logger.check_size()
        logger.check_size()
        os.mkdir(self.folder)
        logger.check_size()
        self.assertIn("was removed with 5 bytes", self.kept())

    def test_a_full_disk_tears_no_line(self) -> None:
        """What the kernel took in part is finished first when there is room again, also in a new file."""
        really = os.write
        room = 0

        def put(descriptor: int, data: bytes) -> int:
            nonlocal room
            if not room:
                raise OSError(errno.ENOSPC, "No space left on device")
            taken = min(room, len(data))
            room -= taken
            return really(descriptor, data[:taken])

        for rotates in (False, True):
            logger = self.logger(truncate=True)
            room = 25
            self.patch(os, "write", put)
            records = [b"first line\n", b"second line, longer\n", b"3rd\n"]
            error = self.assertRaises(PartlyKept, logger.write, records)
            self.assertEqual(error.kept, 2)
            self.assertRaises(OSError, logger.write, [b"lost\n"])
            if rotates:
                logger.rotate()
            room = 10000
            logger.write([b"after\n"])
            self.patch(os, "write", really)
            self.assertTrue(self.kept().endswith("second line, longer\nafter\n"), self.kept())

    def test_several_threads(self) -> None:
        """A file is reopened and set aside by one thread while another writes, and no line is lost."""
        logger = self.logger()
        lines = [b"line %d\n" % number for number in range(2000)]

        def write() -> None:
            for line in lines:
                logger.write([line])

        thread = threading.Thread(target=write)
        thread.start()
        while thread.is_alive():
            logger.rotate()
            logger.reopen()
        thread.join()
        found = []
        for name in os.listdir(self.folder):
            with open(os.path.join(self.folder, name), "rb") as file:
                found += [line for line in file if line.startswith(b"line")]
        self.assertEqual(sorted(found), sorted(lines))

    def test_followers_go_where_the_file_goes(self) -> None:
        """A descriptor that follows writes to the new file after a rotation."""
        follower = os.dup(2)
        self.addCleanup(os.close, follower)
        logger = self.logger(followers=(follower,))
        os.write(follower, b"old\n")
        logger.rotate()
        os.write(follower, b"new\n")
        self.assertEqual(self.kept(), "new\n")

    def test_unopenable(self) -> None:
        """The error names the file, the reason and what to try."""
        error = self.assertRaises(KernelError, FileLogger, "/nowhere/at/all.log")
        self.assertRegex(str(error), "^can not open the log file /nowhere/at/all.log: No such file .*; its")

    def test_engine(self) -> None:
        """The engine `file` takes a path or the keys of 2.0."""
        argument = f"logfile={self.path},maxsize=3,backupname={self.path}.b"
        made = loggers["file"].from_argument(argument, SETTINGS)
        self.addCleanup(made.close)
        made.write([b"four"])
        made.check_size()
        self.assertTrue(self.kept(".b").startswith("four"))
        self.assertRaises(ConfigError, FileLogger.from_argument, "logfile=x,colour=red", SETTINGS)
        self.assertIn("file", loggers)


class DestinationTests(SynchronousTestCase):
    def test_a_colon_without_a_slash_is_a_datagram_socket(self) -> None:
        """Each record becomes a datagram, also what followers write."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
            receiver.bind(("127.0.0.1", 0))
            receiver.settimeout(5)
            follower = os.dup(2)
            self.addCleanup(os.close, follower)
            logger = open_destination(
                f"127.0.0.1:{receiver.getsockname()[1]}", settings_of(), followers=(follower,)
            )
            self.addCleanup(logger.close)
            logger.write([b"one\n", b"two\n"])
            os.write(follower, b"three\n")
            self.assertEqual([receiver.recv(100) for _ in range(3)], [b"one\n", b"two\n", b"three\n"])

    def test_a_reload_to_a_datagram_socket(self) -> None:
        """A descriptor that was kept for a file is closed where the target became a socket."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
            receiver.bind(("127.0.0.1", 0))
            kept = os.dup(2)
            logger = open_destination(
                f"127.0.0.1:{receiver.getsockname()[1]}", settings_of(), descriptor=kept, again=True
            )
            self.addCleanup(logger.close)
            self.assertRaises(OSError, os.fstat, kept)

    def test_a_colon_behind_a_slash_is_a_file(self) -> None:
        """A path may have colons."""
        folder = self.mktemp()
        os.mkdir(folder)
        logger = open_destination(f"{folder}/a:1", settings_of("log-maxsize = 5"))
        self.addCleanup(logger.close)
        self.assertTrue(os.path.exists(f"{folder}/a:1"))

    def test_a_bad_address(self) -> None:
        """A port that is no number is told apart from a file."""
        error = self.assertRaises(KernelError, DatagramLogger, "127.0.0.1:syslog-and-more")
        self.assertIn("expected host:port", str(error))
