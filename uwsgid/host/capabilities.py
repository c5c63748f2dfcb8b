"""The powers of root, one by one: which of them stay with a process that becomes somebody else.

``cap`` keeps a few across the change of users, in two steps around it: before, everything but these and what
the change itself needs goes (`first_reduction`), after it everything but these (`final_set`).  They are made
*ambient* too, which uWSGI does not do, so that programs the instance executes, and the instance itself after
a reload, have them as well.  ``emperor-cap`` is the other way round: it takes from a vassal what not even a
program of root's may have (`limit_bounding`, `limit_own`).

Capabilities belong to a thread: all of this happens before there is a second one.
The numbers are those of the kernel's ``linux/capability.h``.
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Final

from uwsgid.config.kinds import Kind
from uwsgid.config.section import Section, option, section
from uwsgid.errors import KernelError
from uwsgid.host.calls import attempt
from uwsgid.interfaces import IKernel

Say = Callable[[str], None]

#: In the kernel's order, from 0.
NAMES: Final = (
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
)
#: How many the kernel could ever have: its masks are 64 bits wide.
WIDTH: Final = 64

SETGID: Final = NAMES.index("setgid")
SETUID: Final = NAMES.index("setuid")
SETPCAP: Final = NAMES.index("setpcap")
SYS_CHROOT: Final = NAMES.index("sys_chroot")

#: What becoming somebody else needs (core/uwsgi.c, uwsgi_as_root).
_TRANSITION: Final = (1 << SYS_CHROOT) | (1 << SETUID) | (1 << SETGID) | (1 << SETPCAP)


@dataclass(frozen=True, slots=True)
class Capability:
    """One power.

    :ivar text: as it was written.
    """

    number: int
    text: str

    def __str__(self) -> str:
        return self.text


Powers = tuple[Capability, ...]


def parse_capabilities(text: str) -> Powers:
    """The capabilities of a comma-separated list of names or numbers, each once.

    uWSGI 1.9.16 passes over names that it does not know, and does nothing where none is left.

    :raises ValueError: for an unknown name, and for an empty list.
    """
    found: dict[int, Capability] = {}
    for word in text.split(","):
        if name := word.strip():
            number = _number(name)
            found.setdefault(number, Capability(number, name))
    if not found:
        raise ValueError("expected names of capabilities, got none")
    return tuple(found.values())


def _number(name: str) -> int:
    if name.isascii() and name.isdigit():
        if int(name) >= WIDTH:
            raise ValueError(f"unknown capability: {name}, the highest is {WIDTH - 1}")
        return int(name)
    plain = name.lower().removeprefix("cap_")
    if plain in NAMES:
        return NAMES.index(plain)
    near = difflib.get_close_matches(plain, NAMES, n=1)
    raise ValueError(f"unknown capability: {name}{f'; did you mean {near[0]}?' if near else ''}")


def name_of(number: int) -> str:
    """The name of a capability, its number where it has none here."""
    return NAMES[number] if number < len(NAMES) else str(number)


def mask_of(caps: Iterable[Capability]) -> int:
    """The bits of *caps*."""
    mask = 0
    for capability in caps:
        mask |= 1 << capability.number
    return mask


#: The last occurrence wins, as in uWSGI: lists of several lines do not add up.
CAPABILITIES: Final = Kind(
    "list of capabilities", "names of capabilities, separated by commas", parse_capabilities
)
CapabilityList = Annotated[tuple[Capability, ...], CAPABILITIES]


@section("Privileges")
class Capabilities(Section):
    """Which powers of root stay."""

    kept: CapabilityList = option(
        "cap",
        default=(),
        help="capabilities that stay when privileges are dropped",
        note="An unknown name ends the start.  They are ambient as well, so that programs which the instance "
        "executes have them, and so does the instance after a reload.",
    )


def first_reduction(kernel: IKernel, caps: Powers) -> None:
    """Keep *caps*, and until `final_set` what becoming another user needs; the rest goes for good.

    To be called right before the change of users.  Nothing is changed where *caps* is empty.

    :raises KernelError: where one of them is not ours to keep, or the kernel refuses.
    """
    if not caps:
        return
    _, permitted, _ = attempt("capget()", "cap", kernel.capabilities)
    _complain_of_missing(caps, permitted)
    wanted = mask_of(caps)
    transition = _TRANSITION & permitted
    attempt("capset()", "cap", lambda: kernel.set_capabilities(transition, transition | wanted, wanted))
    attempt("prctl(PR_SET_KEEPCAPS)", "cap", lambda: kernel.set_keep_capabilities(True))


def final_set(kernel: IKernel, caps: Powers, say: Say) -> None:
    """Have *caps* and nothing else, as the new user.  Nothing is changed where *caps* is empty.

    A kernel before 4.3 has no ambient capabilities: programs that are executed do not get them there.

    :raises KernelError: where the kernel refuses.
    """
    if not caps:
        return
    wanted = mask_of(caps)
    attempt("capset()", "cap", lambda: kernel.set_capabilities(wanted, wanted, wanted))
    for capability in caps:
        say(f"setting capability {capability} [{capability.number}]")
        _make_ambient(kernel, capability)
    attempt("prctl(PR_SET_KEEPCAPS)", "cap", lambda: kernel.set_keep_capabilities(False))


def limit_bounding(kernel: IKernel, caps: Powers) -> None:
    """See to it that no program executed from here on can have more than *caps* and ``setpcap``.

    What this very process may do stays, so that it can still become its tyrant; `limit_own` is for those
    that go on without executing anything.

    :raises KernelError: where the kernel refuses.
    """
    allowed = mask_of(caps) | 1 << SETPCAP
    for number in range(WIDTH):
        if not allowed >> number & 1 and not _drop_bounding(kernel, number):
            break
    effective, permitted, inheritable = attempt("capget()", "emperor-cap", kernel.capabilities)
    # an exec as root adds what is inheritable to what the bounding set leaves (capabilities(7))
    if inheritable & ~allowed:
        attempt(
            "capset()",
            "emperor-cap",
            lambda: kernel.set_capabilities(effective, permitted, inheritable & allowed),
        )


def limit_own(kernel: IKernel, caps: Powers) -> None:
    """Give up whatever an exec after `limit_bounding` would take from this process.

    A vassal of uWSGI is always executed; one that is only forked has to let go by itself, after its change
    of users.

    :raises KernelError: where the kernel refuses.
    """
    allowed = mask_of(caps) | 1 << SETPCAP
    before = attempt("capget()", "emperor-cap", kernel.capabilities)
    effective, permitted, inheritable = (mask & allowed for mask in before)
    if before != (effective, permitted, inheritable):
        attempt("capset()", "emperor-cap", lambda: kernel.set_capabilities(effective, permitted, inheritable))


def _complain_of_missing(caps: Powers, permitted: int) -> None:
    missing = [str(capability) for capability in caps if not permitted >> capability.number & 1]
    if missing:
        raise KernelError(
            f"cap: {', '.join(missing)} can not be kept, this process does not have it; "
            "a container or the kernel may have taken it away"
        )


def _make_ambient(kernel: IKernel, capability: Capability) -> None:
    try:
        kernel.raise_ambient(capability.number)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise KernelError(f"prctl(PR_CAP_AMBIENT): {error.strerror} [{capability}]") from None


def _drop_bounding(kernel: IKernel, number: int) -> bool:
    """Whether the kernel knows the capability *number*, which is now out of reach."""
    try:
        kernel.drop_bounding(number)
    except OSError as error:
        if error.errno == errno.EINVAL:
            return False
        raise KernelError(f"prctl(PR_CAPBSET_DROP): {error.strerror} [{name_of(number)}]") from None
    return True
