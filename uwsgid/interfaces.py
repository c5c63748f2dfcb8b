"""Every contract of the house on one page.

What a part of uwsgid needs from another part, and would like a test to be able to replace, is named here.
This module knows nobody; everybody may know it.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from zope.interface import Interface

# --- the operating system -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a stat told.  Times are seconds since the epoch.

    :ivar device: the file system that it is on.
    """

    inode: int
    mode: int
    uid: int = 0
    gid: int = 0
    size: int = 0
    mtime: float = 0.0
    device: int = 0

    @property
    def is_socket(self) -> bool:
        return stat.S_ISSOCK(self.mode)

    @property
    def is_regular(self) -> bool:
        return stat.S_ISREG(self.mode)

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.mode)


@dataclass(frozen=True, slots=True)
class SocketFacts:
    """What the kernel knows about a socket.

    :ivar family: `socket.AF_UNIX`, `socket.AF_INET` …
    :ivar kind: `socket.SOCK_STREAM` …
    :ivar listening: whether `listen` was called on it.
    :ivar path: the name of a UNIX socket; an abstract one starts with a NUL character.
    :ivar host: the local address of an IP socket, as text; *port* its port.
    """

    family: int
    kind: int
    listening: bool
    path: str = ""
    host: str = ""
    port: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """What becomes of a system call.

    :ivar action: ``allow``, ``log``, ``kill``, or the name of the errno that the caller gets.
    :ivar bits: the rule is for calls that have one of these bits in their first argument; 0 for all.
    """

    call: str
    action: str
    bits: int = 0


@dataclass(frozen=True, slots=True)
class Profile:
    """A filter of system calls (seccomp(2)).

    :ivar default: what becomes of those that no rule is for.
    """

    name: str
    default: str = "allow"
    rules: tuple[Rule, ...] = ()


