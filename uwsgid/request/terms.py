"""What the options say about a request between socket and application, in the shape that the hot path wants.

Sections are what a configuration says; a `Terms` is made of them once in each worker, because an attribute
of a plain object costs less than a walk through settings, and a request makes a dozen of those.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from uwsgid.request.options import Answers, Bodies, RequestOptions

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings


class Terms:
    """What the options say about connections and requests, ready for use.

    :param say: writes a line to the log.
    :ivar timeout: seconds; of one wait for a client, and of its whole request head.
    :ivar chunked_timeout: seconds; of one wait for more of a chunked body, 0 for `timeout`.
    :ivar keepalive: seconds an idle connection is kept.
    :ivar add_headers: names and values.
    :ivar rem_headers: names, in lower case.
    """

    __slots__ = (
        "add_headers",
        "body_warning",
        "bufsize",
        "cgi_mode",
        "chunked_timeout",
        "exception_only",
        "ignore_sigpipe",
        "ignore_write_errors",
        "keepalive",
        "limit_post",
        "plain_headers",
        "post_buffering",
        "rem_headers",
        "say",
        "sendfile",
        "timeout",
        "tolerance",
        "write_exception",
    )

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        requests, bodies, answers = settings[RequestOptions], settings[Bodies], settings[Answers]
        self.say = say
        self.timeout = float(requests.socket_timeout)
        # a bare `http-keepalive`, which reads as 1, asks uWSGI's router for its default as well
        self.keepalive = float(requests.http_keepalive) if requests.http_keepalive > 1 else self.timeout
        self.limit_post = requests.limit_post
        self.post_buffering = bodies.post_buffering
        self.bufsize = bodies.buffering_size
        self.body_warning = bodies.warning
        self.chunked_timeout = float(max(0, bodies.chunked_timeout))
        self.ignore_sigpipe = answers.ignore_sigpipe
        self.ignore_write_errors = answers.ignore_write_errors
        self.write_exception = not answers.disable_write_exception
        self.exception_only = answers.write_errors_exception_only
        self.tolerance = answers.write_errors_tolerance
        self.sendfile = not answers.disable_sendfile
        self.cgi_mode = answers.cgi_mode
        self.add_headers: list[tuple[str, str]] = []
        for line in answers.add_header:
            name, _, value = line.partition(":")
            self.add_headers.append((name.strip(), value.strip()))
        self.rem_headers = frozenset(name.strip().lower() for name in answers.rem_header)
        #: nothing is added to what an application says, and nothing taken away
        self.plain_headers = not (self.add_headers or self.rem_headers)
