"""Wakes the emperor when a directory of vassals changes, by inotify.

What exactly changed is not looked at: a look at the directory tells.  Changes come in bursts, as when a file
is created and then written to, so the emperor is called when a burst is over, or has lasted for long enough.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer

from uwsgid.host import syscalls

QUIET: Final = 0.1  #: seconds without a change after which a burst is over
PATIENCE: Final = 0.5  #: seconds that a burst may last
_BATCH: Final = 65536


@implementer(IReadDescriptor)
class DirectoryWatch:
    """Calls *changed* after changes in the directories that are watched.

    Without inotify, where the kernel or a limit of it refuses, nothing is watched, and whoever looks every
    few seconds sees it then.
    """

    def __init__(self, reactor: Any, changed: Callable[[], None], say: Callable[[str], None]) -> None:
        self._reactor: Final = reactor
        self._changed: Final = changed
        self._say: Final = say
        self._since = 0.0
        self._call: Any = None
        self._refused: set[str] = set()
        self._files: set[tuple[int, int]] = set()
        try:
            self._fd = syscalls.inotify_init()
        except OSError as error:
            say(f"[emperor] inotify: {error.strerror}; changes are found every few seconds")
            self._fd = -1
        else:
            reactor.addReader(self)

    def watch(self, directories: Iterable[str]) -> None:
        """Watch these as well; one that is watched already may have been made anew meanwhile."""
        if self._fd < 0:
            return
        for path in directories:
            try:
                syscalls.inotify_add_directory(self._fd, path)
            except FileNotFoundError:
                pass
            except OSError as error:
                if path not in self._refused:
                    self._refused.add(path)
                    self._say(f"[emperor] inotify: {error.strerror} [{path}]; changes are found later")

    def watch_files(self, files: Mapping[tuple[int, int], str]) -> None:
        """Watch these files and no others: device and inode, and a path that leads there."""
        if self._fd < 0:
            return
        for identity in files.keys() - self._files:
            try:
                syscalls.inotify_add_file(self._fd, files[identity])
            except OSError:
                continue  # it is gone already, or there is no room: then it is found by a look
        # the kernel forgets those that were removed; one that is still somewhere wakes us in vain
        self._files = set(files)

    def fileno(self) -> int:
        return self._fd

    def logPrefix(self) -> str:
        return "inotify"

    def doRead(self) -> None:
        try:
            os.read(self._fd, _BATCH)
        except (BlockingIOError, InterruptedError):
            return
        now = self._reactor.seconds()
        if self._call is None:
            self._since = now
        else:
            self._call.cancel()
        self._call = self._reactor.callLater(min(QUIET, max(0.0, self._since + PATIENCE - now)), self._tell)

    def _tell(self) -> None:
        self._call = None
        self._changed()

    def connectionLost(self, reason: object) -> None:
        """The reactor stops."""
        self.close()

    def close(self) -> None:
        """Watch nothing any more."""
        if self._call is not None:
            self._call.cancel()
            self._call = None
        if self._fd >= 0:
            self._reactor.removeReader(self)
            os.close(self._fd)
            self._fd = -1
