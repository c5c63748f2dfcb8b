"""Which instances hardly need a master, so that a steward can stand for it (`uwsgid.steward`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from uwsgid.config.section import Section
from uwsgid.config.settings import Settings, Strictness
from uwsgid.door.options import Instance
from uwsgid.host import Privileges, Sockets
from uwsgid.languages.cgi.options import CgiOptions
from uwsgid.languages.perl.options import PerlApps
from uwsgid.languages.python.api_locks import UserLocks
from uwsgid.languages.python.autoreload import AutoReload
from uwsgid.languages.python.options import PythonApps
from uwsgid.languages.python.virtualenv import PythonHome
from uwsgid.languages.python.wsgi_options import WsgiOptions
from uwsgid.languages.ruby.options import RubyApps
from uwsgid.request.log_options import RequestLog
from uwsgid.request.mount_options import Mounting
from uwsgid.request.offload_options import Offloading
from uwsgid.request.options import Answers, Bodies, Dispatch, RequestOptions
from uwsgid.static.options import StaticAnswers, StaticFiles
from uwsgid.steward.hands import MOST_SOCKETS
from uwsgid.supervise.processes import Endings, Processes

if TYPE_CHECKING:
    from uwsgid.door.command import Site

#: Sections that are the worker's business alone, but for the fields of `_FOR_MASTERS`.
_OF_THE_WORKER: Final[frozenset[type[Section]]] = frozenset(
    {
        Answers, AutoReload, Bodies, CgiOptions, Dispatch, Endings, Instance, Mounting, Offloading, PerlApps,
        Privileges, Processes, PythonApps, PythonHome, RequestLog, RequestOptions, RubyApps, Sockets,
        StaticAnswers, StaticFiles, Strictness, UserLocks, WsgiOptions,
    }
)  # fmt: skip

#: Fields of these sections that want a master, or that both processes would have to honour.
_FOR_MASTERS: Final[dict[type[Section], tuple[str, ...]]] = {
    Endings: ("exit_on_reload",),
    Instance: (
        "daemonize", "daemonize2", "pidfile", "pidfile2", "safe_pidfile", "safe_pidfile2", "mode",
        "force_cwd",
    ),
    PerlApps: ("shell", "shell_once"),
    Privileges: (
        "uid", "gid", "add_gid", "immediate_uid", "immediate_gid", "master_as_root", "drop_after_init",
        "drop_after_apps",
    ),
    Processes: (
        "lazy_apps", "lazy", "no_server", "procname_prefix", "procname_prefix_spaced", "procname_append",
        "procname", "procname_master", "auto_procname",
    ),
    Sockets: ("shared", "mappings", "honour_stdin", "safe_fd", "chown"),
}  # fmt: skip


def is_plain(site: Site) -> bool:
    """Whether there is one worker, and nothing that a master would have to see to."""
    settings = site.settings
    if site.fallback or settings[Processes].processes != 1:
        return False
    if len(settings[Sockets].specs) > MOST_SOCKETS or not settings[Sockets].specs:
        return False
    return settings.configured <= _OF_THE_WORKER and not _wants_a_master(settings)


def _wants_a_master(settings: Settings) -> bool:
    for section in settings.configured & _FOR_MASTERS.keys():
        made = settings[section]
        if any(getattr(made, field) for field in _FOR_MASTERS[section] if settings.is_set(section, field)):
            return True
    return False
