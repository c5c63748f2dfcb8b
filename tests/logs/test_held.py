"""Lines that wait for each other, and what becomes of them when their worker does not write them."""

from __future__ import annotations

import os
import signal
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.host.locks import LockTable
from uwsgid.logs import writing
from uwsgid.logs.held import ROOM, HeldLines, Leftovers, is_plain_file, lock_name, lock_names
from uwsgid.logs.writing import write_first, writer
from uwsgid.supervise.board import Board


class HeldCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.log = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.addCleanup(os.close, self.log)
        self.addCleanup(write_first, None)
        self.patch(os, "register_at_fork", lambda after_in_child: self._forks.append(after_in_child))
        self._forks: list[Callable[[], None]] = []
        self.now = 100.0
        self.board = Board(slots=1, lines=ROOM)
        self.locks = LockTable(lock_names(self.board))

    def held(self, seat: int = 1) -> HeldLines:
        return HeldLines(self.board, seat, self.locks[lock_name(seat)], self.log)

    def leftovers(self) -> Leftovers:
        write_first(None)  # the master is another process
        return Leftovers(self.board, self.locks, self.log)

    def written(self) -> bytes:
        return self.path.read_bytes()

    def write(self, lines: HeldLines, text: bytes) -> None:
        lines.now = self.now
        lines.write(text)

    def hold(self, lines: HeldLines, *texts: bytes) -> None:
        """Have *texts* wait, by a line before them that does not."""
        self.write(lines, b"first\n")
        for text in texts:
            self.write(lines, text)


