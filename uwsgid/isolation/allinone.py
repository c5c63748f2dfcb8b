"""``namespace``: the jail of one option, with which uWSGI began (lib/linux_ns.c, linux_namespace_start).

The process that was started stays outside and keeps somebody alive in the jail: a child that is the first
process of a new pid namespace, has a host name and mounts of its own, and a directory as its root.  When it
ends it is born anew, in a new jail, unless it said by its exit code that this is in vain.

uWSGI makes the mounts of the *host* private for it, and takes apart what it does not need mount by mount.
Here the child makes its own mounts private, and lets go of the old root at once.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
import signal
import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Final

from uwsgid.errors import KernelError
from uwsgid.host.calls import attempt
from uwsgid.host.mounts import MNT_DETACH, MS_BIND, MS_REC
from uwsgid.host.namespaces import (
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUTS,
    enter,
)
from uwsgid.host.roots import forget_paths
from uwsgid.interfaces import IKernel
from uwsgid.isolation.options import AllInOne, Jail, KeptMount
from uwsgid.isolation.refork import (
    PASSED_ON,
    Heard,
    begin_as_first,
    dies_with_parent,
    wait_for_signal,
    watch,
)

Say = Callable[[str], None]

JAIL_PID: Final = "UWSGI_JAIL_PID"
#: Where the old root is while the jail is made; uWSGI's name for it.
OLD_ROOT: Final = ".uwsgi_ns_tmp_mountpoint"

_SHORTEST: Final = 1.0  #: seconds that a life in jail ought to last
_IN_VAIN: Final = 1
_OVER: Final = 0


@dataclass(frozen=True, slots=True)
class Warden:
    """What the process outside needs.

    :ivar run_hooks: runs the hooks of post-jail.
    :ivar environ: the environment of those hooks.
    :ivar ends: signals after which nobody is born again.
    :ivar exit_on_reload: nor after an end without complaint.
    """

    kernel: IKernel
    say: Say
    run_hooks: Callable[[], None]
    environ: MutableMapping[str, str]
    ends: frozenset[int]
    exit_on_reload: bool = False
    listen: Callable[[], Heard] = wait_for_signal
    pause: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


def live_in_jail(wanted: AllInOne, warden: Warden) -> None:
    """Return in a jail, as its first process, in which the root is not changed yet (`furnish`).

    The process outside never returns.

    :raises KernelError: where the kernel refuses.
    """
    assert wanted.jail is not None, "the caller looks for it"
    kernel = warden.kernel
    told: set[int] = set()

    def listen() -> Heard:
        heard = warden.listen()
        told.add(heard.number)
        return heard

    while True:
        warden.say(f"*** jailing uWSGI in {wanted.jail.root} ***")
        since = warden.clock()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, (*PASSED_ON, signal.SIGCHLD))
        child = _bear(kernel)
        if child == 0:
            begin_as_first()
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            _begin(wanted, kernel, warden.say)
            return
        warden.environ[JAIL_PID] = str(child)
        warden.run_hooks()
        code = watch(kernel, child, listen)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if code == _IN_VAIN or told & warden.ends or (code == _OVER and warden.exit_on_reload):
            kernel.exit(code)
        warden.say(f"pid {child} ended. Respawning...")
        if warden.clock() - since < _SHORTEST:
            warden.pause(_SHORTEST)


def _bear(kernel: IKernel) -> int:
    """Fork the first process of a new pid namespace, and belong to our own again; 0 in the child."""
    ours = attempt("open()", "our pid namespace", lambda: kernel.open("/proc/self/ns/pid", os.O_RDONLY))
    try:
        attempt("unshare()", "pid", lambda: kernel.unshare(CLONE_NEWPID))
        child = attempt("fork()", "namespace", kernel.fork)
        if child:
            attempt("setns()", "our pid namespace", lambda: kernel.setns(ours, CLONE_NEWPID))
    finally:
        kernel.close(ours)
    return child


def _begin(wanted: AllInOne, kernel: IKernel, say: Say) -> None:
    dies_with_parent(kernel)
    if kernel.getpid() != 1:
        raise KernelError("your kernel does not support linux pid namespace")
    flags = CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNS | (CLONE_NEWNET if wanted.net else 0)
    enter(kernel, flags, say)


def furnish(wanted: AllInOne, kernel: IKernel, say: Say) -> None:
    """Give the jail its name, its root, its ``/proc`` and what is kept of the mounts outside.

    A root of ``/`` keeps all mounts; uWSGI would take away all but those that are to be kept.

    :raises KernelError: where the kernel refuses.
    """
    jail = wanted.jail
    assert jail is not None, "the caller looks for it"
    if jail.hostname:
        attempt("sethostname()", jail.hostname, lambda: kernel.sethostname(jail.hostname))
    attempt("chdir()", f"namespace {jail.root}", lambda: kernel.chdir(jail.root))
    outside = ""
    if jail.root != "/":
        outside = _change_root(kernel, jail.root)
    attempt("mount()", "/proc", lambda: kernel.mount("proc", "/proc", "proc", 0))
    for kept in wanted.keep:
        _keep(kernel, jail, outside, kept)
        say(f"namespace-keep-mount: {kept.source} stays")
    if outside:
        attempt("umount()", "the old root", lambda: kernel.umount(outside, MNT_DETACH))
        with contextlib.suppress(OSError):  # it is empty now, and no harm where it stays
            kernel.rmdir(outside)


def _change_root(kernel: IKernel, root: str) -> str:
    """Make *root* the root; where the old one is."""
    attempt("mount()", f"{root} on itself", lambda: kernel.mount(root, root, "none", MS_BIND | MS_REC))
    attempt("chdir()", root, lambda: kernel.chdir(root))
    try:
        kernel.mkdir(OLD_ROOT, 0o700)
    except FileExistsError:
        pass  # somebody was killed in the midst of this
    except OSError as error:
        raise KernelError(f"mkdir(): {error.strerror} [{root}/{OLD_ROOT}]") from None
    attempt("pivot_root()", root, lambda: kernel.pivot_root(".", OLD_ROOT))
    attempt("chdir()", "/", lambda: kernel.chdir("/"))
    forget_paths()
    return f"/{OLD_ROOT}"


def _keep(kernel: IKernel, jail: Jail, outside: str, kept: KeptMount) -> None:
    target = kept.target or f"/{posixpath.relpath(kept.source, jail.root)}"
    if outside or kept.source != target:
        attempt(
            "mount()",
            f"{kept.source} on {target}",
            lambda: kernel.mount(f"{outside}{kept.source}", target, "none", MS_BIND | MS_REC),
        )
