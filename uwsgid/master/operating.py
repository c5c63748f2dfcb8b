"""What an operator finds in the manhole of the master: its names, and the small objects behind them.

Each of them says what there is in a few words and gives orders in the words of the master's own verbs.  The
parts of the master are behind ``service``, for those who know the source.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from uwsgid._version import __version__
from uwsgid.config.settings import Settings
from uwsgid.errors import UwsgidError
from uwsgid.manhole.names import Name, View, table, with_help
from uwsgid.manhole.views import BoardView, LogView, Rows, SettingsView, Worker, Workers, moment
from uwsgid.stats.client import read_all
from uwsgid.stats.report import report
from uwsgid.tuntap import asking
from uwsgid.tuntap.options import TunTapRouter

if TYPE_CHECKING:
    from uwsgid.master.inheritance import Inheritance
    from uwsgid.master.service import Master

#: Seconds within which an emperor has to tell of its vassals; the master waits for it.
_ANSWER_TAKES = 2.0


class MasterView(View):
    """The master itself."""

    def __init__(self, master: Master, inheritance: Inheritance) -> None:
        self._master = master
        self._house = inheritance.household
        self._inheritance = inheritance

    @property
    def pid(self) -> int:
        """Its process."""
        return os.getpid()

    @property
    def user(self) -> int:
        """The number of its user."""
        return os.geteuid()

    @property
    def version(self) -> str:
        """Of uwsgid."""
        return __version__

    @property
    def directory(self) -> str:
        """Where it works."""
        return os.getcwd()

    @property
    def arguments(self) -> tuple[str, ...]:
        """Its command line."""
        return tuple(self._inheritance.argv)

    @property
    def started(self) -> str:
        """When this image of it started."""
        return moment(self._house.started)

    @property
    def uptime(self) -> int:
        """Seconds since then."""
        return int(time.time() - self._house.started)

    @property
    def generation(self) -> int:
        """Which loading of the applications serves; 0 while the first is being loaded."""
        return self._master.workforce.generation

    @property
    def reloads(self) -> int:
        """Graceful reloads that succeeded."""
        return self._master.workforce.reloads

    @property
    def failed_reloads(self) -> int:
        """Those that did not."""
        return self._master.workforce.failed_reloads

    @property
    def is_reloading(self) -> bool:
        """Whether a new generation is on its way."""
        return self._master.workforce.turnover is not None

    @property
    def is_paused(self) -> bool:
        """Whether workers were told to accept nothing."""
        return self._master.workforce.paused

    @property
    def requests(self) -> int:
        """Requests of all workers since the start."""
        return self._house.board.total_requests()

    @property
    def queue(self) -> int:
        """Connections that wait in the busiest socket."""
        return max((waiting for waiting, _ in self._master.queues.lengths()), default=0)

    @property
    def worst_delay(self) -> float:
        """Seconds, the longest time that the reactor was late."""
        return self._master.stall.worst

    def reload(self) -> None:
        """A new generation, or a new process image where the configuration changed."""
        self._master.reload()

    def reload_chain(self) -> None:
        """A new generation, one worker after the other."""
        self._master.reload_chain()

    def reload_workers(self) -> None:
        """Replace the workers, not their applications."""
        self._master.reload_workers()

    def reload_brutally(self) -> None:
        """End the workers at once and start anew."""
        self._master.reload_brutally()

    def stop(self) -> None:
        """Finish what is in progress, then end."""
        self._master.stop()

    def stop_brutally(self) -> None:
        """End now."""
        self._master.stop_brutally()

    def pause(self) -> None:
        """Let workers accept nothing, or again."""
        self._master.toggle_pause()

    def one_more(self) -> None:
        """One worker more."""
        self._master.one_more()

    def one_less(self) -> None:
        """One worker less."""
        self._master.one_less()


class OwnWorker(Worker):
    """A worker: the process that serves its slot now, and what the slot has done since the start."""

    def __init__(self, master: Master, slot: int) -> None:
        workforce = master.workforce
        super().__init__(workforce.board, slot, lambda: workforce.apps)
        self._workforce = workforce

    def restart(self) -> None:
        """Replace it gracefully: it finishes its request, another process takes its slot."""
        for child in self._workforce.workers(self.slot):
            self._workforce.replace(child, "asked for in the manhole")

    def signal(self, number: int) -> None:
        """Send a signal to its process."""
        if self.pid:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once; another process takes its slot."""
        self.signal(signal.SIGKILL)


class MasterLog(LogView):
    """The log, as the master has it: ``log("text")`` writes a line."""

    def __init__(self, master: Master, inheritance: Inheritance) -> None:
        super().__init__(inheritance.say)
        self._master = master

    def reopen(self) -> None:
        """Open the log file again, under its own name."""
        self._master.reopen_log()

    def rotate(self) -> None:
        """Set the log file aside and begin a new one."""
        self._master.rotate_log()

    def __repr__(self) -> str:
        return f"{super().__repr__()}; log.reopen(), log.rotate()"


