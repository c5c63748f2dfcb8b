"""The last minutes of the children: when no worker is left, those who make workers go, the seeds last.

The seeds may be the only ones who are allowed to end a zygote that does not leave; they themselves never run
anything of an application.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from uwsgid.supervise.child import Child
from uwsgid.supervise.gateways import Gateway
from uwsgid.supervise.supervisor import SEED, Supervisor

_MERCY: Final = 1.0  #: seconds that those who make workers get


class WindingDown:
    """Sends away whoever is left.

    :param gateways: those of the instance; some of them have children of their own to send away.
    """

    def __init__(self, reactor: Any, supervisor: Supervisor, gateways: Sequence[Gateway] = ()) -> None:
        self._reactor: Final = reactor
        self._supervisor: Final = supervisor
        self._gateways: Final = gateways
        self._calls: dict[Child, Any] = {}

    def proceed(self, workers: list[Child]) -> bool:
        """Go as far as possible, after each death; True when nobody is left.

        :param workers: those that are left, all of them told to go.
        """
        if any(child.pid for child in workers):
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

    def _give_up(self, child: Child) -> None:
        """End who does not leave; for whoever was not even born, nobody waits."""
        child.kill()
        child.life.not_born()
