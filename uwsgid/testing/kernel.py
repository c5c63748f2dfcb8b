"""An operating system in memory: files, users, sockets and children that exist only in a test.

It behaves like Linux where a decision of uwsgid depends on it: who may change users, whose address is in use,
what a stat says after an unlink.  Every call that *changes* something is noted in `MemoryKernel.calls`, in
order, so that a test reads like the sequence it proves::

    kernel = MemoryKernel(uid=0)
    drop(kernel, Privileges(uid="www-data", gid="www-data"), say)
    self.assertEqual(kernel.calls, [("setgid", "33"), ("initgroups", "www-data", "33"), ("setuid", "33")])
"""

from __future__ import annotations

import errno
import os
import posixpath
import socket
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from zope.interface import implementer

from uwsgid.interfaces import FileFacts, IKernel, SocketFacts


@dataclass(slots=True)
class MemoryFile:
    """A file or a socket's name in the pretended file system."""

    inode: int
    mode: int
    content: bytearray = field(default_factory=bytearray)
    uid: int = 0
    gid: int = 0
    mtime: float = 0.0


@dataclass(slots=True)
class MemorySocket:
    """A pretended socket, with whatever was done to it."""

    family: int
    kind: int
    address: str | bytes | tuple[str, int] | None = None
    peer: str | bytes | tuple[str, int] | None = None
    backlog: int = -1
    queued: int = 0
    options: dict[tuple[int, int], int | bytes] = field(default_factory=dict)
    sent: list[bytes] = field(default_factory=list)


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
class MemoryKernel:
    """The twin of `uwsgid.host.Kernel`.  Its attributes are the world; tests set them as they like.

    :ivar calls: the name and the arguments, as text, of every call that changed the world.
    :ivar files: the pretended file system, by absolute path.
    :ivar descriptors: what is open: a file or a socket.
    :ivar sent: every datagram and every piece that was written to a socket.
    :ivar forks: what each `fork` is going to return; 0 plays the child.
    :ivar ended: children that ended and were not reaped: pid to ``(si_code, si_status)``.
    """

    def __init__(self, *, uid: int = 1000, gid: int = 1000, pid: int = 4711, cwd: str = "/srv") -> None:
        self.calls: list[tuple[str, ...]] = []
        self.uid, self.gid, self.pid, self.parent = uid, gid, pid, 1
        self.groups: list[int] = [gid]
        self.users = {"root": 0, "www-data": 33, "shop": 1001}
        self.group_ids = {"root": 0, "www-data": 33, "shop": 1001, "adm": 4}
        self.memberships: dict[str, list[int]] = {"www-data": [33], "shop": [1001, 4]}
        self.cwd = cwd
        self.mask = 0o022
        self.files: dict[str, MemoryFile] = {
            "/dev/null": MemoryFile(1, stat.S_IFCHR | 0o666),
        }
        self.descriptors: dict[int, MemoryFile | MemorySocket] = {}
        self.inheritable: set[int] = set()
        self.nonblocking: set[int] = set()
        self.hosts = {"localhost": "127.0.0.1"}
        self.interfaces: list[tuple[str, str]] = [("lo", "127.0.0.1"), ("eth0", "10.0.0.5")]
        self.max_backlog = 4096
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
        self.sent: list[bytes] = []
        self.clock = 1000.0
        self._failures: dict[str, list[int]] = {}
        self._next_inode = 100
        self._next_port = 40001

    # for tests

    def fail(self, call: str, number: int, times: int = 1) -> None:
        """Let the next *times* calls of *call* fail with the errno *number*."""
        self._failures.setdefault(call, []).extend([number] * times)

    def add_file(self, path: str, content: bytes = b"", mode: int = stat.S_IFREG | 0o644) -> MemoryFile:
        """Put a file into the world."""
        made = MemoryFile(self._inode(), mode, bytearray(content), self.uid, self.gid, self.clock)
        self.files[self._path(path)] = made
        return made

    def add_listener(
        self,
        fd: int,
        family: int,
        address: str | bytes | tuple[str, int],
        *,
        kind: int = socket.SOCK_STREAM,
        listening: bool = True,
    ) -> MemorySocket:
        """Open a socket that somebody else made under the number *fd*."""
        made = MemorySocket(family, kind, address, backlog=100 if listening else -1)
        self.descriptors[fd] = made
        self.inheritable.add(fd)
        if family == socket.AF_UNIX and isinstance(address, str) and not address.startswith("\0"):
            self.add_file(address, mode=stat.S_IFSOCK | 0o755)
        return made

    def names(self) -> list[str]:
        """The names of the calls alone."""
        return [call[0] for call in self.calls]

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

    # files

    def getcwd(self) -> str:
        return self.cwd

    def chdir(self, path: str) -> None:
        self._maybe_fail("chdir")
        self.cwd = self._path(path)
        self._note("chdir", path)

    def umask(self, mask: int) -> int:
        previous, self.mask = self.mask, mask
        self._note("umask", f"{mask:03o}")
        return previous

    def stat(self, path: str) -> FileFacts:
        self._maybe_fail("stat")
        return self._facts(self._file(path))

    def read_file(self, path: str) -> bytes:
        self._maybe_fail("read_file")
        return bytes(self._file(path).content)

    def write_file(self, path: str, content: bytes, mode: int = 0o666) -> None:
        self._maybe_fail("write_file")
        existing = self.files.get(self._path(path))
        if existing is None:
            existing = self.add_file(path, mode=stat.S_IFREG | (mode & ~self.mask))
        existing.content[:] = content
        existing.mtime = self.clock
        self._note("write_file", path)

    def unlink(self, path: str) -> None:
        self._maybe_fail("unlink")
        self._file(path)
        del self.files[self._path(path)]
        self._note("unlink", path)

    def chmod(self, path: str, mode: int) -> None:
        self._maybe_fail("chmod")
        found = self._file(path)
        found.mode = stat.S_IFMT(found.mode) | mode
        self._note("chmod", path, f"{mode:o}")

    def chown(self, path: str, uid: int, gid: int) -> None:
        self._root_only("chown")
        self._own(self._file(path), uid, gid)
        self._note("chown", path, uid, gid)

    # descriptors

    def open(self, path: str, flags: int, mode: int = 0o666) -> int:
        self._maybe_fail("open")
        found = self.files.get(self._path(path))
        if found is None:
            if not flags & os.O_CREAT:
                raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), path)
            found = self.add_file(path, mode=stat.S_IFREG | (mode & ~self.mask))
        if flags & os.O_TRUNC:
            found.content.clear()
        fd = self._lowest()
        self.descriptors[fd] = found
        self._note("open", path)
        return fd

    def close(self, fd: int) -> None:
        self._open(fd)
        del self.descriptors[fd]
        self.inheritable.discard(fd)
        self.nonblocking.discard(fd)
        self._note("close", fd)

    def dup2(self, fd: int, target: int) -> None:
        self._maybe_fail("dup2")
        self.descriptors[target] = self._open(fd)
        self.inheritable.add(target)
        self._note("dup2", fd, target)

    def fstat(self, fd: int) -> FileFacts:
        found = self._open(fd)
        return FileFacts(0, stat.S_IFSOCK) if isinstance(found, MemorySocket) else self._facts(found)

    def fchown(self, fd: int, uid: int, gid: int) -> None:
        self._root_only("fchown")
        self._own(self._open_file(fd), uid, gid)
        self._note("fchown", fd, uid, gid)

    def fchmod(self, fd: int, mode: int) -> None:
        self._maybe_fail("fchmod")
        found = self._open_file(fd)
        found.mode = stat.S_IFMT(found.mode) | mode
        self._note("fchmod", fd, f"{mode:o}")

    def ftruncate(self, fd: int, size: int) -> None:
        self._maybe_fail("ftruncate")
        found = self._open_file(fd)
        found.content[:] = found.content[:size].ljust(size, b"\0")
        self._note("ftruncate", fd, size)

    def write(self, fd: int, content: bytes) -> int:
        self._maybe_fail("write")
        found = self._open(fd)
        if isinstance(found, MemoryFile):
            found.content.extend(content)
            found.mtime = self.clock
        else:
            found.sent.append(content)
            self.sent.append(content)
        return len(content)

    def set_blocking(self, fd: int, blocking: bool) -> None:
        self._open(fd)
        (self.nonblocking.discard if blocking else self.nonblocking.add)(fd)

    def set_inheritable(self, fd: int, inheritable: bool) -> None:
        self._open(fd)
        (self.inheritable.add if inheritable else self.inheritable.discard)(fd)
        self._note("set_inheritable", fd, inheritable)

    def open_descriptors(self) -> list[int]:
        self._maybe_fail("open_descriptors")
        return sorted(self.descriptors)

    # sockets

    def socket(self, family: int, kind: int) -> int:
        self._maybe_fail("socket")
        fd = self._lowest()
        self.descriptors[fd] = MemorySocket(family, kind)
        return fd

    def setsockopt(self, fd: int, level: int, name: int, value: int | bytes) -> None:
        self._maybe_fail("setsockopt")
        self._socket(fd).options[level, name] = value

    def bind(self, fd: int, address: str | bytes | tuple[str, int]) -> None:
        self._maybe_fail("bind")
        mine = self._socket(fd)
        if isinstance(address, tuple) and address[1] == 0:
            address = (address[0], self._next_port)
            self._next_port += 1
        for other in self.descriptors.values():
            if isinstance(other, MemorySocket) and other.family == mine.family and other.address == address:
                raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        if isinstance(address, str):
            if self._path(address) in self.files:
                raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
            self.add_file(address, mode=stat.S_IFSOCK | (0o777 & ~self.mask))
        mine.address = address
        self._note("bind", _show(address))

    def connect(self, fd: int, address: str | bytes | tuple[str, int]) -> None:
        self._maybe_fail("connect")
        self._socket(fd).peer = address
        self._note("connect", _show(address))

    def listen(self, fd: int, backlog: int) -> None:
        self._maybe_fail("listen")
        self._socket(fd).backlog = backlog
        self._note("listen", fd, backlog)

    def socket_facts(self, fd: int) -> SocketFacts | None:
        found = self.descriptors.get(fd)
        if not isinstance(found, MemorySocket):
            return None
        listening, address = found.backlog >= 0, found.address
        if isinstance(address, tuple):
            return SocketFacts(found.family, found.kind, listening, host=address[0], port=address[1])
        path = address.decode() if isinstance(address, bytes) else address or ""
        return SocketFacts(found.family, found.kind, listening, path=path)

    def queue_length(self, fd: int) -> tuple[int, int]:
        found = self.descriptors.get(fd)
        return (found.queued, found.backlog) if isinstance(found, MemorySocket) else (0, 0)

    def resolve(self, host: str) -> str:
        if host in self.hosts:
            return self.hosts[host]
        if host.replace(".", "").isdigit():
            return host
        raise OSError(errno.ENOENT, "Name or service not known")

    def interface_addresses(self) -> list[tuple[str, str]]:
        return list(self.interfaces)

    def somaxconn(self) -> int:
        return self.max_backlog

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

    def zombie_children(self) -> list[int]:
        return sorted(self.ended)

    # the inside

    def _note(self, call: str, *arguments: object) -> None:
        self.calls.append((call, *(str(argument) for argument in arguments)))

    def _maybe_fail(self, call: str) -> None:
        waiting = self._failures.get(call)
        if waiting:
            number = waiting.pop(0)
            raise OSError(number, os.strerror(number))

    def _root_only(self, call: str, *, allowed: bool = False) -> None:
        self._maybe_fail(call)
        if self.uid != 0 and not allowed:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    def _path(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self.cwd, path))

    def _file(self, path: str) -> MemoryFile:
        try:
            return self.files[self._path(path)]
        except KeyError:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from None

    def _open(self, fd: int) -> MemoryFile | MemorySocket:
        try:
            return self.descriptors[fd]
        except KeyError:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF)) from None

    def _open_file(self, fd: int) -> MemoryFile:
        found = self._open(fd)
        if isinstance(found, MemorySocket):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return found

    def _socket(self, fd: int) -> MemorySocket:
        found = self._open(fd)
        if not isinstance(found, MemorySocket):
            raise OSError(errno.ENOTSOCK, os.strerror(errno.ENOTSOCK))
        return found

    def _lowest(self) -> int:
        fd = 3  # the standard ones are taken, even where a test says nothing about them
        while fd in self.descriptors:
            fd += 1
        return fd

    def _inode(self) -> int:
        self._next_inode += 1
        return self._next_inode

    def _reaped(self, pid: int) -> tuple[int, int, int] | None:
        if pid not in self.ended:
            return None
        code, status = self.ended.pop(pid)
        self._note("reap", pid)
        return pid, code, status

    @staticmethod
    def _facts(found: MemoryFile) -> FileFacts:
        return FileFacts(found.inode, found.mode, found.uid, found.gid, len(found.content), found.mtime)

    @staticmethod
    def _own(found: MemoryFile, uid: int, gid: int) -> None:
        if uid >= 0:
            found.uid = uid
        if gid >= 0:
            found.gid = gid


def _show(address: str | bytes | tuple[str, int]) -> str:
    if isinstance(address, bytes):
        return repr(address)
    return address if isinstance(address, str) else f"{address[0]}:{address[1]}"
