"""The handler of modifiers 0 and 30: calls a WSGI application and sends what it returns.

The checks of start_response, their order and their texts are those of uWSGI (plugins/python/wsgi_headers.c,
py_uwsgi_spit).  Where uWSGI is silent we follow PEP 3333: ``close()`` is called whatever happens, and
``exc_info`` raises again once the head has left.
"""

from __future__ import annotations

import os
import stat
import sys
import traceback
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from uwsgid.errors import AppError, BodyError
from uwsgid.languages.python.environ import FileWrapper, base_environ
from uwsgid.languages.python.wsgi_options import WsgiOptions
from uwsgid.request.mounts import cut_script_name
from uwsgid.supervise.exits import Exit

if TYPE_CHECKING:
    from uwsgid.request.mounts import App
    from uwsgid.request.reply import Reply
    from uwsgid.request.request import Request
    from uwsgid.request.serving import Handler, Serving

ExcInfo = tuple[type[BaseException], BaseException, TracebackType]


NO_APP: Final = "--- no python application found, check your startup logs for errors ---"
_ERROR_HEADERS: Final = [("Connection", "close"), ("Content-Type", "text/plain")]
_ERROR_STATUS: Final = "500 Internal Server Error"
_ERROR_BODY: Final = b"Internal Server Error"
#: How many causes of an exception are looked at; nothing keeps an application from making a circle of them.
_MOST_CAUSES: Final = 8


def handlers(serving: Serving) -> dict[int, Handler]:
    """The handlers of Python, by modifier1; `Serving.base_environ` becomes Python's."""
    serving.base_environ = lambda listener: base_environ(serving, listener)
    return {0: wsgi_handler(serving), 30: wsgi_handler(serving, cut=True)}


def wsgi_handler(serving: Serving, *, cut: bool = False) -> Handler:
    """What answers a request by the WSGI application that its mountpoint asks for.

    :param cut: take SCRIPT_NAME off PATH_INFO first (modifier1 30).
    """
    options = serving.settings[WsgiOptions]
    apps = serving.apps
    nodelay = options.nodelay
    strict = options.strict
    many_cores = serving.cores > 1

    # ---- hot path, watched by bench-requests (a) and (c) ---------------------------------------------------

    def handle(request: Request) -> None:
        environ = request.vars
        reply = request.reply
        if cut:
            cut_script_name(environ)
        app = apps.only
        if app is None or request.trusted:
            app = apps.find(environ, magic=request.trusted)
            if app is None:
                _no_app(serving, reply)
                return
        app.requests = request.app_requests = app.requests + 1
        request.app_id = app.id

        body = request.body
        environ["wsgi.input"] = body
        if body.length is None:
            environ["wsgi.input_terminated"] = True
        if many_cores:
            environ["uwsgi.core"] = request.core
        https = environ.get("HTTPS")
        if https is not None or "UWSGI_SCHEME" in environ:
            environ["wsgi.url_scheme"] = _scheme(environ, https)

        call = _Call(reply, nodelay)
        result: Any = None
        plain = False
        try:
            result = app.callable(environ, call.start_response)
            plain = type(result) is list  # which has no close()
            if plain and len(result) == 1:
                data = result[0]
                if type(data) is not bytes:
                    data = _as_bytes(data, serving)
                if not reply.status:
                    raise AppError(_NOT_STARTED)
                reply.whole(data)
                if not reply.close:
                    reply.finish()
            else:
                _send(result, request, serving, strict)
        except BaseException as error:
            _failed(serving, options, app, request, error)
        finally:
            close = None if plain else getattr(result, "close", None)
            if close is not None:
                try:
                    close()
                except BaseException as error:
                    _failed(serving, options, app, request, error)

    return handle


class _Call:
    """One call of an application."""

    __slots__ = ("_nodelay", "_reply")

    def __init__(self, reply: Reply, nodelay: bool) -> None:
        self._reply = reply
        self._nodelay = nodelay

    def start_response(
        self,
        status: Any,
        headers: Any,
        exc_info: Any = None,
    ) -> Callable[[bytes], None]:
        """What applications call before their first byte; nothing they say is believed unseen."""
        reply = self._reply
        if reply.sent:
            if exc_info:
                raise exc_info[1].with_traceback(exc_info[2])
            raise OSError("headers already sent")
        if type(status) is not str and not isinstance(status, str):
            raise TypeError("http status must be a string")
        if type(headers) is not list and not isinstance(headers, list):
            raise TypeError("http headers must be in a python list")
        for pair in headers:
            if type(pair) is not tuple or len(pair) != 2:
                _check_pair(pair)
            name, value = pair
            if type(name) is not str or type(value) is not str:
                _check_names(name, value)
        try:
            reply.start(status, headers)
        except AppError:
            _check_latin(status, headers)
            raise
        if self._nodelay:
            self._send_head()
        return self.write

    # ---- end of the hot path -------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """What start_response returns."""
        if not isinstance(data, bytes):
            raise TypeError("write() takes bytes")
        self._reply.write(data)

    def _send_head(self) -> None:
        try:
            self._reply.flush()
        except OSError:
            raise OSError("unable to directly send headers") from None


