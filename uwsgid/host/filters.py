"""Filters of system calls, loaded by libseccomp.

Its binding is not part of uwsgid: ``seccomp`` comes with libseccomp (python3-seccomp in Debian), and
``pyseccomp`` from the Python Package Index has the same interface.  Whichever can be imported is taken.
"""

from __future__ import annotations

import errno
import importlib
from functools import cache
from typing import Any, Final

from uwsgid.interfaces import Profile

BINDINGS: Final = ("seccomp", "pyseccomp")


@cache
def binding() -> Any:
    """The module that speaks to libseccomp, None where there is none."""
    for name in BINDINGS:
        try:
            found = importlib.import_module(name)
        except (ImportError, RuntimeError, OSError):  # pyseccomp without the library is a RuntimeError
            continue
        if hasattr(found, "SyscallFilter"):
            return found
    return None


def knows(call: str) -> bool:
    """Whether libseccomp knows a system call of this name, be it one of another architecture."""
    found = binding()
    return found is not None and found.resolve_syscall(found.Arch.NATIVE, call) != -1


def load(profile: Profile) -> None:
    """Filter the system calls of all our threads, and of our descendants.

    The other threads get no new privileges either (seccomp(2), SECCOMP_FILTER_FLAG_TSYNC).

    Rules for calls that this libseccomp has not heard of are left out.

    :raises OSError: where the kernel refuses, or there is no binding.
    """
    found = binding()
    if found is None:
        raise OSError(errno.ENOSYS, "libseccomp has no binding here", "seccomp()")
    made = found.SyscallFilter(_action(found, profile.default))
    for rule in profile.rules:
        if rule.action == profile.default or not knows(rule.call):
            continue
        action = _action(found, rule.action)
        if not rule.bits:
            made.add_rule(action, rule.call)
        for bit in range(rule.bits.bit_length()):
            if rule.bits >> bit & 1:
                made.add_rule(action, rule.call, found.Arg(0, found.MASKED_EQ, 1 << bit, 1 << bit))
    made.set_attr(found.Attr.CTL_TSYNC, 1)
    made.load()


def _action(found: Any, word: str) -> Any:
    if word == "allow":
        return found.ALLOW
    if word == "log":
        return found.LOG
    if word == "kill":
        return found.KILL_PROCESS
    return found.ERRNO(getattr(errno, word))
