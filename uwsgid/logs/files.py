"""The file engine: one log file, appended to, reopened, and set aside when it grows too large.

`FileLogger` is what ``logto`` names and the member ``file`` of the family of loggers.  Who else writes to the
file by descriptors 1 and 2 follows it to a new one: those descriptors are its *followers*.

The other things ``logto`` can be, a datagram socket and whatever descriptor 2 was at the start, are
`DatagramLogger` and `DescriptorLogger`.
"""

from __future__ import annotations

import math
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from uwsgid.config.settings import Settings
from uwsgid.errors import ConfigError, KernelError
from uwsgid.families import loggers
from uwsgid.host.privileges import Privileges
from uwsgid.logs.options import LogFile
from uwsgid.logs.pipeline import PartlyKept

FILE_MODE: Final = 0o640  #: of a new log file (core/logging.c, logto)
#: Bytes under which a file is not set aside twice between two of the checks that come once a second, so that
#: a tiny ``log-maxsize`` does not fill a folder with files.
BURST: Final = 1 << 20


class DescriptorLogger:
    """Writes to a descriptor that somebody else opened.

    Of a record that the kernel took in part the rest is written first the next time, so that none is torn.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._torn = b""  # the record that was written in part, and the part of it that is missing
        self._rest = b""

    def write(self, records: Sequence[bytes]) -> None:
        """All *records* in one write, where the kernel takes them at once.

        :raises PartlyKept: the first of them are written, the others not.
        :raises OSError: none is, as the kernel says.
        """
        data = b"".join((self._rest, *records))
        done = 0
        try:
            done = os.write(self.descriptor, data)
            while done < len(data):
                done += os.write(self.descriptor, data[done:])
        except OSError as error:
            if not done:
                raise
            end, kept = len(self._rest), 0
            while end < done:
                end += len(records[kept])
                kept += 1
            self._rest = data[done:end]
            if kept:
                self._torn = records[kept - 1]
            raise PartlyKept(error, kept) from None
        self._rest = b""

    def reopen(self) -> None:
        """Nothing: there is no name to open again."""

    def rotate(self) -> None:
        """Nothing, for the same reason."""

    def check_size(self) -> None:
        """Nothing, for the same reason."""

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.descriptor)


class DatagramLogger(DescriptorLogger):
    """Sends each record as a datagram to ``host:port``.

    :raises KernelError: the address does not resolve or can not be reached.
    """

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        try:
            family, kind, protocol, _, target = socket.getaddrinfo(
                host.strip("[]") or "127.0.0.1", int(port), type=socket.SOCK_DGRAM
            )[0]
            with socket.socket(family, kind, protocol) as made:
                made.connect(target)
                super().__init__(made.detach())
        except (OSError, ValueError, OverflowError) as error:
            raise KernelError(f"can not log to {address}: {error}; expected host:port") from None

    def write(self, records: Sequence[bytes]) -> None:
        """One datagram for each record; one that nobody receives is lost, as datagrams are."""
        for record in records:
            try:
                os.write(self.descriptor, record)
            except ConnectionRefusedError:
                pass


@loggers.member("file")
class FileLogger(DescriptorLogger):
    """Appends to a file.  It does not matter which thread calls.

    :param path: its name; made with mode 0640 where it is missing.
    :param max_size: bytes beyond which the file is set aside; 0 never does.
    :param backup_name: the name it gets then; the path, a dot and the unix time where empty.
    :param mode: what the file's mode is set to, where given.
    :param owner: uid and gid the file is given to, where given.
    :param truncate: empty the file first.
    :param followers: descriptors that are made to point to the same file, now and after each reopening.
    :param descriptor: the file as somebody has opened it before us, in place of opening it.
    :param clock: unix seconds.
    :raises KernelError: the file can not be opened.
    """

    def __init__(
        self,
        path: str,
        *,
        max_size: int = 0,
        backup_name: str = "",
        mode: int | None = None,
        owner: tuple[int, int] | None = None,
        truncate: bool = False,
        followers: Sequence[int] = (),
        descriptor: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = path
        self.followers = tuple(followers)
        self._max_size = max_size
        self._limit: float = max_size or math.inf
        self._lock = threading.Lock()
        self._complaint = ""
        self._seen = 0
        self._backup_name = backup_name
        self._mode = mode
        self._owner = owner
        self._clock = clock
        super().__init__(self._open(truncate) if descriptor is None else descriptor)
        self._lead()

    @classmethod
    def from_argument(cls, argument: str, settings: Settings) -> FileLogger:
        """What ``logger = file:…`` names: a path, or ``logfile=…,backupname=…,maxsize=…`` (uWSGI 2.0).

        A relative path begins in the directory of ``chdir``, which is where uWSGI is when it opens loggers.

        :raises ConfigError: a key that nobody knows, or a size that is no number.
        :raises KernelError: the file can not be opened.
        """
        path, backup, size = _file_argument(argument)
        folder = settings[Privileges].chdir
        return cls(
            os.path.abspath(os.path.join(folder, path)),
            backup_name=backup and os.path.abspath(os.path.join(folder, backup)),
            max_size=size,
        )

    @classmethod
    def check_argument(cls, argument: str, settings: Settings) -> None:
        """:raises ConfigError: as `from_argument`."""
        _file_argument(argument)

    def write(self, records: Sequence[bytes]) -> None:
        """As `DescriptorLogger.write`; then set the file aside where it has become too large."""
        with self._lock:
            super().write(records)
            if self._limit is not math.inf and self._size() > self._limit:
                self._rotate()

    def reopen(self) -> None:
        """Open the path again, as after somebody renamed the file.  The old file stays where that fails."""
        with self._lock:
            self._complaint = ""
            self._note(f"logsize: {self._size()}, triggering log-reopen...")
            if self._replace():
                self._note(f"{self.path} reopened.")

    def rotate(self) -> None:
        """Set the file aside and begin a new one.

        A backup that has the name of ``log-backupname`` is overwritten.  One that got the time is not: the
        next of the same second gets a number as well.
        """
        with self._lock:
            self._complaint = ""
            self._rotate()

    def check_size(self) -> None:
        """Rotate where the file is larger than ``log-maxsize``; to be called about once a second.

        A file that somebody removed is made anew, since nobody can read the old one any more.
        """
        with self._lock:
            self._limit = self._max_size or math.inf
            size = self._size()
            if not self.followers and self._removed():
                gone = size - self._seen
                if self._replace():
                    self._note(f"{self.path} was removed with {gone} bytes since the last look at it")
                else:
                    self._seen += self._size() - size  # what this said nobody misses
                return
            self._seen = size
            if self._max_size and size > self._max_size:
                self._rotate()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            super().close()

    def _size(self) -> int:
        try:
            return os.fstat(self.descriptor).st_size
        except OSError:
            return 0

    def _removed(self) -> bool:
        try:
            found = os.fstat(self.descriptor)
            return found.st_nlink == 0 and not os.path.samestat(found, os.stat(self.path))
        except FileNotFoundError:
            return True
        except OSError:
            return False

    def _note(self, text: str) -> None:
        try:
            super().write([f"[{int(self._clock())}] {text}\n".encode("utf-8", "surrogateescape")])
        except OSError:
            pass

    def _complain(self, text: str) -> None:
        """Say what fails, and not again for as long as it fails in the same way."""
        if text != self._complaint:
            self._complaint = text
            self._note(text)

    def _rotate(self) -> None:
        self._limit = math.inf  # until the next check, should this fail
        backup = self._backup_name or self._free_name()
        failure = f"can not rename {self.path} to {self._backup_name or f'{self.path}.UNIXTIME'}"
        if not self._complaint:
            self._note(f"logsize: {self._size()}, triggering rotation to {backup}...")
        try:
            os.rename(self.path, backup)
        except FileNotFoundError:
            if os.path.lexists(self.path):
                self._complain(f"{failure}: its folder is missing")
                return
        except OSError as error:
            self._complain(f"{failure}: {error.strerror}")
            return
        # somebody may have renamed it before us: then this begins the new file
        if self._replace() and self._max_size:
            self._limit = max(self._max_size, BURST)

    def _free_name(self) -> str:
        first = name = f"{self.path}.{int(self._clock())}"
        number = 0
        while os.path.lexists(name):
            number += 1
            name = f"{first}.{number}"
        return name

    def _replace(self) -> bool:
        """Go over to the file that has our name now."""
        try:
            fresh = self._open(truncate=False)
        except KernelError as error:
            self._complain(str(error))
            return False
        if self._rest:
            try:
                super().write(())
            except OSError:
                self._rest = self._torn
        self._complaint = ""
        self._seen = 0
        old, self.descriptor = self.descriptor, fresh
        os.close(old)
        self._lead()
        return True

    def _open(self, truncate: bool) -> int:
        how = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | (os.O_TRUNC if truncate else 0)
        try:
            descriptor = os.open(self.path, how, FILE_MODE)
        except OSError as error:
            raise KernelError(
                f"can not open the log file {self.path}: {error.strerror}; "
                "its folder must exist and be writable by the user that opens it"
            ) from None
        try:
            if self._mode is not None:
                os.fchmod(descriptor, self._mode)
            if self._owner is not None:
                os.fchown(descriptor, *self._owner)
        except OSError as error:
            os.close(descriptor)
            raise KernelError(
                f"can not change owner or mode of the log file {self.path}: {error.strerror}"
            ) from None
        return descriptor

    def _lead(self) -> None:
        for follower in self.followers:
            os.dup2(self.descriptor, follower)


def _file_argument(argument: str) -> tuple[str, str, int]:
    """Path, name of the backup and largest size."""
    if not argument:
        raise ConfigError("file: expected the path of a file, such as file:/var/log/shop.log")
    if not argument.startswith(("logfile=", "backupname=", "maxsize=")):
        return argument, "", 0
    given = dict(pair.partition("=")[::2] for pair in argument.split(","))
    path, backup, size = (given.pop(key, "") for key in ("logfile", "backupname", "maxsize"))
    if given or not path or not (size or "0").isdecimal():
        raise ConfigError(f"file:{argument}: expected logfile=PATH[,backupname=PATH][,maxsize=BYTES]")
    return path, backup, int(size or 0)


def open_destination(
    target: str,
    settings: Settings,
    *,
    owner: tuple[int, int] | None = None,
    followers: Sequence[int] = (),
    descriptor: int | None = None,
    again: bool = False,
) -> DescriptorLogger:
    """What ``logto``, ``logto2`` or ``daemonize`` names.

    :param target: ``host:port`` where it has a colon and no slash, else a path (core/logging.c, logto).
    :param owner: uid and gid for ``logfile-chown``.
    :param followers: see `FileLogger`; pointed to the socket as well.
    :param descriptor: the file as an earlier life of this process has opened it; taken over, or closed where
        the target is no file.
    :param again: this is a reload, which ``log-truncate`` does not mean.
    :raises KernelError: it can not be opened.
    """
    options = settings[LogFile]
    if ":" in target and "/" not in target:
        remote = DatagramLogger(target)
        if descriptor is not None:
            os.close(descriptor)
        for follower in followers:
            os.dup2(remote.descriptor, follower)
        return remote
    return FileLogger(
        os.path.abspath(target),
        max_size=options.max_size,
        backup_name=options.backup_name,
        mode=options.chmod,
        owner=owner if options.chown else None,
        truncate=options.truncate and not again,
        followers=followers,
        descriptor=descriptor,
    )
