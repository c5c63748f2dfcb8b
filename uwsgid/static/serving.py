"""Files before applications: the handlers of a worker, wrapped where its configuration asks for files.

A worker without static files has the handlers that its languages gave it, and pays nothing for any of this.
With them each GET and HEAD is looked up first, as uWSGI does it before it looks at the modifier; what nobody
finds a file for goes to the application as if nothing had been.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from time import time
from typing import TYPE_CHECKING, Any, Final

from uwsgid.errors import AppError
from uwsgid.request.mount_options import Mounting
from uwsgid.static.answer import Answer, Looks, answer
from uwsgid.static.choice import Choice, Root
from uwsgid.static.conditions import accepts
from uwsgid.static.finding import Finder, Found
from uwsgid.static.lifetime import Lifetime
from uwsgid.static.mime import MimeTypes
from uwsgid.static.options import StaticAnswers, StaticFiles

if TYPE_CHECKING:
    from uwsgid.request.request import Request
    from uwsgid.request.serving import Handler, Serving

#: Bytes up to which a file is read and leaves with its head in one write, which costs less than sendfile().
SMALL: Final = 1 << 15
_METHODS: Final = frozenset({"GET", "HEAD"})
#: What a file may be compressed with, the best first, and how its name ends then.
_TWINS: Final = (("br", b".br"), ("gzip", b".gz"))
#: Random bytes in the text between parts of a body.
_BOUNDARY: Final = 12


def serve_files(serving: Serving) -> None:
    """Wrap the handlers of *serving*, so that files are looked for first."""
    files = Files(serving)
    serving.handlers[:] = [None if handler is None else files.before(handler) for handler in serving.handlers]


class Files:
    """The files of a worker."""

    def __init__(self, serving: Serving) -> None:
        settings = serving.settings
        options, answers = settings[StaticFiles], settings[StaticAnswers]
        safe = [Root.at(text) for text in options.safe]
        self._serving = serving
        self._finder = Finder(
            Choice(options), safe, [os.fsencode(name) for name in options.indexes], serving.say
        )
        self._manages = settings[Mounting].manage_script_name
        self._types = MimeTypes.load(answers.mime_files, serving.say)
        self._lifetime = Lifetime(answers)
        self._ranged = answers.honour_range
        self._handed_to = answers.serve_mode
        self._compressed = _compressed(answers)
        self._counted = serving.board.static_requests
        self._first = serving.seat * serving.cores
        if serving.slot == 1:
            self._introduce(options)

    def _introduce(self, options: StaticFiles) -> None:
        say = self._serving.say
        for point, root in (*options.maps, *options.maps2):
            say(f"[uwsgi-static] added mapping for {point} => {root}")
        for root in options.checks:
            say(f"[uwsgi-static] added check for {root}")

    def before(self, handler: Handler) -> Handler:
        """What answers with a file where there is one, and asks *handler* otherwise."""
        find, manages, apps = self._finder.find, self._manages, self._serving.apps

        def handle(request: Request) -> None:
            vars = request.vars
            if vars.get("REQUEST_METHOD") in _METHODS:
                path = apps.path_below(vars) if manages else vars.get("PATH_INFO", "")
                found = find(path.encode("latin-1"), vars.get("DOCUMENT_ROOT", ""))
                if found is not None:
                    self._answer(request, found, path)
                    return
            handler(request)

        return handle

    def _answer(self, request: Request, found: Found, path: str) -> None:
        self._counted[self._first + request.core] += 1
        vars = request.vars
        asked = path.encode("latin-1")
        if found.index:
            # as in uWSGI (core/static.c), where routes and rules see the file that was chosen
            slash = b"" if asked.endswith(b"/") else b"/"
            asked += slash + found.index
        chosen = found
        try:
            chosen, coding, varies = self._chosen(vars, found, asked)
            kind = self._types.of(found.path)
            looks = Looks(
                kind,
                coding,
                varies,
                self._expires(chosen, found.path, asked, vars, kind),
                self._ranged,
                self._handed_to,
            )
            boundary = os.urandom(_BOUNDARY).hex() if self._ranged and "HTTP_RANGE" in vars else ""
            self._send(request, answer(vars, chosen, looks, boundary), chosen.fd)
        finally:
            os.close(found.fd)
            if chosen is not found:
                os.close(chosen.fd)

    def _chosen(self, vars: dict[str, Any], found: Found, asked: bytes) -> tuple[Found, str, bool]:
        """The file or a compressed twin, how that is compressed, and whether this depends on the client."""
        compressed = self._compressed
        if compressed is None or not compressed(found.path):
            return found, "", False
        accepted = vars.get("HTTP_ACCEPT_ENCODING", "")
        if accepted:
            for coding, suffix in _TWINS:
                if accepts(accepted, coding):
                    twin = self._finder.twin(found, suffix, asked)
                    if twin is not None:
                        return twin, coding, True
        return found, "", True

    def _expires(
        self, chosen: Found, name: bytes, asked: bytes, vars: dict[str, Any], kind: str
    ) -> float | None:
        lifetime = self._lifetime
        if not lifetime.any:
            return None
        uri = vars.get("REQUEST_URI", "").encode("latin-1")
        return lifetime.end(time(), chosen.mtime / 1e9, name, asked, uri, kind)

    def _send(self, request: Request, decided: Answer, fd: int) -> None:
        reply, offload = request.reply, self._serving.offload
        try:
            reply.start(decided.status, decided.headers)
            parts = decided.parts
            if not parts:
                reply.whole(b"")
            elif len(parts) == 1 and type(parts[0]) is tuple and parts[0][1] <= SMALL:
                offset, count = parts[0]
                reply.whole(os.pread(fd, count, offset))
            elif (
                offload is None
                or len(parts) > 1
                or type(parts[0]) is bytes
                or not offload.take(request, fd, *parts[0])
            ):
                for part in parts:
                    if type(part) is bytes:
                        reply.write(part)
                    elif type(part) is tuple:
                        reply.sendfile(fd, part[0], part[1])
                    if reply.broken:
                        break
            reply.finish()
        except AppError as error:
            self._serving.say(f"a file can not be answered: {error}")
            reply.refuse(500)
        except OSError:
            pass  # the client is gone, and the log has said so


def _compressed(options: StaticAnswers) -> Callable[[bytes], bool] | None:
    """Which files may have a compressed twin; None for no file."""
    if options.gzip_all:
        return lambda path: True
    starts = tuple(os.fsencode(text) for text in options.gzip_dir)
    ends = tuple(os.fsencode(text) for text in options.gzip_ext)
    patterns = options.gzip
    if not (starts or ends or patterns):
        return None

    def compressed(path: bytes) -> bool:
        return (
            path.startswith(starts)
            or path.endswith(ends)
            or any(pattern.search(path) for pattern in patterns)
        )

    return compressed
