"""How much of the machine a process may take, and on which CPUs it runs."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Callable, Sequence
from typing import Final

from uwsgid.config.kinds import Flag, Integer, Megabytes, OptionalInteger, SignedInteger
from uwsgid.config.section import Section, flag, option, section
from uwsgid.host.calls import attempt
from uwsgid.interfaces import IKernel

Say = Callable[[str], None]

_KSM_RUN: Final = "/sys/kernel/mm/ksm/run"


@section("Limits")
class Limits(Section):
    """What the kernel refuses to give the server."""

    address_space: Megabytes = option(
        "limit-as", default=0, help="the address space of each process, in megabytes"
    )
    processes: Integer = option("limit-nproc", default=0, help="how many processes the user may have")
    descriptors: Integer = option("max-fd", default=0, help="how many descriptors each process may have")
    priority: SignedInteger | None = option("prio", default=None, help="the nice value, -20 to 19")
    cpu_affinity: Integer = option(
        "cpu-affinity", default=0, help="how many CPUs each worker stays on, worker after worker"
    )
    never_swap: Flag = flag("never-swap", default=False, help="keep the memory of all processes out of swap")
    ksm: OptionalInteger = option(
        "ksm",
        default=0,
        help="let the kernel merge equal pages of all processes (ksm)",
        note="The kernel looks when it likes, and not after that many requests.",
    )


def apply_limits(kernel: IKernel, limits: Limits, say: Say) -> None:
    """Set the limits that children inherit, and tell those in force, in uWSGI's words.

    :raises KernelError: where the kernel refuses one.
    """
    allowed = kernel.getrlimit(resource.RLIMIT_NPROC)[0]
    say(f"your processes number limit is {allowed}")
    if limits.processes:
        say(f"limiting number of processes to {limits.processes}...")
        _set(kernel, resource.RLIMIT_NPROC, limits.processes, "limit-nproc")
    if limits.address_space:
        _set(kernel, resource.RLIMIT_AS, limits.address_space, "limit-as")
    space = kernel.getrlimit(resource.RLIMIT_AS)[0]
    if space != resource.RLIM_INFINITY:
        say(f"your process address space limit is {space} bytes ({space >> 20} MB)")


def apply_descriptors(kernel: IKernel, limits: Limits, say: Say) -> int:
    """Set ``max-fd`` and tell the number in force.

    :return: how many descriptors we may have.
    :raises KernelError: where the kernel refuses; only root may raise the hard limit.
    """
    if limits.descriptors:
        hard = kernel.getrlimit(resource.RLIMIT_NOFILE)[1]
        if hard != resource.RLIM_INFINITY and limits.descriptors <= hard:
            attempt(
                "setrlimit()",
                f"max-fd {limits.descriptors}",
                lambda: kernel.setrlimit(resource.RLIMIT_NOFILE, limits.descriptors, hard),
            )
        else:
            _set(kernel, resource.RLIMIT_NOFILE, limits.descriptors, "max-fd")
    allowed = kernel.getrlimit(resource.RLIMIT_NOFILE)[0]
    say(f"detected max file descriptor number: {allowed}")
    return allowed


def open_more_files(kernel: IKernel) -> None:
    """Raise our own limit of descriptors as far as we may; where the kernel refuses it stays as it is."""
    soft, hard = kernel.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError):
            kernel.setrlimit(resource.RLIMIT_NOFILE, hard, hard)


def apply_priority(kernel: IKernel, limits: Limits) -> None:
    """Set ``prio``; children inherit it.

    :raises KernelError: where the kernel refuses; only root may go below what it is.
    """
    priority = limits.priority
    if priority is not None:
        attempt("setpriority()", f"prio {priority}", lambda: kernel.setpriority(priority))


def keep_in_memory(kernel: IKernel, limits: Limits) -> None:
    """Carry out ``never-swap``.  A fork forgets it, so every newborn does this for itself (mlockall(2)).

    :raises KernelError: where the kernel refuses, usually by RLIMIT_MEMLOCK.
    """
    if limits.never_swap:
        attempt("mlockall()", "never-swap", kernel.mlockall)


def merge_pages(kernel: IKernel, limits: Limits, say: Say) -> None:
    """Carry out ``ksm``, which children inherit.  What stands in its way is said, and nothing more."""
    if not limits.ksm:
        return
    try:
        kernel.merge_memory()
    except OSError as error:
        say(f"ksm: no page is merged: {error.strerror} (prctl; it takes Linux 6.4 and CAP_SYS_RESOURCE)")
        return
    try:
        runs = kernel.read_file(_KSM_RUN).strip() == b"1"
    except OSError:
        runs = False
    say("ksm: pages are merged" if runs else f"ksm: the kernel merges nothing: write 1 to {_KSM_RUN}")


def affinity(worker: int, per_worker: int, cpus: Sequence[int]) -> tuple[int, ...]:
    """The CPUs of *worker* (from 1), in the order uWSGI prints them.  Pure.

    Worker 1 gets the first *per_worker*, worker 2 the next, and so on round the machine (core/uwsgi.c,
    uwsgi_set_cpu_affinity).  uWSGI counts all CPUs; here *cpus* are those the process may use, so that the
    option works inside a restricted set as well.
    """
    if not cpus:
        return ()
    base = (worker - 1) * per_worker
    return tuple(cpus[(base + step) % len(cpus)] for step in range(min(per_worker, len(cpus))))


def pin_worker(kernel: IKernel, limits: Limits, worker: int, say: Say) -> None:
    """Keep this process on the CPUs of *worker* (from 1), where ``cpu-affinity`` asks for it.

    :raises KernelError: where the kernel refuses.
    """
    if not limits.cpu_affinity:
        return
    cpus = affinity(worker, limits.cpu_affinity, kernel.allowed_cpus())
    attempt("sched_setaffinity()", f"worker {worker}", lambda: kernel.sched_setaffinity(cpus))
    say(f"mapping worker {worker} to CPUs: {' '.join(str(cpu) for cpu in cpus)}")


def _set(kernel: IKernel, which: int, value: int, name: str) -> None:
    attempt("setrlimit()", f"{name} {value}", lambda: kernel.setrlimit(which, value, value))
