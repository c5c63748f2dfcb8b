"""Loads applications into a table of mountpoints, and says so in the lines that operators know.

A failing application is an outcome, not an exception: its traceback goes to the log, the others are loaded,
and `LoadOutcome` tells the process what uWSGI would do now (go on without it, or exit with 22).  An
application gets its number only when its callable was found, and modules that it left half imported are
forgotten, so that a second attempt starts afresh.

The zygote loads what its workers will share: collection rests while modules are imported, and `freeze` moves
all that exists afterwards out of the collector's sight, since each look at it copies pages in each worker.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, Final

from uwsgid.errors import AppError
from uwsgid.families import languages
from uwsgid.languages.outcome import LoadOutcome
from uwsgid.languages.python.options import PythonApps
from uwsgid.languages.python.targets import (
    FILE_ENDINGS,
    EvalTarget,
    FileTarget,
    ModuleTarget,
    Target,
    find_callable,
    mount_target,
)
from uwsgid.request.mount_options import Mounting
from uwsgid.request.mounts import App, Apps

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings

Say = Callable[[str], None]

#: The exit status of a process whose application failed, as in uWSGI.
FAILED_APP: Final = 22

_HOUSE: Final = str(Path(__file__).resolve().parents[2]) + os.sep


def load_apps(
    settings: Settings, apps: Apps, say: Say, *, lazy: bool = False, is_reload: bool = False
) -> LoadOutcome:
    """Load all that the configuration names, in uWSGI's order: module, file, eval, then the mounts.

    :param lazy: this is a worker that loads for itself: ``need-app`` does not end it here (core/init.c), its
        caller draws that consequence.
    :param is_reload: a generation before this one serves, and goes on where this one fails.
    """
    loader = _Loader(settings[PythonApps].callable, apps, say)
    with resting_collector():
        fatal = loader.load_all(settings)
    if fatal:
        return LoadOutcome(loader.loaded, loader.failed, FAILED_APP, fatal)
    if not apps:
        if settings[Mounting].need_app and not lazy:
            return LoadOutcome(0, loader.failed, FAILED_APP, "*** no app loaded. GAME OVER ***")
        if not (settings[Mounting].need_app or (is_reload and loader.failed)):
            say("*** no app loaded. going in full dynamic mode ***")
    return LoadOutcome(loader.loaded, loader.failed)


def load_one(mountpoint: str, target: Target, apps: Apps, say: Say) -> bool:
    """Load one application while the worker serves; False, and lines in the log, when it failed."""
    return _Loader(target.callable, apps, say).load(mountpoint, target)


class _Loader:
    """One run over a configuration."""

    def __init__(self, callable: str, apps: Apps, say: Say) -> None:
        self._callable = callable
        self._apps = apps
        self._say = say
        self.loaded = 0
        self.failed = 0

    def load_all(self, settings: Settings) -> str:
        """Load everything; the reason why the process has to leave, or an empty text."""
        chosen = settings[PythonApps]
        if chosen.module:
            self.load("", ModuleTarget.parse(chosen.module, self._callable))
        if chosen.file:
            self.load("", FileTarget(chosen.file, self._callable))
        if chosen.eval:
            self.load("", EvalTarget(chosen.eval, self._callable))
        for point, app in settings[Mounting].mounts:
            if app.endswith(_foreign_endings()):
                continue
            self._say(f"mounting {app} on {point}")
            try:
                target = mount_target(app, self._callable)
            except AppError as error:
                self._say(str(error))
                self._report_failure(point)
                self._apps.fail(point)
                continue
            if self.load(point, target):
                continue
            if app.endswith(FILE_ENDINGS):
                # a failing file ends the process, a module does not (pyloader.c, uwsgi_mount_loader)
                return f"unable to mount {app} on {point}"
            self._apps.fail(point)
        return ""

    def load(self, point: str, target: Target) -> bool:
        """Load one target; False when it failed.  An occupied mountpoint is passed over and no failure."""
        if point in self._apps:
            self._say(f"mountpoint {point} already configured. skip.")
            return True
        started = time.monotonic()
        known = len(sys.modules)
        try:
            module = target.load()
            several = _applications(module)
            if several is None:
                found = [(point, find_callable(module, target.callable, target.where))]
            else:
                self._say("found a multiapp module...")
                found = _callables(several, module, target.where)
        except AppError as error:
            self._say(str(error))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            say_traceback(error, self._say)
            forget_half_imported(target.module_name, known)
        else:
            for mountpoint, callable in found:
                self._add(mountpoint, callable, target.where, time.monotonic() - started)
            return True
        self._report_failure(point)
        return False

    def _add(self, point: str, callable: Any, name: str, seconds: float) -> None:
        try:
            app = self._apps.add(point, callable, name=name, startup_time=seconds)
        except ValueError as error:
            self._say(str(error))
            return
        self.loaded += 1
        self._say(ready_line(app, is_default=app is self._apps.default))

    def _report_failure(self, point: str) -> None:
        self.failed += 1
        number = len(self._apps)
        self._say(f"unable to load app {number} (mountpoint='{point}') (callable not found or import error)")


def _foreign_endings() -> tuple[str, ...]:
    """The endings of files that other languages mount."""
    return tuple(ending for member in languages for ending in getattr(member.part, "endings", ()))


def ready_line(app: App, *, is_default: bool) -> str:
    """What the log says of an application that can answer.

    The address tells interpreters apart; it is that of the one table of modules a process has.
    """
    return (
        f"WSGI app {app.id} (mountpoint='{app.mountpoint}') ready in {int(app.startup_time)} seconds "
        f"on interpreter {id(sys.modules):#x} pid: {os.getpid()}{' (default app)' if is_default else ''}"
    )


def _applications(module: ModuleType) -> Mapping[str, Any] | None:
    """The dictionary ``applications``, of the ``uwsgi`` module or of the application's own."""
    for owner in (sys.modules.get("uwsgi"), module):
        found = getattr(owner, "applications", None)
        if isinstance(found, dict):
            return found
    return None


