"""Groups of processes that the kernel limits."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigProblems, KernelError
from uwsgid.host.cgroups import Cgroups, Value, join_cgroups, parse_value
from uwsgid.host.kernel import Kernel
from uwsgid.testing import MemoryKernel

ROOT: Final = Path("/sys/fs/cgroup")


class GroupKernel(MemoryKernel):
    """A kernel whose directories below /cg are groups, with the files of groups.

    :ivar born: what a new directory has.
    :ivar enabled: what it gets when a controller is handed down to it.
    """

    def __init__(self, *born: str, uid: int = 0) -> None:
        super().__init__(uid=uid)
        self.born = born
        self.enabled: dict[str, str] = {}

    def mkdir(self, path: str, mode: int = 0o777) -> None:
        super().mkdir(path, mode)
        for name in self.born:
            self.add_file(f"{path}/{name}")

    def write(self, fd: int, content: bytes) -> int:
        path = next(path for path, file in self.files.items() if file is self.descriptors[fd])
        taken = super().write(fd, content)
        self._note("write", path, content.decode())
        if path.endswith("cgroup.subtree_control"):
            self.add_file(self.enabled[content.decode()])
        return taken

    def written(self) -> list[tuple[str, ...]]:
        """What was written, and where, in order."""
        return [call[1:] for call in self.calls if call[0] == "write"]


class ValueTests(SynchronousTestCase):
    """The text of ``cgroup-opt``."""

    def test_forms(self) -> None:
        """The first = separates, else the first colon."""
        for text, value in (
            ("memory.max=64M", Value("memory.max", "64M")),
            ("devices.deny:a", Value("devices.deny", "a")),
            ("devices.allow=c 1:3 rwm", Value("devices.allow", "c 1:3 rwm")),
            ("io.max:8:0 rbps=1", Value("io.max:8:0 rbps", "1")),
            ("cpu.max = max 100000", Value("cpu.max", "max 100000")),
            ("cpuset.cpus=", Value("cpuset.cpus", "")),
        ):
            self.assertEqual(parse_value(text), value)

    def test_refused(self) -> None:
        """No separator, no key, and keys that lead elsewhere."""
        for text, said in (
            ("memory.max", "invalid cgroup-opt syntax: expected key=value, got 'memory.max'"),
            ("=1", "invalid cgroup-opt syntax: expected key=value, got '=1'"),
            ("../x/memory.max=1", "the key ../x/memory.max is not the name of a file in the group"),
            ("..=1", "the key .. is not the name of a file in the group"),
        ):
            error = self.assertRaises(ConfigProblems, settings_of, f"cgroup = /cg\ncgroup-opt = {text}")
            self.assertEqual(error.problems, (f"lines:2: cgroup-opt: {said}",))

    def test_without_a_group(self) -> None:
        """Values without a group are a mistake."""
        error = self.assertRaises(ConfigProblems, settings_of, "cgroup-opt = pids.max=5")
        self.assertEqual(error.problems, ("lines:1: cgroup-opt: there is no cgroup to write to",))


class JoinTests(SynchronousTestCase):
    """Both layouts, pretended."""

    def setUp(self) -> None:
        self.lines: list[str] = []

    def join(self, kernel: MemoryKernel, config: str, *, is_reload: bool = False) -> None:
        join_cgroups(kernel, settings_of(config)[Cgroups], self.lines.append, is_reload=is_reload)

    def test_version_1(self) -> None:
        """Limits first, then the process into tasks; in each group in turn."""
        kernel = GroupKernel("tasks", "cgroup.procs", "pids.max")
        self.join(kernel, "cgroup = /cg/a\ncgroup = /cg/b\ncgroup-opt = pids.max=7")
        self.assertEqual(
            kernel.written(),
            [
                ("/cg/a/pids.max", "7\n"),
                ("/cg/a/tasks", "4711\n"),
                ("/cg/b/pids.max", "7\n"),
                ("/cg/b/tasks", "4711\n"),
            ],
        )
        self.assertEqual(
            self.lines[:3],
            [
                "created Linux cgroup /cg/a with mode 700",
                "set pids.max of cgroup /cg/a to 7",
                "assigned process 4711 to cgroup /cg/a/tasks",
            ],
        )
        self.assertEqual(kernel.descriptors, {})

    def test_version_2(self) -> None:
        """Without a file tasks it is the unified hierarchy."""
        kernel = GroupKernel("cgroup.procs", "memory.max")
        self.join(kernel, "cgroup = /cg/a\ncgroup-opt = memory.max:64M")
        self.assertEqual(kernel.written(), [("/cg/a/memory.max", "64M\n"), ("/cg/a/cgroup.procs", "4711\n")])

    def test_controller_that_is_not_enabled(self) -> None:
        """It is enabled above, once we are out of there, and then the value is written."""
        kernel = GroupKernel("cgroup.procs")
        kernel.add_file("/cg/cgroup.controllers", b"cpu memory\n")
        kernel.add_file("/cg/cgroup.subtree_control")
        kernel.enabled["+memory\n"] = "/cg/a/memory.max"
        self.join(kernel, "cgroup = /cg/a\ncgroup-opt = memory.max=1")
        self.assertEqual(
            kernel.written(),
            [
                ("/cg/a/cgroup.procs", "4711\n"),
                ("/cg/cgroup.subtree_control", "+memory\n"),
                ("/cg/a/memory.max", "1\n"),
            ],
        )
        self.assertIn("enabled the controller memory for the cgroups in /cg", self.lines)

    def test_controllers_that_are_not_there(self) -> None:
        """A file that can not be written is warned about, with the reason, and never passed over silently."""
        kernel = GroupKernel("cgroup.procs")
        kernel.add_file("/cg/cgroup.controllers", b"cpu\n")
        self.join(kernel, "cgroup = /cg/a\ncgroup-opt = memory.max=1\ncgroup-opt = cpu.max=1")
        self.assertEqual(
            self.lines[-2:],
            [
                "*** WARNING: cgroup-opt memory.max: not written to /cg/a: "
                "/cg does not have the controller memory ***",
                "*** WARNING: cgroup-opt cpu.max: not written to /cg/a: "
                "the controller cpu can not be enabled in /cg: No such file or directory ***",
            ],
        )

    def test_missing_file_of_version_1(self) -> None:
        """There is nothing that could be enabled."""
        self.join(GroupKernel("tasks"), "cgroup = /cg/a\ncgroup-opt = pids.max=1")
        self.assertEqual(
            self.lines[-1],
            "*** WARNING: cgroup-opt pids.max: not written to /cg/a: there is no such file ***",
        )

    def test_existing(self) -> None:
        """An existing group gets the mode, if it has another one."""
        kernel = GroupKernel()
        for name, mode in (("a", 0o755), ("b", 0o750)):
            kernel.add_file(f"/cg/{name}", mode=stat.S_IFDIR | mode)
            kernel.add_file(f"/cg/{name}/tasks")
        self.join(kernel, "cgroup = /cg/a\ncgroup = /cg/b\ncgroup-dir-mode = 0750")
        self.assertEqual([call for call in kernel.calls if call[0] == "chmod"], [("chmod", "/cg/a", "750")])
        self.assertEqual(self.lines[0], "using Linux cgroup /cg/a with mode 750")

    def test_no_hierarchy(self) -> None:
        """A directory of an ordinary file system is no group."""
        error = self.assertRaises(KernelError, self.join, GroupKernel(), "cgroup = /cg/a")
        self.assertIn("/cg/a is not a control group", str(error))

    def test_refused_value(self) -> None:
        """A value that the kernel does not take ends the start, and so does a group that it closes."""
        for uid, number in ((0, errno.EINVAL), (0, errno.EACCES), (1000, errno.EINVAL)):
            kernel = GroupKernel("tasks", "pids.max", uid=uid)
            kernel.fail("write", number)
            error = self.assertRaises(
                KernelError, self.join, kernel, "cgroup = /cg/a\ncgroup-opt = pids.max=x"
            )
            self.assertEqual(str(error), f"cgroup-opt pids.max=x: {os.strerror(number)} [/cg/a/pids.max]")

    def test_refused_group(self) -> None:
        """A group that can not be made or joined ends the start of root."""
        for call, number, about in (
            ("mkdir", errno.ENOENT, "/cg/a"),
            ("mkdir", errno.EROFS, "/cg/a"),
            ("write", errno.ENOSPC, "/cg/a/tasks"),
            ("write", errno.EPERM, "/cg/a/tasks"),
        ):
            kernel = GroupKernel("tasks")
            kernel.fail(call, number)
            error = self.assertRaises(KernelError, self.join, kernel, "cgroup = /cg/a")
            self.assertEqual(str(error), f"cgroup: {os.strerror(number)} [{about}]")

    def test_ordinary_user(self) -> None:
        """Where the user may not, the option is ignored with a warning; after a reload without one."""
        for is_reload, warnings in ((False, 1), (True, 0)):
            kernel = GroupKernel("tasks", uid=1000)
            kernel.fail("mkdir", errno.EACCES)
            self.lines = []
            self.join(kernel, "cgroup = /cg/a", is_reload=is_reload)
            expected = ["*** WARNING: option cgroup needs root, ignored: /cg/a ***"]
            self.assertEqual((self.lines, kernel.written()), (expected * warnings, []))

    def test_delegated(self) -> None:
        """Where the user may, he joins."""
        kernel = GroupKernel("cgroup.procs", uid=1000)
        self.join(kernel, "cgroup = /cg/a")
        self.assertEqual(kernel.written(), [("/cg/a/cgroup.procs", "4711\n")])

    def test_nothing_to_do(self) -> None:
        """Without the option nothing happens."""
        kernel = GroupKernel()
        self.join(kernel, "")
        self.assertEqual((kernel.calls, self.lines), ([], []))


class LiveTests(SynchronousTestCase):
    """Hierarchies that are mounted here."""

    def group(self, *needs: str) -> str:
        """A new group below the first hierarchy that has these files; it goes in the end."""
        if os.geteuid() != 0:
            raise SkipTest("needs root")
        for above in (ROOT, *(path for path in sorted(ROOT.glob("*")) if path.is_dir())):
            if all((above / need).exists() for need in needs):
                return self.below(above)
        raise SkipTest(f"needs a control group hierarchy with {' and '.join(needs)}")

    def below(self, above: Path) -> str:
        group = above / f"uwsgid-test-{os.getpid()}"

        def remove() -> None:
            if group.exists():
                group.rmdir()

        self.addCleanup(remove)
        return str(group)

    def child(self, config: str, group: str, *names: str) -> tuple[list[str], list[str]]:
        """What a child said that joined, and what files of the group hold while it is in it."""
        heard, said = os.pipe()
        hold, release = os.pipe()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                os.close(release)
                lines: list[str] = []
                join_cgroups(Kernel(), settings_of(config)[Cgroups], lines.append)
                os.write(said, "\n".join(lines).encode())
                code = 0
            except BaseException as error:
                os.write(said, repr(error).encode())
            finally:
                os.close(said)
                os.read(hold, 1)
                os._exit(code)
        os.close(said)
        os.close(hold)
        try:
            with open(heard, encoding="utf-8") as stream:
                told = stream.read().splitlines()
            held = [Path(group, name).read_text().strip() for name in names if Path(group, name).exists()]
        finally:
            os.close(release)
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
        self.assertIn(str(pid), held[0].split(), told)
        return told, held[1:]

    def test_version_2(self) -> None:
        """A group of the unified hierarchy is made, filled and joined."""
        group = self.group("cgroup.controllers", "cgroup.subtree_control")
        told, held = self.child(
            f"cgroup = {group}\ncgroup-opt = cgroup.max.descendants=3\ncgroup-opt = quatsch.max=1",
            group,
            "cgroup.procs",
            "cgroup.max.descendants",
        )
        self.assertEqual(held, ["3"])
        self.assertEqual(os.stat(group).st_mode & 0o777, 0o700)
        self.assertIn("does not have the controller quatsch", told[-1])

    def test_version_1(self) -> None:
        """A cpuset, which nobody may join before it has CPUs, is filled first."""
        group = self.group("tasks", "cpuset.cpus")
        _, held = self.child(
            f"cgroup = {group}\ncgroup-opt = cpuset.cpus=0\ncgroup-opt = cpuset.mems:0",
            group,
            "tasks",
            "cpuset.cpus",
            "cpuset.mems",
        )
        self.assertEqual(held, ["0", "0"])

    def test_limit_holds(self) -> None:
        """A child in a group of one process can not fork."""
        self.group("tasks")
        if not (ROOT / "pids" / "tasks").exists():
            raise SkipTest("needs the controller pids of version 1")
        group = self.below(ROOT / "pids")
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                config = f"cgroup = {group}\ncgroup-opt = pids.max=1"
                join_cgroups(Kernel(), settings_of(config)[Cgroups], lambda line: None)
                try:
                    inner = os.fork()
                    if inner == 0:
                        os._exit(0)
                    os.waitpid(inner, 0)
                except BlockingIOError:
                    code = 0
            finally:
                os._exit(code)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
