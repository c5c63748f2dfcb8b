"""From the sockets of a configuration to listening descriptors, ready before any worker is born.

The order is uWSGI's: shared sockets early, as root and before a jail; the others after privileges were
dropped.  An address that is already open in this process (a reload, systemd, inetd) is taken over; any other
is bound.
Log lines keep uWSGI's text and go to *say*, one call for each.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from dataclasses import replace
from typing import Final, Protocol

from uwsgid.errors import ConfigError
from uwsgid.host.addresses import Address, Family, match_interface, same_place
from uwsgid.host.binding import Listener, Say, bind_tcp, bind_unix, label
from uwsgid.host.inherit import Giver, Inherited, find_inherited, leave_behind
from uwsgid.host.socket_options import PROTOCOLS, Sockets, SocketSpec
from uwsgid.interfaces import IKernel

NOTHING_TO_DO: Final = "The -s/--socket option is missing and stdin is not a socket."


def bind_shared(
    kernel: IKernel,
    sockets: Sockets,
    *,
    socket_timeout: int,
    inherited: Sequence[Inherited] = (),
    say: Say,
) -> tuple[Listener, ...]:
    """Bind the shared sockets, numbered from 0 on their own.

    :param socket_timeout: seconds, also for TCP_DEFER_ACCEPT.
    :raises KernelError: when the kernel refuses one.
    """
    check_backlog(kernel, sockets.listen)
    taken: set[int] = set()
    listeners: list[Listener] = []
    for index, spec in enumerate(sockets.shared):
        listener = _open(kernel, index, spec, sockets, socket_timeout, inherited, taken, say, shared=True)
        listeners.append(listener)
    return tuple(listeners)


def bind_sockets(
    kernel: IKernel,
    sockets: Sockets,
    shared: Sequence[Listener] = (),
    *,
    socket_timeout: int,
    inherited: Sequence[Inherited] = (),
    processes: int = 0,
    say: Say,
) -> tuple[Listener, ...]:
    """Make all sockets of the workers, those of an activation that no line names at the end.

    :param socket_timeout: seconds, also for TCP_DEFER_ACCEPT.
    :param processes: the number of workers, to check ``map-socket`` against; 0 checks nothing.
    :raises ConfigError: for a shared socket, a mapping or a descriptor that does not exist.
    :raises KernelError: when the kernel refuses a socket.
    """
    check_backlog(kernel, sockets.listen)
    _refuse_twice(sockets)
    taken = {listener.fd for listener in shared}
    listeners: list[Listener] = []
    for index, spec in enumerate(sockets.specs):
        protocol = spec.protocol or sockets.protocol
        if spec.address.family is Family.SHARED:
            listener = _mapped(index, spec.address, shared, say)
        elif spec.address.family is Family.DESCRIPTOR:
            listener = _given(kernel, index, spec.address, inherited, taken, say)
        else:
            listener = _open(kernel, index, spec, sockets, socket_timeout, inherited, taken, say)
        listeners.append(replace(listener, protocol=protocol))
    for gift in inherited:
        if gift.fd not in taken and gift.giver in (Giver.SYSTEMD, Giver.UPSTART, Giver.INETD):
            protocol = PROTOCOLS.get(gift.name, sockets.protocol)
            listener = _adopt(kernel, len(listeners), gift.address, gift, taken, say)
            listeners.append(replace(listener, protocol=protocol))
    return map_workers(listeners, sockets, processes, say)


def map_workers(
    listeners: Sequence[Listener], sockets: Sockets, processes: int, say: Say
) -> tuple[Listener, ...]:
    """Apply ``map-socket``.

    :raises ConfigError: for a socket or a worker that does not exist.
    """
    mapped = list(listeners)
    for mapping in sockets.mappings:
        if mapping.socket >= len(mapped):
            raise ConfigError(
                f"map-socket: there is no socket {mapping.socket}, the last one is {len(mapped) - 1}"
            )
        listener = mapped[mapping.socket]
        for worker in sorted(mapping.workers):
            if processes and worker > processes:
                raise ConfigError(f"map-socket: invalid worker num: {worker}, there are {processes}")
            say(f"mapped socket {mapping.socket} ({listener.name}) to worker {worker}")
        mapped[mapping.socket] = replace(listener, workers=listener.workers | mapping.workers)
    return tuple(mapped)


def check_backlog(kernel: IKernel, backlog: int) -> None:
    """Refuse a backlog that the system would cut silently (core/socket.c; for UNIX sockets too, as in 2.0).

    :raises ConfigError: naming the limit.
    """
    limit = kernel.somaxconn()
    if limit and backlog > limit:
        raise ConfigError(f"Listen queue size is greater than the system max net.core.somaxconn ({limit}).")


def inheritance(
    kernel: IKernel, sockets: Sockets, environ: Mapping[str, str], say: Say
) -> tuple[Inherited, ...]:
    """Every listening socket that is open already.  Ask once, before anything is bound."""
    return find_inherited(kernel, environ, say, skip_zero=sockets.skip_zero)


def close_leftovers(
    kernel: IKernel, inherited: Iterable[Inherited], listeners: Iterable[Listener], safe: Iterable[int]
) -> None:
    """Close what our former self left and the configuration no longer names.

    Sockets of others are not ours to close, nor are those of ``safe-fd``.
    """
    kept = {listener.fd for listener in listeners} | set(safe)
    for gift in inherited:
        if gift.giver is Giver.RELOAD and gift.fd not in kept:
            kernel.close(gift.fd)


def settle_stdin(
    kernel: IKernel, sockets: Sockets, listeners: Iterable[Listener], null: int | None = None
) -> None:
    """Point standard input to /dev/null, unless it is a socket of ours or ``honour-stdin`` is set.

    :param null: /dev/null, where that was opened before the root was changed; it is closed.
    """
    wanted = not sockets.honour_stdin and all(listener.fd != 0 for listener in listeners)
    if null is None:
        if not wanted:
            return
        null = kernel.open("/dev/null", os.O_RDONLY)
    if wanted and null != 0:
        kernel.dup2(null, 0)
    if null != 0:
        kernel.close(null)


def prepare_reload(
    kernel: IKernel, listeners: Iterable[Listener], environ: MutableMapping[str, str]
) -> list[str]:
    """Let the listening sockets survive the exec of a reload.

    :return: the lines that uWSGI logs about it.
    """
    unique = {listener.fd: listener for listener in listeners}
    leave_behind(kernel, [(item.fd, item.inode, item.configured) for item in unique.values()], environ)
    return [f"found fd {item.fd} mapped to socket {item.index} ({item.name})" for item in unique.values()]


class WithFile(Protocol):
    """A listening socket that may have a file."""

    @property
    def path(self) -> str:
        """Where; empty for none."""

    @property
    def inode(self) -> int:
        """Of the file when the socket was bound."""


def vacuum(kernel: IKernel, listeners: Iterable[WithFile], say: Say) -> None:
    """Remove the files of our UNIX sockets, unless somebody else's took their place (core/uwsgi.c)."""
    for listener in listeners:
        if not listener.path:
            continue
        try:
            inode = kernel.stat(listener.path).inode
        except OSError:
            continue  # it is gone already
        if inode != listener.inode:
            say(f"VACUUM WARNING: unix socket {listener.path} changed inode. Skip removal")
            continue
        try:
            kernel.unlink(listener.path)
        except OSError as error:
            say(f"unlink(): {error.strerror} [{listener.path}]")
        else:
            say(f"VACUUM: unix socket {listener.path} removed.")


