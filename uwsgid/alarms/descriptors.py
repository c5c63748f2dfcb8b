"""``alarm-fd``: a descriptor that becomes readable raises an alarm, such as the eventfd of a control group.

Whoever starts the instance opened it.  The master reads a few bytes each time (core/alarm.c); what it reads
does not matter.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from uwsgid.alarms.options import DescriptorWish


@implementer(IReadDescriptor)
class WatchedDescriptor:
    """Raises the alarm of *wish* whenever its descriptor can be read, until that comes to its end.

    :param rang: called with the name of the alarm and the text.
    :param say: writes one line to the log.
    """

    def __init__(
        self,
        reactor: Any,
        wish: DescriptorWish,
        rang: Callable[[str, bytes], None],
        say: Callable[[str], None],
    ) -> None:
        self._reactor: Final = reactor
        self._wish: Final = wish
        self._rang: Final = rang
        self._say: Final = say
        self._text: Final = wish.text.encode("utf-8", "surrogateescape")

    def start(self) -> None:
        """Begin to watch it, unless it is one of our own: those are not inherited by who we execute."""
        try:
            if not os.get_inheritable(self._wish.descriptor):
                self._tell("the instance was not started with it")
                return
            os.set_blocking(self._wish.descriptor, False)
            self._reactor.addReader(self)
        except OSError as error:
            self._tell(error.strerror or str(error))

    def stop(self) -> None:
        """Watch it no more; it stays open."""
        self._reactor.removeReader(self)

    def fileno(self) -> int:
        """The descriptor a reactor watches."""
        return self._wish.descriptor

    def logPrefix(self) -> str:
        """The name Twisted gives this reader in its own messages."""
        return "alarm-fd"

    def doRead(self) -> None:
        """Take what woke us, and raise the alarm."""
        try:
            data = os.read(self._wish.descriptor, self._wish.size)
        except BlockingIOError:
            return
        except OSError as error:
            self._tell(error.strerror or str(error))
            self.stop()
            return
        if data:
            self._rang(self._wish.alarm, self._text)
        else:
            self._tell("it came to its end")
            self.stop()

    def connectionLost(self, reason: Failure) -> None:
        """Nothing: the descriptor belongs to whoever opened it."""

    def _tell(self, why: str) -> None:
        wish = self._wish
        self._say(f"[uwsgi-alarm] {wish.origin}: descriptor {wish.descriptor} is not watched: {why}")
