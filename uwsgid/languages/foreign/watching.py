"""Reloads the instance when a file of an application in another language changes on the disk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from uwsgid.languages.python.autoreload import ChangeDetector

if TYPE_CHECKING:
    from uwsgid.languages.foreign.language import Plan


class Watcher:
    """Looks at files every so many seconds, in a thread of worker 1.

    :param files: those that are known now.
    :param ask: says ``reload`` to the master.
    """

    def __init__(
        self,
        plan: Plan,
        files: Callable[[], Iterable[str]],
        say: Callable[[str], None],
        ask: Callable[[str], None],
    ) -> None:
        self._plan = plan
        self._files = files
        self._say = say
        self._ask = ask
        self._detector = ChangeDetector()
        self._stopped = threading.Event()

    def look(self) -> None:
        """Look once; say what changed, and ask for a reload if anything did."""
        changed = self._detector.changes(list(self._files()))
        for file in changed:
            self._say(f"[{self._plan.tag}-auto-reloader] module/file {file} has been modified")
        if changed:
            self._ask("reload")

    def start(self) -> None:
        """Look from now on."""
        self._say(f"{self._plan.language} auto-reloader enabled")
        self.look()
        threading.Thread(target=self._run, name=f"{self._plan.language} auto-reload", daemon=True).start()

    def _run(self) -> None:
        while not self._stopped.wait(self._plan.watch):
            self.look()
