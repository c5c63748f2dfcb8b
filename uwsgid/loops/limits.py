"""What all loops keep to: how many connections may wait, how long, and how their sockets are set."""

from __future__ import annotations

import resource
import socket
from typing import Final

from uwsgid.request.connection import Next
from uwsgid.request.terms import Terms

#: Connections of one worker that may wait, unless its limit on descriptors is lower.
MOST_PARKED = 1000
#: Descriptors that waiting connections leave to the application: all but one part in so many.
_SHARE: Final = 2
#: Seconds for which a client that connected, or began a head, has a worker or thread for itself.  One that
#: served others meanwhile would have several requests in hand, and lose them all if it was killed.
MOMENT = 0.1
#: Seconds for which nobody gets such a moment after one that was in vain, so that silent clients can not
#: take more of a worker than one part in so many.
MOMENT_REST: Final = 1.0
#: Seconds that a leaving worker waits for a next request on idle connections.
FAREWELL_GRACE: Final = 1.0
#: Seconds a client may go on sending after its last answer.
LINGER_TIME: Final = 2.0
#: Who can best be spared where too many wait: an idle client, one that got its answer, one slow to ask.
SPARED_FIRST: Final = (Next.PARK_IDLE, Next.LINGER, Next.PARK_HEAD)


def most_parked() -> int:
    """How many connections of this process may wait."""
    return min(MOST_PARKED, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // _SHARE)


def hurry(listening: socket.socket) -> None:
    """Send small pieces of an answer at once: accepted connections inherit it (tcp(7)).

    Without it the end of a chunked answer waits for the client to acknowledge its start, and clients put
    that off.
    """
    if listening.family != socket.AF_UNIX:
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def moment() -> float:
    """Seconds to wait for a client alone before it is parked."""
    return MOMENT


def defers(listening: socket.socket) -> bool:
    """Whether the kernel hands clients over with their first bytes, or late without any (tcp(7))."""
    return listening.family != socket.AF_UNIX and bool(
        listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT)
    )


def patience(terms: Terms) -> dict[Next, float]:
    """Seconds that a connection may wait, by what it waits for."""
    return {Next.PARK_HEAD: terms.timeout, Next.PARK_IDLE: terms.keepalive, Next.LINGER: LINGER_TIME}
