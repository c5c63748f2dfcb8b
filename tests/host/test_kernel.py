"""The real kernel keeps its promises."""

from __future__ import annotations

import os
import resource
import signal

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from uwsgid.host.kernel import Kernel
from uwsgid.interfaces import IKernel
from uwsgid.testing import MemoryKernel


class Contract(SynchronousTestCase):
    """The real one and its twin."""

    def test_both_provide_the_interface(self) -> None:
        """Both have every method with the right arguments."""
        for kernel in (Kernel(), MemoryKernel()):
            self.assertTrue(verifyObject(IKernel, kernel))


class Identity(SynchronousTestCase):
    """Who we are."""

    def test_ids(self) -> None:
        """Numbers are those of the process; names are found both ways, and ghosts are nobody."""
        kernel = Kernel()
        self.assertEqual((kernel.getpid(), kernel.getuid()), (os.getpid(), os.getuid()))
        self.assertEqual((kernel.user_id("root"), kernel.group_id("root")), (0, 0))
        self.assertEqual((kernel.user_name(0), kernel.group_name(0)), ("root", "root"))
        self.assertIsNone(kernel.user_id("no such user"))
        self.assertIsNone(kernel.group_id("no such group"))
        self.assertIsNone(kernel.user_name(2**31 - 7))
        self.assertIsNone(kernel.group_name(2**31 - 7))


class Files(SynchronousTestCase):
    """Files and descriptors."""

    def test_life_of_a_file(self) -> None:
        """A file is written, described, changed and removed."""
        kernel, path = Kernel(), self.mktemp()
        kernel.write_file(path, b"4711\n", 0o600)
        kernel.chmod(path, 0o640)
        facts = kernel.stat(path)
        self.assertEqual((facts.mode & 0o777, facts.size, facts.is_regular), (0o640, 5, True))
        self.assertEqual(kernel.read_file(path), b"4711\n")
        kernel.chown(path, -1, -1)
        kernel.unlink(path)
        self.assertRaises(FileNotFoundError, kernel.stat, path)

    def test_descriptors(self) -> None:
        """An opened descriptor is listed, closes on exec, and dup2 makes one that does not."""
        kernel = Kernel()
        fd = kernel.open("/dev/null", os.O_WRONLY)
        self.assertIn(fd, kernel.open_descriptors())
        self.assertFalse(os.get_inheritable(fd))
        spare = os.dup(fd)
        kernel.dup2(fd, spare)
        self.assertTrue(os.get_inheritable(spare))
        kernel.set_inheritable(spare, False)
        kernel.set_blocking(spare, False)
        self.assertEqual((os.get_inheritable(spare), os.get_blocking(spare)), (False, False))
        self.assertEqual(kernel.fstat(fd).inode, kernel.stat("/dev/null").inode)
        self.assertEqual(kernel.write(fd, b"xyz"), 3)
        for number in (fd, spare):
            kernel.close(number)
        self.assertNotIn(fd, kernel.open_descriptors())

    def test_descriptors_without_proc(self) -> None:
        """In a root without /proc each number is tried."""
        kernel = Kernel()
        fd = kernel.open("/dev/null", os.O_RDONLY)
        known = kernel.open_descriptors()

        def refuse(path: str, flags: int) -> int:
            raise FileNotFoundError(2, "No such file or directory", path)

        self.patch(os, "open", refuse)
        self.assertEqual(kernel.open_descriptors(), known)
        kernel.close(fd)

    def test_devices(self) -> None:
        """What a file is on tells file systems apart; a directory knows that it is one."""
        kernel = Kernel()
        root, proc = kernel.stat("/"), kernel.stat("/proc")
        self.assertNotEqual(root.device, proc.device)
        self.assertEqual((proc.is_directory, proc.is_regular), (True, False))

    def test_open_file_changes(self) -> None:
        """Mode, owner and size of an open file."""
        kernel, path = Kernel(), self.mktemp()
        fd = kernel.open(path, os.O_RDWR | os.O_CREAT)
        self.addCleanup(os.close, fd)
        kernel.fchmod(fd, 0o604)
        kernel.fchown(fd, -1, -1)
        kernel.ftruncate(fd, 9)
        facts = kernel.fstat(fd)
        self.assertEqual((facts.mode & 0o777, facts.size), (0o604, 9))

    def test_directory_and_mask(self) -> None:
        """The working directory and the mask change and change back."""
        kernel, here = Kernel(), os.getcwd()
        self.addCleanup(os.chdir, here)
        kernel.chdir("/")
        self.assertEqual(kernel.getcwd(), "/")
        before = kernel.umask(0o027)
        self.assertEqual(kernel.umask(before), 0o027)


