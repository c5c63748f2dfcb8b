"""The last minutes of the children: when no worker is left, those who make workers go, the seeds last.

A worker that is just being born counts as one that is left: it finds the word to leave as soon as it lives,
and its end is like that of any other.  Whoever bears it stays until then.

The seeds may be the only ones who are allowed to end a zygote that does not leave; they themselves never run
anything of an application.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from uwsgid.supervise.child import Child
from uwsgid.supervise.gateways import Gateway
from uwsgid.supervise.supervisor import SEED, Supervisor

_MERCY: Final = 1.0  #: seconds that those who make workers get
_BIRTH: Final = 10.0  #: seconds that a birth may take, which is milliseconds unless the machine is very busy


class WindingDown:
    """Sends away whoever is left.

    :param gateways: those of the instance; some of them have children of their own to send away.
    :param say: writes a line to the log.
    """

    def __init__(
        self,
        reactor: Any,
        supervisor: Supervisor,
        gateways: Sequence[Gateway] = (),
        say: Callable[[str], None] = print,
    ) -> None:
        self._reactor: Final = reactor
        self._supervisor: Final = supervisor
        self._gateways: Final = gateways
        self._say: Final = say
        self._calls: dict[Child, Any] = {}

    def proceed(self, workers: list[Child]) -> bool:
        """Go as far as possible, after each death; True when nobody is left.

        :param workers: those that are left, all of them told to go.
        """
        for child in workers:
            if not child.pid and child not in self._calls:
                self._calls[child] = self._reactor.callLater(_BIRTH, self._miss, child)
        if workers:
            return False
        zygotes = [child for child in self._supervisor.children if child.role != SEED]
        for child in zygotes or list(self._supervisor.children):
            if child not in self._calls:
                child.life.leave("stop")
                self._calls[child] = self._reactor.callLater(self._mercy(child), self._give_up, child)
        if self._supervisor.children:
            return False
        for call in self._calls.values():
            if call.active():
                call.cancel()
        return True

    def _mercy(self, child: Child) -> float:
        roles = {gateway.role for gateway in self._gateways}
        return self._gateways[child.slot - 1].mercy if child.role in roles else _MERCY

    def _miss(self, child: Child) -> None:
        """Wait no longer for a worker that nobody bore; if it comes all the same, it finds nobody."""
        if not child.pid:
            self._say(f"{child.role} {child.slot} is not born after {_BIRTH:g} seconds")
            self._give_up(child)

    def _give_up(self, child: Child) -> None:
        """End who does not leave; for whoever was not even born, nobody waits."""
        child.kill()
        child.life.not_born()