def _callables(several: Mapping[str, Any], module: ModuleType, where: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for point, app in several.items():
        if not isinstance(point, str):
            raise AppError(f"the app mountpoint must be a string, not {point!r}, in file {where}")
        if isinstance(app, str):
            app = find_callable(module, app, where)
        elif not callable(app):
            raise AppError(f"the app at {point!r} must be a string or a callable in file {where}")
        found.append((point, app))
    return found


def forget_half_imported(name: str, known: int) -> None:
    """Drop the modules of the package of *name* that an import which failed left behind.

    Python itself takes away the module that raised, and leaves those that it had imported before.

    :param known: how many modules were there before the attempt; those stay.  Only counted, since whoever
        touches their names copies the pages on which they are.
    """
    top = name.partition(".")[0]
    for other in list(sys.modules)[known:]:
        if other == top or other.startswith(top + "."):
            del sys.modules[other]


def say_traceback(error: BaseException, say: Say) -> None:
    """Write a traceback line by line, from the first frame that is not the house's or the import system's."""
    for line in format_traceback(error):
        say(line)


def format_traceback(error: BaseException) -> list[str]:
    """The lines of `say_traceback`."""
    text = "".join(traceback.format_exception(type(error), error, _own_frames(error.__traceback__)))
    return text.rstrip("\n").split("\n")


def _own_frames(frames: TracebackType | None) -> TracebackType | None:
    first = frames
    while first is not None and _is_machinery(first.tb_frame.f_code.co_filename):
        first = first.tb_next
    return first


def _is_machinery(filename: str) -> bool:
    return (
        filename.startswith((_HOUSE, "<frozen importlib", "<frozen runpy"))
        or os.path.dirname(filename) == _IMPORTLIB
    )


_IMPORTLIB: Final = os.path.dirname(sys.modules["importlib"].__file__ or "")


@contextlib.contextmanager
def resting_collector() -> Iterator[None]:
    """No cyclic garbage collection within; afterwards it is as it was."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def freeze() -> None:
    """Let the collector never look again at what exists now, so that workers share its pages.

    There is no collection before, as the manual of `gc` advises: the holes that it leaves would be filled,
    and so copied, in each worker.
    """
    gc.freeze()


def threads_alive() -> list[str]:
    """The names of the threads of this process besides the main one.

    Threads of C libraries are there as well, by the name that the kernel has for them.

    A fork keeps the calling thread alone: what these held locked stays locked in the child.
    """
    try:
        if os.listdir("/proc/self/task") == [str(os.getpid())]:
            return []
    except OSError:
        pass  # a root without /proc
    python = {thread.native_id: thread.name for thread in threading.enumerate()}
    main = threading.main_thread().native_id
    others = [thread.name for thread in threading.enumerate() if thread.native_id != main]
    try:
        entries = {int(path.name): path for path in Path("/proc/self/task").iterdir()}
    except OSError:
        return others  # a root without /proc
    if os.getpid() not in entries:
        return others  # the /proc of another pid namespace
    names = []
    for task, entry in sorted(entries.items()):
        if task in (main, os.getpid()):
            continue
        if task in python:
            names.append(python[task])
            continue
        with contextlib.suppress(OSError):  # it ended meanwhile
            names.append(f"{(entry / 'comm').read_text().strip()} (thread {task} of a library)")
    return names
