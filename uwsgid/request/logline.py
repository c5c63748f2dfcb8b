"""The line a request leaves in the log.

Everything that can be decided before the first request is decided by `request_logger`: which requests are
logged, what the line looks like, which columns of the board it reads.  What remains for each request is one
template, or what `uwsgid.request.logformat` made of ``log-format``.

The line tells what the client asked, as uWSGI's does, so the variables in it are taken before the application
runs, which may change its environ.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

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
    :returns: first a function to be called before the application; it notes in the request what the client
        asked.  None where no line wants any variable.  Second a function that writes the line of a finished
        request where it is logged, to be called once for each request, after its counters are on the board.
        Of a request in which nothing was noted it takes the variables then.
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
            if take is not None and request.who is None and not request.wire:
                take(request)
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


_NUMBERS: Final = 1024
#: Small numbers as text: making them is the dearest part of a line.
_TEXTS: Final = [b"%d" % number for number in range(_NUMBERS)]
_TWO_DIGITS: Final = [b"%02d" % number for number in range(100)]
_NOTHING_MORE: Final = [b""]
_MSECS: Final = [b" bytes in %d msecs" % number for number in range(100)]
#: Changes the bytes that `uwsgid.request.logtext.escape` escapes, and no other.
_HARMLESS: Final = bytes([ord("?") if byte < 32 or byte == 127 else byte for byte in range(256)])


def _value(text: str) -> bytes:
    """What a client chose, as it stands in a line."""
    try:
        plain = text.encode("latin-1")
        if plain.translate(_HARMLESS) is plain:  # which it is where nothing changed
            return plain
    except UnicodeEncodeError:
        pass
    return escape(latin(text)).encode("latin-1")


# What stands in a line is mostly what stood in the last one.  Such parts are kept, so that a line is made of
# few pieces; another thread may put another part there at any time, so they are objects that do not change.


class _Hundred:
    """The text of a counter, with what stands before it, but for its last two digits.

    :ivar first: the least number it is for; *count* numbers are.
    :ivar rest: the text behind it, by how much the number is above *first*.
    """

    def __init__(self, before: bytes, number: int) -> None:
        self.first: Final = number - number % 100 if number >= 0 else number
        self.count: Final = 100 if number >= 0 else 1
        digits = b"%d" % (number // 100) if number >= 100 else b"" if number >= 0 else b"%d" % number
        self.text: Final = before + digits
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
        self.requests = _Hundred(self.start, 0)


class Who:
    """Who asked, and how.

    :ivar count: the variables that came; *size* are the bytes of them.
    :ivar text: from the counters to the size.
    :ivar stands_in: for what made the line too long.
    """

    def __init__(
        self,
        address: str,
        user: str,
        method: str,
        protocol: str,
        count: int,
        size: int,
        stands_in: bool = False,
    ) -> None:
        self.address: Final = address
        self.user: Final = user
        self.method: Final = method
        self.protocol: Final = protocol
        self.count: Final = count
        self.size: Final = size
        self.stands_in: Final = stands_in
        # uWSGI counts names and values
        self.text: Final = b"] %b (%b) {%d vars in %d" % (_value(address), _value(user), 2 * count, size)


class _When:
    """When it was asked: from behind the size of the variables to the method.

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
    """How it went, from behind the time it took to the end of the line."""

    def __init__(
        self, via: str, protocol: str, status: int, headers: int, size: int, switches: int, core: int
    ) -> None:
        self.via: Final = via
        self.protocol: Final = protocol
        self.status: Final = status
        self.headers: Final = headers
        self.size: Final = size
        self.switches: Final = switches
        self.core: Final = core
        way = b" via %b" % via.encode("latin-1") if via else b""
        self.text: Final = b"%b (%b %d) %d headers in %d bytes (%d switches on core %d)\n" % (
            way,
            _value(protocol),
            status,
            headers,
            size,
            switches,
            core,
        )


