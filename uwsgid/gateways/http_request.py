"""From the bytes of an HTTP client to packets for an instance.

The gateway trusts no byte of a client: the decoder is the one of ``http-socket``, with the strictest limits,
so what it lets pass can be read in one way only, and what an instance gets is not the client's text but a
packet that was made from its meaning.  A chunked body is decoded and gets a length; its extensions, in which
requests have been smuggled, are refused.

Clients that keep their connection ask with the same head again and again.  A head without a body that was
found good is remembered with its packet, so the second time costs a look into a table.
"""

from __future__ import annotations

from typing import Any, Final

from uwsgid.wire.events import NEED_DATA, BodyChunk, EndOfBody, NeedData, RequestHead
from uwsgid.wire.http1 import HttpDecoder
from uwsgid.wire.limits import Limits
from uwsgid.wire.uwsgi import write_vars

_MAX_KNOWN: Final = 512  # heads that are remembered
_MAX_KNOWN_HEAD: Final = 2048  # bytes of one
_NO_VARS: Final[dict[str, Any]] = {}


class Ask:
    """One request for an instance.

    :ivar block: its variables as in a uwsgi packet, those of the connection apart.
    :ivar length: bytes of its body; None where that is known at its end only.
    :ivar minor: of the client's version of HTTP.
    :ivar keep_alive: the client would send another request.
    :ivar expects: the client waits for ``100 Continue``.
    :ivar is_head: an answer has no body.
    :ivar is_tunnel: all bytes behind the head belong to the application, which makes of them what it likes.
    :ivar host: whom the client wants to talk to.
    :ivar what: method and target, for the log.
    """

    __slots__ = (
        "block",
        "expects",
        "host",
        "is_head",
        "is_tunnel",
        "keep_alive",
        "length",
        "minor",
        "uri",
        "what",
    )  # fmt: skip

    def __init__(self, head: RequestHead, block: bytes, is_tunnel: bool) -> None:
        vars = head.vars
        method: str = vars["REQUEST_METHOD"]
        self.block = block
        self.length = head.body_length
        self.minor = head.http_version[1]
        self.keep_alive = head.keep_alive and not is_tunnel
        self.expects = head.expect_continue
        self.is_head = method == "HEAD"
        self.is_tunnel = is_tunnel
        self.host: str = vars.get("HTTP_HOST", "")
        self.uri: str = vars["REQUEST_URI"]
        self.what = f"{method} {self.uri[:200]}"


class Asking:
    """The requests of one connection.

    :param limits: of a head; ``extension`` should be 0.
    :param websockets: pass on what comes behind a websocket's handshake (``http-websockets``).
    :param raw_body: pass chunked bodies on as they are (``http-raw-body``).
    """

    __slots__ = ("_decoder", "_known", "_last", "_limits", "_raw_body", "_ready", "_websockets")

    def __init__(
        self,
        limits: Limits,
        known: dict[bytes, Ask],
        *,
        websockets: bool = False,
        raw_body: bool = False,
    ) -> None:
        self._limits = limits
        self._known = known
        self._websockets = websockets
        self._raw_body = raw_body
        self._decoder: HttpDecoder | None = None
        self._ready: Ask | None = None
        self._last = b""  # what arrived when there was nothing else

    @property
    def idle(self) -> bool:
        """There is no byte of a next request."""
        return self._ready is None and (self._decoder is None or self._decoder.idle)

    # ---- hot path, watched by bench-protocols --------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """Take what arrived."""
        decoder = self._decoder
        if decoder is None or decoder.idle:
            ask = self._known.get(data)
            if ask is not None:
                self._ready = ask
                return
            self._last = data
            if decoder is None:
                decoder = self._decoder = HttpDecoder(_NO_VARS, self._limits)
        decoder.feed(data)

    def next(self) -> Ask | BodyChunk | EndOfBody | NeedData:
        """What the bytes say.  An `Ask` whose length is 0 has no further events, nor has a tunnel.

        :raises PeerError: with the status to answer.
        """
        ask = self._ready
        if ask is not None:
            self._ready = None
            return ask
        if self._decoder is None:
            return NEED_DATA
        event = self._decoder.next_event()
        return self._asked(event, self._decoder) if type(event) is RequestHead else event  # type: ignore[return-value]

    # ---- end of the hot path -------------------------------------------------------------------------------

    def leftover(self) -> bytes:
        """The bytes behind the head of a tunnel."""
        return b"" if self._decoder is None else self._decoder.leftover()

    def _asked(self, head: RequestHead, decoder: HttpDecoder) -> Ask:
        vars = head.vars
        is_tunnel = False
        if head.body_length is None:
            if self._raw_body:
                is_tunnel = True
            else:
                del vars["HTTP_TRANSFER_ENCODING"]
        elif self._websockets and "HTTP_UPGRADE" in vars:
            is_tunnel = _is_handshake(vars)
        ask = Ask(head, write_vars(vars), is_tunnel)
        if head.body_length == 0 and not is_tunnel:
            decoder.next_event()  # the end of a body that is none
            if (
                head.keep_alive
                and head.size == len(self._last) <= _MAX_KNOWN_HEAD
                and len(self._known) < _MAX_KNOWN
                and head.vars["REQUEST_METHOD"] in ("GET", "HEAD")
            ):
                self._known[self._last] = ask
        self._last = b""
        return ask


def _is_handshake(vars: dict[str, Any]) -> bool:
    """Whether all is there that uWSGI's router wants of a websocket (plugins/http/http.c)."""
    return (
        vars["HTTP_UPGRADE"].lower() == "websocket"
        and "upgrade" in vars.get("HTTP_CONNECTION", "").lower()
        and "HTTP_SEC_WEBSOCKET_VERSION" in vars
        and "HTTP_SEC_WEBSOCKET_KEY" in vars
    )