class HeldLinesTests(HeldCase):
    def test_a_line_alone_is_written_at_once(self) -> None:
        """Who comes more than a millisecond after the last one does not wait."""
        lines = self.held()
        for number in range(3):
            self.write(lines, b"%d\n" % number)
            self.now += 0.0011
        self.assertEqual((self.written(), lines.size), (b"0\n1\n2\n", 0))

    def test_lines_in_a_hurry_wait_for_each_other(self) -> None:
        """Lines that follow each other closely are written when somebody asks for it, in their order."""
        lines = self.held()
        self.hold(lines, b"second\n", b"third\n")
        self.assertEqual((self.written(), lines.size), (b"first\n", 13))
        lines.flush()
        self.assertEqual((self.written(), lines.size), (b"first\nsecond\nthird\n", 0))
        lines.flush()
        self.assertEqual(self.written().count(b"third"), 1)

    def test_ten_milliseconds_are_enough(self) -> None:
        """However busy the worker is, no line is older than that when the next one comes."""
        lines = self.held()
        self.hold(lines, b"second\n")
        self.now += 0.0101
        self.write(lines, b"third\n")
        self.assertEqual(self.written(), b"first\nsecond\nthird\n")

    def test_a_full_room_is_written(self) -> None:
        """A line that does not fit has those before it written, one larger than the room goes after them."""
        lines = self.held()
        texts = [b"%04d %s\n" % (number, b"x" * (ROOM // 4 - 6)) for number in range(9)]
        self.hold(lines, *texts)
        self.assertEqual(self.written(), b"first\n" + b"".join(texts[:8]))
        long = b"y" * ROOM + b"\n"
        self.write(lines, long)
        self.assertEqual(self.written(), b"first\n" + b"".join(texts) + long)

    def test_whatever_else_is_said_comes_after(self) -> None:
        """A line of the server or a print of the application stands behind the requests before it."""
        lines = self.held()
        self.hold(lines, b"second\n")
        writer(self.log)(b"said\n")
        self.assertEqual(self.written(), b"first\nsecond\nsaid\n")

    def _interrupt(self, call: Callable[[], object]) -> None:
        """Have *call* called whenever a line was put to the others."""

        class Interrupted(struct.Struct):
            def pack_into(self, *arguments: Any) -> None:
                super().pack_into(*arguments)
                call()

        self.patch(struct, "Struct", Interrupted)

    def test_who_speaks_in_the_middle_does_no_harm(self) -> None:
        """A handler of a signal that speaks while a line is put to the others leaves all of them whole."""
        say = writer(self.log)
        self._interrupt(lambda: say(b"said\n"))
        lines = self.held()
        self.hold(lines, b"second\n", b"third\n")
        lines.flush()
        self.assertEqual(self.written(), b"first\nsaid\nsaid\nsecond\nthird\n")

    def test_a_handler_that_raises(self) -> None:
        """Lines stay whole where a handler of a signal raised something while one was put to the others."""
        due = [False, True, False]

        def interrupt() -> None:
            if due and due.pop(0):
                raise KeyboardInterrupt

        self._interrupt(interrupt)
        lines = self.held()
        self.hold(lines, b"second\n")
        with self.assertRaises(KeyboardInterrupt):
            self.write(lines, b"third\n")
        self.write(lines, b"fourth\n")
        lines.flush()
        self.write(lines, b"fifth\n")
        lines.flush()
        self.assertEqual(self.written(), b"first\nsecond\nthird\nfourth\nfifth\n")

    def test_a_child_of_the_application(self) -> None:
        """A process that the application forks writes its own lines at once, and none of its parent's."""
        lines = self.held()
        self.hold(lines, b"second\n")
        self._forks[0]()  # as in the child
        self.write(lines, b"child\n")
        lines.flush()
        self.assertEqual(self.written(), b"first\nchild\n")
        self.assertEqual(self.board.lines_wait[1], 1)  # the parent's business

    def test_a_full_disk(self) -> None:
        """Lines that a full disk does not take are counted one by one, and their number is told later."""
        lines = self.held()
        taken: list[bytes] = []
        room = [8]

        def put(descriptor: int, data: bytes) -> int:
            if not room[0]:
                raise OSError(28, "No space left on device")
            count = min(room[0], len(data))
            room[0] -= count
            taken.append(data[:count])
            return count

        self.write(lines, b"first\n")
        self.patch(writing, "put", put)
        for text in (b"one\n", b"two\n", b"three\n", b"four\n"):
            self.write(lines, text)
        lines.flush()
        self.assertEqual(taken, [b"one\ntwo\n"])
        room[0] = 1000
        self.now += 1
        self.write(lines, b"five\n")
        self.assertEqual(
            b"".join(taken[1:]), b"[pid: %d] 2 records lost: the log took no more\nfive\n" % os.getpid()
        )

    def test_a_closed_log(self) -> None:
        """Where the application has closed the log nothing fails, and the lines are counted."""
        log = os.dup(self.log)
        lines = HeldLines(self.board, 1, self.locks[lock_name(1)], log)
        self.hold(lines, b"second\n", b"third\n")
        os.close(log)
        lines.flush()
        self.assertEqual((lines.size, self.board.lines_wait[1]), (0, 0))
        self.assertEqual(os.dup2(self.log, log), log)
        self.addCleanup(os.close, log)
        self.now += 1
        self.write(lines, b"fourth\n")
        note = b"[pid: %d] 2 records lost: the log took no more\n" % os.getpid()
        self.assertEqual(self.written(), b"first\n" + note + b"fourth\n")

    def test_a_torn_line(self) -> None:
        """What follows a line of which a part is on the disk begins a line of its own."""
        write = writer(self.log)
        real, room = os.write, [4]

        def put(descriptor: int, data: bytes) -> int:
            if not room[0]:
                raise OSError(28, "No space left on device")
            count = real(descriptor, data[: room[0]])
            room[0] -= count
            return count

        self.patch(writing, "put", put)
        write(b"one\ntwo\n", 2)
        self.assertEqual(self.written(), b"one\n")
        room[0] = 2
        write(b"three\n")
        write(b"four\n")
        room[0] = 1000
        write(b"five\n")
        note = b"[pid: %d] 3 records lost: the log took no more\n" % os.getpid()
        self.assertEqual(self.written(), b"one\n[p\n" + note + b"five\n")

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.one_of(st.integers(1, 300), st.integers(1, 2 * ROOM)),
                st.sampled_from((0.0, 0.0005, 0.002, 0.02)),
                st.integers(0, 9),
            )
        )
    )
    def test_any_lines(self, steps: list[tuple[int, float, int]]) -> None:
        """Whatever comes when, every line is written once, whole and in order, by its worker or by others."""
        board = Board(slots=1, lines=ROOM)
        locks = LockTable(lock_names(board))
        with tempfile.NamedTemporaryFile() as file:
            log = os.open(file.name, os.O_WRONLY | os.O_APPEND)
            try:
                lines = HeldLines(board, 0, locks[lock_name(0)], log)
                write_first(None)  # the master is another process
                master = Leftovers(board, locks, log)
                expected = b""
                for number, (size, pause, event) in enumerate(steps):
                    text = (b"%d " % number).ljust(size, b"x") + b"\n"
                    expected += text
                    self.write(lines, text)
                    self.now += pause
                    if event == 0:
                        lines.flush()
                    elif event <= 2:
                        master.look()
                master.rescue(0)
                self.assertEqual(Path(file.name).read_bytes(), expected)
            finally:
                os.close(log)


