"""What a process gives up at the very end, whoever it is: new privileges, and system calls.

``no-new-privs`` makes set-user-id programs, and file capabilities, harmless for the instance and all that
it executes.  ``seccomp`` has the kernel refuse system calls; it implies ``no-new-privs``, without which only
root may do so.  A profile is `SERVER`, which refuses what no web application asks for, or a file::

    # what becomes of all that is not named: allow, log, kill, or the name of an errno
    default allow
    EPERM mount umount2 ptrace
    ENOSYS clone3
    # only where one of these bits is set in the first argument
    EPERM clone&0x10000000
    kill kexec_load

Several profiles add up: of what they say to a call, the kernel does the strictest (seccomp(2)).  A filter
can never be removed and survives an exec, so a reload does not load it once more: `MARK` tells in the
environment which ones are there.
"""

from __future__ import annotations

import binascii
import difflib
import errno
import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Annotated, Final

from uwsgid.config.kinds import Flag, Kind
from uwsgid.config.section import Section, flag, option, section
from uwsgid.host import filters
from uwsgid.host.calls import attempt
from uwsgid.interfaces import IKernel, Profile, Rule

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings

Say = Callable[[str], None]

#: The environment variable that tells which filters a process has inherited.
MARK: Final = "UWSGID_SECCOMP"

ACTIONS: Final = ("allow", "log", "kill")
NO_BINDING: Final = (
    "needs a binding of libseccomp: python3-seccomp of the distribution, or pip install uwsgid[seccomp]"
)

#: CLONE_NEWTIME, _NEWNS, _NEWCGROUP, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET (linux/sched.h)
_NAMESPACES: Final = 0x7E020080

_REFUSED: Final = """
    acct add_key bpf clock_adjtime clock_settime create_module delete_module finit_module fsconfig fsmount
    fsopen fspick get_kernel_syms init_module io_uring_enter io_uring_register io_uring_setup ioperm iopl
    kexec_file_load kexec_load keyctl lookup_dcookie mount mount_setattr move_mount nfsservctl
    open_by_handle_at open_tree perf_event_open pivot_root process_vm_readv process_vm_writev ptrace
    query_module quotactl quotactl_fd reboot request_key setdomainname sethostname setns settimeofday stime
    swapoff swapon sysfs _sysctl umount umount2 unshare uselib userfaultfd ustat vhangup vm86 vm86old
"""

#: What a server never needs.  clone3 can not be looked into, and C libraries fall back to clone.
SERVER: Final = Profile(
    "server",
    "allow",
    (
        *(Rule(call, "EPERM") for call in _REFUSED.split()),
        Rule("clone3", "ENOSYS"),
        Rule("clone", "EPERM", _NAMESPACES),
    ),
)
BUILT_IN: Final = {SERVER.name: SERVER}

_NAME: Final = re.compile(r"[a-z_][a-z0-9_]*\Z")


def parse_profile(name: str, text: str) -> Profile:
    """A profile from the lines of a file.

    :raises ValueError: ``tight.seccomp:3: unknown system call monut``, for anything that is not understood.
    """
    default = ""
    rules: list[Rule] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            if words[0] == "default":
                if len(words) != 2 or default:
                    raise ValueError("expected one default, with one action")
                default = _action(words[1])
            else:
                action = _action(words[0])
                if len(words) == 1:
                    raise ValueError(f"expected names of system calls behind {words[0]}")
                rules.extend(_rule(word, action) for word in words[1:])
        except ValueError as error:
            raise ValueError(f"{name}:{number}: {error}") from None
    if not default:
        raise ValueError(f"{name}: there is no line that says the default, as in: default allow")
    return Profile(name, default, tuple(rules))


def _action(word: str) -> str:
    if word in ACTIONS:
        return word
    if word in errno.errorcode.values():
        return word
    near = difflib.get_close_matches(word, (*ACTIONS, "EPERM", "EACCES", "ENOSYS"), n=1, cutoff=0.5)
    raise ValueError(
        f"unknown action {word}: expected allow, log, kill or the name of an errno"
        f"{f'; did you mean {near[0]}?' if near else ''}"
    )


def _rule(word: str, action: str) -> Rule:
    call, found, bits = word.partition("&")
    try:
        mask = int(bits, 0) if found else 0
    except ValueError:
        mask = -1
    if found and not 0 < mask < 1 << 64:
        raise ValueError(f"{word}: expected the bits of an argument as a number behind &")
    if not _NAME.match(call) or (filters.binding() is not None and not filters.knows(call)):
        raise ValueError(f"unknown system call {call}")
    return Rule(call, action, mask)


def _profile(text: str) -> Profile:
    name = text.strip()
    if name in BUILT_IN:
        return BUILT_IN[name]
    try:
        with open(name, encoding="utf-8") as file:
            text = file.read()
    except UnicodeDecodeError:
        raise ValueError(f"{name}: expected a text file") from None
    except OSError as error:
        raise ValueError(
            f"{name}: {error.strerror}; expected a file, or the name of a profile: {', '.join(BUILT_IN)}"
        ) from None
    return parse_profile(name, text)


_PROFILES: Final = Kind("list of profiles", "the name of a profile, or a file", _profile, many=True)
Profiles = Annotated[tuple[Profile, ...], _PROFILES]


@section("Privileges")
class Confinement(Section):
    """What nobody of the instance may do any more."""

    no_new_privs: Flag = flag(
        "no-new-privs",
        default=False,
        help="let no program gain privileges, be it set-user-id or has it file capabilities",
    )
    seccomp: Profiles = option(
        "seccomp",
        default=(),
        help="refuse system calls: server, or a file with a profile",
        note="Not an option of uWSGI.  It implies no-new-privs.",
    )

    def check(self, settings: Settings) -> Iterable[str]:
        """Filters that nobody could load.  The binding is imported here, as long as it can be found."""
        if self.seccomp and filters.binding() is None:
            yield settings.problem(Confinement, "seccomp", NO_BINDING)


def confine(kernel: IKernel, confinement: Confinement, environ: MutableMapping[str, str], say: Say) -> None:
    """Give up what the configuration says, as the last thing that is done with privileges.

    :param environ: the environment that an exec would pass on.
    :raises KernelError: where the kernel refuses.
    """
    if confinement.no_new_privs or confinement.seccomp:
        attempt("prctl(PR_SET_NO_NEW_PRIVS)", "no-new-privs", kernel.set_no_new_privs)
    inherited = environ.get(MARK, "").split()
    for profile in confinement.seccomp:
        digest = fingerprint(profile)
        if digest in inherited:
            continue
        attempt("seccomp()", profile.name, lambda profile=profile: kernel.load_filter(profile))  # type: ignore[misc]
        say(f"seccomp profile {profile.name} is in force")
        inherited.append(digest)
    if inherited:
        environ[MARK] = " ".join(inherited)


def filters_in_force(environ: Mapping[str, str]) -> dict[str, str]:
    """What a reload has to find in its environment, so that it loads no filter twice."""
    return {MARK: environ[MARK]} if MARK in environ else {}


def fingerprint(profile: Profile) -> str:
    """A short text that changes with what a profile says."""
    said = repr((profile.default, profile.rules)).encode()
    return f"{len(said):x}-{binascii.crc32(said):08x}"
