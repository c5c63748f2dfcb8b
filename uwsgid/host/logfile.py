"""The file, or the datagram socket, that standard output and standard error become.

``logto``, ``logto2`` and ``daemonize`` name it.  A text with a colon and without a slash is the
``host:port`` of a UDP listener, where each write is a datagram (core/logging.c, logto).
"""

from __future__ import annotations

import os
import socket
from typing import Final

from uwsgid.errors import ConfigError
from uwsgid.host.addresses import AddressError, Family, parse_address
from uwsgid.host.calls import attempt, refused
from uwsgid.interfaces import IKernel

CREATE_MODE: Final = 0o640
STDOUT: Final = 1
STDERR: Final = 2


def is_remote(target: str) -> bool:
    """Whether *target* is a UDP address and not a file.  Pure."""
    return ":" in target and "/" not in target


def open_log(
    kernel: IKernel,
    target: str,
    *,
    truncate: bool = False,
    mode: int | None = None,
    owner: tuple[int, int] | None = None,
) -> int:
    """Open *target* for appending; the descriptor closes on exec.

    :param truncate: empty the file first (``log-truncate``).
    :param mode: permissions to set even where the file exists (``logfile-chmod``).
    :param owner: uid and gid to give the file to (``logfile-chown``).
    :raises KernelError: when it can not be opened.
    :raises ConfigError: when the address of a UDP listener is none.
    """
    if is_remote(target):
        return _connect(kernel, target)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | (os.O_TRUNC if truncate else 0)
    fd = attempt("open()", target, lambda: kernel.open(target, flags, CREATE_MODE))
    try:
        if mode is not None:
            attempt("fchmod()", target, lambda: kernel.fchmod(fd, mode))
        if owner is not None:
            attempt("fchown()", target, lambda: kernel.fchown(fd, *owner))
    except BaseException:
        kernel.close(fd)
        raise
    return fd


def redirect(kernel: IKernel, fd: int) -> None:
    """Make *fd* standard output and standard error, and close it under its old number.

    :raises KernelError: where the kernel refuses.
    """
    for target in (STDOUT, STDERR):
        if fd != target:
            try:
                kernel.dup2(fd, target)
            except OSError as error:
                raise refused("dup2()", error, target) from None
    if fd not in (STDOUT, STDERR):
        kernel.close(fd)


def reopen(kernel: IKernel, target: str, *, mode: int | None = None) -> None:
    """Open *target* anew, after somebody renamed the file, and write there from now on.

    The old file stays in use when the new one can not be opened.

    :raises KernelError: in that case.
    """
    redirect(kernel, open_log(kernel, target, mode=mode))


def _connect(kernel: IKernel, target: str) -> int:
    try:
        address = parse_address(target)
    except AddressError as error:
        raise ConfigError(f"the log address {error}") from None
    if not address.is_tcp or not address.port:
        raise ConfigError(f"the log address {target} needs a host and a port")
    six = address.family is Family.INET6
    host = address.host or "127.0.0.1"
    if not six:
        host = attempt("gethostbyname()", target, lambda: kernel.resolve(address.host or "127.0.0.1"))
    family = socket.AF_INET6 if six else socket.AF_INET
    fd = attempt("socket()", target, lambda: kernel.socket(family, socket.SOCK_DGRAM))
    try:
        attempt("connect()", target, lambda: kernel.connect(fd, (host, address.port)))
    except BaseException:
        kernel.close(fd)
        raise
    return fd
