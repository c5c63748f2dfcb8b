"""The system calls that Python does not offer."""

from __future__ import annotations

import ctypes
import errno
import os

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.host import syscalls


class Calls(SynchronousTestCase):
    """In a child where they would stay."""

    def code_of(self, act: object) -> int:
        assert callable(act)
        pid = os.fork()
        if pid == 0:
            code = 99
            try:
                code = int(act())
            finally:
                os._exit(code)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def test_errno_is_kept(self) -> None:
        """A refusal is an OSError with its errno and the name of the call."""
        error = self.assertRaises(OSError, syscalls.set_parent_death_signal, 9999)
        self.assertEqual((error.errno, error.filename), (errno.EINVAL, "prctl(PR_SET_PDEATHSIG)"))

    def test_thread_name(self) -> None:
        """The name is cut to 15 bytes."""

        def act() -> bool:
            syscalls.set_thread_name("uWSGI worker number one")
            with open("/proc/self/comm", encoding="ascii") as comm:
                return comm.read() != "uWSGI worker nu\n"

        self.assertEqual(self.code_of(act), 0)

    def test_subreaper(self) -> None:
        """The kernel takes the wish and its withdrawal."""

        def act() -> int:
            syscalls.set_child_subreaper(True)
            syscalls.set_child_subreaper(False)
            return 0

        self.assertEqual(self.code_of(act), 0)

    def test_locked_memory(self) -> None:
        """Locked memory shows in the status, or the kernel's limit is told by errno."""

        def act() -> bool:
            try:
                syscalls.lock_all_memory()
            except OSError as error:
                return error.errno not in (errno.ENOMEM, errno.EPERM)
            with open("/proc/self/status", encoding="ascii") as status:
                locked = next(line for line in status if line.startswith("VmLck:"))
            return int(locked.split()[1]) == 0

        self.assertEqual(self.code_of(act), 0)

    def test_same_open_file(self) -> None:
        """A dup leads to the same open file, another opening of the same path does not."""
        one, other = os.open("/dev/null", os.O_RDONLY), os.open("/dev/null", os.O_RDONLY)
        again = os.dup(one)
        for fd in (one, other, again):
            self.addCleanup(os.close, fd)
        self.assertTrue(syscalls.same_open_file(one, again))
        self.assertFalse(syscalls.same_open_file(one, other))
        self.assertRaises(OSError, syscalls.same_open_file, one, 1 << 20)

    def test_memory(self) -> None:
        """What is written is read again."""
        place = ctypes.create_string_buffer(8)
        syscalls.write_memory(ctypes.addressof(place), b"uwsgid")
        self.assertEqual(syscalls.read_memory(ctypes.addressof(place), 8), b"uwsgid\0\0")