#: How many of `Who` and of `_How` are kept, each by the size of a head.  Those of one client and those of one
#: site have few sizes.
_KEPT: Final = 64
_LONGEST: Final = 256  #: bytes of one that is kept


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
        self._requests = _Hundred(b"/", 0)
        self._whos: Final = [Who("", "", "", "", 0, 0)] * _KEPT
        self._when = _When(0.0, 0.0, b"", 0, "")
        self._hows: Final = [_How("", "", 0, 0, 0, 1, 0)] * _KEPT
        self._took: Final[list[bytes]] = [] if options.micros else _MSECS

    # hot path, watched by bench-requests and bench-logs

    def take(self, request: Request) -> None:
        """Note what the client chose: `Request.who` and `Request.uri`."""
        vars = request.vars
        address: str = vars.get("REMOTE_ADDR", "")
        if self._forwarded:
            address = vars.get("HTTP_X_FORWARDED_FOR") or address
        user: str = vars.get("REMOTE_USER", "")
        method: str = vars.get("REQUEST_METHOD", "")
        protocol = request.reply.protocol
        size = request.packet_size
        place = size & (_KEPT - 1)
        who = self._whos[place]
        if (
            size != who.size
            or request.var_count != who.count
            or address != who.address
            or user != who.user
            or method != who.method
            or protocol != who.protocol
        ):
            who = Who(address, user, method, protocol, request.var_count, size)
            if len(who.text) + len(method) + len(protocol) <= _LONGEST:
                self._whos[place] = who
        request.who = who
        request.uri = vars.get("REQUEST_URI", "")

    def log(self, request: Request) -> None:
        """Write the line of *request*, unless the application minds."""
        if request.log is False:
            return
        if request.who is None:
            self.take(request)
        held = self._held
        if held is not None:
            held.write(self.line(request))
        else:
            self._write(self.line(request))

    def line(self, request: Request) -> bytes:
        """The line of *request*, in which `take` has noted what the client chose."""
        noted = request.who
        assert noted is not None
        who: Who = noted  # the compiler would ask at each use
        reply = request.reply
        app = self._app
        if request.app_id != app.id:
            self._app = app = self._app_of(request.app_id)
        number = request.app_requests
        requests = app.requests
        above = number - requests.first
        if not 0 <= above < requests.count:
            app.requests = requests = _Hundred(app.start, number)
            above = number - requests.first
        started = request.started
        when = self._when
        if not when.since <= started < when.until:
            self._when = when = self._now(started, who.method)
        elif who.method != when.method:
            self._when = when = _When(when.since, when.until, when.date, when.others, who.method)
        tally = self._tally
        count = when.others + (self._board.requests[self._seat] if tally is None else tally.requests)
        total = self._requests
        beyond = count - total.first
        if not 0 <= beyond < total.count:
            self._requests = total = _Hundred(b"/", count)
            beyond = count - total.first
        size, core = reply.headers_size, request.core
        place = (size + core) & (_KEPT - 1)
        how = self._hows[place]
        if (
            size != how.size
            or reply.status != how.status
            or reply.header_count != how.headers
            or who.protocol != how.protocol
            or reply.via != how.via
            or core != how.core
            or request.switches != how.switches
        ):
            how = _How(
                reply.via, who.protocol, reply.status, reply.header_count, size, request.switches, core
            )
            if len(how.text) <= _LONGEST:
                self._hows[place] = how
        sent = reply.body_size
        took = request.micros if self._micros else request.micros // 1000
        made = b"%b%b%b%b%b%b%b => generated %b%b%b" % (
            requests.text,
            requests.rest[above],
            total.text,
            total.rest[beyond],
            who.text,
            when.text,
            _value(request.uri),
            _TEXTS[sent] if 0 <= sent < _NUMBERS else b"%d" % sent,
            self._took[took] if 0 <= took < len(self._took) else b" bytes in %d%b" % (took, self._unit),
            how.text,
        )
        if len(made) > LINE_LIMIT and not who.stands_in:
            request.who = Who("0.0.0.0", "", "-", "-", request.var_count, request.packet_size, True)
            request.uri = "-"
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

    def take_host(request: Request) -> None:
        take(request)
        request.wire = (request.vars.get("HTTP_HOST", ""),)

    def line_with_host(request: Request) -> bytes:
        return b"%b %b" % (_value(request.wire[0]), line(request))

    return take_host, line_with_host
