"""One request, from the bytes that arrived to its log line.

The loops (`uwsgid.loops`) decide who is next and wait; a `Cycle` does the rest: it reads what there is, lets
the decoder of the protocol speak, answers one request through the handler of its modifier, and writes down
what it cost.  What ought to happen to the connection then is its answer to the loop.

Nobody can end a worker from here: what a client breaks becomes an error page or a closed connection with one
line in the log, what an application breaks is its handler's business, and the rest is caught at the end.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from os import read
from time import monotonic, time
from typing import Any, Final

from uwsgid.errors import BodyError, PeerError, PeerGone, PeerTimeout
from uwsgid.host import Listener
from uwsgid.request.body import Body
from uwsgid.request.buffering import buffered
from uwsgid.request.connection import AGAIN, CLOSE, LINGER, PARK_HEAD, PARK_IDLE, Connection, Next
from uwsgid.request.options import Bodies, Dispatch, RequestOptions
from uwsgid.request.reply import Reply
from uwsgid.request.request import Request
from uwsgid.request.serving import Handler, Serving
from uwsgid.request.terms import Terms
from uwsgid.supervise.board import RequestKind
from uwsgid.supervise.counting import Progress, Tally
from uwsgid.supervise.deadline import Harakiri
from uwsgid.wire.events import Answer, RequestHead
from uwsgid.wire.limits import Limits
from uwsgid.wire.uwsgi import content_length, read_vars
from uwsgid.worker.station import DISCARD, Place, Prepared, Station, linger, make_station

_HTTP: Final = RequestKind.HTTP
#: The least one read of a request head asks for: an answer's first packet seldom brings more.
_READ: Final = 8192
#: Modifiers whose packets carry variables for a gateway interface; the decoder knows about all others.
_WITH_VARS: Final = frozenset({0, 5, 7, 9, 30})
#: Bytes that a client may still send after it got its last answer.
_LINGER: Final = 1 << 20


class Cycle:
    """Serves requests on one core of a worker.

    :param core: which one.
    """

    terms: Terms
    _stations: dict[int, Station]
    _tally: Tally

    def __init__(self, serving: Serving, core: int = 0, first: Cycle | None = None) -> None:
        settings = serving.settings
        self._serving = serving
        self._farewell = serving.farewell
        self._lines = serving.lines
        self._core = core
        self.terms = first.terms if first is not None else Terms(settings, serving.say)
        self._stations: dict[int, Station] = first._stations if first is not None else {}
        self._handlers = _dispatched(serving.handlers, settings[Dispatch])
        options = settings[RequestOptions]
        self._max_vars = options.max_vars
        self._longest_packet = 4 + options.buffer_size
        self._limits = Limits(
            buffer_size=options.buffer_size,
            max_vars=options.max_vars,
            chunk=settings[Bodies].chunked_limit,
        )
        self._read_size: Final = max(_READ, options.buffer_size + 4)
        self._dynamic = frozenset(settings[Dispatch].dynamic_apps)
        self._harakiri = settings[Harakiri].timeout
        if len(serving.current) < serving.cores:
            serving.current.extend([None] * (serving.cores - len(serving.current)))
        board = serving.board
        self._seat = serving.seat
        self._at = serving.seat * board.cores + core
        if first is not None:
            self._tally = first._tally
        else:
            self._tally = serving.tally or Tally(board, serving.seat)
        self._progress = Progress(board, serving.seat, core, self._tally)
        self._kind = RequestKind.NONE
        self._snapshot = board.snapshots + self._at * board.snapshot if board.snapshot else 0

    def on_core(self, core: int) -> Cycle:
        """The same for another core of this worker."""
        return Cycle(self._serving, core, self)

    def connector(self, listener: Listener) -> Callable[[int, Any], Connection]:
        """What makes a connection of the descriptor and the peer address that accept() returned."""
        station = self._stations.get(listener.index)
        if station is None:
            make = self._serving.base_environ
            settings, board = self._serving.settings, self._serving.board
            place = Place(
                listener,
                make(listener) if make is not None else {},
                self._limits,
                self.terms,
                settings[Dispatch],
                not self._dynamic.isdisjoint((listener.name, listener.configured)),
                self._farewell,
                board.slots * board.cores,
            )
            station = make_station(place, settings[RequestOptions].proxy_protocol)
            self._stations[listener.index] = station
        return station.connect

    # ---- hot path, watched by bench-requests ---------------------------------------------------------------
    #
    # Straight code with few calls and no objects but those that live on: each call saved is 0.1 of some 20
    # microseconds that Python has for a request.

    def advance(self, connection: Connection) -> Next:
        """Read what arrived, and answer at most one request."""
        waits = connection.waits
        data = b""
        if waits is not AGAIN:
            if waits is LINGER:
                return self._linger(connection)
            try:
                data = read(connection.fd, self._read_size)
            except BlockingIOError:
                return waits
            except OSError as error:
                return self.abandon(connection, error.strerror or str(error))
            if not data:
                return self.abandon(connection, "client closed connection")
        try:
            prepared: Prepared | Next
            if connection.decoder is None and len(data) > 4 and data[0] in _WITH_VARS:
                # a uwsgi packet that is whole after one read, as nearly all are, needs no decoder
                end = 4 + (data[1] | data[2] << 8)
                if len(data) >= end <= self._longest_packet:
                    vars = connection.station.base.copy()
                    block = data[4:end]
                    count = read_vars(block, vars, self._max_vars)
                    length = vars.get("CONTENT_LENGTH")
                    length = content_length(length) if length else 0
                    request = Request(vars, data[0], data[3], self._core, time())
                    request.var_count = count
                    request.packet_size = end - 4
                    request.reply = Reply(connection, vars)
                    request.body = body = Body(connection, length, data[end:] if length else b"")
                    return self.serve(connection, (request, body, block))
            prepared = self._decode(connection, data)
            return prepared if isinstance(prepared, Next) else self.serve(connection, prepared)
        except PeerError as error:
            return self._refuse(connection, error)
        except Exception:
            self._serving.say(f"a request could not be finished:\n{traceback.format_exc()}")
            return CLOSE

    def prepare(self, connection: Connection, data: bytes) -> Prepared | Next:
        """Take *data* that arrived: a request ready for `serve`, or what happens to the connection."""
        try:
            return self._decode(connection, data)
        except PeerError as error:
            return self._refuse(connection, error)

    def _decode(self, connection: Connection, data: bytes) -> Prepared | Next:
        decoder = connection.decoder
        station: Station = connection.station
        if decoder is None:
            decoder = connection.decoder = station.decoder()
        if data:
            decoder.feed(data)
            connection.received += data
        head = decoder.next_event()
        if type(head) is not RequestHead:
            while isinstance(head, Answer):
                connection.send_now(head.data)
                if head.close:
                    connection.received = b""
                    return linger(connection)
                head = decoder.next_event()
            if type(head) is not RequestHead:
                if not decoder.idle:
                    return PARK_HEAD
                if station.kind is not _HTTP:
                    connection.received = b""  # it was no part of a request
                return PARK_IDLE if connection.served else PARK_HEAD
        request = Request(head.vars, head.modifier1, head.modifier2, self._core, time())
        request.var_count = head.count
        request.packet_size = head.size
        request.block = head.block
        prepared = station.open(connection, head, request)
        request.body = prepared[1]
        connection.received = b""
        return prepared

    def serve(self, connection: Connection, prepared: Prepared) -> Next:
        """Answer one request, and write down what it cost."""
        request, body, block = prepared
        began = monotonic()
        serving, terms = self._serving, self.terms
        station: Station = connection.station
        board, at, core = serving.board, self._at, self._core
        reply = request.reply
        plain = serving.plain
        if plain is not None:
            plain.take(request)
        elif serving.take_wire is not None:
            serving.take_wire(request)
        if station.trusted:
            request.trusted = True

        size = 0
        if self._snapshot:
            if station.kind is _HTTP:
                block = connection.peer_line + block
            size = len(block)
            if size > board.snapshot:
                size = board.snapshot
                block = block[:size]
            board.map[self._snapshot : self._snapshot + size] = block
            if station.kind is not self._kind:
                self._kind = station.kind
                board.request_kind[at] = station.kind
        if self._harakiri:
            board.deadline[at] = began + self._harakiri
        self._progress.begin(request.started, size)
        serving.current[core] = request

        handler = self._handlers[request.modifier1]
        refused = False
        length = body.length
        if handler is None or (length and terms.limit_post and length > terms.limit_post):
            refused = True
            self._turn_away(connection, request, handler)
        elif length != 0 and terms.post_buffering and not self._buffer(connection, request, body):
            refused = True
        else:
            try:
                handler(request)
            except BaseException:
                self._broken_handler(request)

        ended = monotonic()
        request.micros = micros = int((ended - began) * 1000000)
        if not station.closes:
            after = station.after(connection, reply, body)
        elif body.at_end or body.discard(DISCARD):
            after = CLOSE
            if not connection.registered:
                connection.close()  # before the log line, for the sake of whoever waits for the end
        else:
            after = linger(connection)
        connection.served += 1

        serving.current[core] = None
        if request.body is not body:
            request.body.close()
        if reply.write_errors:
            board.write_errors[at] += reply.write_errors
        if body.errors:
            board.read_errors[at] += body.errors
        if self._harakiri or serving.user_harakiri:
            board.deadline[at] = 0.0
        if refused:
            board.rejected[self._seat] += 1
            self._progress.refuse()
        else:
            self._progress.end(request.app_id, micros, reply.headers_size + reply.body_size)
            if serving.measure is not None:
                serving.measure()
            if self._lines is not None:
                self._lines.now = ended
            if plain is not None:
                plain.log(request)
            else:
                serving.log_request(request)
        if serving.after_request is not None:
            serving.after_request(core)
        return after

    # ---- end of the hot path -------------------------------------------------------------------------------

    def expire(self, connection: Connection, why: Next) -> None:
        """Tell the client, and the log where that matters, that it took too long.  The caller closes."""
        if why is PARK_HEAD and connection.received:
            seconds = self.terms.timeout
            self._refuse(
                connection, PeerTimeout(f"no complete request head within {seconds:g} seconds", status=408)
            )

    def abandon(self, connection: Connection, why: str) -> Next:
        """Note that the client went away, where it was in the middle of something."""
        if connection.received:
            self._serving.board.rejected[self._seat] += 1
            self._serving.say(
                f"uwsgi_proto_{connection.station.name}_parser() -> {why} within the head of a request "
                f"[{connection.who}]"
            )
        return CLOSE

    def _refuse(self, connection: Connection, error: PeerError) -> Next:
        """Answer a request that is none, and say in the log why."""
        self._serving.board.rejected[self._seat] += 1
        answer: bytes = b""
        if not isinstance(error, PeerGone):
            answer = connection.station.refusal(connection, error.status)
        self._serving.say(
            f"{error}...skip [{connection.who}"
            f"{f', option {error.option}' if error.option else ''}"
            f"{f', answered {error.status}' if answer and error.status else ', closed'}]"
        )
        connection.received = b""
        if not answer:
            return CLOSE
        connection.send_now(answer)
        return linger(connection)

    def _turn_away(self, connection: Connection, request: Request, handler: Handler | None) -> None:
        """Refuse a request whose head is in order."""
        if handler is None:
            said, status = f"-- unavailable modifier requested: {request.modifier1} --", 501
        else:
            said, status = "Invalid (too big) CONTENT_LENGTH. skip.", 413
            said += f" {request.body.length} bytes, option limit-post"
        self._serving.say(f"{said} [{connection.who}]")
        self._answer(connection, request, status)

    def _answer(self, connection: Connection, request: Request, status: int) -> None:
        """An error page where the protocol has one, and the end of the connection."""
        reply = request.reply
        reply.close = True
        reply.status = status
        answer: bytes = connection.station.turn_away(connection, status)
        if answer:
            try:
                connection.send(answer)
            except (OSError, PeerTimeout):
                pass

    def _buffer(self, connection: Connection, request: Request, body: Body) -> bool:
        terms = self.terms
        try:
            request.body = buffered(body, terms.post_buffering, terms.bufsize)
            return True
        except BodyError as error:
            request.reply.refuse(error.status)
        except OSError as error:
            self._serving.say(
                f"a request body could not be buffered: {error} [{connection.who}, option post-buffering]"
            )
            request.reply.refuse(500)
        return False

    def _broken_handler(self, request: Request) -> None:
        """A handler that raised: the contract says that it must not."""
        self._serving.say(f"a request handler failed:\n{traceback.format_exc()}")
        reply = request.reply
        reply.close = True
        if not reply.sent:
            try:
                reply.start("500 Internal Server Error", [("Content-Type", "text/plain")])
                reply.whole(b"Internal Server Error")
            except OSError:
                pass

    def _linger(self, connection: Connection) -> Next:
        try:
            while connection.surplus < _LINGER:
                data = connection.receive_now(DISCARD)
                if data is None:
                    return LINGER
                if not data:
                    break
                connection.surplus += len(data)
        except OSError:
            pass
        return CLOSE


def _dispatched(handlers: list[Handler | None], options: Dispatch) -> list[Handler | None]:
    """The table of handlers under ``remap-modifier`` and ``allowed-modifiers``."""
    table = list(handlers)
    for source, target in options.remap_modifier:
        table[source] = handlers[target]
    if options.allowed_modifiers:
        allowed = set(options.allowed_modifiers)
        table = [handler if modifier in allowed else None for modifier, handler in enumerate(table)]
    return table
