"""The fork server, with real forks."""

from __future__ import annotations

import errno
import os
import select
import signal
import socket
import threading
from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from tests.descriptors import open_descriptors
from uwsgid.errors import KernelError
from uwsgid.host import Kernel
from uwsgid.host.children import ExitStatus, exit_status, watch_child
from uwsgid.supervise import seed
from uwsgid.supervise.conversation import Conversation
from uwsgid.supervise.seed import SENT_TO_GROUPS, receive, serve_births
from uwsgid.wire.control import (
    MAX_RECORD,
    Ask,
    Born,
    Deliver,
    Failed,
    Fork,
    Leave,
    Pause,
    Ready,
    Record,
    Retire,
    Spawn,
    unpack,
)


def heard(sock: socket.socket) -> Record:
    """What is said next; None of our children takes ten seconds."""
    if not select.select([sock], [], [], 10)[0]:
        raise AssertionError("nobody says anything")
    return unpack(sock.recv(MAX_RECORD))


def talk_and_wait(record: Fork, descriptors: list[int]) -> None:
    """A child that says who it is, then waits for the end of the talk."""
    channel = socket.socket(fileno=descriptors[0])
    talk = Conversation(channel)
    talk.say(Ready(os.getpid()))
    talk.say(Ask(f"{record.role} {record.slot} {record.seat} {record.generation} {os.getppid()}"))
    while not talk.closed:
        select.select([channel], [], [])
        talk.heard()
    os._exit(record.slot)


class SeedCase(SynchronousTestCase):
    """A server of births that is a child of this process, which is a subreaper."""

    def setUp(self) -> None:
        self.kernel = Kernel()
        self.kernel.set_child_subreaper(True)
        self.addCleanup(self.kernel.set_child_subreaper, False)
        self.pids: set[int] = set()
        self.addCleanup(self.end_all)

    def serve(
        self,
        bear: Callable[[Fork, list[int]], None] = talk_and_wait,
        run: Callable[[socket.socket], None] | None = None,
    ) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            try:
                ours.close()
                if run is not None:
                    run(theirs)
                else:
                    serve_births(theirs, bear)
            finally:
                os._exit(0)
        theirs.close()
        self.seed = pid
        self.pids.add(pid)
        self.addCleanup(ours.close)
        return ours

    def end_all(self) -> None:
        for pid in self.pids:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except (ProcessLookupError, ChildProcessError):
                continue

    def order(self, server: socket.socket, ticket: int = 1, slot: int = 2) -> tuple[int, socket.socket]:
        """Have a child; its pid and our end of the talk with it."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(ours.close)
        with theirs:
            socket.send_fds(server, [Fork(ticket, "worker", slot, 3, 4).pack()], [theirs.fileno()])
        answer = heard(server)
        assert isinstance(answer, Born)
        self.assertEqual(answer.ticket, ticket)
        self.pids.add(answer.pid)
        return answer.pid, ours

    def wait(self, pid: int) -> ExitStatus | None:
        """How the child *pid* ends."""
        child = watch_child(self.kernel, pid)
        self.addCleanup(os.close, child.pidfd)
        self.assertTrue(select.select([child.pidfd], [], [], 10)[0])
        return exit_status(self.kernel, child)


class Alone(SeedCase):
    """Whether a process has threads."""

    def look(self, *, threads: int, proc: bool) -> bool:
        """What a child with so many threads besides its first finds out about itself."""
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                if not proc:
                    vars(seed)["os"] = HiddenProc()
                for _ in range(threads):
                    threading.Thread(target=threading.Event().wait, daemon=True).start()
                os.write(write, b"yes" if seed.is_alone() else b"no")
            finally:
                os._exit(0)
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            answer = pipe.read()
        os.waitpid(pid, 0)
        return answer == b"yes"

    def test_alone(self) -> None:
        """With and without /proc."""
        for proc in (True, False):
            self.assertTrue(self.look(threads=0, proc=proc))
            self.assertFalse(self.look(threads=1, proc=proc))


class HiddenProc:
    """The module `os` of a process without /proc."""

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)

    def listdir(self, path: str) -> list[str]:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)


class Births(SeedCase):
    def test_birth(self) -> None:
        """The child knows what it shall be, and is ours."""
        self.check_birth(self.serve())

    def test_midwife(self) -> None:
        """Where no sibling can be had, a midwife forks the child, and is gone when we hear of it."""

        def refuse() -> int:
            raise OSError(errno.ENOSYS, "Function not implemented")

        self.patch(seed, "fork_sibling", refuse)
        self.check_birth(self.serve())

    def test_threads(self) -> None:
        """A server that has another thread calls the midwife, whose fork copes with locks of that thread."""

        def serve(channel: socket.socket) -> None:
            threading.Thread(target=signal.pause, daemon=True).start()
            self.patch(seed, "fork_sibling", no_sibling)
            serve_births(channel, talk_and_wait)

        def no_sibling() -> int:
            os._exit(9)

        self.check_birth(self.serve(run=serve))

    def check_birth(self, server: socket.socket) -> None:
        pid, talk = self.order(server)
        self.assertEqual(heard(talk), Ready(pid))
        said = heard(talk)
        assert isinstance(said, Ask)
        self.assertEqual(said.what.rsplit(" ", 1)[0], "worker 2 3 4")
        with open(f"/proc/{pid}/stat") as file:
            self.assertEqual(int(file.read().rsplit(")", 1)[1].split()[1]), os.getpid())

    def test_end_of_the_talk(self) -> None:
        """A child hears the end when we close, and its exit code arrives by pidfd."""
        pid, talk = self.order(self.serve(), slot=17)
        talk.close()
        self.assertEqual(self.wait(pid), ExitStatus(code=17))

    def test_children_survive_their_server(self) -> None:
        """Who forked them dies, the children live, and are still ours."""
        server = self.serve()
        pid, talk = self.order(server)
        os.kill(self.seed, signal.SIGKILL)
        os.waitpid(self.seed, 0)
        self.assertEqual(heard(talk), Ready(pid))
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(self.wait(pid), ExitStatus(signal=9))

    def test_nobody_else_holds_the_talk(self) -> None:
        """Neither the server nor a sister keeps a copy of a child's end: its death is the end of the talk."""
        server = self.serve()
        first, talk = self.order(server, 1)
        self.order(server, 2)
        self.assertEqual(heard(talk), Ready(first))
        heard(talk)
        os.kill(first, signal.SIGKILL)
        self.assertTrue(select.select([talk], [], [], 10)[0])
        self.assertEqual(talk.recv(1), b"")

    def test_two_generations(self) -> None:
        """A child may be a server of births itself; its children are ours, too."""

        def bear(record: Fork, descriptors: list[int]) -> None:
            if record.slot == 1:
                serve_births(socket.socket(fileno=descriptors[0]), talk_and_wait)
                os._exit(5)
            talk_and_wait(record, descriptors)

        zygote, talk = self.order(self.serve(bear), slot=1)
        pid, worker = self.order(talk)
        self.assertEqual(heard(worker), Ready(pid))
        talk.send(Retire().pack())
        self.assertEqual(self.wait(zygote), ExitStatus(code=5))
        worker.close()
        self.assertEqual(self.wait(pid), ExitStatus(code=2))

    def test_a_bear_that_returns(self) -> None:
        """A child never returns into the loop of its server, nor does one that raises."""

        def bear(record: Fork, descriptors: list[int]) -> None:
            if record.slot == 1:
                raise ValueError("oops")

        server = self.serve(bear)
        for slot in (1, 2):
            pid, _ = self.order(server, slot, slot)
            self.assertEqual(self.wait(pid), ExitStatus(code=70))

    def test_sigchld_ignored(self) -> None:
        """An application that ignores SIGCHLD does not keep children from being born."""
        before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        try:
            server = self.serve()
        finally:
            signal.signal(signal.SIGCHLD, before)
        pid, talk = self.order(server)
        self.assertEqual(heard(talk), Ready(pid))

    def test_no_children_allowed(self) -> None:
        """A fork that the kernel refuses is answered, and the server goes on."""

        def refuse() -> int:
            raise OSError(11, "Resource temporarily unavailable")

        self.patch(seed, "fork_sibling", refuse)
        self.patch(seed, "is_alone", lambda: True)  # other tests may have left threads of offload
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs:
            socket.send_fds(ours, [Fork(3, "worker", 1, 0, 1).pack()], [0])
            ours.send(Leave("").pack())
            serve_births(theirs, talk_and_wait)
            self.assertEqual(heard(ours), Failed(3, "fork: Resource temporarily unavailable"))


