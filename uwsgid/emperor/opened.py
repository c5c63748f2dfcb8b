"""What an emperor finds at its birth: what boot opened for it, and its nest."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from uwsgid.supervise.gateways import GatewayLife, Say
from uwsgid.supervise.household import Household


@dataclass(frozen=True, slots=True)
class Opened:
    """What boot opened for an emperor.

    :ivar stats: listens at ``emperor-stats``; -1 where there is none.
    :ivar trigger: listens at ``emperor-trigger-socket``; likewise.
    :ivar cwd: where the instance was started.
    """

    stats: int
    trigger: int
    cwd: str


class EmperorLife(GatewayLife):
    """The life of an emperor's process.

    :ivar nest: our end of the talk with the nest, and its pid.
    :ivar farewell: called when somebody wants an end; all vassals have to leave first.
    """

    def __init__(
        self,
        reactor: Any,
        household: Household,
        say: Say,
        number: int,
        name: str,
        nest: tuple[socket.socket, int],
    ) -> None:
        super().__init__(reactor, household, say, number, name)
        self.nest = nest
        self.farewell: Callable[[], None] = self.end
