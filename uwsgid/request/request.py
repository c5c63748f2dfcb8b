"""One request, from its head to its log line.

A `Request` is plain storage with slots, because one is made for each request; what may be done with its body
and its answer is in `uwsgid.request.body` and `uwsgid.request.reply`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from uwsgid.request.body import Body
    from uwsgid.request.buffering import BufferedBody
    from uwsgid.request.logline import Who
    from uwsgid.request.reply import Reply


class Request:
    """What is known of a request while it is served, and what its log line needs afterwards.

    :ivar vars: the variables of the request; for WSGI this becomes the environ.
    :ivar modifier1: who answers, 0 is WSGI.
    :ivar modifier2: its argument.
    :ivar packet_size: bytes of the variable block or of the HTTP head.
    :ivar var_count: how many variables came over the wire.
    :ivar core: the thread or greenlet of the worker that serves it, from 0.
    :ivar started: unix seconds at which its head was complete.
    :ivar micros: microseconds it took, once it is over.
    :ivar app_id: the application that answered, -1 for none.
    :ivar app_requests: how many requests that application had in this worker, this one included; -1 for none.
    :ivar switches: how often the core was switched away and back.
    :ivar logvars: variables that the application set for ``log-format``.
    :ivar trusted: it came over a socket that ``dynamic-apps`` names, so that its ``UWSGI_APPID`` counts.
    :ivar block: the block of a uwsgi packet that carries no variables; empty otherwise.
    :ivar who: who asked, for the usual log line, from before the application could change it; None where that
        was not noted.  The same holds for *uri*.
    :ivar wire: the variables that another log line tells.
    :ivar log: True logs the request whatever the options say, False never; None lets the options decide.
    """

    __slots__ = (
        "app_id",
        "app_requests",
        "block",
        "body",
        "core",
        "log",
        "logvars",
        "micros",
        "modifier1",
        "modifier2",
        "packet_size",
        "reply",
        "started",
        "switches",
        "trusted",
        "uri",
        "var_count",
        "vars",
        "who",
        "wire",
    )

    body: Body | BufferedBody
    reply: Reply

    def __init__(
        self, vars: dict[str, Any], modifier1: int, modifier2: int, core: int, started: float
    ) -> None:
        self.vars = vars
        self.modifier1 = modifier1
        self.modifier2 = modifier2
        self.core = core
        self.started = started
        self.packet_size = 0
        self.var_count = 0
        self.micros = 0
        self.app_id = -1
        self.app_requests = -1
        self.switches = 1
        self.trusted = False
        self.block = b""
        self.who: Who | None = None
        self.uri = ""
        self.wire: tuple[Any, ...] = ()
        self.logvars: dict[str, str] | None = None
        self.log: bool | None = None
