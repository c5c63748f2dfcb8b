"""Everybody outside of this instance who has a part in it: its emperor, and other instances on its sockets.

The master has one `Liaison`; what each of those is, its module tells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred

from uwsgid.hooks.phases import Phase
from uwsgid.host import emperor
from uwsgid.master.inbox import Inbox
from uwsgid.master.loyalty import EmperorProxy, Loyalty, Orders, Vassal
from uwsgid.master.zerg import Sos, SosWatch, ZergServer, ZergServing
from uwsgid.supervise.child import Child
from uwsgid.wire.vassal import EMPEROR_FD_CONFIG, ToEmperor

if TYPE_CHECKING:
    from uwsgid.master.inheritance import Inheritance


class Liaison:
    """The ties of one instance.

    :param orders: carries out what an emperor says.
    :param workers: those that live now.
    :param asleep: tells whether there are none on purpose.
    :param queue_length: connections waiting on the busiest socket.
    :param hooks: runs the hooks of a phase.
    :ivar sends_config: the emperor has the configuration of this vassal, and not a file.
    :ivar inbox: where it comes.
    """

    def __init__(
        self,
        inheritance: Inheritance,
        reactor: Any,
        orders: Orders,
        *,
        workers: Callable[[], Iterable[Child]],
        asleep: Callable[[], bool],
        queue_length: Callable[[], int],
        hooks: Callable[[Phase], Deferred[None]],
    ) -> None:
        house, environ, say = inheritance.household, inheritance.environ, inheritance.say
        settings = house.settings
        vassal = settings[Vassal]
        self.sends_config: Final = emperor.find(environ, EMPEROR_FD_CONFIG) is not None
        self.inbox: Final = Inbox(reactor, emperor.find(environ, EMPEROR_FD_CONFIG))
        self._loyalty: Final = Loyalty(
            reactor,
            emperor.find(environ),
            orders,
            say,
            heartbeat=vassal.heartbeat,
            workers=workers,
            asleep=asleep,
            hooks=hooks,
        )
        self._proxy: Final = EmperorProxy(reactor, vassal.proxy, emperor.descriptors(environ), say)
        self._zerg: Final = ZergServer(reactor, settings[ZergServing].path, house.listeners, say)
        self._sos: Final = SosWatch(
            settings[Sos], house.board, queue_length, self.call_for_zergs, reactor.seconds
        )

    def open(self) -> None:
        """Listen for those who want something of us.

        :raises KernelError: where the kernel refuses.
        """
        self._zerg.start()
        self._proxy.start()

    def begin(self) -> None:
        """Talk with the emperor."""
        self._loyalty.start()

    def end(self) -> None:
        """Be alone."""
        self._zerg.stop()
        self._proxy.stop()
        self.inbox.end()
        self._loyalty.end()

    def look(self) -> None:
        """Find out whether help is needed."""
        self._sos.look()

    def hear(self, child: Child, what: str) -> None:
        """Pass on what a worker tells."""
        self._loyalty.hear(child, what)

    def call_for_zergs(self) -> None:
        """Ask the emperor for another instance on the same sockets."""
        self._loyalty.tell(ToEmperor.SOS)

    def ask_for_the_end(self) -> bool:
        """Have the emperor end this vassal, or wait in its place; False where there is no emperor."""
        self._loyalty.tell(ToEmperor.IDLE)
        return self._loyalty.has_emperor

    def be_loyal(self) -> None:
        """Tell that this vassal does well without having completed a request."""
        self._loyalty.tell(ToEmperor.LOYAL)

    def stay(self) -> None:
        """Tell that nothing comes of the reload that was ordered, and that this vassal serves as before."""
        self._loyalty.tell(ToEmperor.ACCEPTING)

    def ask_for_config(self) -> None:
        """Ask for the configuration, where the emperor has it, before beginning anew."""
        if self.sends_config:
            self._loyalty.tell(ToEmperor.SEND_CONFIG)
