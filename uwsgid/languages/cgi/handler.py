"""The handler of modifier1 9: finds the script, runs it, and says what was wrong where something was."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any, Final

from uwsgid.errors import BodyError, PeerGone
from uwsgid.languages.cgi.environ import arguments, environ
from uwsgid.languages.cgi.exchange import Exchange, TooSlow
from uwsgid.languages.cgi.head import BadOutput
from uwsgid.languages.cgi.options import CgiOptions
from uwsgid.languages.cgi.places import Places, Refusal, Script
from uwsgid.languages.cgi.process import Guarding, Process, reap_late
from uwsgid.request.buffering import BufferedBody, buffered
from uwsgid.wire.response import REASONS

if TYPE_CHECKING:
    from uwsgid.request.connection import Connection
    from uwsgid.request.reply import Reply
    from uwsgid.request.request import Request
    from uwsgid.request.serving import Serving

#: Bytes of a chunked body that stay in memory: a script has to be told its length.
_IN_MEMORY: Final = 1 << 18
_PIECE: Final = 1 << 16


class CgiHandler:
    """Answers requests by scripts.

    :param guard: ends the scripts of this worker after its death.
    """

    def __init__(self, serving: Serving, guard: Guarding) -> None:
        self._options = serving.settings[CgiOptions]
        self._places = Places(self._options)
        self._say = serving.say
        self._guard = guard

    def __call__(self, request: Request) -> None:
        """Answer *request*."""
        reap_late()
        vars = request.vars
        if "REQUEST_METHOD" not in vars and not request.var_count:
            self._say("Empty CGI request. skip.")
            request.reply.refuse(0)
            return
        path = _text(vars, "PATH_INFO")
        found = self._places.find(
            path.encode("latin-1", "replace"), _text(vars, "DOCUMENT_ROOT").encode("latin-1", "replace")
        )
        if isinstance(found, Refusal):
            if found.why:
                self._say(found.why)
            _refuse(request.reply, found, _text(vars, "QUERY_STRING"))
            return
        try:
            self._run(request, found)
        except BodyError as error:
            request.reply.refuse(error.status)
        except (PeerGone, OSError):
            request.reply.refuse(0)  # nobody is there to tell, and the log has said what it wants to

    def _run(self, request: Request, script: Script) -> None:
        """Run *script* for *request*.

        :raises BodyError: the client did not send its body.
        :raises PeerGone: the client went away.
        :raises OSError: the same.
        """
        vars, options = request.vars, self._options
        if request.body.length is None:
            request.body = buffered(_plain(request.body), _IN_MEMORY, _PIECE)
            vars["CONTENT_LENGTH"] = str(request.body.length)
        try:
            process = self._start(request, script)
        except OSError as error:
            shown = error.filename or script.path
            self._say(
                f"a CGI script can not be executed: {error.strerror} [{os.fsdecode(shown)}"
                f"{', does it begin with #! and the path of a program?' if error.errno == 8 else ''}]"
            )
            _answer(request.reply, 500)
            return
        connection: Connection = request.reply._connection
        exchange = Exchange(request, connection, process, float(options.timeout), options.buffer_size)
        try:
            exchange.run()
        except (BadOutput, TooSlow) as error:
            self._failed(request.reply, script, process, error)
        except BaseException:
            process.end()
            raise
        else:
            self._see_off(script, process)

    def _start(self, request: Request, script: Script) -> Process:
        vars, options = request.vars, self._options
        words = arguments(_text(vars, "REQUEST_METHOD"), _text(vars, "QUERY_STRING"))
        command = [os.fsencode(script.helper)] if script.helper else []
        env = environ(vars, script, os.environb, unset=options.unset, whole_path=options.path_info)
        directory = script.path.rpartition(b"/")[0] or b"/"
        if request.body.length:
            return Process([*command, script.path, *words], directory, env, self._guard)
        with open(os.devnull, "rb") as nothing:
            return Process([*command, script.path, *words], directory, env, self._guard, nothing.fileno())

    def _failed(self, reply: Reply, script: Script, process: Process, error: BadOutput | TooSlow) -> None:
        """End a script that gave no answer, or half of one."""
        ended = process.wait(0.0 if isinstance(error, TooSlow) else 0.2)
        process.end()
        where = os.fsdecode(script.path)
        if isinstance(error, TooSlow):
            self._say(f"{error} [{where}]")
        else:
            self._say(f"invalid CGI output !!! {error}{_how(ended)} [{where}]")
        if reply.sent:
            reply.close = reply.broken = True
        else:
            _answer(reply, 504 if isinstance(error, TooSlow) else 502)

    def _see_off(self, script: Script, process: Process) -> None:
        """Wait for the end of a script that has answered."""
        process.close_pipes()
        ended = process.wait(float(self._options.timeout))
        if ended is None:
            self._say(
                f"CGI timeout !!! it goes on {self._options.timeout} seconds after its answer, "
                f"option cgi-timeout [{os.fsdecode(script.path)}]"
            )
            process.end()
            return
        process.leave()
        if ended < 0:
            self._say(f"a CGI script ended{_how(ended)} [{os.fsdecode(script.path)}]")


def _how(ended: int | None) -> str:
    """What to say of how a script ended, where it was not as usual."""
    if not ended:
        return ""
    if ended > 0:
        return f", exited with code {ended}"
    try:
        name = f", {signal.Signals(-ended).name}"
    except ValueError:
        name = ""
    return f", died by signal {-ended}{name}"


def _text(vars: dict[str, Any], name: str) -> str:
    value = vars.get(name, "")
    return value if isinstance(value, str) else ""


def _plain(body: Any) -> Any:
    """A body as `buffered` takes it: a chunked one was not buffered yet."""
    assert not isinstance(body, BufferedBody)
    return body


def _refuse(reply: Reply, refusal: Refusal, query: str) -> None:
    if refusal.status == 301:
        location = refusal.location + (f"?{query}" if query and query.isprintable() else "")
        _send(reply, "301 Moved Permanently", [("Connection", "close"), ("Location", location)], b"")
    else:
        _answer(reply, refusal.status)


def _answer(reply: Reply, status: int) -> None:
    """A short answer of the server's own, as uWSGI words it (core/errors.c)."""
    reason = REASONS[status]
    _send(
        reply,
        f"{status} {reason}",
        [("Connection", "close"), ("Content-Type", "text/plain")],
        reason.encode(),
    )


def _send(reply: Reply, status: str, fields: list[tuple[str, str]], body: bytes) -> None:
    try:
        reply.start(status, fields)
        reply.whole(body)
        reply.finish()
    except OSError:
        pass