class RouterView(View):
    """The tuntap router, which is another process: what its statistics tell."""

    def __init__(self, device: str, address: str) -> None:
        self._device = device
        self._address = address

    @property
    def device(self) -> str:
        """Its network device."""
        return self._device

    @property
    def address(self) -> str:
        """Where its statistics are; empty where nobody asked for them (``tuntap-router-stats``)."""
        return self._address

    def stats(self) -> dict[str, Any]:
        """Its statistics, asked for now."""
        if not self._address:
            raise UwsgidError("this router has no statistics; add tuntap-router-stats = /run/router.stats")
        return asking.document(self._address)


class Vassals(Mapping[str, dict[str, Any]]):
    """The vassals of the emperor in this instance, by name; empty where there is none.

    The emperor is another process, and is asked each time by its statistics (``emperor-stats``).
    """

    def __init__(self, settings: Settings) -> None:
        self._has_emperor = bool(_written(settings, "emperor"))
        self._address = _written(settings, "emperor-stats", "emperor-stats-server")

    def _read(self) -> dict[str, dict[str, Any]]:
        if not self._has_emperor:
            return {}
        if not self._address:
            raise UwsgidError(
                "the emperor tells nothing of its vassals; add emperor-stats = /run/emperor.stats"
            )
        document = json.loads(read_all(self._address, _ANSWER_TAKES))
        return {row["id"]: row for row in document["vassals"]}

    def __getitem__(self, name: str) -> dict[str, Any]:
        return self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __repr__(self) -> str:
        if not self._has_emperor:
            return "no vassals: this instance has no emperor"
        rows = self._read().values()
        heads = ("id", "pid", "ready", "accepting", "loyal", "respawns", "born")
        return table(
            ([row.get(head, "-") for head in heads[:-1]] + [moment(row["born"])] for row in rows), heads
        )


def _written(settings: Settings, *names: str) -> str:
    """The last value of an option of a part that the master does not know."""
    found = [directive.value for directive in settings.directives if directive.name in names]
    return (found[-1] or "") if found else ""


def _router(settings: Settings) -> RouterView | None:
    section = settings[TunTapRouter]
    for router in section.routers:
        return RouterView(router.device, router.stats or section.stats)
    return None


def operator_names(master: Master, inheritance: Inheritance) -> tuple[Name, ...]:
    """What statements in the manhole of the master know."""
    house = inheritance.household
    view = MasterView(master, inheritance)
    return with_help(
        (
            Name("master", view, "the master: its pid, generation, uptime, and its verbs"),
            Name(
                "workers",
                Workers(house.board, lambda slot: OwnWorker(master, slot)),
                "the workers by number from 1: workers[1].status, .pid, .working_on, .restart(), .kill()",
            ),
            Name(
                "settings", SettingsView(house.settings), "the configuration: settings.harakiri is what holds"
            ),
            Name("board", BoardView(house.board), "the shared memory of all processes, by columns"),
            Name("apps", Rows(lambda: _apps(master), "no application"), "the applications that were loaded"),
            Name(
                "sockets",
                Rows(lambda: _sockets(master, inheritance), "no socket"),
                "the sockets of the workers, and how many connections wait in each",
            ),
            Name(
                "gateways",
                Rows(master.gateways.rows, "no gateway"),
                "the processes that serve something else than requests",
            ),
            Name("router", _router(house.settings), "the first tuntap router, with stats(); None without"),
            Name(
                "vassals", Vassals(house.settings), "the vassals by name, where this instance has an emperor"
            ),
            Name("log", MasterLog(master, inheritance), 'the log: log("text"), log.reopen(), log.rotate()'),
            Name(
                "stats()",
                lambda: report(master.statistics.facts()),
                "what the stats server serves, as a dict",
            ),
            Name("reload()", view.reload, "a new generation of workers, as SIGHUP"),
            Name("stop()", view.stop, "end the instance gracefully, as SIGTERM"),
            Name("service", master, "the live object behind master, for those who know the source"),
        )
    )


def greeting(inheritance: Inheritance) -> str:
    """The first line of a session."""
    python = ".".join(map(str, sys.version_info[:3]))
    return (
        f"uwsgid {__version__} on Python {python}, the master (pid {os.getpid()}).  "
        "help() tells what is here, Ctrl-D leaves."
    )


def _apps(master: Master) -> list[dict[str, Any]]:
    return [
        {"id": app.id, "mountpoint": app.mountpoint, "modifier1": app.modifier1, "seconds": app.startup_time}
        for app in master.workforce.apps
    ]


def _sockets(master: Master, inheritance: Inheritance) -> list[dict[str, Any]]:
    listeners = inheritance.household.listeners
    return [
        {"name": listener.name, "protocol": listener.protocol or "uwsgi", "waiting": waiting, "most": most}
        for listener, (waiting, most) in zip(listeners, master.queues.lengths(), strict=True)
    ]
