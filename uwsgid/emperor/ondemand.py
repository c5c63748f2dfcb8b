"""Vassals that run once somebody connects: where their sockets are, and who watches them meanwhile.

Which socket wakes a vassal is asked when the vassal is added; the first option that is set decides, as in
uWSGI (core/emperor.c).  The emperor binds it and never accepts: the vassal gets it as its standard input, and
the queue of the kernel keeps whoever connected while the vassal starts.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.utils import getProcessOutput
from twisted.python.failure import Failure
from zope.interface import implementer

from uwsgid.emperor.attributes import read_a_little
from uwsgid.emperor.options import EmperorOptions
from uwsgid.errors import KernelError
from uwsgid.host.addresses import Address, AddressError, Family, parse_address

Say = Callable[[str], None]

_MODE: Final = 0o666  #: of a socket in the file system (core/emperor.c, uWSGI 2.0)
_CONTROL: Final = 32  #: an address ends before the first byte below this


def first_line(text: bytes) -> str:
    """What stands before the first control character.  Pure."""
    end = next((index for index, byte in enumerate(text) if byte < _CONTROL), len(text))
    return os.fsdecode(text[:end])


def socket_in(directory: str, name: str) -> str:
    """The path of the socket of *name* in ``emperor-on-demand-directory``.  Pure."""
    return os.path.join(directory, os.path.splitext(os.path.basename(name))[0] + ".socket")


def address_of(name: str, cwd: str, options: EmperorOptions, reactor: Any, say: Say) -> Deferred[str]:
    """The address that wakes the vassal *name*; an empty text for a vassal that always runs.

    :param cwd: where its monitor looks.
    """
    if options.on_demand_extension:
        try:
            text = read_a_little(os.path.join(cwd, name) + options.on_demand_extension)
            return succeed(first_line(text))
        except FileNotFoundError:
            return succeed("")
        except OSError as error:
            say(f"[emperor] {name}{options.on_demand_extension}: {error.strerror}; {name} is not on demand")
            return succeed("")
    if options.on_demand_directory:
        return succeed(socket_in(options.on_demand_directory, name))
    if options.on_demand_exec:
        # the name as an argument: one with a quote in it is no command
        words = ["-c", f'{options.on_demand_exec} "$1"', "sh", name]
        found: Deferred[str] = getProcessOutput("/bin/sh", words, os.environ, cwd, reactor).addCallback(
            first_line
        )
        return found
    return succeed("")


def bind(text: str, cwd: str, backlog: int) -> socket.socket:
    """A listening socket at *text*: TCP where it has a colon, else a UNIX path relative to *cwd*.

    :raises KernelError: it can not be bound.
    """
    try:
        address = parse_address(text)
    except AddressError as error:
        raise KernelError(str(error)) from None
    family = {Family.INET: socket.AF_INET, Family.INET6: socket.AF_INET6}.get(address.family, socket.AF_UNIX)
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        if address.family is Family.UNIX:
            address = replace(address, path=os.path.join(cwd, address.path))
            _remove_stale(address)
        elif not address.is_unix:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address.sockaddr())
        if address.family is Family.UNIX:
            os.chmod(address.path, _MODE)
        made.listen(backlog)
    except OSError as error:
        made.close()
        raise KernelError(f"bind(): {error.strerror} [{text}]") from None
    return made


def _remove_stale(address: Address) -> None:
    """Remove a socket that was left; whatever else is there stays, since a vassal may have named it, and we
    may be root (uWSGI 2.0 removes it)."""
    try:
        if not stat.S_ISSOCK(os.lstat(address.path).st_mode):
            raise FileExistsError(errno.EEXIST, "it exists and is no socket")
        os.unlink(address.path)
    except FileNotFoundError:
        pass


@implementer(IReadDescriptor)
class Wakeup:
    """The socket of a vassal on demand.

    :ivar address: as it was written.
    """

    def __init__(self, reactor: Any, address: str, bound: socket.socket) -> None:
        self.address = address
        self._reactor = reactor
        self._socket = bound
        self._wake: Callable[[], None] | None = None

    def fileno(self) -> int:
        return self._socket.fileno()

    def logPrefix(self) -> str:
        return f"on demand {self.address}"

    @property
    def is_watched(self) -> bool:
        """Whether somebody who connects would wake the vassal."""
        return self._wake is not None

    def watch(self, wake: Callable[[], None]) -> None:
        """Call *wake* once somebody connects."""
        self._wake = wake
        self._reactor.addReader(self)

    def leave(self) -> None:
        """Watch no longer."""
        self._wake = None
        self._reactor.removeReader(self)

    def doRead(self) -> None:
        if self._wake is not None:
            self._wake()

    def connectionLost(self, reason: object) -> None:
        """The reactor stops."""

    @property
    def is_found(self) -> bool:
        """Whether those who connect to the address come here: nobody removed its file."""
        where = self._socket.getsockname()
        if self._socket.family != socket.AF_UNIX or not where or where[:1] in ("\0", b"\0"):
            return True
        try:
            return stat.S_ISSOCK(os.lstat(where).st_mode)
        except OSError:
            return False

    def close(self) -> None:
        """Give the socket up."""
        if self._socket.fileno() >= 0:
            self.leave()
            self._socket.close()


class Wakeups:
    """The sockets that wake vassals.

    The socket of a vassal that is gone is kept for a successor that comes at once: whoever connected waits
    for that.

    :param backlog: of those that are bound.
    :param complain: is given the name of a vassal, and why its address is not known.
    """

    def __init__(
        self,
        reactor: Any,
        options: EmperorOptions,
        backlog: int,
        say: Say,
        complain: Callable[[str, str], None],
    ) -> None:
        self._reactor: Final = reactor
        self._options: Final = options
        self._backlog: Final = backlog
        self._say: Final = say
        self._complain: Final = complain
        self._asking: Final[set[str]] = set()
        self._kept: Final[dict[str, tuple[str, Wakeup]]] = {}

    def __contains__(self, name: str) -> bool:
        """Whether the address of *name* is being asked for."""
        return name in self._asking

    def ask(self, name: str, cwd: str) -> Deferred[str]:
        """As `address_of`; what fails is told, and is no address."""

        def failed(failure: Failure) -> str:
            why = failure.getErrorMessage()
            self._complain(name, f"[emperor] the address of {name} can not be told: {why}")
            return ""

        def told(address: str) -> str:
            self._asking.discard(name)
            return address

        self._asking.add(name)
        asked = address_of(name, cwd, self._options, self._reactor, self._say)
        return asked.addErrback(failed).addCallback(told)

    def take(self, name: str, cwd: str, address: str) -> Wakeup | None:
        """The socket at *address*, which that of *name* was before or is now bound; None for no address.

        :param cwd: where the monitor of *name* looks.
        :raises KernelError: it can not be bound.
        """
        before, wakeup = self._kept.get(name, ("", None))
        if wakeup is not None and (before, wakeup.address) == (cwd, address) and wakeup.is_found:
            del self._kept[name]
            return wakeup
        self.drop(name)
        return Wakeup(self._reactor, address, bind(address, cwd, self._backlog)) if address else None

    def keep(self, name: str, cwd: str, wakeup: Wakeup) -> None:
        """Keep the socket of *name* for its successor.

        :param cwd: where its monitor looks.
        """
        self.drop(name)
        wakeup.leave()
        self._kept[name] = (cwd, wakeup)

    def drop(self, name: str) -> None:
        """Nobody succeeds *name*."""
        _, wakeup = self._kept.pop(name, ("", None))
        if wakeup is not None:
            wakeup.close()
