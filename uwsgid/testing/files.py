"""A file system, descriptors and sockets in memory, which keep account of what is done to them.

It is the lower half of `uwsgid.testing.MemoryKernel`, with the account book and the failures that a test can
order; users, limits and processes are in `uwsgid.testing.kernel`.
"""

from __future__ import annotations

import errno
import itertools
import os
import posixpath
import socket
import stat
from dataclasses import dataclass, field

from uwsgid.interfaces import FileFacts, SocketFacts


@dataclass(slots=True)
class MemoryFile:
    """A file or a socket's name in the pretended file system."""

    inode: int
    mode: int
    content: bytearray = field(default_factory=bytearray)
    uid: int = 0
    gid: int = 0
    mtime: float = 0.0
    device: int = 0


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


@dataclass(slots=True)
class MemoryDevice(MemoryFile):
    """A pretended tun device.

    :ivar flags: ``IFF_…``.
    """

    name: str = ""
    flags: int = 0


class MemoryFiles:
    """Files, descriptors and sockets.  The attributes are the world; tests set them as they like.

    :ivar calls: the name and the arguments, as text, of every call that changed the world.
    :ivar files: the pretended file system, by absolute path.
    :ivar descriptors: what is open: a file or a socket.
    :ivar sent: every datagram and every piece that was written to a socket.
    """

    def __init__(self, *, uid: int, gid: int, cwd: str) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.uid, self.gid = uid, gid
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

    def interface_index(self, name: str) -> int:
        self._maybe_fail("interface_index")
        names = [interface for interface, _ in self.interfaces]
        if name not in names:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        return names.index(name) + 1

    def open_tun(self, name: str, flags: int) -> tuple[int, str]:
        self._root_only("open_tun")
        if "%d" in name:
            name = next(name % number for number in itertools.count() if name % number not in self.devices())
        if name in self.devices():
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        fd = self._lowest()
        self.descriptors[fd] = MemoryDevice(self._inode(), stat.S_IFCHR | 0o600, name=name, flags=flags)
        self._note("open_tun", name, f"{flags:#x}")
        return fd, name

    def devices(self) -> dict[str, int]:
        """The tun devices that are open: name to descriptor.  One goes when its last descriptor is closed."""
        return {item.name: fd for fd, item in self.descriptors.items() if isinstance(item, MemoryDevice)}

    def somaxconn(self) -> int:
        return self.max_backlog

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

    @staticmethod
    def _facts(found: MemoryFile) -> FileFacts:
        size = len(found.content)
        return FileFacts(found.inode, found.mode, found.uid, found.gid, size, found.mtime, found.device)

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
