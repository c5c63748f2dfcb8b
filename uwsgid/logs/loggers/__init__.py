"""Where records go: the members of the family ``loggers``, uWSGI's logger engines.

A member is a class that fulfils `uwsgid.logs.pipeline.Logger` and has a class method that is given what
stands behind ``NAME:`` in ``logger``::

    @loggers.member("rsyslog")
    class Rsyslog:
        @classmethod
        def from_argument(cls, argument: str, settings: Settings) -> Rsyslog: ...

It raises `ConfigError` for an argument it can not use.  It is called at boot, before there are children and
before privileges are dropped, so it may open files, but it starts no thread and connects to nobody: that is
for the first ``write``.

A member may have a class method ``check_argument(argument, settings)`` as well, which raises `ConfigError`
for what can be seen to be wrong without opening anything.  It is called when the configuration is checked, so
what it says comes with the file and the line.

A class whose ``write`` can take time, because it waits for a peer or a disk, says so by ``SLOW = True``.  It
is then called from a thread of its own, behind a queue with an end (`uwsgid.logs.courier`), may block as long
as its own timeouts allow, and raises OSError for what could not be kept.  All others never block.  Where that
depends on the argument, an instance says it for itself.

A member is imported when a configuration names it.
"""

from __future__ import annotations

from uwsgid.families import loggers

loggers.promise("uwsgid.logs.loggers.descriptor", "fd", "stdio")
loggers.promise("uwsgid.logs.loggers.datagram", "socket")
loggers.promise("uwsgid.logs.loggers.command", "pipe")
loggers.promise("uwsgid.logs.loggers.syslog", "syslog")
loggers.promise("uwsgid.logs.loggers.rsyslog", "rsyslog")
loggers.promise("uwsgid.logs.loggers.crypto", "crypto")
loggers.promise("uwsgid.logs.loggers.redis", "redislog")
loggers.promise("uwsgid.logs.loggers.mongodb", "mongodblog")
loggers.promise("uwsgid.logs.loggers.zeromq", "zeromq", "zmq")
loggers.promise("uwsgid.logs.loggers.graylog", "graylog2")
loggers.promise("uwsgid.logs.loggers.journal", "systemd")
loggers.promise("uwsgid.logs.loggers.python", "python")
loggers.promise("uwsgid.logs.loggers.loki", "loki")
loggers.promise("uwsgid.logs.loggers.opentelemetry", "otlp")
