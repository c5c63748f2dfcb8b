"""What a router needs root for: its sockets are bound and its device is made while the instance starts.

It happens before the hooks that give the interface its address, and before privileges are dropped.
Everything opened here is kept across a reload that replaces the process image, and lives in the master: a
router that dies finds device and sockets where they were, and so does the network of the vassals.
"""

from __future__ import annotations

import socket
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from uwsgid.config.kinds import TRUE
from uwsgid.errors import KernelError
from uwsgid.families import gateway_setups
from uwsgid.host import Sockets
from uwsgid.host.addresses import Address, Family, parse_address
from uwsgid.host.calls import attempt
from uwsgid.host.privileges import owner_ids
from uwsgid.host.tun import identify, open_device
from uwsgid.interfaces import IKernel
from uwsgid.supervise.gateways import Gateway, Say
from uwsgid.tuntap.handover import companion_of
from uwsgid.tuntap.opened import Opened
from uwsgid.tuntap.options import RouterSpec, TunTapRouter
from uwsgid.tuntap.policy import policy_of
from uwsgid.tuntap.router import serve

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings
    from uwsgid.host.kept import Kept

#: Options that a running router takes over when it is told to read its configuration again.
LIVE: Final = frozenset(
    option.name
    for option in TunTapRouter.options
    if option.name not in ("tuntap-router", "tuntap-router-stats")
)

_IN_ADDR: Final = 4  #: bytes of an IPv4 address


@gateway_setups.member("tuntap-router")
def routers(settings: Settings, kernel: IKernel, say: Say, kept: Kept) -> Sequence[Gateway]:
    """TunTap routers, one for each ``tuntap-router``.

    :raises ConfigError: a rule, a route or an address can not be used.
    :raises KernelError: something can not be bound or made.
    """
    specs = settings[TunTapRouter].routers
    if not specs:
        return ()
    for warning in policy_of(settings).warnings:
        say(f"*** WARNING: {warning} ***")
    opening = _Opening(settings, kernel, say, kept)
    return [
        Gateway(f"uWSGI tuntap router {index + 1}", partial(serve, opening.open(spec, index)), LIVE)
        for index, spec in enumerate(specs)
    ]


