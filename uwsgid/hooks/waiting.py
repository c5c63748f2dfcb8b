"""Actions that wait until something is there: ``wait_for_fs`` and its kin.

The options of those names are in `uwsgid.host.waits`, with the limits, ``wait-for-fs-timeout`` and
``wait-for-socket-timeout``, that count for the actions as well.
"""

from __future__ import annotations

import errno
import math
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

from uwsgid.families import hook_actions
from uwsgid.hooks.arguments import only
from uwsgid.hooks.scene import Doing, Failed, Pause, Scene
from uwsgid.host.addresses import Address, parse_address
from uwsgid.host.waits import DEFAULT, EVERY, PathKind, Waits, family_of, is_there, reason_of, sockaddr_of
from uwsgid.interfaces import IKernel


def _wait(scene: Scene, what: str, seconds: int, is_ready: Callable[[], str]) -> Doing:
    """Look until *is_ready* returns no reason any more.

    :raises Failed: the time is over.
    """
    limit = seconds or DEFAULT
    looks = math.ceil(limit / EVERY)
    for look in range(looks + 1):
        reason = is_ready()
        if not reason:
            return
        if not look:
            scene.say(
                f"waiting for {'something private' if scene.private else what} (max {limit} seconds) ..."
            )
        if look < looks:
            yield Pause(EVERY)
    raise Failed(
        f"{what} unavailable after {limit} seconds: {reason}", f"unavailable after {limit} seconds: {reason}"
    )


@dataclass(frozen=True, slots=True)
class _WaitForPath:
    """The base of waits for a path."""

    path: str
    name: ClassVar[str]
    kind: ClassVar[PathKind]

    @classmethod
    def parse(cls, text: str) -> Self:
        """A path."""
        return cls(only(text, cls.name, "<path>"))

    def perform(self, scene: Scene) -> Doing:
        """Wait."""

        def is_ready() -> str:
            try:
                here = is_there(scene.kernel, self.path, self.kind)
            except OSError as error:
                return reason_of(error)
            return "" if here else f"it is not {self.kind.value}"

        yield from _wait(scene, self.path, scene.settings[Waits].fs_timeout, is_ready)


@hook_actions.member("wait_for_fs")
@dataclass(frozen=True, slots=True)
class WaitForPath(_WaitForPath):
    """``wait_for_fs:<path>`` waits until something is there."""

    name: ClassVar[str] = "wait_for_fs"
    kind: ClassVar[PathKind] = PathKind.ANY


@hook_actions.member("wait_for_file")
@dataclass(frozen=True, slots=True)
class WaitForFile(_WaitForPath):
    """``wait_for_file:<path>`` waits until a regular file is there."""

    name: ClassVar[str] = "wait_for_file"
    kind: ClassVar[PathKind] = PathKind.FILE


@hook_actions.member("wait_for_dir")
@dataclass(frozen=True, slots=True)
class WaitForDirectory(_WaitForPath):
    """``wait_for_dir:<path>`` waits until a directory is there."""

    name: ClassVar[str] = "wait_for_dir"
    kind: ClassVar[PathKind] = PathKind.DIRECTORY


@hook_actions.member("wait_for_socket")
@dataclass(frozen=True, slots=True)
class WaitForSocket:
    """``wait_for_socket:<address>`` waits until a connection to an address succeeds."""

    address: Address

    @classmethod
    def parse(cls, text: str) -> Self:
        """An address, as of the option ``wait-for-socket``."""
        address = parse_address(only(text, "wait_for_socket", "<address>"))
        if not (address.is_unix or address.is_tcp) or address.is_pattern or address.auto_port:
            raise ValueError(f"expected the address of a socket that somebody listens on, got {text!r}")
        return cls(address)

    def perform(self, scene: Scene) -> Doing:
        """Wait."""
        attempt = _Attempt(scene.kernel, self.address)
        try:
            yield from _wait(
                scene, f"socket {self.address}", scene.settings[Waits].socket_timeout, attempt.problem
            )
        finally:
            attempt.give_up()


class _Attempt:
    """Connects without waiting, since there may be a reactor: a host that never answers takes minutes."""

    def __init__(self, kernel: IKernel, address: Address) -> None:
        self._kernel = kernel
        self._address = address
        self._fd = -1

    def problem(self) -> str:
        """Begin or go on; why there is no connection (yet), or nothing where there is one."""
        try:
            if self._fd < 0:
                self._fd = self._kernel.socket(family_of(self._address), socket.SOCK_STREAM)
                self._kernel.set_blocking(self._fd, False)
            self._kernel.connect(self._fd, sockaddr_of(self._kernel, self._address))
        except OSError as error:
            if error.errno == errno.EISCONN:
                return ""
            if error.errno not in (errno.EINPROGRESS, errno.EALREADY):
                self.give_up()
            return reason_of(error)
        return ""

    def give_up(self) -> None:
        """Close what is open."""
        if self._fd >= 0:
            self._kernel.close(self._fd)
            self._fd = -1
