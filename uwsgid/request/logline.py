"""The line a request leaves in the log.

Everything that can be decided before the first request is decided by `request_logger`: which requests are
logged, what the line looks like, which columns of the board it reads.  What remains for each request is one
f-string, or what `uwsgid.request.logformat` made of ``log-format``.

The line tells what the client asked, as uWSGI's does, so the variables in it are taken before the application
runs, which may change its environ.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from uwsgid.logs.lines import ServerLines, date_format
from uwsgid.logs.writing import Write
from uwsgid.request.log_options import RequestLog
from uwsgid.request.logformat import Line, Take, compile_format, io_errors
from uwsgid.request.logtext import Clock, escape, latin
from uwsgid.request.mount_options import Mounting
from uwsgid.request.reply import VIA_SENDFILE

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings
    from uwsgid.request.request import Request
    from uwsgid.supervise.board import Board

#: Bytes of a default line; a longer one loses what the client chose (core/logging.c, uwsgi_log_request).
LINE_LIMIT: Final = 4096


def request_logger(
    settings: Settings, board: Board, slot: int, seat: int, write: Write
) -> tuple[Take | None, Callable[[Request], None]]:
    """What makes the lines of the worker of *slot* that sits at *seat*, in two steps.

    :param write: gets each line as bytes, its newline included.
    :returns: first a function to be called before the application; what it returns becomes `Request.wire`.
        None where no line wants any variable.  Second a function that writes the line of a finished request
        where it is logged, to be called once for each request, after its counters are on the board.  Of a
        request without `Request.wire` it takes the variables then.
    """
    options = settings[RequestLog]
    if options.format:
        take, line = compile_format(options, date_format(settings[ServerLines]), board, slot, seat)
    else:
        take, line = _compile_default(options, board, seat)
        if options.memory_report:
            line = _after_memory(line, board, seat)
        if settings[Mounting].vhost:
            take, line = _after_host(take, line)
    conditions = _conditions(options)
    quiet = options.disable

    def log_request(request: Request) -> None:
        decided = request.log
        if decided is None:
            decided = not quiet or any([asks(request) for asks in conditions])
        if decided:
            if take is not None and not request.wire:
                request.wire = take(request)
            text = line(request)
            try:
                data = text.encode("latin-1")
            except UnicodeEncodeError:
                data = text.encode("latin-1", "backslashreplace")
            write(data)

    return None if quiet and not conditions else take, log_request


def _conditions(options: RequestLog) -> list[Callable[[Request], bool]]:
    """Who asks for the line of a request under ``disable-logging``; any one of them is enough."""
    tests: list[Callable[[Request], bool]] = []
    if options.zero:
        tests.append(lambda request: request.reply.body_size == 0)
    if slow := options.slow:
        tests.append(lambda request: request.micros // 1000 >= slow)
    if options.errors_4xx:
        tests.append(lambda request: 400 <= request.reply.status <= 499)
    if options.errors_5xx:
        tests.append(lambda request: 500 <= request.reply.status <= 599)
    if big := options.big:
        tests.append(lambda request: request.reply.body_size >= big)
    if options.sendfile:
        tests.append(lambda request: request.reply.via == VIA_SENDFILE)
    if options.ioerror:
        tests.append(lambda request: io_errors(request) > 0)
    return tests


class _Total:
    """The requests of the whole instance, as one of its workers knows them.

    Its own count is exact; those of the others are added up four times a second, because a sum over all
    workers for every line would cost more the more workers there are.
    """

    def __init__(self, board: Board, seat: int) -> None:
        self._board = board
        self._seat = seat
        self._others = 0
        self._until = 0.0
        self._since = 0.0

    def at(self, now: float) -> int:
        """The count; *now* in unix seconds."""
        own = self._board.requests[self._seat]
        if not self._since <= now < self._until:
            self._others = self._board.total_requests() - own
            self._since, self._until = now, now + _ADD_UP
        return self._others + own


_ADD_UP: Final = 0.25  #: seconds between two sums over all workers


#: Small numbers as text: making them is the dearest part of a line.
_TEXTS: Final = [str(number) for number in range(1024)]


def _text(number: int) -> str:
    return _TEXTS[number] if 0 <= number < 1024 else str(number)


def _tail(switches: int, core: int) -> str:
    if switches == 1 and core == 0:
        return " bytes (1 switches on core 0)\n"
    return f" bytes ({switches} switches on core {core})\n"


class _Said:
    """What a client chose, and how it stands in a line.

    :param spent: what stands behind the time that a request took.
    :ivar who: from the counters to the number of variables.
    :ivar how: from the time to the status.
    """

    def __init__(self, address: str, user: str, method: str, protocol: str, spent: str) -> None:
        self.address: Final = address
        self.user: Final = user
        self.method: Final = method
        self.protocol: Final = protocol
        self.who: Final = f"] {address} ({user}) {{"
        self.how: Final = f"{spent} ({protocol} "


class _Clients:
    """What can stand in a line as it is.  Most of it is what the last one said."""

    def __init__(self, spent: str) -> None:
        self._spent = spent
        self._last = _Said("", "", "", "", spent)

    def said(self, address: str, user: str, method: str, uri: str, protocol: str) -> _Said | None:
        """How it stands there; None where something has to be written in another way."""
        if not (uri.isascii() and uri.isprintable()):
            return None
        last = self._last  # another thread may put another one there meanwhile
        if (
            address == last.address
            and method == last.method
            and protocol == last.protocol
            and user == last.user
        ):
            return last
        said = f"{address}{user}{method}{protocol}"
        if not (said.isascii() and said.isprintable()):
            return None
        self._last = made = _Said(address, user, method, protocol, self._spent)
        return made


# hot path, watched by bench-requests
def _compile_default(options: RequestLog, board: Board, seat: int) -> tuple[Take, Line]:
    forwarded = "HTTP_X_FORWARDED_FOR" if options.forwarded else ""
    micros = options.micros
    start = f"[pid: {os.getpid()}|app: "
    starts = [f"{start}{app}|req: " for app in range(board.apps)]
    spent = f" {'micros' if micros else 'msecs'}"
    clients = _Clients(spent)
    total = _Total(board, seat)
    clock = Clock(lambda second: f" bytes}} [{time.ctime(second)}] ")

    def take(request: Request) -> tuple[Any, ...]:
        vars = request.vars
        return (
            (forwarded and vars.get(forwarded)) or vars.get("REMOTE_ADDR", ""),
            vars.get("REMOTE_USER", ""),
            vars.get("REQUEST_METHOD", ""),
            vars.get("REQUEST_URI", ""),
            vars.get("SERVER_PROTOCOL", ""),
        )

    def line(request: Request) -> str:
        wire = request.wire
        address: str
        user: str
        method: str
        uri: str
        protocol: str
        address, user, method, uri, protocol = wire
        reply = request.reply
        said = clients.said(address, user, method, uri, protocol)
        if said is not None:
            who, how = said.who, said.how
        else:
            address, user, method, uri, protocol = [escape(latin(one)) for one in wire]
            who, how = f"] {address} ({user}) {{", f"{spent} ({protocol} "
        if reply.via:
            how = f"{spent} via {reply.via} ({protocol} "
        started = request.started
        app = request.app_id
        made = (
            f"{starts[app] if 0 <= app < len(starts) else f'{start}{app}|req: '}"
            f"{_text(request.app_requests)}/{_text(total.at(started))}{who}"
            # uWSGI counts names and values
            f"{_text(2 * request.var_count)} vars in {_text(request.packet_size)}{clock.at(int(started))}"
            f"{method} {uri} => generated {_text(reply.body_size)} bytes in "
            f"{_text(request.micros if micros else request.micros // 1000)}{how}{_text(reply.status)}) "
            f"{_text(reply.header_count)} headers in {_text(reply.headers_size)}"
            f"{_tail(request.switches, request.core)}"
        )
        if len(made) > LINE_LIMIT and wire is not _TOO_LONG:
            request.wire = _TOO_LONG
            return line(request)
        return made

    return take, line


#: What stands for address, user, method, URI and protocol in a line that they made too long (core/logging.c).
_TOO_LONG: Final[tuple[Any, ...]] = ("0.0.0.0", "", "-", "-", "-")


def _after_memory(line: Line, board: Board, seat: int) -> Line:
    """``memory-report``: the sizes that were measured last stand before the line."""
    vsz, rss = board.vsz, board.rss

    def line_with_memory(request: Request) -> str:
        space, resident = vsz[seat], rss[seat]
        return (
            f"{{address space usage: {space} bytes/{space >> 20}MB}} "
            f"{{rss usage: {resident} bytes/{resident >> 20}MB}} {line(request)}"
        )

    return line_with_memory


def _after_host(take: Take, line: Line) -> tuple[Take, Line]:
    """``vhost``: the host stands before the line."""

    def take_host(request: Request) -> tuple[Any, ...]:
        return request.vars.get("HTTP_HOST", ""), take(request)

    def line_with_host(request: Request) -> str:
        host, request.wire = request.wire
        return f"{escape(latin(host))} {line(request)}"

    return take_host, line_with_host
