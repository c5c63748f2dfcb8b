"""The manhole of a worker: what statements there know, and where its door is."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any, Final

from uwsgid._version import __version__
from uwsgid.manhole.names import Name, with_help
from uwsgid.manhole.options import Manhole, worker_path
from uwsgid.manhole.thread import ThreadDoor, open_door, open_hatch
from uwsgid.manhole.views import BoardView, LogView, Rows, SettingsView, Worker
from uwsgid.supervise.appfacts import app_facts

if TYPE_CHECKING:
    from uwsgid.request.serving import Serving


#: Whoever called this module is of no interest: it is how the process was born.
_BEGINS: Final = "uwsgid/worker/role.py"


class ThisWorker(Worker):
    """The worker that runs these statements."""

    def __init__(self, serving: Serving) -> None:
        super().__init__(serving.board, serving.slot, lambda: app_facts(serving.apps))
        self._serving = serving

    def _seat(self) -> int:
        return self._serving.seat  # not that of another generation in the same slot

    @property
    def pid(self) -> int:
        """Its process, which is this one."""
        return os.getpid()

    @property
    def is_leaving(self) -> bool:
        """Whether it accepts nothing more."""
        return self._serving.farewell.due

    def leave(self) -> None:
        """Let it go after what it has in hand; the master replaces it."""
        os.kill(os.getpid(), signal.SIGHUP)


def threads() -> None:
    """Print where each thread of this process is, but for those of the manhole."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():
        name = names.get(ident, str(ident))
        if not name.startswith("manhole"):
            stack = traceback.extract_stack(frame)
            begins = [at for at, each in enumerate(stack) if each.filename.endswith(_BEGINS)]
            print(f"{name}:")
            print("".join(traceback.format_list(stack[begins[-1] if begins else 0 :])), end="")


def worker_names(serving: Serving) -> tuple[Name, ...]:
    """What statements in the manhole of a worker know."""
    return with_help(
        (
            Name("worker", ThisWorker(serving), "this worker: its slot, requests, what it is working on"),
            Name("apps", AppsView(serving), "the applications by number: apps[0].callable is what answers"),
            Name(
                "uwsgi", sys.modules.get("uwsgi"), "the module that applications import; None without Python"
            ),
            Name(
                "settings",
                SettingsView(serving.settings),
                "the configuration: settings.harakiri is what holds",
            ),
            Name("board", BoardView(serving.board), "the shared memory of all processes, by columns"),
            Name("threads()", threads, "where each thread of this worker is, as a stack"),
            Name("log", LogView(serving.say), 'the log: log("text")'),
            Name("serving", serving, "the live object that loops serve with, for those who know the source"),
        )
    )


class AppsView(Rows):
    """The applications of this worker: shown as a table, taken by number as they are."""

    def __init__(self, serving: Serving) -> None:
        super().__init__(lambda: [_row(app) for app in serving.apps], "no application")
        self._apps = serving.apps

    def __getitem__(self, at: Any) -> Any:
        return self._apps[at]


def _row(app: Any) -> dict[str, Any]:
    return {
        "id": app.id,
        "mountpoint": app.mountpoint,
        "name": app.name,
        "requests": app.requests,
        "exceptions": app.exceptions,
    }


def open_manhole(serving: Serving, hatch: socket.socket | None) -> list[ThreadDoor]:
    """Open the doors of a worker that is about to accept; those that can be.

    :param hatch: where the master hands on who came to it by ssh; None where nobody does.
    """
    python = ".".join(map(str, sys.version_info[:3]))
    line = (
        f"uwsgid {__version__} on Python {python}, worker {serving.slot} (pid {os.getpid()}).  "
        "help() tells what is here, Ctrl-D leaves."
    )
    names, whose = worker_names(serving), f" of worker {serving.slot}"
    doors = (
        open_door(worker_path(place.path, serving.slot), names, serving.say, greeting=line, whose=whose)
        for place in serving.settings[Manhole].sockets
    )
    found = [door for door in doors if door is not None]
    if hatch is not None:
        found.append(open_hatch(hatch, names, serving.say, greeting=line, whose=whose))
    return found