class LeftoversTests(HeldCase):
    def test_the_dead(self) -> None:
        """What a killed worker did not write is written by the master, once."""
        pid = os.fork()
        if not pid:
            try:
                self.hold(self.held(), b"second\n", b"third\n")
                os.kill(os.getpid(), signal.SIGKILL)
            finally:
                os._exit(1)
        self.assertEqual(os.WTERMSIG(os.waitpid(pid, 0)[1]), signal.SIGKILL)
        master = self.leftovers()
        self.assertEqual(self.written(), b"first\n")
        master.rescue(1)
        master.rescue(1)
        self.assertEqual(self.written(), b"first\nsecond\nthird\n")
        self.assertEqual(self.board.lines_wait[1], 0)

    def test_who_dies_in_the_middle_of_a_line(self) -> None:
        """A line of which a worker came to put down only pieces is left out, whichever pieces these are."""
        for pieces in ((b"thi",), (b"", b"rd\n"), (b"th", b"\n"), ()):
            path = Path(self.mktemp())
            log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            self.addCleanup(os.close, log)
            lines = HeldLines(self.board, 1, self.locks[lock_name(1)], log)
            self.hold(lines, b"second\n")
            at = self.board.waiting_lines + self.board.lines + lines.size
            for piece in pieces:
                self.board.map[at : at + len(piece)] = piece
                at += len(piece) + 1
            write_first(None)  # the master is another process
            master = Leftovers(self.board, self.locks, log)
            master.look()
            master.rescue(1)
            self.assertEqual(path.read_bytes(), b"first\nsecond\n")
            self.assertEqual(self.board.map.find(b"d", self.board.waiting_lines), -1)

    def _die(self, before: bool) -> None:
        """A worker is killed just before or just after its lines are in the log."""
        pid = os.fork()
        if not pid:
            try:
                real = os.write

                def put(descriptor: int, data: bytes) -> int:
                    if b"second" in data:
                        if not before:
                            real(descriptor, data)
                        os.kill(os.getpid(), signal.SIGKILL)
                    return real(descriptor, data)

                self.patch(writing, "put", put)
                lines = self.held()
                self.hold(lines, b"second\n", b"third\n")
                lines.flush()
            finally:
                os._exit(1)
        self.assertEqual(os.WTERMSIG(os.waitpid(pid, 0)[1]), signal.SIGKILL)

    def test_who_dies_before_the_write(self) -> None:
        """Nothing is missing where a worker said that it writes, and did not come to it."""
        self._die(before=True)
        self.assertNotEqual(self.board.lines_from[1], 0)
        self.leftovers().rescue(1)
        self.assertEqual(self.written(), b"first\nsecond\nthird\n")

    def test_who_dies_after_the_write(self) -> None:
        """Nothing is there twice where a worker wrote, and did not come to say so; others wrote since."""
        self._die(before=False)
        os.write(self.log, b"others\n")
        self.leftovers().rescue(1)
        self.assertEqual(self.written(), b"first\nsecond\nthird\nothers\n")

    def test_a_log_that_was_emptied_meanwhile(self) -> None:
        """Lines are looked for in the whole log where it is shorter than it was."""
        os.write(self.log, b"more than there will be\n")
        self._die(before=False)
        os.truncate(self.path, 0)
        os.write(self.log, b"second\nthird\n")
        self.leftovers().rescue(1)
        self.assertEqual(self.written(), b"second\nthird\n")

    def test_behind_a_long_request(self) -> None:
        """Lines that have not moved since the last look are written; the worker writes what follows."""
        lines, master = self.held(), self.leftovers()
        self.hold(lines, b"second\n")
        master.look()
        self.assertEqual(self.written(), b"first\n")
        master.look()
        self.assertEqual(self.written(), b"first\nsecond\n")
        self.write(lines, b"third\n")
        master.look()
        lines.flush()
        master.look()
        master.look()
        self.assertEqual(self.written(), b"first\nsecond\nthird\n")

    def test_who_is_at_it(self) -> None:
        """Lines whose worker is about to write them are left to it."""
        lines, master = self.held(), self.leftovers()
        self.hold(lines, b"second\n")
        ready, go = os.pipe(), os.pipe()
        pid = os.fork()
        if not pid:
            try:
                with self.locks[lock_name(1)]:
                    os.write(ready[1], b"x")
                    os.read(go[0], 1)
            finally:
                os._exit(0)
        os.read(ready[0], 1)
        master.look()
        master.look()
        self.assertEqual(self.written(), b"first\n")
        os.write(go[1], b"x")
        os.waitpid(pid, 0)
        for descriptor in (*ready, *go):
            os.close(descriptor)
        master.look()
        self.assertEqual(self.written(), b"first\nsecond\n")

    def test_where_nothing_waits(self) -> None:
        """A board without room for lines has no locks, and nobody looks for any."""
        board = Board(slots=1)
        self.assertEqual(lock_names(board), [])
        master = Leftovers(board, LockTable(()), self.log)
        master.look()
        master.rescue(0)
        self.assertEqual(self.written(), b"")


class PlainFileTests(SynchronousTestCase):
    def test_what_is_one(self) -> None:
        """A file is, a pipe, a device and a closed descriptor are not."""
        reader, end = os.pipe()
        with open(self.mktemp(), "wb") as file, open("/dev/null", "wb") as device:
            found = [is_plain_file(descriptor) for descriptor in (file.fileno(), device.fileno(), end)]
        os.close(reader)
        os.close(end)
        self.assertEqual([*found, is_plain_file(end)], [True, False, False, False])
