"""The environ of WSGI: what is the same for every request of a socket, prepared once.

A decoder copies this and puts the variables of the request on top; `uwsgid.languages.python.wsgi` adds what
belongs to one request only.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from uwsgid._version import __version__
from uwsgid.supervise.processes import Processes

if TYPE_CHECKING:
    from uwsgid.host import Listener
    from uwsgid.request.serving import Serving

#: Bytes read at a time from a file that sendfile() does not take.


class FileWrapper:
    """``wsgi.file_wrapper``: a file as an answer, sent by sendfile() where that is possible.

    :ivar blocksize: bytes of one read, where the file has to be read; None reads it in one piece.
    """

    def __init__(self, file: Any, blocksize: int | None = None) -> None:
        self.file = file
        self.blocksize = blocksize

    def __iter__(self) -> Iterator[bytes]:
        if self.blocksize is None:
            data = self.file.read()
            if data:
                yield data
            return
        while data := self.file.read(self.blocksize):
            yield data

    def close(self) -> None:
        """Close the file, where it can be closed."""
        close = getattr(self.file, "close", None)
        if close is not None:
            close()


def base_environ(serving: Serving, listener: Listener) -> dict[str, Any]:
    """What the environ of every request of *listener* starts from.

    ``uwsgi.version`` and ``uwsgi.node`` are bytes, as under uWSGI with Python 3
    (plugins/python/wsgi_subhandler.c, uwsgi_request_subhandler_wsgi).
    """
    environ: dict[str, Any] = {
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.file_wrapper": FileWrapper,
        "wsgi.run_once": False,
        "wsgi.multithread": serving.cores > 1,
        "wsgi.multiprocess": serving.settings[Processes].processes != 1,
        "uwsgi.version": __version__.encode(),
        "uwsgi.node": os.uname().nodename.encode(),
    }
    if listener.protocol == "http":
        environ["SERVER_NAME"] = socket.gethostname()
        environ["SERVER_PORT"] = str(listener.port or 80)
    return environ