# --- one socket ---------------------------------------------------------------------------------------


def _open(
    kernel: IKernel,
    index: int,
    spec: SocketSpec,
    sockets: Sockets,
    socket_timeout: int,
    inherited: Sequence[Inherited],
    taken: set[int],
    say: Say,
    *,
    shared: bool = False,
) -> Listener:
    address = spec.address
    if address.family in (Family.SHARED, Family.DESCRIPTOR):
        raise ConfigError(f"shared-socket: {address} can not be bound")
    if sockets.abstract and address.family is Family.UNIX:
        say("setting abstract socket mode (warning: only Linux supports this)")
        address = address.abstract()
    if address.is_pattern:
        address = _autoip(kernel, address, say)
    gift = _find(kernel, address, spec.address.text, inherited, taken)
    if gift is not None:
        if address.auto_port:
            address = address.with_port(gift.address.port)
        adopted = _adopt(kernel, index, address, gift, taken, say, shared=shared)
        return replace(adopted, configured=spec.address.text)
    if address.is_unix:
        listener = bind_unix(kernel, index, address, sockets, say, shared)
    else:
        defer = socket_timeout if spec.deferred and not sockets.no_defer_accept else 0
        listener = bind_tcp(kernel, index, address, sockets, defer, say, shared)
    taken.add(listener.fd)
    return replace(listener, configured=spec.address.text)


