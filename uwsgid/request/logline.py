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

from uwsgid.logs.held import HeldLines
from uwsgid.logs.lines import ServerLines, date_format
from uwsgid.logs.writing import Write
from uwsgid.request.log_options import RequestLog
from uwsgid.request.logformat import Line, Take, compile_format, io_errors
from uwsgid.request.logtext import escape, latin
from uwsgid.request.mount_options import Mounting
from uwsgid.request.reply import VIA_SENDFILE
from uwsgid.supervise.counting import Tally

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings
    from uwsgid.request.request import Request
    from uwsgid.supervise.board import Board

#: Bytes of a default line; a longer one loses what the client chose (core/logging.c, uwsgi_log_request).
LINE_LIMIT: Final = 4096


def plain_logger(
    settings: Settings, board: Board, seat: int, write: Write, tally: Tally | None, held: HeldLines | None
) -> DefaultLines | None:
    """What makes the lines where each request is logged in uWSGI's words and in no others; else None.

    :param tally: what counts the requests of this worker; where there is none, the board has them.
    :param held: what gets the lines in the place of *write*, where they may wait for each other.
    """
    options = settings[RequestLog]
    if options.format or options.disable or options.memory_report or settings[Mounting].vhost:
        return None
    return DefaultLines(options, board, seat, write, tally, held)


def request_logger(
    settings: Settings,
    board: Board,
    slot: int,
    seat: int,
    write: Write,
    tally: Tally | None = None,
    held: HeldLines | None = None,
    plain: DefaultLines | None = None,
) -> tuple[Take | None, Callable[[Request], None]]:
    """What makes the lines of the worker of *slot* that sits at *seat*, in two steps.

    :param write: gets each line as bytes, its newline included.
    :param tally: as for `plain_logger`; so is *held*.
    :param plain: what that made.
    :returns: first a function to be called before the application; what it returns becomes `Request.wire`.
        None where no line wants any variable.  Second a function that writes the line of a finished request
        where it is logged, to be called once for each request, after its counters are on the board.  Of a
        request without `Request.wire` it takes the variables then.
    """
    plain = plain or plain_logger(settings, board, seat, write, tally, held)
    if plain is not None:
        return plain.take, plain.log
    options = settings[RequestLog]
    if held is not None:
        write = held.write
    take: Take | None
    if options.format:
        take, line = compile_format(options, date_format(settings[ServerLines]), board, slot, seat)
    else:
        lines = DefaultLines(options, board, seat, write, tally, None)
        take, line = lines.take, lines.line
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
            write(line(request))

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


#: Small numbers as text: making them is the dearest part of a line.
_TEXTS: Final = [b"%d" % number for number in range(1024)]
_TWO_DIGITS: Final = [b"%02d" % number for number in range(100)]
_NOTHING_MORE: Final = [b""]


def _text(number: int) -> bytes:
    return _TEXTS[number] if 0 <= number < 1024 else b"%d" % number


def _value(value: object) -> bytes:
    """What a client chose, as it stands in a line."""
    return escape(latin(value)).encode("latin-1")


def _path(uri: str) -> bytes:
    if uri.isprintable():
        try:
            return uri.encode("latin-1")
        except UnicodeEncodeError:
            pass
    return _value(uri)


# What stands in a line is mostly what stood in the last one.  Such parts are kept, so that a line is made of
# few pieces; another thread may put another part there at any time, so they are objects that do not change.