class Processes(SynchronousTestCase):
    """Limits, children and prctl, in children where they would stay."""

    def in_child(self, script: str) -> int:
        """Run *script* with ``kernel`` in a fork; its exit code, 99 for an exception."""
        pid = os.fork()
        if pid == 0:
            code = 99
            try:
                names: dict[str, object] = {
                    "kernel": Kernel(),
                    "os": os,
                    "signal": signal,
                    "resource": resource,
                }
                exec(script, names)
                code = 0
            finally:
                os._exit(code)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def test_limits(self) -> None:
        """Limits, nice value and CPUs are set for real."""
        self.assertEqual(
            self.in_child(
                "kernel.setrlimit(resource.RLIMIT_CORE, 0, 0)\n"
                "assert kernel.getrlimit(resource.RLIMIT_CORE) == (0, 0)\n"
                "kernel.setpriority(15)\n"
                "assert os.getpriority(os.PRIO_PROCESS, 0) == 15\n"
                "first = kernel.allowed_cpus()[:1]\n"
                "kernel.sched_setaffinity(first)\n"
                "assert kernel.allowed_cpus() == first\n"
            ),
            0,
        )

    def test_subreaper(self) -> None:
        """An orphan becomes the child of the subreaper, which reaps it."""
        self.assertEqual(
            self.in_child(
                "kernel.set_child_subreaper(True)\n"
                "r, w = os.pipe()\n"
                "midwife = kernel.fork()\n"
                "if midwife == 0:\n"
                "    os.close(r)\n"
                "    child = kernel.fork()\n"
                "    if child == 0:\n"
                "        os.close(w)\n"
                "        signal.pause()\n"
                "    os.write(w, str(child).encode())\n"
                "    kernel.exit(0)\n"
                "os.close(w)\n"
                "child = int(os.read(r, 32))\n"
                "os.waitpid(midwife, 0)\n"
                "pidfd = kernel.pidfd_open(child)\n"
                "assert kernel.waitid(pidfd) is None\n"
                "kernel.pidfd_send_signal(pidfd, signal.SIGKILL)\n"
                "import select; select.select([pidfd], [], [])\n"
                "assert kernel.waitid(pidfd) == (child, os.CLD_KILLED, 9)\n"
            ),
            0,
        )

    def test_parent_death(self) -> None:
        """Who asked for a signal gets it when its parent ends."""
        self.assertEqual(
            self.in_child(
                "kernel.set_child_subreaper(True)\n"
                "r, w = os.pipe()\n"
                "parent = kernel.fork()\n"
                "if parent == 0:\n"
                "    child = kernel.fork()\n"
                "    if child == 0:\n"
                "        signal.signal(signal.SIGTERM, signal.SIG_DFL)\n"
                "        kernel.set_parent_death_signal(signal.SIGTERM)\n"
                "        os.write(w, b'!')\n"
                "        signal.pause()\n"
                "    os.read(r, 1)\n"
                "    os.write(w, b'%08d' % child)\n"
                "    kernel.exit(0)\n"
                "os.waitpid(parent, 0)\n"
                "child = int(os.read(r, 8))\n"
                "assert os.waitpid(child, 0)[1] == signal.SIGTERM\n"
            ),
            0,
        )

    def test_session_and_exec(self) -> None:
        """A child leads a session and becomes another program."""
        self.assertEqual(
            self.in_child(
                "kernel.setsid()\n"
                "assert os.getsid(0) == kernel.getpid()\n"
                "kernel.execve('/bin/sh', ['sh', '-c', 'exit $CODE'], {'CODE': '42'})\n"
            ),
            42,
        )

    def test_reap_and_kill(self) -> None:
        """A child is killed and reaped by its process id."""
        kernel = Kernel()
        pid = kernel.fork()
        if pid == 0:
            signal.pause()
            os._exit(1)
        self.assertIsNone(kernel.reap(pid))
        kernel.kill(pid, signal.SIGKILL)
        pidfd = kernel.pidfd_open(pid)
        self.addCleanup(os.close, pidfd)
        os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOWAIT)
        self.assertEqual(kernel.reap(pid), (pid, os.CLD_KILLED, 9))
