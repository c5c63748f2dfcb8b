"""``py-auto-reload``: reloads the instance when a module that was imported changes on the disk.

A thread of worker 1 looks at the files of all modules every so many seconds and asks the master for a
graceful reload.  It goes on looking afterwards: where the new generation can not import what was just saved,
this one keeps serving, and the next save is noticed as well.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Final

from uwsgid.config.kinds import Seconds, Texts
from uwsgid.config.section import Section, option, section

#: Modules of the house do not change for an application, and a reload would not import them again.
_HOUSE: Final = __name__.partition(".")[0]


@section("Python")
class AutoReload(Section):
    """Reloads when the code of the application changes."""

    interval: Seconds = option(
        "py-auto-reload",
        "py-autoreload",
        "python-auto-reload",
        "python-autoreload",
        default=0,
        implies=("master", "enable-threads"),
        help="look for changed modules every so many seconds, and reload; for development",
    )
    ignored: Texts = option("py-auto-reload-ignore", default=(), help="a module whose changes do not matter")


def modification_time(path: str) -> float | None:
    """When a file was changed; None where it is gone."""
    try:
        return os.stat(path).st_mtime
    except OSError:
        return None


def module_files(ignored: Iterable[str]) -> list[str]:
    """The source files of the modules that are imported now."""
    skipped = {*ignored, "__main__"}
    files = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and name not in skipped and name.partition(".")[0] != _HOUSE:
            files.append(file.removesuffix("c") if file.endswith(".pyc") else file)
    return files


class ChangeDetector:
    """Remembers when files were changed.

    :param modified: the time of a path, or None.
    """

    def __init__(self, modified: Callable[[str], float | None] = modification_time) -> None:
        self._modified = modified
        self._seen: dict[str, float] = {}

    def changes(self, files: Iterable[str]) -> list[str]:
        """Those of *files* that changed since they were first looked at, each change once.

        A file that is gone is no change: editors take files away for a moment while they save.
        """
        changed = []
        for file in dict.fromkeys(files):
            now = self._modified(file)
            if now is None:
                continue
            before = self._seen.get(file)
            self._seen[file] = now
            if before is not None and now != before:
                changed.append(file)
        return changed


class Reloader:
    """Looks for changes until `stop`.

    :param ask: says ``reload`` to the master.
    """

    def __init__(
        self,
        chosen: AutoReload,
        say: Callable[[str], None],
        ask: Callable[[str], None],
        detector: ChangeDetector | None = None,
    ) -> None:
        self._chosen = chosen
        self._say = say
        self._ask = ask
        self._detector = detector if detector is not None else ChangeDetector()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="py-auto-reload", daemon=True)

    def look(self) -> None:
        """Look once; say what changed, and ask for a reload if anything did."""
        changed = self._detector.changes(module_files(self._chosen.ignored))
        for file in changed:
            self._say(f"[uwsgi-python-reloader] module/file {file} has been modified")
        if changed:
            self._ask("reload")

    def start(self) -> None:
        """Look from now on, in a thread."""
        self._say("Python auto-reloader enabled")
        self.look()
        self._thread.start()

    def stop(self) -> None:
        """Look no more; returns when the thread has ended."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._chosen.interval):
            self.look()
