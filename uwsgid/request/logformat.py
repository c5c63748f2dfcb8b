"""``log-format``, compiled once to a function.

What remains for each request is a function for each variable, and one ``%`` of a template with a tuple.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from uwsgid.request.log_options import RequestLog
from uwsgid.request.logtext import Clock, escape, latin

if TYPE_CHECKING:
    from uwsgid.request.request import Request
    from uwsgid.supervise.board import Board

Value = Callable[["Request"], object]
Take = Callable[["Request"], None]
Line = Callable[["Request"], bytes]

_VARIABLE: Final = re.compile(r"%\(([^)]*)\)")


def compile_format(
    options: RequestLog, date: str | None, board: Board, slot: int, seat: int
) -> tuple[Take | None, Line]:
    """What takes the variables of a request, and what makes its line: the literal parts become one ``%``
    template, each variable a function."""
    template = ""
    values: list[Value] = []
    wire = _Wire()
    variables = _variables(options, date, board, slot, seat)
    end = 0
    for found in _VARIABLE.finditer(options.format):
        template += options.format[end : found.start()].replace("%", "%%") + "%s"
        values.append(_value(found.group(1), variables, wire, options))
        end = found.end()
    template = latin(template + options.format[end:].replace("%", "%%")).replace("\0", "\\x00") + "\n"

    def line(request: Request) -> bytes:
        texts = []
        for value in values:
            found = value(request)
            if found is None or found == "":
                texts.append("-")
            elif type(found) is int:
                texts.append(str(found))
            else:
                text = latin(found)
                texts.append(text if text.isprintable() else escape(text))
        return (template % tuple(texts)).encode("latin-1")

    return wire.take() if wire.names else None, line


class _Wire:
    """The variables of the request that a format asks for.

    :ivar names: each once.
    """

    def __init__(self) -> None:
        self.names: list[str] = []

    def value(self, name: str) -> Value:
        """What gets the variable *name* out of `Request.wire`."""
        if name not in self.names:
            self.names.append(name)
        index = self.names.index(name)
        return lambda request: request.wire[index]

    def take(self) -> Take:
        names = self.names

        def take(request: Request) -> None:
            get = request.vars.get
            request.wire = tuple([get(name) for name in names])

        return take


#: Variables of ``log-format`` that are variables of the request under another name.
_NAMES: Final[Mapping[str, str]] = {
    "uri": "REQUEST_URI",
    "method": "REQUEST_METHOD",
    "user": "REMOTE_USER",
    "addr": "REMOTE_ADDR",
    "host": "HTTP_HOST",
    "proto": "SERVER_PROTOCOL",
    "uagent": "HTTP_USER_AGENT",
    "referer": "HTTP_REFERER",
    "cl": "CONTENT_LENGTH",
}


def _value(name: str, variables: dict[str, Value], wire: _Wire, options: RequestLog) -> Value:
    if name in variables:
        return variables[name]
    if name.startswith("var."):
        return wire.value(name.removeprefix("var."))
    if name not in _NAMES:
        return _of_application(name)
    value = wire.value(_NAMES[name])
    if name == "cl":
        return lambda request: value(request) or 0
    if name == "addr" and options.forwarded:
        forwarded = wire.value("HTTP_X_FORWARDED_FOR")
        return lambda request: forwarded(request) or value(request)
    return value


def _of_application(name: str) -> Value:
    return lambda request: None if request.logvars is None else request.logvars.get(name)


def _variables(options: RequestLog, date: str | None, board: Board, slot: int, seat: int) -> dict[str, Value]:
    """What ``log-format`` knows by name beside `_NAMES` (core/logging.c, the table of ``uwsgi_logchunk``)."""
    pid = os.getpid()
    vsz, rss = board.vsz, board.rss
    ctime = Clock(time.ctime).at
    ltime = Clock(lambda second: time.strftime("%d/%b/%Y:%H:%M:%S %z", time.localtime(second))).at
    ftime = Clock(lambda second: time.strftime(date or "", time.localtime(second))).at if date else ltime

    return {
        "pktsize": lambda request: request.packet_size,
        "modifier1": lambda request: request.modifier1,
        "modifier2": lambda request: request.modifier2,
        "vars": lambda request: 2 * request.var_count,
        "status": lambda request: request.reply.status,
        "rsize": lambda request: request.reply.body_size,
        "hsize": lambda request: request.reply.headers_size,
        "size": lambda request: request.reply.headers_size + request.reply.body_size,
        "headers": lambda request: request.reply.header_count,
        "time": lambda request: int(request.started),
        "epoch": lambda request: int(time.time()),
        "ctime": lambda request: ctime(int(request.started)),
        "ltime": lambda request: ltime(int(request.started)),
        "ftime": lambda request: ftime(int(request.started)),
        "micros": lambda request: request.micros,
        "msecs": lambda request: request.micros // 1000,
        "secs": lambda request: f"{request.micros / 1000000:f}",
        "tmsecs": lambda request: int(request.started * 1000),
        "tmicros": lambda request: int(request.started * 1000000),
        "pid": lambda request: pid,
        "wid": lambda request: slot,
        "switches": lambda request: request.switches,
        "core": lambda request: request.core,
        "vsz": lambda request: vsz[seat],
        "rss": lambda request: rss[seat],
        "vszM": lambda request: vsz[seat] >> 20,
        "rssM": lambda request: rss[seat] >> 20,
        "rerr": _read_errors,
        "werr": lambda request: request.reply.write_errors,
        "ioerr": io_errors,
    }


def _read_errors(request: Request) -> int:
    # a body that was buffered before the request began was read without any
    errors: int = getattr(request.body, "errors", 0)
    return errors


def io_errors(request: Request) -> int:
    """How many reads of the body and writes of the answer of *request* failed."""
    return _read_errors(request) + request.reply.write_errors
