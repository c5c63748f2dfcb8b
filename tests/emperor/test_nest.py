"""The nest, in memory and with real forks."""

from __future__ import annotations

import os
import select
import signal
import socket

from twisted.trial.unittest import SynchronousTestCase

from tests.descriptors import open_descriptors
from tests.emperor.support import SECTIONS
from uwsgid.config.settings import settings_of
from uwsgid.emperor.nest import Nest, fork_nest, practise, recognise_types
from uwsgid.host import Kernel
from uwsgid.host.children import exit_status, watch_child
from uwsgid.supervise.board import Board
from uwsgid.supervise.household import Household
from uwsgid.supervise.vassals import VassalStart
from uwsgid.testing import MemoryProcesses, MemoryReactor
from uwsgid.wire.control import MAX_RECORD, Born, Failed, Record, Retire, Spawn, unpack

assert SECTIONS


class Child:
    """Somebody who waits for a birth."""

    def __init__(self) -> None:
        self.pids: list[int] = []
        self.misses = 0

    def born(self, pid: int) -> None:
        self.pids.append(pid)

    def not_born(self) -> None:
        self.misses += 1


class InMemory(SynchronousTestCase):
    """The emperor's end of the talk."""

    def setUp(self) -> None:
        self.reactor, self.kernel = MemoryReactor(), MemoryProcesses()
        self.lines: list[str] = []
        self.made = 0
        self.nest = Nest(self.reactor, self.kernel, self.make, self.lines.append)
        self.nest.settle(*self.make())

    def make(self) -> tuple[socket.socket, int]:
        self.made += 1
        ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.theirs.setblocking(False)
        self.addCleanup(self.theirs.close)
        self.kernel.running.add(self.made)
        return ours, self.made

    def tearDown(self) -> None:
        for reader in list(self.reactor.readers):
            reader.connectionLost(None)

    def order(self, **start: object) -> Child:
        child = Child()
        descriptors = [os.open(os.devnull, os.O_RDONLY)]
        self.nest.order(VassalStart("a.ini", **start), descriptors, child)  # type: ignore[arg-type]
        with self.assertRaises(OSError):
            os.fstat(descriptors[0])
        return child

    def heard(self) -> list[Record]:
        found: list[Record] = []
        while True:
            try:
                data, fds, _, _ = socket.recv_fds(self.theirs, MAX_RECORD, 4)
            except BlockingIOError:
                return found
            for number in fds:
                os.close(number)
            if not data:
                return found
            found.append(unpack(data))

    def answer(self, record: Record) -> None:
        self.theirs.send(record.pack())
        self.reactor.poll()

    def test_answers(self) -> None:
        """A birth and a failure come to whoever asked."""
        one, two = self.order(), self.order()
        tickets = [record.ticket for record in self.heard() if isinstance(record, Spawn)]
        self.answer(Born(tickets[1], 77))
        self.answer(Failed(tickets[0], "unshare(): no [net]"))
        self.answer(Born(99, 5))
        self.assertEqual((one.pids, one.misses, two.pids), ([], 1, [77]))
        self.assertEqual(self.lines, ["[emperor] vassal a.ini can not be born: unshare(): no [net]"])

    def test_a_few_at_a_time(self) -> None:
        """Orders wait their turn, so that none is lost in a full queue."""
        child = Child()
        for _ in range(40):
            self.nest.order(VassalStart("a.ini"), [os.open(os.devnull, os.O_RDONLY)], child)
        served = 0
        while served < 40:
            records = self.heard()
            self.assertLessEqual(len(records), 16)
            for record in records:
                assert isinstance(record, Spawn)
                self.answer(Born(record.ticket, 1000))
                served += 1
        self.assertEqual(len(child.pids), 40)

    def test_death(self) -> None:
        """A nest that dies is replaced; what was asked of it was not born."""
        child = self.order()
        self.kernel.end(1, None, signal.SIGKILL)
        self.reactor.poll()
        self.assertEqual(child.misses, 1)
        self.reactor.advance(0.1)
        self.assertEqual((self.made, self.nest.pid), (2, 2))
        self.order()
        self.assertEqual(len(self.heard()), 1)

    def test_death_after_death(self) -> None:
        """Nests that die at once are replaced once per second."""
        for number in range(1, 4):
            self.kernel.end(number, None, signal.SIGKILL)
            self.reactor.poll()
            self.reactor.advance(0.1)
            self.reactor.advance(0.85)
            self.reactor.advance(0.1)
        self.assertEqual(self.made, 4)

    def test_too_long(self) -> None:
        """A command line that does not fit is refused with the name of the vassal."""
        child = self.order(argv=("x" * MAX_RECORD,))
        self.reactor.advance(0)
        self.assertEqual(child.misses, 1)
        self.assertEqual(self.lines, ["[emperor] the command line of a.ini is too long"])

    def test_end(self) -> None:
        """At the end the nest is told to leave, and no other one is made."""
        self.nest.end()
        self.assertEqual(self.heard(), [Retire()])
        self.kernel.end(1, 0, 0)
        self.reactor.poll()
        self.assertEqual((self.made, self.lines), (1, []))


