"""An operating system in memory: files, users, sockets and children that exist only in a test.

It behaves like Linux where a decision of uwsgid depends on it: who may change users, whose address is in use,
what a stat says after an unlink.  Every call that *changes* something is noted in `MemoryKernel.calls`, in
order, so that a test reads like the sequence it proves::

    kernel = MemoryKernel(uid=0)
    drop(kernel, Privileges(uid="www-data", gid="www-data"), say)
    self.assertEqual(kernel.calls, [("setgid", "33"), ("initgroups", "www-data", "33"), ("setuid", "33")])
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Mapping, Sequence

from zope.interface import implementer

from uwsgid.interfaces import IKernel
from uwsgid.testing.files import MemoryFile
from uwsgid.testing.isolation import MemoryIsolation


class Exited(BaseException):
    """The pretended process called exit.

    :ivar code: what it exited with.
    """

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Executed(BaseException):
    """The pretended process became another program."""

    def __init__(self, path: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        super().__init__(path)
        self.path = path
        self.arguments = tuple(arguments)
        self.environment = dict(environment)


@implementer(IKernel)
class MemoryKernel(MemoryIsolation):
    """The twin of `uwsgid.host.Kernel`.  Its attributes are the world; tests set them as they like.

    :ivar forks: what each `fork` is going to return; 0 plays the child.
    :ivar exit_codes: what commands exit with that do not exit with 0.
    :ivar ended: children that ended and were not reaped: pid to ``(si_code, si_status)``.
    """

    def __init__(self, *, uid: int = 1000, gid: int = 1000, pid: int = 4711, cwd: str = "/srv") -> None:
        super().__init__(uid=uid, gid=gid, cwd=cwd)
        self.pid, self.parent = pid, 1
        self.groups: list[int] = [gid]
        self.users = {"root": 0, "www-data": 33, "shop": 1001}
        self.group_ids = {"root": 0, "www-data": 33, "shop": 1001, "adm": 4}
        self.memberships: dict[str, list[int]] = {"www-data": [33], "shop": [1001, 4]}
        self.limits: dict[int, tuple[int, int]] = {}
        self.nice = 0
        self.cpus = [0, 1, 2, 3]
        self.locked = False
        self.subreaper = False
        self.death_signal = 0
        self.title = ""
        self.forks: list[int] = []
        self.ended: dict[int, tuple[int, int]] = {}
        self.pidfds: dict[int, int] = {}
        self.exit_codes: dict[str, int] = {}
        self._last_command = 5000

    # who we are

    def getpid(self) -> int:
        return self.pid

    def getppid(self) -> int:
        return self.parent

    def getuid(self) -> int:
        return self.uid

    def geteuid(self) -> int:
        return self.uid

    def getgid(self) -> int:
        return self.gid

    def getgroups(self) -> list[int]:
        return list(self.groups)

    def act_as(self, uid: int, gid: int) -> None:
        self._root_only("act_as")
        self._note("act_as", uid, gid)

    def setuid(self, uid: int) -> None:
        self._root_only("setuid", allowed=uid == self.uid)
        self.uid = uid
        self._note("setuid", uid)

    def setgid(self, gid: int) -> None:
        self._root_only("setgid", allowed=gid == self.gid)
        self.gid = gid
        self._note("setgid", gid)

    def setgroups(self, groups: Sequence[int]) -> None:
        self._root_only("setgroups")
        self.groups = list(groups)
        self._note("setgroups", *groups)

    def initgroups(self, user: str, gid: int) -> None:
        self._root_only("initgroups")
        self.groups = sorted({gid, *self.memberships.get(user, [])})
        self._note("initgroups", user, gid)

    def user_id(self, name: str) -> int | None:
        return self.users.get(name)

    def group_id(self, name: str) -> int | None:
        return self.group_ids.get(name)

    def user_name(self, uid: int) -> str | None:
        return next((name for name, number in self.users.items() if number == uid), None)

    def group_name(self, gid: int) -> str | None:
        return next((name for name, number in self.group_ids.items() if number == gid), None)

    # limits

    def getrlimit(self, resource: int) -> tuple[int, int]:
        return self.limits.get(resource, (-1, -1))

    def setrlimit(self, resource: int, soft: int, hard: int) -> None:
        self._maybe_fail("setrlimit")
        self.limits[resource] = (soft, hard)
        self._note("setrlimit", resource, soft, hard)

    def setpriority(self, value: int) -> None:
        self._root_only("setpriority", allowed=value >= self.nice)
        self.nice = value
        self._note("setpriority", value)

    def allowed_cpus(self) -> list[int]:
        return list(self.cpus)

    def sched_setaffinity(self, cpus: Sequence[int]) -> None:
        self._maybe_fail("sched_setaffinity")
        self.cpus = sorted(cpus)
        self._note("sched_setaffinity", *self.cpus)

    def merge_memory(self) -> None:
        self._root_only("merge_memory")
        self._note("merge_memory")

    def mlockall(self) -> None:
        self._root_only("mlockall")
        self.locked = True
        self._note("mlockall")

    # processes

    def set_child_subreaper(self, on: bool) -> None:
        self._maybe_fail("set_child_subreaper")
        self.subreaper = on
        self._note("set_child_subreaper", on)

    def set_parent_death_signal(self, signal: int) -> None:
        self._maybe_fail("set_parent_death_signal")
        self.death_signal = signal
        self._note("set_parent_death_signal", int(signal))

    def set_process_title(self, title: str) -> None:
        self.title = title
        self._note("set_process_title", title)

    def set_process_name(self, name: str) -> None:
        self._note("set_process_name", name)

    def fork(self) -> int:
        self._maybe_fail("fork")
        child = self.forks.pop(0) if self.forks else 0
        self._note("fork")
        if child == 0:
            self.parent, self.pid = self.pid, self.pid + 1
        return child

    def fork_unnoticed(self) -> int:
        return self.fork()

    def notice_fork(self) -> None:
        self._note("notice_fork")

    def fork_asleep(self, *sleepers: tuple[str, int, Iterable[int]]) -> tuple[int, ...]:
        self._maybe_fail("fork_asleep")
        self._note("fork_asleep", *(name for name, _, _ in sleepers))
        return tuple(range(5000, 5000 + len(sleepers)))

    def setsid(self) -> None:
        self._maybe_fail("setsid")
        self._note("setsid")

    def exit(self, code: int) -> None:
        self._note("exit", code)
        raise Exited(code)

    def execve(self, path: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        self._maybe_fail("execve")
        self._note("execve", path, *arguments)
        raise Executed(path, arguments, environment)

    def kill(self, pid: int, signal: int) -> None:
        self._maybe_fail("kill")
        self._note("kill", pid, int(signal))

    def pidfd_open(self, pid: int) -> int:
        self._maybe_fail("pidfd_open")
        fd = self._lowest()
        self.descriptors[fd] = MemoryFile(self._inode(), stat.S_IFREG)
        self.pidfds[fd] = pid
        return fd

    def pidfd_send_signal(self, pidfd: int, signal: int) -> None:
        self._maybe_fail("pidfd_send_signal")
        self._note("kill", self.pidfds[pidfd], int(signal))

    def waitid(self, pidfd: int) -> tuple[int, int, int] | None:
        self._maybe_fail("waitid")
        return self._reaped(self.pidfds[pidfd])

    def reap(self, pid: int) -> tuple[int, int, int] | None:
        self._maybe_fail("reap")
        return self._reaped(pid)

    def run_command(
        self,
        shell: str,
        command: str,
        meanwhile: Callable[[], None] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> int:
        self._maybe_fail("run_command")
        if meanwhile is not None:
            meanwhile()
        self._note("run_command", shell, command, *_assignments(variables))
        return self.exit_codes.get(command, 0)

    def start_command(self, shell: str, command: str, variables: Mapping[str, str] | None = None) -> int:
        self._maybe_fail("start_command")
        self._note("start_command", shell, command, *_assignments(variables))
        self._last_command += 1
        return self._last_command

    def feed_command(self, shell: str, command: str, text: bytes) -> int:
        self._maybe_fail("feed_command")
        self._note("feed_command", shell, command, text.decode("utf-8", "surrogateescape"))
        self._last_command += 1
        return self._last_command

    def zombie_children(self) -> list[int]:
        return sorted(self.ended)

    def _reaped(self, pid: int) -> tuple[int, int, int] | None:
        if pid not in self.ended:
            return None
        code, status = self.ended.pop(pid)
        self._note("reap", pid)
        return pid, code, status


def _assignments(variables: Mapping[str, str] | None) -> list[str]:
    return [f"{name}={value}" for name, value in sorted((variables or {}).items())]
