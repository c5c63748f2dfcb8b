"""No line is lost: whatever happens to the file and to its writers, an accepted line is found once, whole."""

from __future__ import annotations

import mmap
import os
import re
import signal
import subprocess
import threading
from pathlib import Path
from typing import Final

from twisted.trial.unittest import SkipTest

from tests.live.support import APPS, SPAWNED, Daemon, LiveCase, requires, uwsgi_fetch, wait_until

WRITERS: Final = 4
STREAMS: Final = 400
FILLER: Final = b"x" * 30


class Account:
    """What the application counts: accepted lines of each stream, and the pid of who wrote them."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(bytes(16 * STREAMS))
        self.path: Final = path
        with path.open("r+b") as file:
            self.numbers: Final = memoryview(mmap.mmap(file.fileno(), 0)).cast("Q")

    @property
    def accepted(self) -> list[int]:
        return list(self.numbers[::2])

    @property
    def total(self) -> int:
        return sum(self.numbers[::2])


class Talk:
    """Clients that have four workers write until enough lines were accepted and the test is through.

    :ivar cut: streams that have no answer, since their worker was killed.
    """

    def __init__(self, socket: str, account: Account, lines: int, each: int) -> None:
        self.cut: set[int] = set()
        self._socket, self._account, self._lines, self._each = socket, account, lines, each
        self._next = 0
        self._through = False
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run) for _ in range(WRITERS)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        while not self._through or self._account.total < self._lines:
            with self._lock:
                stream, self._next = self._next, self._next + 1
            try:
                answer = uwsgi_fetch(self._socket, f"/{stream}/{self._each}{self._account.path}")
                finished = answer.body == b"done"
            except (OSError, AssertionError, ValueError):
                finished = False
            if not finished:
                self.cut.add(stream)

    def kill_one(self) -> int:
        """``kill -9`` a worker in the middle of its lines: its pid."""
        accepted = self._account.accepted

        def busy() -> int:
            for stream, (before, now) in enumerate(zip(accepted, self._account.accepted, strict=True)):
                if before < now < self._each // 2:
                    return int(self._account.numbers[2 * stream + 1])
            return 0

        pid = wait_until(busy, "a worker in the middle of its lines", every=0.001)
        os.kill(pid, signal.SIGKILL)
        return pid

    def join(self) -> None:
        """Wait for the last line."""
        self._through = True
        for thread in self._threads:
            thread.join(300)
            assert not thread.is_alive()


class LinesCase(LiveCase):
    """A server whose workers write."""

    def serve_lines(self, log: str, *more: str) -> tuple[Daemon, Account]:
        """Start it, with its log in *log*."""
        daemon = self.launch(
            f"socket = {self.path('app.sock')}\nwsgi-file = {APPS / 'chatty.py'}\nneed-app = true\n"
            f"processes = {WRITERS}\nmaster = true\ndisable-logging = true\nlogto = {log}\n" + "\n".join(more)
        )
        path = Path(log)
        wait_until(
            lambda: path.exists() and len(re.findall(SPAWNED, path.read_text())) == WRITERS, "the start"
        )
        return daemon, Account(self.folder / "account")


class RotationTests(LinesCase):
    """A million lines of four workers."""

    def reopen(self, moved: str) -> None:
        """Rename the log as an operator does, have it reopened, and wait for that."""
        log = self.folder / "site.log"

        def rename() -> bool:
            try:
                if log.stat().st_size < 100_000:
                    return False
                log.rename(self.folder / moved)
            except FileNotFoundError:  # the server is about to make it
                return False
            return True

        wait_until(rename, "a log with lines")
        os.utime(self.folder / "trigger", (2e9, 2e9 + len(list(self.folder.iterdir()))))
        wait_until(log.exists, "a new log")

    def assert_whole(self, account: Account, cut: set[int]) -> int:
        """All that was accepted is there once, in whole lines: how many lines that is."""
        found = [bytearray(most + 1) for most in account.accepted]
        odd = []
        for text in self.texts("site.log", "moved"):
            for line in text.split(b"\n"):
                words = line.split(b" ")
                if words[0] != b"stream":
                    if b"xxx" in line or b"stream " in line:
                        odd.append(line)
                    continue
                _, stream, number, filler = words
                if filler != FILLER:
                    odd.append(line)
                found[int(stream)][int(number)] += 1
        self.assertEqual(odd, [])
        for index, most in enumerate(account.accepted):
            self.assertEqual(found[index][:most].count(1), most, f"stream {index}")
            # the kill may have come between the line and the note of it
            self.assertLessEqual(found[index][most], 1 if index in cut else 0)
        return account.total

    def say_the_last(self, account: Account) -> None:
        """Write one more line, and wait until it, and so all before it, is in a file."""
        uwsgi_fetch(self.path("app.sock"), f"/{STREAMS - 1}/1{account.path}")
        last = b"stream %d 0 " % (STREAMS - 1)
        wait_until(
            lambda: any(last in text[-10000:] for text in self.texts("site.log")),
            "the last line",
        )

    def texts(self, *names: str) -> list[bytes]:
        """What is in all files whose names begin so; each once, though the server may rename them."""

        def look() -> dict[str, int]:
            return {
                entry.name: entry.inode() for entry in os.scandir(self.folder) if entry.name.startswith(names)
            }

        while True:
            before = look()
            try:
                found = [(self.folder / name).read_bytes() for name in before]
            except FileNotFoundError:
                continue
            if look() == before:
                return found

    def run_all(self, lines: int, each: int, max_size: int, *more: str) -> None:
        """Lines through rotations by size, two renames with touch-logreopen, and two kills."""
        (self.folder / "trigger").touch()
        _, account = self.serve_lines(
            self.path("site.log"),
            f"log-maxsize = {max_size}",
            f"touch-logreopen = {self.path('trigger')}",
            *more,
        )
        talk = Talk(self.path("app.sock"), account, lines, each)
        for number in range(2):
            self.reopen(f"moved-{number}")
            talk.kill_one()
        talk.join()
        self.say_the_last(account)
        self.assertIn(len(talk.cut), (1, 2))  # a worker may have finished just before it was killed
        self.assertGreater(self.assert_whole(account, talk.cut), lines)
        backups = [
            path for path in self.folder.iterdir() if re.fullmatch(r"site\.log\.\d+(\.\d+)?", path.name)
        ]
        self.assertGreater(len(backups), 0)
        for path in backups:
            self.assertLess(path.stat().st_size, max_size + 200000)

    def test_a_million_lines(self) -> None:
        """Every line is found once, whole, after rotations, renames and deaths."""
        self.run_all(1_000_000, 20_000, 8 << 20)

    def test_threaded_logger(self) -> None:
        """The same where a thread of the master writes."""
        self.run_all(200_000, 8_000, 1 << 20, "threaded-logger = true")


class FailureTests(LinesCase):
    """A log that can not be written ends nobody, and says afterwards what is missing."""

    def write(self, account: Account, stream: int, lines: int) -> None:
        answer = uwsgi_fetch(self.path("app.sock"), f"/{stream}/{lines}{account.path}")
        self.assertEqual(answer.body, b"done")

    def numbers(self, stream: int, *paths: Path) -> list[int]:
        """The numbers of the lines of a stream, in their order."""
        found = re.compile(rb"^stream %d (\d+) x{30}$" % stream, re.M)
        return [int(number) for path in paths for number in found.findall(path.read_bytes())]

    def test_a_full_disk(self) -> None:
        """Workers go on, no line is torn, and with room again the log says how many are lost."""
        requires("root", "mount")
        small = self.folder / "small"
        small.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small]).returncode:
            raise SkipTest("nobody can mount anything here")
        self.addCleanup(lambda: subprocess.run(["umount", "-l", small], check=True))
        ballast = small / "ballast"
        ballast.write_bytes(bytes(700 * 1024))
        log = small / "site.log"
        _, account = self.serve_lines(str(log), "log-master = true")
        self.write(account, 0, 20_000)
        ballast.unlink()
        told = wait_until(
            lambda: re.search(r"^\[log\] (\d+) records lost: .*No space left", log.read_text(), re.M),
            "a count",
        )
        self.write(account, 1, 10)
        wait_until(lambda: self.numbers(1, log) == list(range(10)), "the lines after it")
        text = log.read_bytes()
        kept = self.numbers(0, log)
        lost = sum(map(int, re.findall(rb"^\[log\] (\d+) records? lost: ", text, re.M)))
        self.assertGreater(int(told.group(1)), 0)
        self.assertEqual(len(kept) + lost, 20_000)
        self.assertEqual(kept, sorted(set(kept)))
        self.assertEqual(len(kept), text.count(b"stream 0 "))

    def test_a_removed_file(self) -> None:
        """A log that somebody removed is there again a second later, and goes on."""
        log = self.folder / "site.log"
        _, account = self.serve_lines(str(log), "log-master = true")
        log.unlink()
        wait_until(lambda: log.exists() and "was removed" in log.read_text(), "a new log")
        self.write(account, 0, 10)
        wait_until(lambda: self.numbers(0, log) == list(range(10)), "the lines")

    def test_a_reopening_that_fails(self) -> None:
        """Where the name can not be opened any more, the lines go to the file that there was."""
        folder = self.folder / "logs"
        folder.mkdir()
        trigger = self.folder / "trigger"
        trigger.touch()
        _, account = self.serve_lines(str(folder / "site.log"), f"touch-logreopen = {trigger}")
        folder.rename(self.folder / "gone")
        log = self.folder / "gone" / "site.log"
        os.utime(trigger, (2e9, 2e9))
        wait_until(lambda: "can not open the log file" in log.read_text(), "the reason")
        self.write(account, 0, 10)
        wait_until(lambda: self.numbers(0, log) == list(range(10)), "the lines")
