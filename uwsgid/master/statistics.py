"""The numbers of the instance: gathered here, told by the stats server and to the log."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from twisted.application.service import MultiService

from uwsgid.config.reference import show_config
from uwsgid.host.privileges import owner_ids
from uwsgid.host.socket_options import Sockets
from uwsgid.master.gateways import Gateways
from uwsgid.master.inheritance import Inheritance
from uwsgid.master.queues import Queues
from uwsgid.master.stall import Stall
from uwsgid.master.workforce import Workforce
from uwsgid.request.offload_options import Offloading
from uwsgid.request.options import RequestOptions
from uwsgid.stats import Stats, StatsFacts, instance_lines, layout, report, socket_facts
from uwsgid.stats.server import StatsFactory, StatsService


class Statistics(MultiService):
    """Answers whoever asks how the instance does."""

    def __init__(
        self,
        inheritance: Inheritance,
        workforce: Workforce,
        queues: Queues,
        stall: Stall,
        gateways: Gateways,
        reactor: Any,
    ) -> None:
        MultiService.__init__(self)
        self._house = inheritance.household
        self._logs = inheritance.logs
        self._workforce = workforce
        self._queues = queues
        self._stall = stall
        self._gateways = gateways
        settings = self._house.settings
        self._stats = settings[Stats]
        if self._stats.address:
            factory = StatsFactory(
                self._document,
                reactor,
                http=self._stats.http,
                timeout=settings[RequestOptions].socket_timeout,
            )
            sockets = settings[Sockets]
            owner = owner_ids(self._house.kernel, sockets.chown) if sockets.chown else None
            service = StatsService(
                self._stats.address, factory, reactor, inheritance.say, mode=sockets.chmod, owner=owner
            )
            service.setServiceParent(self)

    def facts(self) -> StatsFacts:
        """All there is to know now."""
        house = self._house
        locks = house.locks.locks if house.locks is not None else ()
        return StatsFacts(
            board=house.board,
            cwd=os.getcwd(),
            queue_errors=self._queues.errors,
            sockets=socket_facts(
                house.listeners, house.kernel.queue_length, house.settings[Offloading].threads > 0
            ),
            apps=self._workforce.apps,
            holders={lock.name: lock.holder() for lock in locks},
            thunder=house.settings[RequestOptions].thunder_lock,
            user_locks=max(0, sum(lock.name.startswith("user ") for lock in locks) - 1),
            cores=not self._stats.no_cores,
        )

    def _document(self) -> bytes:
        found = report(self.facts())
        found["reactor_delay"] = int(self._stall.last * 1e6)
        found["reactor_worst_delay"] = int(self._stall.worst * 1e6)
        found["gateways"] = self._gateways.rows()
        found["log_troubles"] = dict(self._logs.troubles)
        return layout(found, minified=self._stats.minified)

    def say(self, say: Callable[[str], None]) -> None:
        """The configuration and the numbers of every worker, line by line."""
        for line in show_config(self._house.settings.directives).splitlines():
            say(line)
        for line in instance_lines(self._house.board, self._workforce.apps):
            say(line)