def _refuse_twice(sockets: Sockets) -> None:
    """A second line for a UNIX path would unlink the file of the first, and nobody would notice."""
    seen: set[str] = set()
    for spec in (*sockets.shared, *sockets.specs):
        if spec.address.is_unix:
            if spec.address.text in seen:
                raise ConfigError(f"the socket {spec.address} is configured twice, remove one of the lines")
            seen.add(spec.address.text)


def _autoip(kernel: IKernel, address: Address, say: Say) -> Address:
    match = match_interface(address.host, kernel.interface_addresses())
    if match is None:
        raise ConfigError(f"unable to find a valid socket address: no interface matches {address.host}")
    interface, host = match
    say(f"[uwsgi-autoip] found {host} for {address.host} on interface {interface}")
    return address.with_host(host)


def _find(
    kernel: IKernel, address: Address, configured: str, inherited: Sequence[Inherited], taken: set[int]
) -> Inherited | None:
    free = [gift for gift in inherited if gift.fd not in taken]
    for gift in free:
        if gift.configured and gift.configured == configured:
            return gift
    if address.auto_port:
        return None
    wanted = [address]
    if address.family is Family.UNIX and not os.path.isabs(address.path):
        path = os.path.join(kernel.getcwd(), address.path)
        wanted.append(replace(address, path=path))
    elif address.family is Family.INET and address.host:
        try:
            wanted.append(replace(address, host=kernel.resolve(address.host)))
        except OSError:
            pass
    for gift in free:
        if any(same_place(gift.address, one) for one in wanted):
            return gift
    return None


def _adopt(
    kernel: IKernel,
    index: int,
    address: Address,
    gift: Inherited,
    taken: set[int],
    say: Say,
    *,
    shared: bool = False,
) -> Listener:
    taken.add(gift.fd)
    kernel.set_blocking(gift.fd, False)
    if gift.fd > 2:
        kernel.set_inheritable(gift.fd, False)
    kind = {Family.INET: "INET", Family.INET6: "INET6"}.get(address.family, "UNIX")
    say(f"{label(index, shared)} inherited {kind} address {address} fd {gift.fd}")
    return Listener(
        index=index,
        name=str(address),
        configured=str(address),
        fd=gift.fd,
        family=address.family,
        path=os.path.join(kernel.getcwd(), address.path) if address.family is Family.UNIX else "",
        inode=gift.inode,
        port=address.port,
        inherited=True,
        shared=shared,
    )


def _mapped(index: int, address: Address, shared: Sequence[Listener], say: Say) -> Listener:
    if address.number >= len(shared):
        raise ConfigError(f"unable to use shared socket {address.number}")
    origin = shared[address.number]
    say(f"uwsgi socket {index} mapped to shared socket {address.number} ({origin.name}) fd {origin.fd}")
    return replace(origin, index=index, shared=True)


def _given(
    kernel: IKernel,
    index: int,
    address: Address,
    inherited: Sequence[Inherited],
    taken: set[int],
    say: Say,
) -> Listener:
    for gift in inherited:
        if gift.fd == address.number and gift.fd not in taken:
            return _adopt(kernel, index, gift.address, gift, taken, say)
    hint = "" if address.text.startswith("fd://") else f"; for a TCP port write :{address.number}"
    raise ConfigError(f"{address}: descriptor {address.number} is not a listening socket{hint}")