class _Opening:
    """Opens what routers need, or finds it where our former self left it."""

    def __init__(self, settings: Settings, kernel: IKernel, say: Say, kept: Kept) -> None:
        self._settings = settings
        self._sockets = settings[Sockets]
        self._kernel = kernel
        self._say = say
        self._kept = kept

    def open(self, spec: RouterSpec, index: int) -> Opened:
        """Everything for one router: its device, then its sockets.

        uWSGI binds first (plugins/tuntap/tuntap_router.c): an instance that is started twice then ends at the
        device, when it has unlinked the socket of the one that runs.
        """
        key = f"tuntap-router device {spec.device}"
        fresh = self._kept.get(key) is None
        device, name = self._device(spec.device, key)
        try:
            return self._sockets_of(spec, index, device, name)
        except BaseException:
            if fresh:
                self._kept.forget(key)
                self._kernel.close(device)
            raise

    def _sockets_of(self, spec: RouterSpec, index: int, device: int, name: str) -> Opened:
        address = parse_address(spec.socket)
        if self._sockets.abstract:
            address = address.abstract()
        devices = -1
        companion = companion_of(address)
        if companion is not None:  # first, for a vassal that finds the other one alone would stay with frames
            devices = self._listen(companion, socket.SOCK_SEQPACKET)
        streams = self._listen(address, socket.SOCK_STREAM)
        stats, stats_address = -1, spec.stats or self._settings[TunTapRouter].stats
        if stats_address:
            # clients of statistics connect to abstract names without the NUL that sockets of requests have
            stats = self._listen(replace(parse_address(stats_address), padded=False), socket.SOCK_STREAM)
            self._say(f"*** tuntap stats server enabled on {stats_address} fd: {stats} ***")
        gateway = -1
        if spec.gateway:
            gateway = self._gateway(spec.gateway)
            self._say(f"*** tuntap gateway address enabled on {spec.gateway}")
        return Opened(
            spec,
            index,
            device,
            name,
            streams,
            devices,
            stats,
            stats_address,
            gateway,
            stats_http=self._is_on("stats-http"),
            stats_minified=self._is_on("stats-minified", "stats-min"),
        )

    def _is_on(self, *names: str) -> bool:
        """A flag of the instance's own statistics, whose section is another room's."""
        given = [one.value for one in self._settings.directives if one.name in names]
        return bool(given) and (given[-1] or "").lower() in TRUE

    def _device(self, name: str, key: str) -> tuple[int, str]:
        found = self._kept.get(key)
        if found is not None:
            return found, identify(found).name if "%" in name else name
        made = open_device(self._kernel, name, vnet=True)
        self._kept.keep(key, made.fd)
        self._say(f"initialized tuntap device {made.name} (fd: {made.fd})")
        return made.fd, made.name

    def _listen(self, address: Address, kind: int) -> int:
        key = f"tuntap-router socket {address}"
        found = self._kept.get(key)
        if found is not None:
            return found
        kernel = self._kernel
        family = {Family.INET: socket.AF_INET, Family.INET6: socket.AF_INET6}.get(
            address.family, socket.AF_UNIX
        )
        self._remove_stale(address)
        fd = attempt("socket()", address, lambda: kernel.socket(family, kind))
        with self._keeping(key, fd):
            if not address.is_unix:
                attempt(
                    "setsockopt()",
                    address,
                    lambda: kernel.setsockopt(fd, socket.SOL_SOCKET, socket.SO_REUSEADDR, 1),
                )
            attempt("bind()", address, lambda: kernel.bind(fd, self._resolved(address).sockaddr()))
            if address.family is Family.UNIX:
                self._permit(address)
            attempt("listen()", address, lambda: kernel.listen(fd, self._sockets.listen))
        return fd

    def _resolved(self, address: Address) -> Address:
        if address.family is not Family.INET or not address.host:
            return address
        return replace(address, host=attempt("resolve", address, lambda: self._kernel.resolve(address.host)))

    def _remove_stale(self, address: Address) -> None:
        """Remove a socket that an earlier server left.  What is no socket is somebody's, and stays."""
        if address.family is not Family.UNIX:
            return
        try:
            facts = self._kernel.stat(address.path)
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(facts.mode):
            raise KernelError(f"{address} exists and is not a socket; remove it, or give the router another")
        attempt("unlink()", address, lambda: self._kernel.unlink(address.path))

    def _permit(self, address: Address) -> None:
        """``chmod-socket`` and ``chown-socket``."""
        mode = self._sockets.chmod
        if mode is not None:
            attempt("chmod()", address, lambda: self._kernel.chmod(address.path, mode))
        if self._sockets.chown:
            uid, gid = owner_ids(self._kernel, self._sockets.chown)
            attempt("chown()", address, lambda: self._kernel.chown(address.path, uid, gid))

    def _gateway(self, text: str) -> int:
        """A UDP socket; it joins the group where its address is one of IPv4 multicast."""
        key = f"tuntap-router gateway {text}"
        found = self._kept.get(key)
        if found is not None:
            return found
        kernel = self._kernel
        host, _, port = text.rpartition(":")
        family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
        host = host.strip("[]")
        fd = attempt("socket()", text, lambda: kernel.socket(family, socket.SOCK_DGRAM))
        with self._keeping(key, fd):
            attempt("bind()", text, lambda: kernel.bind(fd, (host or "0.0.0.0", int(port))))
            if family == socket.AF_INET and host and 224 <= int(host.partition(".")[0]) <= 239:
                group = socket.inet_aton(host) + bytes(_IN_ADDR)
                attempt(
                    "setsockopt(IP_ADD_MEMBERSHIP)",
                    text,
                    lambda: kernel.setsockopt(fd, socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group),
                )
        return fd

    @contextmanager
    def _keeping(self, key: str, fd: int) -> Iterator[None]:
        """Keep a socket once it is set up, and close it where that fails."""
        try:
            yield
            self._kernel.set_blocking(fd, False)
        except BaseException:
            self._kernel.close(fd)
            raise
        self._kept.keep(key, fd)
