"""The master's end of the log pipe, as a reader of the reactor.

With ``log-master`` descriptors 1 and 2 of all processes are one end of a socket pair, and the master reads
the other.  The pair is ``SOCK_SEQPACKET``: one write is one record, so lines of several workers never mix.

Writers wait a moment when the master is behind, and then lose the record: a master that does not read must
not stop the workers (uWSGI's writers never wait, so they lose lines under load).
"""

from __future__ import annotations

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from uwsgid.errors import InternalError
from uwsgid.logs.setup import Logs


@implementer(IReadDescriptor)
class Intake:
    """Reads the pipe in batches, one batch each time the reactor finds it readable.

    :param logs: opened at boot, with a pipe.
    :param requests: read the pipe of the lines of requests.
    :raises InternalError: there is no pipe, since ``log-master`` is off.

    Before the process ends or executes itself anew, `Logs.drain` takes all that is left.
    """

    def __init__(self, logs: Logs, requests: bool = False) -> None:
        pipe = logs.request_pipe if requests else logs.pipe
        if pipe is None:
            raise InternalError("a log intake needs the pipe of log-master")
        self._take = logs.take_requests if requests else logs.take
        self._reader = pipe.reader

    def fileno(self) -> int:
        """The descriptor a reactor watches."""
        return self._reader

    def logPrefix(self) -> str:
        """The name Twisted gives this reader in its own messages."""
        return "log intake"

    def doRead(self) -> None:
        """Pass on what is there, one batch at most."""
        self._take()

    def connectionLost(self, reason: Failure) -> None:
        """Nothing: the pipe belongs to boot."""
