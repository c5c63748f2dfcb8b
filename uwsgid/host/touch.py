"""Whether somebody touched a file.

The rules are uWSGI's (core/master_checks.c): an event is a modification time that grew, a file that appeared,
and a file that vanished.  A file that was replaced by an older one is not touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from uwsgid.interfaces import IKernel

Say = Callable[[str], None]


class Touch:
    """What is remembered of one file.  Pure: it is told what a stat found.

    :param mtime: seconds since the epoch; None where there is no file.
    """

    __slots__ = ("_mtime", "path")

    def __init__(self, path: str, mtime: float | None) -> None:
        self.path = path
        self._mtime = mtime

    def see(self, mtime: float | None) -> bool:
        """Whether the file was touched since the last look."""
        before = self._mtime
        if before is None:
            self._mtime = mtime
            return mtime is not None
        if mtime is None or mtime > before:
            self._mtime = mtime
            return True
        return False


class Touches:
    """The files of one ``touch-*`` option.

    :param say: gets the line about a file that is missing at the start.
    """

    def __init__(self, kernel: IKernel, paths: Iterable[str], say: Say) -> None:
        self._kernel = kernel
        self._touches: list[Touch] = []
        for path in paths:
            mtime = self._look(path)
            if mtime is None:
                say(f"unable to stat() {path}, events will be triggered as soon as the file is created")
            self._touches.append(Touch(path, mtime))

    def __len__(self) -> int:
        return len(self._touches)

    def touched(self) -> list[str]:
        """The paths that were touched since the last call, in the order of the configuration."""
        return [touch.path for touch in self._touches if touch.see(self._look(touch.path))]

    def _look(self, path: str) -> float | None:
        try:
            return self._kernel.stat(path).mtime
        except OSError:
            return None