class Words(SynchronousTestCase):
    """What a server of births does with what it hears; nobody is forked."""

    def setUp(self) -> None:
        self.ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(self.ours.close)
        self.addCleanup(self.theirs.close)

    def bear(self, record: Fork, descriptors: list[int]) -> None:
        raise AssertionError("nobody was ordered")

    def test_goes(self) -> None:
        """It goes when told to, or when nobody is left to serve."""
        for record in (Retire(), Leave("stop")):
            self.ours.send(record.pack())
            serve_births(self.theirs, self.bear)
        self.ours.close()
        serve_births(self.theirs, self.bear)

    def test_nonsense(self) -> None:
        """Other words are no reason to go; descriptors that come with them are closed."""
        before = open_descriptors()
        self.ours.send(b"\xff")
        socket.send_fds(self.ours, [Pause().pack()], [0, 1])
        self.ours.send(Retire().pack())
        serve_births(self.theirs, self.bear)
        self.assertEqual(open_descriptors(), before)

    def test_no_descriptor(self) -> None:
        """An order without a descriptor is refused: such a child could not talk."""
        self.ours.send(Fork(5, "worker", 1, 0, 1).pack())
        self.ours.send(Retire().pack())
        serve_births(self.theirs, self.bear)
        self.assertEqual(heard(self.ours), Failed(5, "fork: no descriptor came with the order"))

    def test_close_on_exec(self) -> None:
        """Descriptors that arrive are not for programs that somebody executes."""
        socket.send_fds(self.ours, [b"x"], [0])
        data, descriptors = receive(self.theirs)
        try:
            self.assertEqual((data, os.get_inheritable(descriptors[0])), (b"x", False))
        finally:
            os.close(descriptors[0])


