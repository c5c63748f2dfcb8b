"""Leaving the terminal.

Two forks and a session of one's own, as uWSGI does it (core/utils.c, daemonize).  It happens while the
reactor is only an idle object, so nothing is shared that matters.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from uwsgid.host.calls import attempt
from uwsgid.interfaces import IKernel


def _at_once() -> int:
    """Answer without waiting for anything."""
    return 0


def daemonize(kernel: IKernel, *, umask: int | None = None, answer: Callable[[], int] = _at_once) -> None:
    """Go on as a grandchild without a terminal; the process that called ends here.

    Standard input becomes /dev/null.  The log is the caller's to open; open it *before*, relative to the
    directory the operator stood in, so that a mistake still reaches the terminal.

    :param umask: the mask that the configuration sets; without one it is 0, as in uWSGI.
    :param answer: called in the process that ends, for its exit code; it may wait for the daemon.
    :raises KernelError: where the kernel refuses.
    """
    if attempt("fork()", "daemonize", kernel.fork):
        kernel.exit(answer())
    attempt("setsid()", "daemonize", kernel.setsid)
    # not a session leader, so that opening a terminal never makes it ours
    if attempt("fork()", "daemonize", kernel.fork):
        kernel.exit(0)
    kernel.umask(umask if umask is not None else 0)
    null = attempt("open()", "/dev/null", lambda: kernel.open("/dev/null", os.O_RDONLY))
    if null != 0:
        kernel.dup2(null, 0)
        kernel.close(null)
