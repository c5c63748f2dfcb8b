"""The options that govern a request between socket and application.

The hot path does not look at these: it has a `uwsgid.request.terms.Terms`, made of them once in each worker.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Final

from uwsgid.config.kinds import (
    Bytes,
    Count,
    Flag,
    Integer,
    Kind,
    Megabytes,
    OptionalInteger,
    Takes,
    Text,
    Texts,
)
from uwsgid.config.section import Section, flag, option, section

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings


#: Bytes; reading less than a page at a time is only slow.
_LEAST_BUFSIZE: Final = 4096


@section("Requests")
class RequestOptions(Section):
    """What a peer may send, and how long it may take."""

    buffer_size: Count = option(
        "buffer-size",
        "b",
        default=4096,
        help="refuse requests whose variables or HTTP head are larger than this many bytes",
        note="a uwsgi packet ends at 65535 bytes whatever the value; more is meant for HTTP",
    )
    max_vars: Count = option(
        "max-vars", "v", default=64, help="refuse requests with more than twice as many variables"
    )
    socket_timeout: Count = option(
        "socket-timeout",
        "z",
        default=4,
        help="seconds to wait for a client: for its whole request head, and for each read and write after it",
    )
    http_keepalive: OptionalInteger = option(
        "http-keepalive",
        default=0,
        help="seconds an idle HTTP connection is kept; as long as socket-timeout where not given",
        note="a worker's own HTTP sockets keep connections alive without being asked",
    )
    proxy_protocol: Flag = flag(
        "enable-proxy-protocol",
        default=False,
        help="connections of http-socket begin with a PROXY header, which says who the client is",
        note="the header is required, in version 1 or 2; uWSGI reads version 1, and does without it too",
    )
    limit_post: Bytes = option("limit-post", default=0, help="refuse bodies larger than this many bytes")
    loop: Text = option(
        "loop",
        default="",
        help="how a worker waits: simple, threads or reactor; chosen by threads where not given",
    )
    thunder_lock: Flag = flag(
        "thunder-lock",
        default=False,
        help="let one worker at a time wait for connections and accept them",
        note="without it the kernel wakes one worker only (EPOLLEXCLUSIVE), and the lock is not needed",
    )


@section("Request bodies")
class Bodies(Section):
    """How the body of a request is read."""

    post_buffering: Bytes = option(
        "post-buffering",
        default=0,
        help="read the whole body before the application runs; into a file from this many bytes",
    )
    bufsize: Bytes = option(
        "post-buffering-bufsize",
        default=8192,
        help="the most bytes to read at a time while buffering a body; never less than post-buffering",
    )
    warning: Megabytes = option(
        "body-read-warning",
        default=8 << 20,
        help="warn when an application reads more than this many megabytes in one piece",
    )
    chunked_limit: Bytes = option(
        "chunked-input-limit",
        default=0,
        help="refuse a chunked body with a chunk larger than this many bytes",
        note="any size passes where not given, since a chunk is handed on as it arrives; uWSGI keeps chunks "
        "in memory, of 1 MiB at most where not given. limit-post governs the whole body",
    )
    chunked_timeout: Integer = option(
        "chunked-input-timeout",
        default=0,
        help="seconds to wait for more of a chunked body; as long as socket-timeout where not given",
    )

    @property
    def buffering_size(self) -> int:
        """``post-buffering-bufsize``, which uWSGI raises to ``post-buffering`` (core/uwsgi.c, at start)."""
        return max(self.bufsize, self.post_buffering, _LEAST_BUFSIZE)


@section("Answers")
class Answers(Section):
    """How an answer is written, and what happens when nobody wants it any more."""

    ignore_sigpipe: Flag = flag("ignore-sigpipe", default=False, help="do not log that a client went away")
    ignore_write_errors: Flag = flag(
        "ignore-write-errors", default=False, help="do not log that an answer could not be written"
    )
    disable_write_exception: Flag = flag(
        "disable-write-exception",
        default=False,
        help="do not tell the application that its answer could not be written",
    )
    write_errors_tolerance: Integer = option(
        "write-errors-tolerance",
        default=0,
        help="tell the application only after this many failed writes of one answer",
    )
    write_errors_exception_only: Flag = flag(
        "write-errors-exception-only",
        default=False,
        help="a failed write raises in write(), and does not end the iteration of an answer",
    )
    add_header: Texts = option("add-header", default=(), help="add 'Name: value' to every answer")
    rem_header: Texts = option(
        "rem-header", "del-header", default=(), help="take this header out of every answer"
    )
    disable_sendfile: Flag = flag(
        "disable-sendfile", default=False, help="copy files to the client instead of using sendfile()"
    )
    cgi_mode: Flag = flag(
        "cgi-mode",
        default=False,
        help="start every answer with 'Status: …' in place of an HTTP status line",
        note="its letter of 1.9.16, -c, names the configuration file here",
    )

    def check(self, settings: Settings) -> Iterable[str]:
        for line in self.add_header:
            name, colon, _ = line.partition(":")
            if not (colon and name.strip()) or "\r" in line or "\n" in line or not line.isascii():
                yield settings.problem(Answers, "add_header", f"expected 'Name: value', got {line!r}")


def _modifiers(text: str) -> tuple[int, ...]:
    return tuple(_modifier(item) for item in text.split(",") if item.strip())


def _modifier(text: str) -> int:
    word = text.strip()
    if not (word.isascii() and word.isdigit() and int(word) < 256):
        raise ValueError(f"a modifier is a number up to 255, got {word!r}")
    return int(word)


def _remaps(text: str) -> tuple[tuple[int, int], ...]:
    pairs = []
    for item in text.split(","):
        if item.strip():
            source, colon, target = item.partition(":")
            if not colon:
                raise ValueError(f"expected from:to, got {item.strip()!r}")
            pairs.append((_modifier(source), _modifier(target)))
    return tuple(pairs)


Modifier = Annotated[int, Kind("modifier", "a number up to 255", _modifier, Takes.VALUE)]
Modifiers = Annotated[
    tuple[int, ...], Kind("list of modifiers", "numbers separated by commas", _modifiers, Takes.VALUE)
]
Remaps = Annotated[
    tuple[tuple[int, int], ...],
    Kind("list of from:to", "pairs from:to separated by commas", _remaps, Takes.VALUE),
]


@section("Requests")
class Dispatch(Section):
    """Who answers which request."""

    allowed_modifiers: Modifiers = option(
        "allowed-modifiers", default=(), help="answer requests with these modifiers only"
    )
    remap_modifier: Remaps = option(
        "remap-modifier",
        default=(),
        help="let another modifier's handler answer: from:to, separated by commas",
    )
    dynamic_apps: Texts = option(
        "dynamic-apps",
        default=(),
        help="obey UWSGI_APPID and its kin in requests that come over this socket",
        note="uWSGI 1.9.16 obeys them from everybody; here they do nothing on sockets that are not named",
    )
    http_socket_modifier1: Modifier = option(
        "http-socket-modifier1", default=0, help="who answers the requests of http-socket: 0 is WSGI"
    )
    http_socket_modifier2: Modifier = option(
        "http-socket-modifier2", default=0, help="what http-socket-modifier1 is told with each request"
    )
    fastcgi_modifier1: Modifier = option(
        "fastcgi-modifier1", default=0, help="who answers the requests of FastCGI sockets: 0 is WSGI"
    )
    fastcgi_modifier2: Modifier = option(
        "fastcgi-modifier2", default=0, help="what fastcgi-modifier1 is told with each request"
    )
    scgi_modifier1: Modifier = option(
        "scgi-modifier1", default=0, help="who answers the requests of SCGI sockets: 0 is WSGI"
    )
    scgi_modifier2: Modifier = option(
        "scgi-modifier2", default=0, help="what scgi-modifier1 is told with each request"
    )
