"""One listening socket, made from its address.

Options that the kernel copies from a listening socket to the connections it accepts (keep-alive, no-delay,
buffers, send timeout) are set here, once, where uWSGI sets some of them for each request.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from uwsgid.errors import KernelError
from uwsgid.host.addresses import Address, Family
from uwsgid.host.calls import attempt, refused
from uwsgid.host.privileges import owner_ids
from uwsgid.host.socket_options import Sockets
from uwsgid.interfaces import IKernel

Say = Callable[[str], None]

_IP_FREEBIND: Final = 15  #: linux/in.h
_TIMEVAL: Final = struct.Struct("ll")


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening socket.

    :ivar index: its number in the configuration, what log lines call it.
    :ivar name: its address as uWSGI prints it.
    :ivar configured: its address as it was written; differs from the name for a port chosen by the kernel.
    :ivar family: never `Family.SHARED` nor `Family.DESCRIPTOR`.
    :ivar protocol: what is spoken on it, a value of `uwsgid.host.socket_options.PROTOCOLS`.
    :ivar path: the file of a UNIX socket; empty for all others.
    :ivar inode: of that file when it was bound; 0 where there is none or it is not ours.
    :ivar port: of a TCP socket.
    :ivar inherited: whether somebody else bound it.
    :ivar shared: whether it is a ``shared-socket``.
    :ivar workers: the numbers of the workers that may accept on it; empty for all of them.
    """

    index: int
    name: str
    configured: str
    fd: int
    family: Family
    protocol: str = ""
    path: str = ""
    inode: int = 0
    port: int = 0
    inherited: bool = False
    shared: bool = False
    workers: frozenset[int] = frozenset()

    def serves(self, worker: int) -> bool:
        """Whether *worker* (from 1) accepts here."""
        return not self.workers or worker in self.workers

    def socket(self) -> socket.socket:
        """A socket object over the descriptor.  Whoever takes it owns the descriptor: detach or close it."""
        return socket.socket(fileno=self.fd)


def label(index: int, shared: bool) -> str:
    return f"uwsgi shared socket {index}" if shared else f"uwsgi socket {index}"


def bind_unix(
    kernel: IKernel, index: int, address: Address, sockets: Sockets, say: Say, shared: bool
) -> Listener:
    _unlink_stale(kernel, address)
    fd = attempt("socket()", address, lambda: kernel.socket(socket.AF_UNIX, socket.SOCK_STREAM))
    try:
        _buffers(kernel, fd, sockets)
        _bind(kernel, fd, address, say)
        attempt("listen()", address, lambda: kernel.listen(fd, sockets.listen))
        kernel.set_blocking(fd, False)
        inode = 0
        if address.family is Family.UNIX:
            _permissions(kernel, address, sockets, say)
            inode = attempt("stat()", address, lambda: kernel.stat(address.path)).inode
    except BaseException:
        kernel.close(fd)
        raise
    say(f"{label(index, shared)} bound to UNIX address {address} fd {fd}")
    path = ""
    if address.family is Family.UNIX:
        # absolute, so that vacuum finds it after a chdir
        path = os.path.join(kernel.getcwd(), address.path)
    return Listener(
        index, str(address), address.text, fd, address.family, path=path, inode=inode, shared=shared
    )


def bind_tcp(
    kernel: IKernel, index: int, address: Address, sockets: Sockets, defer: int, say: Say, shared: bool
) -> Listener:
    six = address.family is Family.INET6
    family = socket.AF_INET6 if six else socket.AF_INET
    auto = address.auto_port
    fd = attempt("socket()", address, lambda: kernel.socket(family, socket.SOCK_STREAM))
    try:
        _tcp_options(kernel, fd, address, sockets, say)
        _bind(kernel, fd, _resolved(kernel, address), say)
        if defer:
            _option(kernel, fd, address, socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, defer)
        if sockets.fast_open:
            _option(kernel, fd, address, socket.IPPROTO_TCP, socket.TCP_FASTOPEN, sockets.fast_open)
        attempt("listen()", address, lambda: kernel.listen(fd, sockets.listen))
        kernel.set_blocking(fd, False)
        facts = kernel.socket_facts(fd)
    except BaseException:
        kernel.close(fd)
        raise
    configured = address.text
    if auto and facts is not None:
        address = address.with_port(facts.port)
    remark = " (port auto-assigned)" if auto else ""
    say(f"{label(index, shared)} bound to {address.family.value} address {address}{remark} fd {fd}")
    return Listener(index, str(address), configured, fd, address.family, port=address.port, shared=shared)


def _resolved(kernel: IKernel, address: Address) -> Address:
    if address.family is not Family.INET or not address.host:
        return address
    try:
        return replace(address, host=kernel.resolve(address.host))
    except OSError as error:
        raise KernelError(f"unable to resolve {address.host!r} of the socket {address}: {error}") from None


def _bind(kernel: IKernel, fd: int, address: Address, say: Say) -> None:
    try:
        kernel.bind(fd, address.sockaddr())
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            say(f"probably another instance of uWSGI is running on the same address ({address}).")
        raise refused("bind()", error, address) from None


def _unlink_stale(kernel: IKernel, address: Address) -> None:
    """Remove what an earlier server left.  uWSGI unlinks whatever lies there (core/socket.c); a file that is
    no socket is somebody's, and stays."""
    if address.family is not Family.UNIX:
        return
    try:
        facts = kernel.stat(address.path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise refused("stat()", error, address) from None
    if not facts.is_socket:
        raise KernelError(f"{address} exists and is not a socket; remove it, or give the socket another name")
    try:
        kernel.unlink(address.path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise refused("unlink()", error, address) from None


def _permissions(kernel: IKernel, address: Address, sockets: Sockets, say: Say) -> None:
    mode = sockets.chmod
    if mode is not None:
        if mode == 0o666:
            say("chmod() socket to 666 for lazy and brave users")
        attempt("chmod()", address, lambda: kernel.chmod(address.path, mode))
    if sockets.chown:
        uid, gid = owner_ids(kernel, sockets.chown)
        attempt("chown()", address, lambda: kernel.chown(address.path, uid, gid))


def _tcp_options(kernel: IKernel, fd: int, address: Address, sockets: Sockets, say: Say) -> None:
    _option(kernel, fd, address, socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if sockets.reuse_port:
        try:
            kernel.setsockopt(fd, socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        except OSError:
            say("!!! your system does not support SO_REUSEPORT !!!")
    if sockets.freebind:
        _option(kernel, fd, address, socket.IPPROTO_IP, _IP_FREEBIND, 1)
    if sockets.nodelay:
        _option(kernel, fd, address, socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if sockets.keepalive:
        _option(kernel, fd, address, socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    _buffers(kernel, fd, sockets)
    if sockets.send_timeout:
        value = _TIMEVAL.pack(sockets.send_timeout, 0)
        _option(kernel, fd, address, socket.SOL_SOCKET, socket.SO_SNDTIMEO, value)


def _buffers(kernel: IKernel, fd: int, sockets: Sockets) -> None:
    if sockets.sndbuf:
        kernel.setsockopt(fd, socket.SOL_SOCKET, socket.SO_SNDBUF, sockets.sndbuf)
    if sockets.rcvbuf:
        kernel.setsockopt(fd, socket.SOL_SOCKET, socket.SO_RCVBUF, sockets.rcvbuf)


def _option(kernel: IKernel, fd: int, address: Address, level: int, name: int, value: int | bytes) -> None:
    attempt("setsockopt()", address, lambda: kernel.setsockopt(fd, level, name, value))
