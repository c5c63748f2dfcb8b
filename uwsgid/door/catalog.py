"""Everything that is built in, as a plain list of modules to import.

Importing a module is what registers its sections and the members of its families.  A list beats scanning:
it costs nothing, works inside a jail, and can be read.  Others come from the entry-point group
``uwsgid.plugins`` when a configuration names them (``plugin = name``).
"""

from __future__ import annotations

import functools
import gc
import importlib
from importlib.metadata import entry_points
from typing import Final

from uwsgid.errors import ConfigError

#: Modules that know no Twisted: what the configuration, the seed, the zygote and the workers need.
CHILDREN: Final = (
    "uwsgid.alarms.options",
    "uwsgid.config.formats.ini",
    "uwsgid.config.formats.json",
    "uwsgid.config.formats.xml",
    "uwsgid.config.formats.yaml",
    "uwsgid.config.reference",
    "uwsgid.config.settings",
    "uwsgid.config.sources",
    "uwsgid.host.privileges",
    "uwsgid.host.capabilities",
    "uwsgid.host.cgroups",
    "uwsgid.host.confinement",
    "uwsgid.host.jails",
    "uwsgid.host.waits",
    "uwsgid.host.socket_options",
    "uwsgid.host.limits",
    "uwsgid.host.zerg",
    "uwsgid.hooks.options",
    "uwsgid.isolation.options",
    "uwsgid.logs.lines",
    "uwsgid.logs.files",
    "uwsgid.logs.setup",
    "uwsgid.logs.loggers.rsyslog_options",
    "uwsgid.manhole.options",
    "uwsgid.request.log_options",
    "uwsgid.request.mount_options",
    "uwsgid.request.offload_options",
    "uwsgid.request.options",
    "uwsgid.supervise.deadline",
    "uwsgid.supervise.memory",
    "uwsgid.supervise.processes",
    "uwsgid.supervise.reader",
    "uwsgid.languages.perl.language",
    "uwsgid.languages.ruby.language",
    "uwsgid.languages.python.language",
    "uwsgid.languages.cgi.language",
    "uwsgid.languages.python.wsgi_options",
    "uwsgid.loops.simple",
    "uwsgid.loops.threads",
    "uwsgid.static.options",
    "uwsgid.tuntap.options",
    "uwsgid.emperor.options",
    "uwsgid.worker.lone",
    "uwsgid.worker.role",
    "uwsgid.worker.zygote",
    "uwsgid.door.options",
)

#: Modules of the master.
MASTER: Final = (
    "uwsgid.master.fifo",
    "uwsgid.master.idle",
    "uwsgid.master.loyalty",
    "uwsgid.master.mountcheck",
    "uwsgid.master.touches",
    "uwsgid.master.zerg",
    "uwsgid.stats.options",
)

#: Loops that need Twisted; none of them installs a reactor before a worker runs it.
TWISTED_LOOPS: Final = ("uwsgid.loops.reactor",)

#: Gateways, whose processes run a reactor, and what opens devices and sockets for them at boot.
GATEWAYS: Final = (
    "uwsgid.gateways.role",
    "uwsgid.gateways.tls_options",
    "uwsgid.gateways.http_options",
    "uwsgid.gateways.http",
    "uwsgid.gateways.zergpool",
    "uwsgid.tuntap.setup",
    "uwsgid.tuntap.devices",
    "uwsgid.emperor.monitors.files",
    "uwsgid.emperor.monitors.tables",
    "uwsgid.emperor.monitors.messages",
    "uwsgid.emperor.setup",
    "uwsgid.emperor.role",
    "uwsgid.emperor.work",
)

#: What the standard library imports when it is first needed, and could not find any more in a jail, or as a
#: user who may not read the interpreter.
BEFORE_ANY_JAIL: Final = ("encodings.ascii", "encodings.idna", "encodings.latin_1")

GROUP: Final = "uwsgid.plugins"


@functools.cache
def load() -> None:
    """Import all that is built in, once.

    It is there for ever, so the collector neither looks through it while it comes nor later.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        for name in (*CHILDREN, *MASTER, *TWISTED_LOOPS, *GATEWAYS, *BEFORE_ANY_JAIL):
            importlib.import_module(name)
    finally:
        if was_enabled:
            gc.enable()
    gc.freeze()


def load_plugin(name: str) -> None:
    """Import the plugin *name*.  Names of uWSGI's own plugins that are built in here are fine.

    :raises ConfigError: when nobody provides it.
    """
    if name in BUILT_IN:
        return
    points = entry_points(group=GROUP)
    for point in points:
        if point.name == name:
            point.load()
            return
    known = sorted(point.name for point in points)
    provided = f"installed: {', '.join(known)}" if known else "none is installed"
    raise ConfigError(f"plugin {name!r}: no package provides it in the group {GROUP!r} ({provided})")


#: Plugins of uWSGI that need not be loaded here.
BUILT_IN: Final = frozenset(
    {"cgi", "http", "perl", "psgi", "python", "python3", "rack"}
    | {"graylog2", "logcrypto", "logfile", "logpipe", "logsocket", "logzmq", "mongodblog", "msgpack"}
    | {"redislog", "rsyslog", "syslog", "systemd_logger"}
    | {f"python3{minor}" for minor in range(11, 16)}
    | {f"rack_ruby{version}" for version in (18, 19, 191, *range(20, 28), *range(30, 36))}
)
