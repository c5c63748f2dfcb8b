"""One request of a client of the gateway, from where it is sent to an instance up to its answer, or its end.

What an instance says is taken as fast as it comes.  Only what does not fit into a `Spool` has to wait, and so
does what belongs to a tunnel.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Final

from mypy_extensions import mypyc_attr

from uwsgid.errors import PeerError
from uwsgid.gateways.http_answer import Answer
from uwsgid.gateways.http_request import Ask
from uwsgid.gateways.http_upstream import Upstream, packet_of
from uwsgid.gateways.http_wire import Wire
from uwsgid.gateways.spool import Spool
from uwsgid.wire.response import error_page
from uwsgid.wire.uwsgi import write_vars

if TYPE_CHECKING:
    from uwsgid.gateways.http_router import Router

#: How often a request is sent, as in uWSGI (plugins/corerouter).
TRIES: Final = 3
#: Seconds that a client may still send after it got its last answer.
LINGER_SECONDS: Final = 4.0

HEAD: Final = 0  # between requests, or within a head
BODY: Final = 1  # the head is known, and its body still comes
ASKED: Final = 2  # an instance has the request, or is going to
FLUSH: Final = 3  # the answer is complete, the client has not taken all of it
LAST: Final = 4  # what the client says does not matter any more


@mypyc_attr(allow_interpreted_subclasses=True)
class Exchange(Wire):
    """A request, and who answers it.

    :param peer: the variables of the connection, as in a packet.
    :ivar ask: what was asked; None between requests.
    :ivar upstream: the instance that has it.
    :ivar packet: what it was sent, so that another one can get it.
    :ivar up: what came of the body and was not sent; None for none.
    """

    __slots__ = ("answering", "ask", "is_tunnel", "packet", "peer", "state", "tries", "up", "up_size",
                 "upstream")  # fmt: skip

    def __init__(self, router: Router, fd: int, peer: bytes, who: str) -> None:
        super().__init__(router, fd, who)
        self.peer = peer
        self.state = HEAD
        self.ask: Ask | None = None
        self.is_tunnel = False
        self.answering: Answer | None = None
        self.upstream: Upstream | None = None
        self.packet = b""
        self.tries = 0
        self.up: Spool | None = None
        self.up_size = 0

    @property
    def is_being_answered(self) -> bool:
        """It waits for an answer, or for the rest of one."""
        return self.state in (ASKED, FLUSH) and not self.is_tunnel

    # ---- what the client goes on with ----------------------------------------------------------------------

    @abstractmethod
    def answered(self) -> None:
        """The answer is complete."""

    @abstractmethod
    def took_body(self) -> None:
        """The instance takes more of what the client sends."""

    @abstractmethod
    def read(self) -> None:
        """Read as long as there is somebody to read for."""

    # ---- hot path, watched by bench-protocols --------------------------------------------------------------

    def dispatch(self, ask: Ask, body: bytes) -> None:
        """Send the request to an instance; *body* is all of it, or what comes first of that in `up`."""
        router = self.router
        terms = router.terms
        more = self.peer
        if ask.length is None and not ask.is_tunnel:
            more = write_vars({"CONTENT_LENGTH": str(self.up_size)}) + more
        packet = packet_of(terms.modifier1, terms.modifier2, ask.block, more)
        if not packet or len(packet) - 4 > terms.most_packet > 0:
            raise PeerError("a head that an instance would refuse", status=431, option="buffer-size")
        self.packet = packet + body if body else packet
        self.send()

    def send(self) -> None:
        """Send what is ready, maybe not for the first time."""
        router = self.router
        terms = router.terms
        ask = self.ask
        assert ask is not None, "there is a request"
        now = router.rounds.now
        self.deadline = now + terms.timeout
        upstream = router.connect(self, self.tries)
        self.upstream = upstream
        self.answering = Answer(ask, terms.keep_alive, terms.auto_chunked, upstream.node.is_own)
        upstream.send(self.packet, self.up, self.state == ASKED and not self.is_tunnel)
        if not upstream.connected and self.state == ASKED:
            self.deadline = now + terms.connect_timeout

    def answer(self, upstream: Upstream, data: bytes) -> None:
        """An instance says something."""
        answering = self.answering
        assert answering is not None, "somebody was asked"
        try:
            out = answering.take(data)
        except PeerError as error:
            self.blame(upstream, error)
            return
        if out:
            self.write(out)
            if self.fd < 0:
                return
        if answering.ended:
            self.router.release(upstream, answering.reusable)
            self.upstream = None
            self.answered()
        elif self.down is None:
            self.deadline = self.router.rounds.now + self.router.terms.timeout

    # ---- end of the hot path -------------------------------------------------------------------------------

    def hold_back(self, down: Spool) -> None:
        if self.upstream is not None and (down.full or (self.is_tunnel and down.outgrown)):
            self.upstream.paused = True

    def relieve(self, down: Spool) -> None:
        upstream = self.upstream
        if upstream is not None and upstream.paused and not (down.full or (self.is_tunnel and down.outgrown)):
            upstream.paused = False
            self.router.soon(upstream.pull)
        if self.down is None:
            if self.state == FLUSH:
                self.state = ASKED
                self.answered()
            elif self.state == LAST:
                self.last_words()

    def reached(self) -> None:
        """The connection to an instance took its time, and is there."""
        self.deadline = self.router.rounds.now + self.router.terms.timeout

    def not_reached(self, upstream: Upstream, why: str) -> None:
        """An instance can not be reached."""
        self.upstream = None
        self.tries += 1
        self.router.not_reached(upstream.node, self.tries - 1, why)
        if self.tries < TRIES and (self.up is None or self.state == ASKED):
            self.router.soon(self.try_again)
        else:
            self.fail(502)

    def try_again(self) -> None:
        """Send the same elsewhere."""
        if self.fd >= 0 and self.ask is not None and self.upstream is None and self.packet:
            self.send()

    def instance_closed(self, upstream: Upstream, error: OSError | None, untouched: bool) -> None:
        """The connection to an instance is gone."""
        answering = self.answering
        assert answering is not None, "somebody was asked"
        self.upstream = None
        if untouched and self.tries + 1 < TRIES and not answering.started:
            self.tries += 1
            self.router.retries += 1
            self.router.soon(self.try_again)
            return
        try:
            rest = answering.finish()
        except PeerError as incomplete:
            self.blame(upstream, incomplete)
            return
        if rest:
            self.write(rest)
        if self.fd >= 0:
            self.answered()

    def blame(self, upstream: Upstream, error: PeerError) -> None:
        """What an instance said can not be passed on."""
        self.router.say(
            f"[uwsgi-http] {upstream.node.name}: {error} [{self.who}, {self.ask.what if self.ask else ''}]"
        )
        self.router.broken_answers += 1
        self.fail(502)

    def fail(self, status: int) -> None:
        """The client gets *status*, or where its answer began, an end that it can notice."""
        if self.upstream is not None:
            self.upstream.close()
            self.upstream = None
        if self.answering is not None and self.answering.started:
            self.close()
            return
        self.router.failures += 1
        self.packet = b""
        self.write(error_page(status))
        self.last_words()

    def refuse(self, error: PeerError) -> None:
        """Answer a request that is none, and say why."""
        self.router.refuse(self.who, error)
        if self.upstream is not None:
            self.upstream.close()
            self.upstream = None
        if not error.status:
            self.close()
            return
        self.write(error_page(error.status))
        self.last_words()

    def last_words(self) -> None:
        """Let the client read its answer before the connection goes: bytes nobody reads would reset it."""
        if self.fd < 0:
            return
        self.state = LAST
        if self.down is None:
            self.deadline = self.router.rounds.now + LINGER_SECONDS
            try:
                self.say_last_word()
            except OSError:
                self.close()
                return
            self.router.soon(self.read)

    def close(self) -> None:
        """Let go of everything.  A second call does nothing."""
        fd, self.fd = self.fd, -1
        if fd < 0:
            return
        self.router.sessions.discard(self)
        self.router.rounds.close(fd)
        if self.upstream is not None:
            self.upstream.close()
            self.upstream = None
        for spool in (self.up, self.down):
            if spool is not None:
                spool.close()
        self.up = self.down = None
