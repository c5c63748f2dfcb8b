"""Buries what dead vassals left behind: an emperor that is a child subreaper is the last parent of it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final

from uwsgid.host.children import Orphans
from uwsgid.interfaces import IKernel

_A_WHILE: Final = 1.0  #: seconds in which whoever knows a child reaps it


class Undertaker:
    """Reaps the children that nobody knows.

    :param known: the process ids that somebody waits for.
    """

    def __init__(self, reactor: Any, kernel: IKernel, known: Callable[[], Collection[int]]) -> None:
        self._reactor: Final = reactor
        self._orphans: Final = Orphans(kernel)
        self._known: Final = known
        self._call: Any = None

    def look_later(self) -> None:
        """Look in a while, and once more where somebody was spared then."""
        if self._call is None:
            self._call = self._reactor.callLater(_A_WHILE, self._look)

    def _look(self) -> None:
        self._call = None
        before = self._orphans.suspects
        self._orphans.sweep(self._known())
        if self._orphans.suspects and self._orphans.suspects != before:
            self.look_later()

    def stop(self) -> None:
        """Look no more."""
        if self._call is not None:
            self._call.cancel()
            self._call = None