class IKernel(Interface):
    """Linux, as far as the boot, the supervisors and the newborn need it.

    The real one is `uwsgid.host.Kernel`, its in-memory twin `uwsgid.testing.MemoryKernel`.  Every method
    raises `OSError` with its errno where the kernel refuses.
    """

    # who we are

    def getpid() -> int:
        """Our process id."""

    def getppid() -> int:
        """The process id of our parent."""

    def getuid() -> int:
        """Our real user id."""

    def geteuid() -> int:
        """Our effective user id."""

    def getgid() -> int:
        """Our real group id."""

    def getgroups() -> list[int]:
        """Our supplementary groups."""

    def setuid(uid: int) -> None:
        """Become *uid* for good: the real, effective and saved user id."""

    def setgid(gid: int) -> None:
        """Become *gid* for good: the real, effective and saved group id."""

    def act_as(uid: int, gid: int) -> None:
        """Let *uid* and *gid* be our effective ids, until we take our real ones again the same way."""

    def setgroups(groups: Sequence[int]) -> None:
        """Replace our supplementary groups."""

    def initgroups(user: str, gid: int) -> None:
        """Take the supplementary groups that the group database lists for *user*, and *gid*."""

    def user_id(name: str) -> int | None:
        """The number of the user *name*; None where nobody is called so."""

    def group_id(name: str) -> int | None:
        """The number of the group *name*; None where no group is called so."""

    def user_name(uid: int) -> str | None:
        """The name of the user with number *uid*, if it has one."""

    def group_name(gid: int) -> str | None:
        """The name of the group with number *gid*, if it has one."""

    # files

    def getcwd() -> str:
        """The current working directory."""

    def chdir(path: str) -> None:
        """Change the current working directory."""

    def umask(mask: int) -> int:
        """Set the file mode creation mask.  The previous one."""

    def stat(path: str) -> FileFacts:
        """Facts about what *path* leads to, symbolic links followed."""

    def read_file(path: str) -> bytes:
        """The whole content of a file."""

    def write_file(path: str, content: bytes, mode: int = 0o666) -> None:
        """Create or truncate a file (*mode* is cut by the umask) and fill it."""

    def unlink(path: str) -> None:
        """Remove a name from the file system."""

    def chmod(path: str, mode: int) -> None:
        """Change the permissions of a path."""

    def chown(path: str, uid: int, gid: int) -> None:
        """Change the owner of a path; -1 leaves a number as it is."""

    def mkdir(path: str, mode: int = 0o777) -> None:
        """Make a directory; *mode* is cut by the umask."""

    def rmdir(path: str) -> None:
        """Remove an empty directory."""

    def statfs(path: str) -> int:
        """The magic number of the file system that *path* is on (statfs(2), ``f_type``)."""

    # namespaces, mounts and the root

    def unshare(flags: int) -> None:
        """Leave the namespaces of *flags* (``CLONE_NEW…``) for new ones; see unshare(2)."""

    def unshare_mapped(flags: int, uid_map: str, gid_map: str, setgroups: bool) -> None:
        """As `unshare`, with a user namespace, whose maps are written from outside.

        :param uid_map: lines of *inside outside count*; *gid_map* likewise.
        :param setgroups: whether supplementary groups may be changed inside.
        """

    def setns(fd: int, kind: int = 0) -> None:
        """Enter the namespace that *fd* stands for; *kind* is its ``CLONE_NEW…``, or 0 for any."""

    def mount(source: str, target: str, fstype: str, flags: int, data: str = "") -> None:
        """Attach a file system to *target*; *flags* are ``MS_…``, see mount(2)."""

    def umount(target: str, flags: int = 0) -> None:
        """Detach the file system at *target*; *flags* are ``MNT_…``, see umount2(2)."""

    def pivot_root(new_root: str, put_old: str) -> None:
        """Make *new_root*, a mount point, our root, and attach the old one to *put_old* below it."""

    def chroot(path: str) -> None:
        """Make *path* our root directory.  The working directory stays what it is."""

    def sethostname(name: str) -> None:
        """Set the host name of our UTS namespace."""

    # capabilities

    def capabilities() -> tuple[int, int, int]:
        """Our effective, permitted and inheritable capabilities, as masks: bit 0 is CAP_CHOWN."""

    def set_capabilities(effective: int, permitted: int, inheritable: int) -> None:
        """Replace our capabilities."""

    def set_keep_capabilities(on: bool) -> None:
        """Keep the permitted capabilities when the user changes from root to another."""

    def drop_bounding(capability: int) -> None:
        """Remove a capability, by its number, from what we and our descendants can ever have."""

    def raise_ambient(capability: int) -> None:
        """Let programs that we execute have a capability that is permitted and inheritable."""

    def set_no_new_privs() -> None:
        """Let no program that we or our descendants execute gain privileges, for good."""

    def load_filter(profile: Profile) -> None:
        """Let the kernel answer system calls as *profile* says, for us and our descendants, for good."""

    # FreeBSD

    def jail(path: str, hostname: str, name: str, ip4: Sequence[str], ip6: Sequence[str]) -> int:
        """Lock us into a new jail, jail(2): its number.  Empty texts and lists are not given."""

    def jail_set(parameters: Sequence[tuple[bytes, bytes | None]], flags: int) -> int:
        """Make, change or enter a jail, jail_set(2): its number.  A boolean parameter has no value."""

    # descriptors

    def open(path: str, flags: int, mode: int = 0o666) -> int:
        """Open a file; its descriptor closes on exec."""

    def close(fd: int) -> None:
        """Close a descriptor."""

    def dup2(fd: int, target: int) -> None:
        """Make *target* the same as *fd*, open across exec."""

    def fstat(fd: int) -> FileFacts:
        """Facts about an open descriptor."""

    def fchown(fd: int, uid: int, gid: int) -> None:
        """Change the owner of an open file."""

    def fchmod(fd: int, mode: int) -> None:
        """Change the permissions of an open file."""

    def ftruncate(fd: int, size: int) -> None:
        """Cut or extend an open file to *size* bytes."""

    def write(fd: int, content: bytes) -> int:
        """Write; the number of bytes that were taken."""

    def set_blocking(fd: int, blocking: bool) -> None:
        """Let operations on a descriptor wait, or not."""

    def set_inheritable(fd: int, inheritable: bool) -> None:
        """Let a descriptor survive exec, or not."""

    def open_descriptors() -> list[int]:
        """The numbers of all our open descriptors."""

    # sockets

    def socket(family: int, kind: int) -> int:
        """A new socket; it closes on exec."""

    def setsockopt(fd: int, level: int, name: int, value: int | bytes) -> None:
        """Set a socket option."""

    def bind(fd: int, address: str | bytes | tuple[str, int]) -> None:
        """Give a socket its local address, in Python's form for its family."""

    def connect(fd: int, address: str | bytes | tuple[str, int]) -> None:
        """Give a socket its peer."""

    def listen(fd: int, backlog: int) -> None:
        """Accept connections, up to *backlog* waiting ones."""

    def socket_facts(fd: int) -> SocketFacts | None:
        """Facts about a socket; None where *fd* is not an open socket."""

    def queue_length(fd: int) -> tuple[int, int]:
        """How many connections wait in a listening socket and how many may; (0, 0) where unknown."""

    def resolve(host: str) -> str:
        """The IPv4 address of a host name, as text."""

    def interface_addresses() -> list[tuple[str, str]]:
        """Pairs of interface name and IPv4 address, as text."""

    def interface_index(name: str) -> int:
        """The number of a network interface."""

    def open_tun(name: str, flags: int) -> tuple[int, str]:
        """Make a tun device (``IFF_…`` flags): its descriptor, which closes on exec, and its name."""

    def somaxconn() -> int:
        """The system's limit of `listen`, net.core.somaxconn; 0 where it can not be read."""

    # limits

    def getrlimit(resource: int) -> tuple[int, int]:
        """The soft and the hard limit of a ``resource.RLIMIT_…``; -1 is no limit."""

    def setrlimit(resource: int, soft: int, hard: int) -> None:
        """Set the soft and the hard limit of a ``resource.RLIMIT_…``."""

    def setpriority(value: int) -> None:
        """Set our nice value, -20 to 19."""

    def allowed_cpus() -> list[int]:
        """The numbers of the CPUs that we may run on, sorted."""

    def sched_setaffinity(cpus: Sequence[int]) -> None:
        """Stay on these CPUs."""

    def merge_memory() -> None:
        """Let the kernel merge our pages, and those of later children, with equal ones (prctl)."""

    def mlockall() -> None:
        """Keep all our memory, now and in future, out of swap."""

    # processes

    def set_child_subreaper(on: bool) -> None:
        """Become the parent of orphaned descendants, or stop being it (prctl)."""

    def set_parent_death_signal(signal: int) -> None:
        """Get *signal* when the thread that forked us ends (prctl); 0 for none."""

    def set_process_title(title: str) -> None:
        """Change what ps shows for us, as far as the space allows.  Never fails."""

    def set_process_name(name: str) -> None:
        """Change the short name, 15 bytes, that top and ``ps -o comm`` show.  Never fails."""

    def fork() -> int:
        """0 in the child, the child's process id in the parent."""

    def fork_unnoticed() -> int:
        """The same, without the language noticing: it leaves locks and random numbers as they are.

        Only for a process of one thread, whose child starts none before `notice_fork`, or puts itself in
        order in its own way.
        """

    def notice_fork() -> None:
        """Have the language notice that this process was forked."""

    def fork_asleep(*sleepers: tuple[str, int, Iterable[int]]) -> tuple[int, ...]:
        """Fork children that sleep, each until its descriptor can be read, or is closed at its other end.

        Asleep it shares all our memory, has its name, has closed the descriptors that are given last, and
        dies with us.  The process ids; in a child that woke, those of its elder siblings and 0.
        """

    def setsid() -> None:
        """Start a session of our own."""

    def exit(code: int) -> None:
        """End this process at once, without clean-up."""

    def execve(path: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        """Replace this program by another.  Returns only by raising."""

    def kill(pid: int, signal: int) -> None:
        """Send a signal to a process."""

    def pidfd_open(pid: int) -> int:
        """A descriptor that stands for a process and becomes readable when it ends."""

    def pidfd_send_signal(pidfd: int, signal: int) -> None:
        """Send a signal to the very process that *pidfd* stands for."""

    def waitid(pidfd: int) -> tuple[int, int, int] | None:
        """Reap the child behind *pidfd*: its pid, ``si_code`` (`os.CLD_EXITED` …) and ``si_status``.

        None while it is still running.
        """

    def reap(pid: int) -> tuple[int, int, int] | None:
        """Reap the child *pid*, as `waitid` does.  None while it is still running."""

    def run_command(
        shell: str,
        command: str,
        meanwhile: Callable[[], None] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> int:
        """Run *command* by *shell* and wait: its exit code, or 128 and the signal that ended it.

        :param meanwhile: called again and again until it ends.
        :param variables: what its environment has besides ours.
        """

    def start_command(shell: str, command: str, variables: Mapping[str, str] | None = None) -> int:
        """Start *command* by *shell* and do not wait: its process, a child of ours."""

    def feed_command(shell: str, command: str, text: bytes) -> int:
        """The same with *text* on its standard input, as the leader of a session that outlives us."""

    def zombie_children() -> list[int]:
        """The process ids of our children that ended and were not reaped yet."""
