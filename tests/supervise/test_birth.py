"""What a newborn does first, and how it leaves."""

from __future__ import annotations

import atexit
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.errors import AppError
from uwsgid.host import Kernel
from uwsgid.host.kept import Kept
from uwsgid.supervise import birth
from uwsgid.supervise.birth import (
    Newborn,
    bear,
    become_server_of_births,
    become_signalled,
    leave,
    take_environment,
    wait_for_adoption,
)
from uwsgid.supervise.board import Board
from uwsgid.supervise.hatch import Hatch
from uwsgid.supervise.household import Household
from uwsgid.supervise.seed import SENT_TO_GROUPS
from uwsgid.testing import MemoryKernel
from uwsgid.wire.control import Fork, Ready


class Forked(SynchronousTestCase):
    """Each life is lived in a real process."""

    def setUp(self) -> None:
        self.read, self.write = os.pipe()
        self.addCleanup(os.close, self.read)

    def say(self, text: str) -> None:
        os.write(self.write, f"{text}\n".encode())

    def house(self, master_pid: int) -> Household:
        return Household(
            settings_of(""),
            MemoryKernel(),
            self.say,
            Board(1),
            (),
            master_pid,
            0.0,
        )

    def live(self, role: object, *, spare: Sequence[int] = ()) -> tuple[int, str]:
        """The exit code and the log of a child that lives as *role* says."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.ours = ours
        self.addCleanup(ours.close)
        me = os.getpid()
        pid = os.fork()
        if pid == 0:
            try:
                os.dup2(self.write, 1)
                os.dup2(self.write, 2)
                sys.stdout = sys.stderr = os.fdopen(self.write, "w", closefd=False)
                self.patch(birth, "roles", {"part": role})
                birth.forget_atexit()
                bear(self.house(me), Fork(1, "part", 4, 5, 6), [theirs.detach(), *spare])
            finally:
                os._exit(99)
        theirs.close()
        os.close(self.write)
        with open(os.dup(self.read)) as log:
            text = log.read()
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text

    def test_newborn(self) -> None:
        """A role is told who it is, has a blocking talk with the master, and its number is the exit code."""

        def part(newborn: Newborn) -> int:
            newborn.master.say(Ready(os.getpid()))
            newborn.household.say(
                f"{newborn.role} {newborn.slot} {newborn.seat} {newborn.generation} "
                f"{newborn.master.channel.getblocking()}"
            )
            return 17

        self.assertEqual(self.live(part), (17, "part 4 5 6 True\n"))
        self.assertTrue(self.ours.recv(100))

    def test_more_descriptors(self) -> None:
        """The second that came with the order is the hatch; what else came is closed."""

        def part(newborn: Newborn) -> int:
            there = os.path.exists(f"/proc/self/fd/{spare}")
            newborn.household.say(f"{newborn.hatch is not None and newborn.hatch.fileno()} {there}")
            return 0

        spare = os.dup(0)
        self.addCleanup(os.close, spare)
        hatch = Hatch()
        self.addCleanup(hatch.close)
        self.assertEqual(self.live(part)[1], "False True\n")
        self.read, self.write = os.pipe()
        self.addCleanup(os.close, self.read)
        number = hatch.theirs.fileno()
        self.assertEqual(self.live(part, spare=[number, spare])[1], f"{number} False\n")

    def test_kept_descriptors(self) -> None:
        """What the household keeps for gateways is closed in whoever is none."""

        def part(newborn: Newborn) -> int:
            newborn.household.say(str(os.path.exists(f"/proc/self/fd/{kept}")))
            return 0

        kept = os.dup(0)
        self.addCleanup(os.close, kept)
        made = self.house(os.getpid())
        made.kept = Kept(Kernel())
        made.kept.keep("tun emperor0", kept)
        self.patch(self, "house", lambda master_pid: made)
        self.assertEqual(self.live(part)[1], "False\n")

    def test_exits(self) -> None:
        """sys.exit means what it means in Python."""
        for argument, code, text in ((None, 0, ""), (3, 3, ""), ("enough", 1, "enough\n")):

            def part(newborn: Newborn, argument: object = argument) -> int:
                sys.exit(argument)  # type: ignore[arg-type]

            self.assertEqual(self.live(part), (code, text))
            self.read, self.write = os.pipe()
            self.addCleanup(os.close, self.read)
        os.close(self.write)

    def test_our_errors(self) -> None:
        """An error of ours is one line."""

        def part(newborn: Newborn) -> int:
            raise AppError("no module named shop")

        self.assertEqual(self.live(part), (1, "part 4: no module named shop\n"))

    def test_mistakes(self) -> None:
        """A mistake leaves a traceback, and the code 1."""

        def part(newborn: Newborn) -> int:
            raise ZeroDivisionError("oops")

        code, text = self.live(part)
        self.assertEqual(code, 1)
        self.assertIn("ended by a mistake:\nTraceback", text)
        self.assertIn("ZeroDivisionError: oops", text)

    def test_atexit(self) -> None:
        """Functions for the end are called, those of the master are not, and a bad one does no harm."""

        atexit.register(os.write, self.write, b"the master's\n")
        self.addCleanup(atexit.unregister, os.write)

        def part(newborn: Newborn) -> int:
            atexit.register(lambda: 1 / 0)
            atexit.register(os.write, 1, b"goodbye\n")
            return 0

        code, text = self.live(part)
        self.assertEqual((code, text.splitlines()[0]), (0, "goodbye"))
        self.assertNotIn("the master's", text)


class Leaving(SynchronousTestCase):
    def test_without_atexit(self) -> None:
        """skip-atexit leaves without those functions; what was printed is flushed."""
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                atexit.register(os.write, write, b"never\n")
                sys.stdout = os.fdopen(write, "w", closefd=False)
                sys.stdout.write("flushed")
                leave(5, atexit_functions=False)
            finally:
                os._exit(99)
        os.close(write)
        with open(read) as log:
            self.assertEqual(log.read(), "flushed")
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 5)


class Adoption(SynchronousTestCase):
    def test_adopted(self) -> None:
        """The child of the master is adopted."""
        wait_for_adoption(os.getppid())

    def test_no_master(self) -> None:
        """Without a master there is nothing to wait for."""
        self.patch(birth, "_ADOPTION_TAKES", 0.01)
        before = time.monotonic()
        error = self.assertRaises(ProcessLookupError, wait_for_adoption, 0)
        self.assertIn("the master (pid: 0) is gone", str(error))
        self.assertLess(time.monotonic() - before, 5)


def install(number: int, heard: list[int]) -> None:
    """Note down when a signal comes."""
    signal.signal(number, lambda number, frame: heard.append(number))


class Deafness(SynchronousTestCase):
    def test_deaf_and_not(self) -> None:
        """A server of births ignores what is meant for others; its children hear what came before, too."""
        numbers = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGTSTP)
        before = {number: signal.getsignal(number) for number in SENT_TO_GROUPS}
        kernel = MemoryKernel()
        house = Household(settings_of(""), kernel, print, Board(1), (), 1, 0.0)
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
            become_server_of_births(house)
            self.assertFalse(signal.pthread_sigmask(signal.SIG_BLOCK, ()) & set(numbers))
            self.assertEqual({signal.getsignal(number) for number in numbers}, {signal.SIG_IGN})
            heard: list[int] = []
            signal.pthread_sigmask(signal.SIG_BLOCK, SENT_TO_GROUPS)
            signal.raise_signal(signal.SIGTERM)
            become_signalled(lambda: install(signal.SIGTERM, heard))
            self.assertEqual(heard, [signal.SIGTERM])
            rest = set(numbers) - {signal.SIGTERM}
            self.assertEqual({signal.getsignal(number) for number in rest}, {signal.SIG_DFL})
            self.assertFalse(signal.pthread_sigmask(signal.SIG_BLOCK, ()) & set(numbers))
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        self.assertEqual(kernel.death_signal, signal.SIGKILL)


class Environment(SynchronousTestCase):
    def test_takes_what_differs(self) -> None:
        """Variables come, change and go; one that is right already is not set again."""
        before = dict(os.environ)
        self.addCleanup(take_environment, before)
        set_again: list[str] = []
        self.patch(os, "putenv", lambda name, value: set_again.append(os.fsdecode(name)))
        wanted = {**before, "UWSGID_TEST_NEW": "1", "UWSGID_TEST_OLD": "2"}
        wanted.pop("PATH", None)
        os.environ["UWSGID_TEST_OLD"] = "1"
        take_environment(wanted)
        self.assertEqual(dict(os.environ), wanted)
        self.assertEqual(set(set_again), {"UWSGID_TEST_NEW", "UWSGID_TEST_OLD"})
