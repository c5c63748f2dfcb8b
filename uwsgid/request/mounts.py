"""Which application answers for a request: the mountpoints, and how they are looked up.

A worker has one `Apps`, filled while the applications are loaded and only read afterwards.  Most workers have
one application and no need for a lookup at all: `Apps.only` is that application, and the hot path asks for
nothing else.  How an application is imported is the business of its language.

The rules are those of uWSGI (core/utils.c, ``uwsgi_get_app_id``; core/protocol.c for ``manage-script-name``),
its surprise about the default application included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from uwsgid.request.mount_options import Mounting

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings

#: Separates the host from the mountpoint under ``vhost``.
_BAR: Final = "|"


class App:
    """One loaded application.

    :ivar id: its number, from 0, in the order of loading.
    :ivar mountpoint: as it was configured.
    :ivar callable: what answers.
    :ivar name: what it was loaded from, for logs.
    :ivar startup_time: seconds it took to load.
    :ivar requests: how many requests it had in this worker.
    :ivar exceptions: how many of them ended in an exception that it did not handle.
    :ivar chdir: the directory it runs in; empty for the one of the worker.
    :ivar modifier1: the language, 0 is Python.
    :ivar script_name: the path part of the mountpoint, without a slash at its end.
    """

    __slots__ = (
        "callable",
        "chdir",
        "exceptions",
        "id",
        "modifier1",
        "mountpoint",
        "name",
        "requests",
        "script_name",
        "startup_time",
    )

    def __init__(
        self,
        id: int,
        mountpoint: str,
        callable: Any,
        *,
        name: str = "",
        startup_time: float = 0.0,
        chdir: str = "",
        modifier1: int = 0,
    ) -> None:
        self.id = id
        self.mountpoint = mountpoint
        self.callable = callable
        self.name = name
        self.startup_time = startup_time
        self.requests = 0
        self.exceptions = 0
        self.chdir = chdir
        self.modifier1 = modifier1
        self.script_name = mountpoint.rpartition(_BAR)[2].rstrip("/")

    def __repr__(self) -> str:
        return f"<App {self.id} {self.name or repr(self.callable)} at {self.mountpoint!r}>"


@dataclass(frozen=True, slots=True)
class Lookup:
    """The options that decide a lookup; their meaning is that of `Mounting`."""

    manage_script_name: bool = False
    ignore_script_name: bool = False
    no_default_app: bool = False
    vhost: bool = False
    vhost_host: bool = False
    max_apps: int = 64

    @classmethod
    def from_settings(cls, settings: Settings) -> Lookup:
        chosen = settings[Mounting]
        return cls(
            manage_script_name=chosen.manage_script_name,
            ignore_script_name=chosen.ignore_script_name,
            no_default_app=chosen.no_default_app,
            vhost=chosen.vhost,
            vhost_host=chosen.vhost_host,
            max_apps=chosen.max_apps,
        )


class Apps:
    """The applications of a worker, by mountpoint.

    :ivar default: the application for requests that no mountpoint matches: the first one whose mountpoint is
        empty or starts with a slash.  uWSGI means to say "is empty or a slash" and compares one byte only, so
        that with ``mount = /a=…`` alone ``/b`` is answered by the application of ``/a``
        (core/utils.c, ``uwsgi_get_app_id``); configurations depend on it.  ``no-default-app`` turns it off.
    :ivar on_demand: loads the application that the variables of a request name, at the mountpoint that they
        ask for; None loads nothing.  Called where no mountpoint matches and the client may choose.
    :ivar only: the application that answers every request, when that can be said without looking at one;
        else None, and `find` decides.  It knows nothing of ``find``'s *magic*.
    """

    def __init__(self, lookup: Lookup = Lookup(), numbered: list[App] | None = None) -> None:
        self.lookup: Final = lookup
        self._numbered: list[App] = [] if numbered is None else numbered
        self._others: dict[int, Apps] = {}
        self.default: App | None = None
        self.only: App | None = None
        self.on_demand: Callable[[str, Mapping[str, Any]], App | None] | None = None
        self._apps: list[App] = []
        self._by_mountpoint: dict[str, App] = {}
        self._failed: set[str] = set()
        self._longest_first: list[tuple[str, App | None]] = []

    def of(self, modifier1: int) -> Apps:
        """The table of another language: mountpoints of its own, numbers from the same row as these.

        What is told of all applications, their count and each by its number, is told by either table.
        """
        table = self._others.get(modifier1)
        if table is None:
            table = self._others[modifier1] = Apps(self.lookup, self._numbered)
        return table

    def __len__(self) -> int:
        return len(self._numbered)

    def __iter__(self) -> Iterator[App]:
        return iter(self._numbered)

    def __getitem__(self, id: int) -> App:
        """The application with this number.

        :raises IndexError: when there is none.
        """
        return self._numbered[id]

    def __contains__(self, mountpoint: object) -> bool:
        return mountpoint in self._by_mountpoint

    @property
    def is_full(self) -> bool:
        """Whether ``max-apps`` are loaded."""
        return len(self._numbered) >= self.lookup.max_apps

    def add(
        self,
        mountpoint: str,
        callable: Any,
        *,
        name: str = "",
        startup_time: float = 0.0,
        chdir: str = "",
        modifier1: int = 0,
    ) -> App:
        """Add an application.  Parameters are those of `App`.

        :raises ValueError: when the mountpoint is taken, or ``max-apps`` are loaded; the text is uWSGI's.
        """
        if mountpoint in self._by_mountpoint:
            raise ValueError(f"mountpoint {mountpoint} already configured. skip.")
        if self.is_full:
            raise ValueError(f"ERROR: you cannot load more than {self.lookup.max_apps} apps in a worker")
        app = App(
            len(self._numbered),
            mountpoint,
            callable,
            name=name,
            startup_time=startup_time,
            chdir=chdir,
            modifier1=modifier1,
        )
        self._apps.append(app)
        self._numbered.append(app)
        self._by_mountpoint[mountpoint] = app
        self._failed -= {mountpoint, mountpoint.rstrip("/")}
        if self.default is None and (not mountpoint or mountpoint.startswith("/")):
            self.default = app
        self._settle()
        return app

    def fail(self, mountpoint: str) -> None:
        """Let nobody answer for *mountpoint*, as its application did not load.

        uWSGI lets the default application answer there, which knows nothing of these paths.
        """
        self._failed |= {mountpoint, mountpoint.rstrip("/")}
        self._settle()

    def _settle(self) -> None:
        """Draw the consequences of a change."""
        if "" in self._failed and self.default is not None and self.default.mountpoint.rstrip("/"):
            self.default = None
        self._longest_first = _prefixes(self._apps, self._failed)
        self.only = self._choose_only()

    def find(self, vars: MutableMapping[str, Any], *, magic: bool = False) -> App | None:
        """Who answers for these variables; None when nobody does.

        With ``manage-script-name`` it rewrites ``SCRIPT_NAME`` and ``PATH_INFO`` of *vars*.

        :param magic: obey ``UWSGI_APPID`` and load on demand.  Only for requests of a socket whose peer may
            choose applications.
        """
        lookup = self.lookup
        app = self._move_script_name(vars) if lookup.manage_script_name else None
        if magic:
            app = self._find_or_load(vars, app)
        elif lookup.ignore_script_name:
            app = None
        elif app is None:
            app = self._by_mountpoint.get(self._host(vars) + vars.get("SCRIPT_NAME", ""))
        if app is None and not lookup.no_default_app and not (self._failed and self._has_failed(vars)):
            return self.default
        return app

    def path_below(self, vars: Mapping[str, Any]) -> str:
        """``PATH_INFO`` as `find` will leave it under ``manage-script-name``; *vars* stay as they are."""
        path: str = vars.get("PATH_INFO", "")
        moved: dict[str, Any] = {
            "PATH_INFO": path,
            "HTTP_HOST": vars.get("HTTP_HOST", ""),
            "SERVER_NAME": vars.get("SERVER_NAME", ""),
        }
        self._move_script_name(moved)
        below: str = moved["PATH_INFO"]
        return below

    def _has_failed(self, vars: Mapping[str, Any]) -> bool:
        if self.lookup.ignore_script_name:
            return False
        return self._host(vars) + vars.get("SCRIPT_NAME", "") in self._failed

    def _find_or_load(self, vars: Mapping[str, Any], managed: App | None) -> App | None:
        mountpoint: str = vars.get("UWSGI_APPID", "")
        if not mountpoint:
            by_name = not self.lookup.ignore_script_name
            if managed is not None and by_name:
                return managed
            mountpoint = self._host(vars) + (vars.get("SCRIPT_NAME", "") if by_name else "")
        app = self._by_mountpoint.get(mountpoint)
        return self.on_demand(mountpoint, vars) if app is None and self.on_demand is not None else app

    def _host(self, vars: Mapping[str, Any]) -> str:
        if not self.lookup.vhost:
            return ""
        name: str = vars.get("HTTP_HOST" if self.lookup.vhost_host else "SERVER_NAME", "")
        return name + _BAR

    def _move_script_name(self, vars: MutableMapping[str, Any]) -> App | None:
        path: str = vars.get("PATH_INFO", "")
        if len(path) < 2:
            return None
        host = self._host(vars)
        key = host + path
        for prefix, app in self._longest_first:
            if key.startswith(prefix) and key[len(prefix) : len(prefix) + 1] in ("", "/"):
                vars["SCRIPT_NAME"] = prefix[len(host) :]
                vars["PATH_INFO"] = key[len(prefix) :]
                return app
        return None

    def _choose_only(self) -> App | None:
        lookup = self.lookup
        if self.default is None or lookup.no_default_app:
            return None
        if lookup.manage_script_name and self._longest_first:
            return None
        if lookup.ignore_script_name:
            return self.default
        return self.default if len(self._apps) == 1 and not self._failed else None


def _prefixes(apps: Iterable[App], failed: Iterable[str]) -> list[tuple[str, App | None]]:
    """Mountpoints that ``manage-script-name`` can find at the start of a path, longest first.

    :param failed: those that have no application; the path is split all the same.
    """
    found: dict[str, App | None] = {
        point.rstrip("/"): None for point in failed if point.rpartition(_BAR)[2].rstrip("/")
    }
    found |= {app.mountpoint.rstrip("/"): app for app in reversed(list(apps)) if app.script_name}
    return sorted(found.items(), key=lambda pair: -len(pair[0]))


def cut_script_name(vars: MutableMapping[str, Any]) -> None:
    """Take ``SCRIPT_NAME`` off the start of ``PATH_INFO``, where it stands there.

    This is what modifier1 30 asks for: front ends that send the whole path as ``PATH_INFO``
    (plugins/python/wsgi_handlers.c, ``uwsgi_request_wsgi``).
    """
    script: str = vars.get("SCRIPT_NAME", "")
    path: str = vars.get("PATH_INFO", "")
    if script and path.startswith(script):
        vars["PATH_INFO"] = path[len(script) :]