class _Hundred:
    """The text of a counter but for its last two digits.

    :ivar first: the least number it is for; *end* is the first beyond.
    :ivar rest: the text behind it, by how much the number is above *first*.
    """

    def __init__(self, number: int) -> None:
        self.first: Final = number - number % 100 if number >= 0 else number
        self.end: Final = self.first + 100 if number >= 0 else number + 1
        self.text: Final = (
            b"%d" % (number // 100) if number >= 100 else b"" if number >= 0 else b"%d" % number
        )
        self.rest: Final[list[bytes]] = (
            _TWO_DIGITS if number >= 100 else _TEXTS if number >= 0 else _NOTHING_MORE
        )


class _App:
    """What stands in the lines of one application.

    :ivar start: up to its counter.
    """

    def __init__(self, id: int) -> None:
        self.id: Final = id
        self.start: Final = b"[pid: %d|app: %d|req: " % (os.getpid(), id)
        self.requests = _Hundred(0)


class _Who:
    """Who asked: from the counters to the number of variables."""

    def __init__(self, address: str, user: str, count: int) -> None:
        self.address: Final = address
        self.user: Final = user
        self.count: Final = count
        # uWSGI counts names and values
        self.text: Final = b"] %b (%b) {%d vars in " % (_value(address), _value(user), 2 * count)


class _When:
    """When it was asked: from the size of the packet to the method.

    :ivar since: unix seconds; *until* is the first moment beyond.
    :ivar date: as text.
    :ivar others: the requests of all other workers; to add them up for every line would cost more the more
        workers there are.
    """

    def __init__(self, since: float, until: float, date: bytes, others: int, method: str) -> None:
        self.since: Final = since
        self.until: Final = until
        self.date: Final = date
        self.others: Final = others
        self.method: Final = method
        self.text: Final = b" bytes} [%b] %b " % (date, _value(method))


_ADD_UP: Final = 0.25  #: seconds between two sums over all workers


class _How:
    """How it went: from the time it took to the number of headers."""

    def __init__(self, unit: bytes, via: str, protocol: str, status: int, headers: int) -> None:
        self.via: Final = via
        self.protocol: Final = protocol
        self.status: Final = status
        self.headers: Final = headers
        way = b" via %b" % via.encode("latin-1") if via else b""
        self.text: Final = b"%b%b (%b %d) %d headers in " % (unit, way, _value(protocol), status, headers)


_TAIL: Final = b" bytes (1 switches on core 0)\n"


class DefaultLines:
    """Lines in uWSGI's words; made by `plain_logger`."""

    def __init__(
        self,
        options: RequestLog,
        board: Board,
        seat: int,
        write: Write,
        tally: Tally | None,
        held: HeldLines | None,
    ) -> None:
        self._forwarded: Final = options.forwarded
        self._micros: Final[bool] = options.micros
        self._unit: Final = b" micros" if options.micros else b" msecs"
        self._board: Final = board
        self._seat: Final = seat
        self._write: Final = write
        self._tally: Final = tally
        self._held: Final = held
        self._app = _App(0)
        self._apps: Final = {0: self._app}
        self._requests = _Hundred(0)
        self._who = _Who("", "", 0)
        self._when = _When(0.0, 0.0, b"", 0, "")
        self._how = _How(self._unit, "", "", 0, 0)

    # hot path, watched by bench-requests and bench-logs

    def take(self, request: Request) -> tuple[Any, ...]:
        """What the client chose, for `Request.wire`."""
        vars = request.vars
        address = vars.get("REMOTE_ADDR", "")
        if self._forwarded:
            address = vars.get("HTTP_X_FORWARDED_FOR") or address
        return (
            address,
            vars.get("REMOTE_USER", ""),
            vars.get("REQUEST_METHOD", ""),
            vars.get("REQUEST_URI", ""),
            vars.get("SERVER_PROTOCOL", ""),
        )

    def log(self, request: Request) -> None:
        """Write the line of *request*, unless the application minds."""
        if request.log is False:
            return
        if not request.wire:
            request.wire = self.take(request)
        held = self._held
        if held is not None:
            held.write(self.line(request))
        else:
            self._write(self.line(request))

    def line(self, request: Request) -> bytes:
        """The line of *request*, of which `Request.wire` has what the client chose."""
        wire = request.wire
        address: str
        user: str
        method: str
        uri: str
        protocol: str
        address, user, method, uri, protocol = wire
        reply = request.reply
        app = self._app
        if request.app_id != app.id:
            self._app = app = self._app_of(request.app_id)
        number = request.app_requests
        requests = app.requests
        if not requests.first <= number < requests.end:
            app.requests = requests = _Hundred(number)
        started = request.started
        when = self._when
        if not when.since <= started < when.until:
            self._when = when = self._now(started, method)
        elif method != when.method:
            self._when = when = _When(when.since, when.until, when.date, when.others, method)
        tally = self._tally
        count = when.others + (self._board.requests[self._seat] if tally is None else tally.requests)
        total = self._requests
        if not total.first <= count < total.end:
            self._requests = total = _Hundred(count)
        who = self._who
        if request.var_count != who.count or address != who.address or user != who.user:
            self._who = who = _Who(address, user, request.var_count)
        how = self._how
        if (
            reply.status != how.status
            or reply.header_count != how.headers
            or protocol != how.protocol
            or reply.via != how.via
        ):
            self._how = how = _How(self._unit, reply.via, protocol, reply.status, reply.header_count)
        took = request.micros if self._micros else request.micros // 1000
        made = b"%b%b%b/%b%b%b%b%b%b => generated %b bytes in %b%b%b%b" % (
            app.start,
            requests.text,
            requests.rest[number - requests.first],
            total.text,
            total.rest[count - total.first],
            who.text,
            _text(request.packet_size),
            when.text,
            _path(uri),
            _text(reply.body_size),
            _text(took),
            how.text,
            _text(reply.headers_size),
            _TAIL if request.switches == 1 and request.core == 0 else _tail(request),
        )
        if len(made) > LINE_LIMIT and wire is not _TOO_LONG:
            request.wire = _TOO_LONG
            return self.line(request)
        return made

    # end of the hot path

    def _app_of(self, id: int) -> _App:
        app = self._apps.get(id)
        if app is None:
            app = self._apps[id] = _App(id)
        return app

    def _now(self, started: float, method: str) -> _When:
        second = int(started)
        date = time.ctime(second).encode("latin-1")
        board = self._board
        others = board.total_requests() - board.requests[self._seat]
        return _When(started, min(started + _ADD_UP, second + 1.0), date, others, method)


def _tail(request: Request) -> bytes:
    return b" bytes (%d switches on core %d)\n" % (request.switches, request.core)


#: What stands for address, user, method, URI and protocol in a line that they made too long (core/logging.c).
_TOO_LONG: Final[tuple[Any, ...]] = ("0.0.0.0", "", "-", "-", "-")


def _after_memory(line: Line, board: Board, seat: int) -> Line:
    """``memory-report``: the sizes that were measured last stand before the line."""
    vsz, rss = board.vsz, board.rss

    def line_with_memory(request: Request) -> bytes:
        space, resident = vsz[seat], rss[seat]
        return b"{address space usage: %d bytes/%dMB} {rss usage: %d bytes/%dMB} %b" % (
            space,
            space >> 20,
            resident,
            resident >> 20,
            line(request),
        )

    return line_with_memory


def _after_host(take: Take, line: Line) -> tuple[Take, Line]:
    """``vhost``: the host stands before the line."""

    def take_host(request: Request) -> tuple[Any, ...]:
        return request.vars.get("HTTP_HOST", ""), take(request)

    def line_with_host(request: Request) -> bytes:
        host, request.wire = request.wire
        return b"%b %b" % (_value(host), line(request))

    return take_host, line_with_host
