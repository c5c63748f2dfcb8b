"""The system calls that Python does not offer."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import threading
import time
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

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

    def test_dumpable(self) -> None:
        """After a change of users our files are root's, until we say otherwise."""
        if os.getuid() != 0:
            raise SkipTest("needs root")

        def act() -> bool:
            os.setuid(65534)
            before = os.stat("/proc/self/uid_map").st_uid
            syscalls.set_dumpable(True)
            return before != 0 or os.stat("/proc/self/uid_map").st_uid != 65534

        self.assertEqual(self.code_of(act), 0)

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

    def test_asleep(self) -> None:
        """A child that sleeps has its name and lacks what is foreign; woken, it is a fork like any other."""
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        told, tell = os.pipe()
        sleeper = syscalls.fork_asleep(("asleep", theirs.fileno(), [ours.fileno(), told]))[0]
        if sleeper == 0:
            try:
                thread = threading.Thread(target=os.write, args=(tell, theirs.recv(9)))
                thread.start()
                thread.join()
            finally:
                os._exit(7 if threading.get_native_id() == os.getpid() else 8)
        os.close(tell)
        theirs.close()
        facts = Path(f"/proc/{sleeper}")
        while (facts / "comm").read_text() != "asleep\n" or (facts / "fd" / str(told)).exists():
            time.sleep(0.001)
        self.assertFalse((facts / "fd" / str(ours.fileno())).exists())
        ours.send(b"morning")
        self.assertEqual(os.read(told, 9), b"morning")
        os.close(told)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(sleeper, 0)[1]), 7)

    def test_asleep_for_ever(self) -> None:
        """Who sleeps wakes as well when nobody is there any more who could speak; each for itself."""
        pairs = [socket.socketpair() for _ in range(2)]
        numbers = [one.fileno() for pair in pairs for one in pair]
        pids = syscalls.fork_asleep(
            *(("asleep", theirs.fileno(), set(numbers) - {theirs.fileno()}) for _, theirs in pairs)
        )
        if 0 in pids:
            os._exit(9 + len(pids))
        for pair in reversed(pairs):
            for one in pair:
                one.close()
        self.assertEqual([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids], [10, 11])

    def test_sibling(self) -> None:
        """A child of our child is ours, knows its own thread id, and forks and runs threads as any other."""
        told, tell = os.pipe()

        def live() -> int:
            grandchild = os.fork()
            if grandchild == 0:
                os._exit(4)
            thread = threading.Thread(target=os.write, args=(tell, b" %d " % os.getppid()))
            thread.start()
            thread.join()
            return os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1])

        def act() -> int:
            sibling = syscalls.fork_sibling()
            if sibling == 0:
                code = 99
                try:
                    code = 7 if threading.get_native_id() == os.getpid() else 98
                    code += live()
                finally:
                    os._exit(code)
            os.write(tell, b"%d " % sibling)
            return 0

        self.assertEqual(self.code_of(act), 0)
        sibling, status = os.wait()
        os.close(tell)
        with os.fdopen(told) as pipe:
            self.assertEqual(set(pipe.read().split()), {str(sibling), str(os.getpid())})
        self.assertEqual(os.waitstatus_to_exitcode(status), 7 + 4)

    def test_unnoticed(self) -> None:
        """A child of which Python did not notice runs Python, and threads once it did."""

        def act() -> int:
            child = syscalls.fork_unnoticed()
            if child == 0:
                code = 99
                try:
                    syscalls.notice_fork()
                    done: list[int] = []
                    thread = threading.Thread(target=lambda: done.append(threading.get_native_id()))
                    thread.start()
                    thread.join()
                    own = threading.get_native_id() == os.getpid() != done[0]
                    code = 7 if own and threading.active_count() == 1 else 98
                finally:
                    os._exit(code)
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

        self.assertEqual(self.code_of(act), 7)

    def test_unnoticed_sibling(self) -> None:
        """A child of our child is ours."""
        told, tell = os.pipe()

        def act() -> int:
            sibling = syscalls.fork_unnoticed(sibling=True)
            if sibling == 0:
                os._exit(11)
            os.write(tell, b"%d" % sibling)
            return 0

        self.assertEqual(self.code_of(act), 0)
        sibling, status = os.wait()
        os.close(tell)
        with os.fdopen(told) as pipe:
            self.assertEqual(pipe.read(), str(sibling))
        self.assertEqual(os.waitstatus_to_exitcode(status), 11)

    def needs_root(self) -> None:
        if os.geteuid() != 0:
            raise SkipTest("only root may make namespaces")

    def test_namespaces_and_roots(self) -> None:
        """A child gets a host name, mounts and a root of its own, and comes back by setns."""
        self.needs_root()
        new_root = self.mktemp()
        os.makedirs(new_root)
        new_root = os.path.abspath(new_root)

        def act() -> bool:
            outside = os.open("/proc/self/ns/uts", os.O_RDONLY)
            syscalls.unshare(0x04000000 | 0x00020000)  # CLONE_NEWUTS, CLONE_NEWNS
            syscalls.mount("none", "/", "", 0x44000)  # MS_REC | MS_PRIVATE
            syscalls.mount("inside", new_root, "tmpfs", 0, "size=64k")
            tmpfs = syscalls.file_system(new_root)
            os.mkdir(f"{new_root}/old")
            before = os.uname().nodename
            socket.sethostname("inside")
            os.chdir(new_root)
            syscalls.pivot_root(".", "old")
            os.chdir("/")
            syscalls.umount("/old", 2)  # MNT_DETACH
            inside = os.uname().nodename
            syscalls.setns(outside)
            seen = (tmpfs, os.listdir("/"), inside, os.uname().nodename)
            return seen != (0x01021994, ["old"], "inside", before)

        self.assertEqual(self.code_of(act), 0)

    def test_capabilities(self) -> None:
        """What is left is what the kernel tells, in the bounding and the ambient set as well."""
        self.needs_root()
        bind, raw = 1 << 10, 1 << 13

        def act() -> bool:
            syscalls.drop_bounding(13)
            syscalls.set_keep_capabilities(True)
            syscalls.set_no_new_privs()
            syscalls.set_capabilities(bind, bind | raw, bind)
            syscalls.raise_ambient(10)
            with open("/proc/self/status", encoding="ascii") as status:
                told = dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
            sets = tuple(int(told[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb"))
            return (
                sets != (bind, bind | raw, bind, bind)
                or bool(int(told["CapBnd"], 16) & raw)
                or told["NoNewPrivs"] != "1"
                or syscalls.capabilities() != (bind, bind | raw, bind)
            )

        self.assertEqual(self.code_of(act), 0)


class HeapTests(SynchronousTestCase):
    def test_filled(self) -> None:
        """What was free between others is taken, and there is less of it the second time."""
        if "CS_GNU_LIBC_VERSION" not in os.confstr_names:
            raise SkipTest("another C library")
        blocks = [bytes(600) for _ in range(8000)]
        del blocks[::2]
        first = syscalls.fill_heap()
        self.assertGreater(first, 3000)
        self.assertLess(syscalls.fill_heap(), first / 2)


class Directories(SynchronousTestCase):
    """inotify."""

    def test_changes(self) -> None:
        """The descriptor does not block, closes on exec, and tells of an entry that came."""
        folder = self.mktemp()
        os.mkdir(folder)
        descriptor = syscalls.inotify_init()
        self.addCleanup(os.close, descriptor)
        self.assertFalse(os.get_inheritable(descriptor))
        syscalls.inotify_add_directory(descriptor, folder)
        with self.assertRaises(BlockingIOError):
            os.read(descriptor, 4096)
        with open(os.path.join(folder, "a.ini"), "w"):
            self.assertIn(b"a.ini", os.read(descriptor, 4096))

    def test_no_directory(self) -> None:
        """A file is refused, and so is what is not there."""
        descriptor = syscalls.inotify_init()
        self.addCleanup(os.close, descriptor)
        for path, number in ((__file__, errno.ENOTDIR), ("/none", errno.ENOENT)):
            error = self.assertRaises(OSError, syscalls.inotify_add_directory, descriptor, path)
            self.assertEqual(error.errno, number)
