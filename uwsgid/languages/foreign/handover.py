"""Hands the socket of a client over to an interpreter whose application asks for it (``rack.hijack``).

Descriptors travel beside a frame on the line, which is a UNIX socket.  The worker closes its own copy as it
does after any answer, and writes nothing more.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Final

from uwsgid.errors import AppError
from uwsgid.languages.foreign.frames import counted, frame

if TYPE_CHECKING:
    from uwsgid.request.request import Request

#: The payload of the call that asks for it.
ASKED: Final = counted([b"connection_fd"])
#: Protocols on whose connections an answer stands as it is, with nothing around it.
_PLAIN: Final = frozenset({"", "uwsgi", "http", "scgi"})
#: Our own gateway's.  It keeps its connections, but for those on which a client switches protocols.
_KEPT: Final = "kept"


def hand_over(request: Request, line: int) -> None:
    """Answer the call with the descriptor of the client beside it; the reply is over then.

    :param line: the descriptor of the line.
    :raises AppError: this client can not be handed over; the text tells why.
    :raises OSError: the line is broken.
    """
    reply = request.reply
    connection = reply._connection
    protocol = connection.listener.protocol
    is_plain = protocol in _PLAIN or (protocol == _KEPT and "HTTP_UPGRADE" in request.vars)
    if not is_plain or connection.watched_fd < 0:
        raise AppError("its protocol or its loop does not leave an answer to somebody else")
    if reply.sent or reply.started:
        raise AppError("the answer has begun")
    if not getattr(request.body, "at_end", True):
        raise AppError("its body was not read to the end")
    if not getattr(connection.decoder, "idle", True) or getattr(request.body, "surplus", False):
        raise AppError("it has sent more already")
    with socket.socket(fileno=os.dup(line)) as way:
        socket.send_fds(way, [frame(b"a", b"\0")], [connection.fd])
    reply.sent = reply.broken = reply.close = True
