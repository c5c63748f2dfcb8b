"""What an emperor finds at its birth: what boot opened for it, and its master."""

from __future__ import annotations

from dataclasses import dataclass

from uwsgid.emperor.keeping import Link
from uwsgid.supervise.conversation import Conversation
from uwsgid.supervise.gateways import GatewayLife
from uwsgid.supervise.household import Household


@dataclass(frozen=True, slots=True)
class Opened:
    """What boot opened for an emperor.

    :ivar stats: listens at ``emperor-stats``; -1 where there is none.
    :ivar trigger: listens at ``emperor-trigger-socket``; likewise.
    :ivar commands: bound to ``emperor-command-socket``; likewise.
    :ivar cwd: where the instance was started.
    :ivar link: the way to a nest that outlives the emperor; None where vassals go with it.
    """

    stats: int
    trigger: int
    commands: int
    cwd: str
    link: Link | None = None


class EmperorLife(GatewayLife):
    """The life of an emperor's process.  It has no reactor before its nest was found.

    :ivar master: our end of the talk with the master.
    """

    def __init__(self, household: Household, number: int, name: str, master: Conversation) -> None:
        super().__init__(None, household, household.say, number, name)
        self.master = master