_NOT_STARTED: Final = "the application did not call start_response before its first bytes"


def _check_pair(pair: Any) -> None:
    if not isinstance(pair, tuple):
        raise TypeError("http header must be defined in a tuple")
    if len(pair) != 2:
        raise TypeError("http header must be a 2-item tuple")


def _check_names(name: Any, value: Any) -> None:
    if not isinstance(name, str):
        raise TypeError("http header key must be a string")
    if not isinstance(value, str):
        raise TypeError("http header value must be a string")


def _check_latin(status: str, headers: list[tuple[str, str]]) -> None:
    try:
        status.encode("latin-1")
    except UnicodeEncodeError:
        raise TypeError("http status string must be encodable in latin1") from None
    try:
        "".join([name + value for name, value in headers]).encode("latin-1")
    except UnicodeEncodeError:
        raise TypeError("http header must be encodable in latin1") from None


def _scheme(environ: dict[str, Any], https: str | None) -> str:
    # plugins/python/wsgi_subhandler.c; two letters of "on" and one of "1" are all it compares
    scheme: str | None = environ.get("UWSGI_SCHEME")
    if scheme:
        return scheme
    return "https" if https and (https[:2].lower() == "on" or https[:1] == "1") else "http"


def _send(result: Any, request: Request, serving: Serving, strict: bool) -> None:
    """Send what an application returned."""
    reply = request.reply
    if isinstance(result, FileWrapper):
        _send_file(result, request, serving)
    elif isinstance(result, (bytes, str)):
        if strict:
            raise AppError("the application returned bytes or text in place of an iterable (wsgi-strict)")
        if not reply.status:
            raise AppError(_NOT_STARTED)
        reply.whole(_as_bytes(result, serving))
    elif result is not None:
        _send_items(result, reply, serving)
    if not reply.status:
        raise AppError("the application did not call start_response")
    reply.finish()


def _send_items(result: Iterable[Any], reply: Reply, serving: Serving) -> None:
    write = reply.write
    for data in result:
        if type(data) is not bytes:
            data = _as_bytes(data, serving)
        if data:
            if not reply.status:
                raise AppError(_NOT_STARTED)
            write(data)
            if reply.broken:
                break


def _as_bytes(data: Any, serving: Serving) -> bytes:
    if isinstance(data, bytes):
        return data
    if isinstance(data, (bytearray, memoryview)):
        return bytes(data)
    if isinstance(data, str):
        return data.encode("latin-1")
    serving.say(f"[ERROR] Unhandled object from iterator: {data!r:.200}")
    return b""


def _send_file(wrapper: FileWrapper, request: Request, serving: Serving) -> None:
    reply = request.reply
    if not reply.status:
        raise AppError(_NOT_STARTED)
    span = _file_span(wrapper.file)
    if span is None:
        for data in wrapper:
            reply.write(data)
    else:
        fd, offset, count = span
        if serving.offload is None or not serving.offload.take(request, fd, offset, count):
            reply.sendfile(fd, offset, count)


def _file_span(file: Any) -> tuple[int, int, int] | None:
    """Descriptor, offset and size of what is left of a regular file; None where it is none."""
    try:
        fd = file.fileno()
        facts = os.fstat(fd)
        if not stat.S_ISREG(facts.st_mode):
            return None
        offset = file.tell()
    except (AttributeError, OSError, ValueError):
        return None
    return fd, offset, max(0, facts.st_size - offset)


def _no_app(serving: Serving, reply: Reply) -> None:
    serving.say(NO_APP)
    try:
        reply.start(_ERROR_STATUS, _ERROR_HEADERS)
        reply.whole(_ERROR_BODY)
    except OSError:
        pass


def _failed(serving: Serving, options: WsgiOptions, app: App, request: Request, error: BaseException) -> None:
    """An application raised, or could not be answered for."""
    reply = request.reply
    if reply.broken and isinstance(error, OSError):
        return  # the client is gone, and the log has said so
    broken_body = _broken_body(error)
    if broken_body is not None:
        reply.refuse(broken_body.status)  # no fault of the application's, and the log has said whose
        return
    app.exceptions += 1
    board = serving.board
    board.exceptions[serving.seat] += 1
    if app.id < board.apps:
        board.app_exceptions[serving.seat * board.apps + app.id] += 1
    text = traceback.format_exc()
    sys.stderr.write(text)
    sys.stderr.flush()
    if reply.sent:
        reply.close = reply.broken = True
    else:
        try:
            reply.start(_ERROR_STATUS, _ERROR_HEADERS)
            reply.whole(_page(text) if options.catch_exceptions else _ERROR_BODY)
        except OSError:
            pass
    if options.concerns(error):
        serving.farewell.bid(Exit.EXCEPTION, f"a monitored exception: {type(error).__name__}")


def _broken_body(error: BaseException | None) -> BodyError | None:
    """The error of ``wsgi.input`` that an application let pass, as it was or as the cause of its own."""
    for _ in range(_MOST_CAUSES):
        if isinstance(error, BodyError):
            return error
        if error is None:
            break
        error = error.__cause__
    return None


def _page(text: str) -> bytes:
    return f"uwsgid: an application failed\n\n{text}".encode("utf-8", "backslashreplace")