class Deliveries(SeedCase):
    def deliver(self, server: socket.socket, pid: int, number: int) -> None:
        pidfd = os.pidfd_open(pid)
        try:
            socket.send_fds(server, [Deliver(number).pack()], [pidfd])
        finally:
            os.close(pidfd)

    def test_a_child_of_the_master(self) -> None:
        """A seed sends a signal for its master, who may not be allowed to."""
        server = self.serve()
        pid, _ = self.order(server)
        self.deliver(server, pid, signal.SIGKILL)
        self.assertEqual(self.wait(pid), ExitStatus(signal=9))

    def test_nobody_else(self) -> None:
        """Processes that are no children of the master get nothing, and nonsense ends no seed."""
        server = self.serve()
        pid, _ = self.order(server)
        self.deliver(server, os.getpid(), signal.SIGKILL)
        self.deliver(server, pid, 9999)
        socket.send_fds(server, [Deliver(9).pack()], [0])
        server.send(Deliver(9).pack())
        self.assertNotEqual(self.order(server, ticket=2)[0], pid)
        self.assertTrue(os.path.exists(f"/proc/{pid}"))


class Masks(SeedCase):
    def blocked(self, pid: int) -> set[int]:
        """The signals that wait in a process."""
        with open(f"/proc/{pid}/status") as status:
            mask = next(int(line.split()[1], 16) for line in status if line.startswith("SigBlk:"))
        return {number for number in range(1, 65) if mask >> (number - 1) & 1}

    def test_a_newborn_and_its_server(self) -> None:
        """What a terminal sends waits until a newborn has handlers; the server itself goes on as before."""
        pid, _ = self.order(self.serve())
        self.assertEqual(self.blocked(pid), set(SENT_TO_GROUPS))
        self.assertEqual(self.blocked(self.seed), self.blocked(os.getpid()))


class Eggs:
    """A nest whose vassals say where they are; what it prepares is a variable."""

    def __init__(self) -> None:
        self.pids: list[int] = []

    def is_for_steward(self, record: Spawn) -> bool:
        return bool(record.simple)

    def is_prepared(self, record: Spawn) -> bool:
        return False

    def prepare(self, record: Spawn) -> None:
        if record.start == "refused":
            raise KernelError("unshare(): Operation not permitted [net]")
        os.environ["PREPARED"] = record.start

    def bear(self, record: Spawn, descriptors: list[int]) -> None:
        channel = socket.socket(fileno=descriptors[0])
        Conversation(channel).say(Ask(f"{os.getppid()} {os.environ['PREPARED']} {len(descriptors)}"))
        os._exit(0)

    def born(self, pid: int) -> None:
        self.pids.append(pid)

    def hear(self, record: Record, descriptors: list[int], channel: socket.socket) -> bool:
        channel.send(Ask(f"{len(self.pids)} {type(record).__name__} {len(descriptors)}").pack())
        return False


class Nests(SeedCase):
    """A server of births that has vassals."""

    def nest(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            try:
                ours.close()
                serve_births(theirs, talk_and_wait, Eggs())
            finally:
                os._exit(0)
        theirs.close()
        self.pids.add(pid)
        self.addCleanup(ours.close)
        return ours

    def spawn(self, nest: socket.socket, start: str) -> tuple[Record, socket.socket]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(ours.close)
        with theirs:
            socket.send_fds(nest, [Spawn(7, start).pack()], [theirs.fileno()])
        return heard(nest), ours

    def test_a_vassal(self) -> None:
        """It is born into what the midwife prepared, and lives when we are its parent."""
        answer, talk = self.spawn(self.nest(), "one")
        assert isinstance(answer, Born)
        self.pids.add(answer.pid)
        self.assertEqual(heard(talk), Ask(f"{os.getpid()} one 1"))

    def test_refused(self) -> None:
        """What can not be prepared comes back as a text, and nobody is born."""
        nest = self.nest()
        answer, talk = self.spawn(nest, "refused")
        self.assertEqual(answer, Failed(7, "unshare(): Operation not permitted [net]"))
        self.assertEqual(talk.recv(1), b"")
        answer, _ = self.spawn(nest, "two")
        assert isinstance(answer, Born)
        self.pids.add(answer.pid)

    def test_other_words(self) -> None:
        """What is no birth is the nest's own affair, and it knows whom it bore."""
        nest = self.nest()
        answer, _ = self.spawn(nest, "one")
        assert isinstance(answer, Born)
        self.pids.add(answer.pid)
        nest.send(Pause().pack())
        self.assertEqual(heard(nest), Ask("1 Pause 0"))

    def test_no_nest(self) -> None:
        """A seed does not bear vassals."""
        seed = self.serve()
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        with theirs:
            socket.send_fds(seed, [Spawn(7, "one").pack()], [theirs.fileno()])
        self.assertEqual(ours.recv(1), b"")
