"""The real operating system: `IKernel` as one-liners.

There is nothing to decide here.  Whatever deserves a test lives in the modules beside this one, which get a
kernel as an argument; tests hand them `uwsgid.testing.MemoryKernel`.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
import resource as rlimits
import signal as signals
import socket
from collections.abc import Mapping, Sequence
from typing import Final

from zope.interface import implementer

from uwsgid.host import backlog as backlogs
from uwsgid.host import bare_sockets, children, commands, filters, freebsd, idmaps, syscalls, tun
from uwsgid.host import title as titles
from uwsgid.interfaces import FileFacts, IKernel

_MOST_DESCRIPTORS: Final = 65536  #: that are looked at one by one


def _facts(found: os.stat_result) -> FileFacts:
    return FileFacts(
        found.st_ino,
        found.st_mode,
        found.st_uid,
        found.st_gid,
        found.st_size,
        found.st_mtime_ns / 1e9,
        found.st_dev,
    )


@implementer(IKernel)
class Kernel:
    """Linux."""

    def __init__(self) -> None:
        self._title_area = titles.find_area()

    # who we are

    getpid = staticmethod(os.getpid)
    getppid = staticmethod(os.getppid)
    getuid = staticmethod(os.getuid)
    geteuid = staticmethod(os.geteuid)
    getgid = staticmethod(os.getgid)
    getgroups = staticmethod(os.getgroups)

    @staticmethod
    def setuid(uid: int) -> None:
        os.setresuid(uid, uid, uid)

    @staticmethod
    def setgid(gid: int) -> None:
        os.setresgid(gid, gid, gid)

    @staticmethod
    def act_as(uid: int, gid: int) -> None:
        os.seteuid(os.getuid())  # whoever acts as somebody else may not change again
        os.setegid(gid)
        os.seteuid(uid)

    @staticmethod
    def setgroups(groups: Sequence[int]) -> None:
        os.setgroups(list(groups))

    @staticmethod
    def initgroups(user: str, gid: int) -> None:
        os.initgroups(user, gid)

    @staticmethod
    def user_id(name: str) -> int | None:
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            return None

    @staticmethod
    def group_id(name: str) -> int | None:
        try:
            return grp.getgrnam(name).gr_gid
        except KeyError:
            return None

    @staticmethod
    def user_name(uid: int) -> str | None:
        try:
            return pwd.getpwuid(uid).pw_name
        except KeyError:
            return None

    @staticmethod
    def group_name(gid: int) -> str | None:
        try:
            return grp.getgrgid(gid).gr_name
        except KeyError:
            return None

    # files

    getcwd = staticmethod(os.getcwd)
    umask = staticmethod(os.umask)

    @staticmethod
    def chdir(path: str) -> None:
        os.chdir(path)

    @staticmethod
    def stat(path: str) -> FileFacts:
        return _facts(os.stat(path))

    @staticmethod
    def read_file(path: str) -> bytes:
        with open(path, "rb") as file:
            return file.read()

    @staticmethod
    def write_file(path: str, content: bytes, mode: int = 0o666) -> None:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        with open(fd, "wb", buffering=0) as file:
            file.write(content)

    @staticmethod
    def unlink(path: str) -> None:
        os.unlink(path)

    @staticmethod
    def chmod(path: str, mode: int) -> None:
        os.chmod(path, mode)

    @staticmethod
    def chown(path: str, uid: int, gid: int) -> None:
        os.chown(path, uid, gid)

    @staticmethod
    def mkdir(path: str, mode: int = 0o777) -> None:
        os.mkdir(path, mode)

    @staticmethod
    def rmdir(path: str) -> None:
        os.rmdir(path)

    statfs = staticmethod(syscalls.file_system)

    # namespaces, mounts and the root

    unshare = staticmethod(syscalls.unshare)
    unshare_mapped = staticmethod(idmaps.unshare_mapped)
    setns = staticmethod(syscalls.setns)
    mount = staticmethod(syscalls.mount)
    umount = staticmethod(syscalls.umount)
    pivot_root = staticmethod(syscalls.pivot_root)

    @staticmethod
    def chroot(path: str) -> None:
        os.chroot(path)

    sethostname = staticmethod(socket.sethostname)

    # capabilities

    capabilities = staticmethod(syscalls.capabilities)
    set_capabilities = staticmethod(syscalls.set_capabilities)
    set_keep_capabilities = staticmethod(syscalls.set_keep_capabilities)
    drop_bounding = staticmethod(syscalls.drop_bounding)
    raise_ambient = staticmethod(syscalls.raise_ambient)
    set_no_new_privs = staticmethod(syscalls.set_no_new_privs)
    load_filter = staticmethod(filters.load)

    # FreeBSD

    jail = staticmethod(freebsd.jail)
    jail_set = staticmethod(freebsd.jail_set)

    # descriptors

    @staticmethod
    def open(path: str, flags: int, mode: int = 0o666) -> int:
        return os.open(path, flags | os.O_CLOEXEC, mode)

    @staticmethod
    def close(fd: int) -> None:
        os.close(fd)

    @staticmethod
    def dup2(fd: int, target: int) -> None:
        os.dup2(fd, target, inheritable=True)

    @staticmethod
    def fstat(fd: int) -> FileFacts:
        return _facts(os.fstat(fd))

    @staticmethod
    def fchown(fd: int, uid: int, gid: int) -> None:
        os.fchown(fd, uid, gid)

    @staticmethod
    def fchmod(fd: int, mode: int) -> None:
        os.fchmod(fd, mode)

    @staticmethod
    def ftruncate(fd: int, size: int) -> None:
        os.ftruncate(fd, size)

    @staticmethod
    def write(fd: int, content: bytes) -> int:
        return os.write(fd, content)

    @staticmethod
    def set_blocking(fd: int, blocking: bool) -> None:
        os.set_blocking(fd, blocking)

    @staticmethod
    def set_inheritable(fd: int, inheritable: bool) -> None:
        os.set_inheritable(fd, inheritable)

    @staticmethod
    def open_descriptors() -> list[int]:
        try:
            listing = os.open("/proc/self/fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:  # a root without /proc, or with that of another pid namespace
            most = rlimits.getrlimit(rlimits.RLIMIT_NOFILE)[0]
            return [number for number in range(min(most, _MOST_DESCRIPTORS)) if _is_open(number)]
        try:
            numbers = sorted(int(name) for name in os.listdir(listing))
        finally:
            os.close(listing)
        return [number for number in numbers if number != listing and _is_open(number)]

    # sockets

    socket = staticmethod(bare_sockets.make)
    setsockopt = staticmethod(bare_sockets.set_option)
    bind = staticmethod(bare_sockets.bind)
    connect = staticmethod(bare_sockets.connect)
    listen = staticmethod(bare_sockets.listen)
    socket_facts = staticmethod(bare_sockets.facts)
    queue_length = staticmethod(backlogs.queue_length)
    interface_addresses = staticmethod(bare_sockets.interface_addresses)
    interface_index = staticmethod(bare_sockets.interface_index)
    open_tun = staticmethod(tun.make_tun)

    @staticmethod
    def resolve(host: str) -> str:
        return socket.gethostbyname(host)

    @staticmethod
    def somaxconn() -> int:
        try:
            with open("/proc/sys/net/core/somaxconn", encoding="ascii") as file:
                return int(file.read())
        except (OSError, ValueError):
            return 0

    # limits

    getrlimit = staticmethod(rlimits.getrlimit)

    @staticmethod
    def setrlimit(resource: int, soft: int, hard: int) -> None:
        try:
            rlimits.setrlimit(resource, (soft, hard))
        except ValueError as error:  # what Python makes of EPERM and EINVAL
            raise PermissionError(errno.EPERM, str(error)) from None

    @staticmethod
    def setpriority(value: int) -> None:
        os.setpriority(os.PRIO_PROCESS, 0, value)

    @staticmethod
    def allowed_cpus() -> list[int]:
        return sorted(os.sched_getaffinity(0))

    @staticmethod
    def sched_setaffinity(cpus: Sequence[int]) -> None:
        os.sched_setaffinity(0, cpus)

    merge_memory = staticmethod(syscalls.merge_memory)
    mlockall = staticmethod(syscalls.lock_all_memory)

    # processes

    set_child_subreaper = staticmethod(syscalls.set_child_subreaper)
    set_parent_death_signal = staticmethod(syscalls.set_parent_death_signal)

    def set_process_title(self, title: str) -> None:
        titles.set_title(title, self._title_area)

    @staticmethod
    def set_process_name(name: str) -> None:
        titles.set_title(name, None)

    fork = staticmethod(os.fork)
    fork_unnoticed = staticmethod(syscalls.fork_unnoticed)
    notice_fork = staticmethod(syscalls.notice_fork)
    fork_asleep = staticmethod(syscalls.fork_asleep)

    @staticmethod
    def setsid() -> None:
        os.setsid()

    @staticmethod
    def exit(code: int) -> None:
        os._exit(code)

    @staticmethod
    def execve(path: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        os.execve(path, list(arguments), dict(environment))

    @staticmethod
    def kill(pid: int, signal: int) -> None:
        os.kill(pid, signal)

    @staticmethod
    def pidfd_open(pid: int) -> int:
        return os.pidfd_open(pid)

    @staticmethod
    def pidfd_send_signal(pidfd: int, signal: int) -> None:
        signals.pidfd_send_signal(pidfd, signal)

    @staticmethod
    def waitid(pidfd: int) -> tuple[int, int, int] | None:
        return _wait(os.P_PIDFD, pidfd)

    @staticmethod
    def reap(pid: int) -> tuple[int, int, int] | None:
        return _wait(os.P_PID, pid)

    run_command = staticmethod(commands.run_and_wait)
    start_command = staticmethod(commands.start)
    feed_command = staticmethod(commands.feed)

    zombie_children = staticmethod(children.ended_children)


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _wait(kind: int, number: int) -> tuple[int, int, int] | None:
    result = os.waitid(kind, number, os.WEXITED | os.WNOHANG)
    return None if result is None else (result.si_pid, result.si_code, result.si_status)