class WithForks(SynchronousTestCase):
    """A nest that is a process."""

    def setUp(self) -> None:
        self.kernel = Kernel()
        self.kernel.set_child_subreaper(True)
        self.addCleanup(self.kernel.set_child_subreaper, False)

    def test_a_vassal(self) -> None:
        """The child is ours; it has its pipe and standard descriptors, and nothing of ours besides."""
        secret = os.open(os.devnull, os.O_RDONLY)
        self.addCleanup(os.close, secret)
        told, tell = socket.socketpair()
        self.addCleanup(told.close)

        def live(argv: object, environ: dict[str, str]) -> None:
            pipe = socket.socket(fileno=int(environ["UWSGI_EMPEROR_FD"]))
            open_ones = [number for number in range(256) if _is_open(number)]
            pipe.send(f"{argv} {os.getpid()} {os.getcwd()} {len(open_ones)}".encode())
            pipe.recv(1)
            os._exit(26)

        house = Household(settings_of(""), self.kernel, print, Board(1), (), os.getpid(), 0.0)
        house.be_vassal = live  # type: ignore[assignment]
        nest, nest_pid = fork_nest(house)
        self.addCleanup(nest.close)
        self.addCleanup(os.waitpid, nest_pid, 0)
        self.addCleanup(os.kill, nest_pid, signal.SIGKILL)
        start = VassalStart("a.ini", ("--ini", "a.ini"), cwd="/")
        socket.send_fds(nest, [Spawn(5, start.to_text()).pack()], [tell.fileno()])
        tell.close()
        self.assertTrue(select.select([nest], [], [], 20)[0])
        answer = unpack(nest.recv(MAX_RECORD))
        assert isinstance(answer, Born)
        self.assertEqual(answer.ticket, 5)
        self.assertTrue(select.select([told], [], [], 20)[0])
        # three standard descriptors and the pipe
        self.assertEqual(told.recv(1000).decode(), f"('--ini', 'a.ini') {answer.pid} / 4")
        child = watch_child(self.kernel, answer.pid)
        self.addCleanup(os.close, child.pidfd)
        told.send(b"x")
        self.assertTrue(select.select([child.pidfd], [], [], 20)[0])
        status = exit_status(self.kernel, child)
        assert status is not None
        self.assertEqual(status.code, 26)


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


class RecogniseTests(SynchronousTestCase):
    def test_numbers(self) -> None:
        """Each class has its number afterwards (Py_TPFLAGS_VALID_VERSION_TAG)."""
        kind = type("Kind", (Child,), {})
        self.assertFalse(kind.__flags__ & 1 << 19)
        recognise_types()
        self.assertTrue(kind.__flags__ & 1 << 19)


class PractiseTests(SynchronousTestCase):
    def test_leaves_nothing(self) -> None:
        """It reads, and neither binds nor opens anything that stays."""
        practise()
        before = open_descriptors(), dict(os.environ), os.getcwd()
        practise()
        self.assertEqual((open_descriptors(), dict(os.environ), os.getcwd()), before)
