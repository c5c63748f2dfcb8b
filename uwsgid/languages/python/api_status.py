"""Functions of the ``uwsgi`` module about the processes of the instance.

Texts come as bytes, as from uWSGI under Python 3 (plugins/python/uwsgi_pymodule.c).
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any, Literal

from uwsgid.families import api_functions
from uwsgid.host.facts import memory_of
from uwsgid.host.title import find_area, set_title
from uwsgid.languages.python.context import as_bytes, as_text, here
from uwsgid.supervise.appfacts import app_facts
from uwsgid.supervise.board import Phase
from uwsgid.supervise.rows import api_rows

#: How much of a warning message is kept (core/uwsgi.h, 81 with its NUL).
WARNING_LIMIT = 80


@api_functions.member("reload")
def reload() -> Literal[True]:
    """Ask the master for a graceful reload."""
    here.ask("reload")
    return True


@api_functions.member("stop")
def stop() -> Literal[True]:
    """Ask the master to stop the instance."""
    here.ask("stop")
    return True


@api_functions.member("masterpid")
def masterpid() -> int:
    """The process id of the master."""
    return here.household.master_pid if here.household is not None else 0


@api_functions.member("worker_id")
def worker_id() -> int:
    """The number of this worker, from 1; 0 in any other process."""
    return here.serving.slot if here.serving is not None else 0


@api_functions.member("mule_id")
def mule_id() -> int:
    """The number of this mule; always 0, since there are no mules yet."""
    return 0


@api_functions.member("i_am_the_spooler")
def i_am_the_spooler() -> None:
    """True in a spooler, else None; always None, since there are no spoolers yet."""


@api_functions.member("total_requests")
def total_requests() -> int:
    """How many requests the instance has answered since it started."""
    return here.board.total_requests()


@api_functions.member("request_id")
def request_id() -> int:
    """How many requests this worker has answered."""
    serving = here.need_serving()
    return serving.board.requests[serving.seat]


@api_functions.member("mem")
def mem() -> tuple[int, int]:
    """``(rss, vsz)`` of this process, bytes."""
    size = memory_of(os.getpid())
    return size.rss, size.vsz


@api_functions.member("micros")
def micros() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


@api_functions.member("listen_queue")
def listen_queue(socket: int = 0) -> int:
    """How many connections wait on a socket of the instance.

    :raises ValueError: when there is no socket of that number.
    """
    household = here.household
    listeners = household.listeners if household is not None else ()
    if household is None or not 0 <= socket < len(listeners):
        raise ValueError(f"there is no socket {socket}, the instance has {len(listeners)}")
    return household.kernel.queue_length(listeners[socket].fd)[0]


@api_functions.member("workers")
def workers() -> tuple[dict[str, Any], ...]:
    """A dict for each worker, with the keys that uWSGI gives."""
    apps = {app.id: app for app in here.apps} if here.apps is not None else {}
    rows = api_rows(here.board, app_facts(apps.values()))
    for row in rows:
        row["status"] = as_bytes(row["status"])
        for facts in row["apps"]:
            facts["interpreter"], facts["callable"] = id(sys.modules), id(apps[facts["id"]].callable)
            facts["mountpoint"], facts["chdir"] = as_bytes(facts["mountpoint"]), as_bytes(facts["chdir"])
    return tuple(rows)


@api_functions.member("setprocname")
def setprocname(name: str | bytes) -> None:
    """Give this process the title that ps shows."""
    title = as_text(name)
    if here.household is not None:
        here.household.kernel.set_process_title(title)
    else:
        set_title(title, find_area())


@api_functions.member("set_warning_message")
def set_warning_message(text: str | bytes) -> Literal[True]:
    """Tell the operator something, by a line of the log; 80 characters of it.

    That is all that becomes of it.  uWSGI logs nothing and tells it to whoever pings the instance
    (plugins/ping/ping.c).
    """
    here.warning = as_text(text)[:WARNING_LIMIT]
    here.say(f"*** warning of the application: {here.warning} ***")
    return True


@api_functions.member("ready")
def ready() -> bool:
    """Whether this worker answers requests, or is about to."""
    serving = here.serving
    return serving is not None and serving.board.phase[serving.seat] in (Phase.BORN, Phase.READY)


@api_functions.member("ready_fd")
def ready_fd() -> int:
    """The descriptor that woke this core; -1, since cores do not sleep on descriptors of applications."""
    return -1


@api_functions.member("accepting")
def accepting() -> None:
    """Tell the world that this worker accepts requests, from an application that has a loop of its own."""
    serving = here.need_serving()
    serving.board.phase[serving.seat] = Phase.READY
