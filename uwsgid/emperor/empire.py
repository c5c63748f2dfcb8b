"""The vassals that are there, and what each of them gets from its emperor: the `Realm` of every `Vassal`.

Who ought to be there is not decided here, but by the `Sovereign`, who has vassals begin, change and stop, and
is told when one is gone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from uwsgid.config.settings import Settings
from uwsgid.emperor import legacy
from uwsgid.emperor.adoption import adopt
from uwsgid.emperor.births import Births
from uwsgid.emperor.hooks import EmperorHooks
from uwsgid.emperor.keeping import Survivor
from uwsgid.emperor.monitors.monitor import Monitor
from uwsgid.emperor.names import ZERG
from uwsgid.emperor.nest import Nest
from uwsgid.emperor.options import EmperorOptions, VassalOptions
from uwsgid.emperor.programs import Programs
from uwsgid.emperor.sighting import Sighting
from uwsgid.emperor.vassal import Vassal
from uwsgid.hooks import Phase
from uwsgid.host.children import ExitStatus
from uwsgid.interfaces import IKernel
from uwsgid.wire.control import Hold, Release
from uwsgid.wire.vassal import VASSALS_DIR


class Sovereign(Protocol):
    """Who decides which vassals there are."""

    def wanted(self, name: str) -> Sighting | None:
        """*name* as its monitor saw it last; None where it ought not to be there."""

    def forgive(self, name: str) -> None:
        """*name* served somebody: what it did before is forgotten."""

    def lost(self, vassal: Vassal, status: ExitStatus | None) -> None:
        """Nothing of it is left but its `Vassal.wakeup`; the status is None for one that was never born."""


class Empire:
    """Has vassals born, adopted and called for help, and buries them.

    :param nest: bears them.
    :param clock: unix seconds.
    :ivar vassals: those that are there, by name; zergs are in *zergs*.
    :ivar programs: those that run because a vassal is gone.
    """

    def __init__(
        self,
        reactor: Any,
        kernel: IKernel,
        settings: Settings,
        say: Callable[[str], None],
        nest: Nest,
        hooks: EmperorHooks,
        sovereign: Sovereign,
        *,
        clock: Callable[[], float],
    ) -> None:
        self.reactor: Any = reactor
        self.kernel = kernel
        self.clock = clock
        self.say = say
        self._options: Final = settings[EmperorOptions]
        self._vassal_options: Final = settings[VassalOptions]
        self.tolerance = float(self._options.curse_tolerance)
        self.graceful = self._options.graceful
        self.vassals: dict[str, Vassal] = {}
        self.zergs: list[Vassal] = []
        self.programs: Final = Programs(reactor, say)
        self._nest: Final = nest
        self._hooks: Final = hooks
        self._sovereign: Final = sovereign
        self._births: Final = Births(reactor, nest, self._options, self._vassal_options, say)
        self._zergs_called = 0

    def everybody(self) -> Sequence[Vassal]:
        """The vassals, then the zergs."""
        return (*self.vassals.values(), *self.zergs)

    @property
    def pids(self) -> frozenset[int]:
        """All processes that somebody here waits for."""
        vassals = {vassal.pid for vassal in self.everybody()}
        return frozenset(vassals | {self._nest.pid} | self.programs.pids | self._hooks.pids)

    # ---- what the sovereign decides

    def begin(self, vassal: Vassal) -> None:
        """Have one more: it starts, or sleeps until somebody connects to its socket."""
        self.vassals[vassal.name] = vassal
        if vassal.wakeup is None:
            vassal.life.start()
            return
        self.say(
            f'[uwsgi-emperor] {vassal.name} -> "on demand" instance detected, '
            f'waiting for connections on socket "{vassal.on_demand}" ...'
        )
        self._hooks.run(Phase.AS_ON_DEMAND_VASSAL, vassal).addCallback(
            lambda wanted: vassal.life.sleep() if wanted else vassal.life.stop()
        )

    def change(self, vassal: Vassal, sighting: Sighting) -> None:
        """Its configuration is another one now: it reloads, unless it sleeps."""
        vassal.changed(sighting)
        self._hold(vassal, ())
        if vassal.is_asleep:
            self._hooks.run(Phase.AS_ON_CONFIG_VASSAL, vassal).addCallback(
                lambda wanted: None if wanted else vassal.life.stop()
            )

    def stop(self, vassal: Vassal) -> None:
        """It has to go."""
        if not vassal.ordered:
            self.say(f"[emperor] stop the uwsgi instance {vassal.name}")
            vassal.ordered = True
            vassal.life.stop()

    def stop_zergs(self, name: str) -> None:
        """Those that *name* called have to go."""
        for zerg in tuple(self.zergs):
            if zerg.sighting.name == name:
                self.stop(zerg)

    def end_the_silent(self) -> None:
        """Kill those whose heart does not beat any more; call it every now and then."""
        now = self.clock()
        required = self._options.required_heartbeat
        for vassal in self.everybody():
            if vassal.is_silent(required, now):
                self.say(
                    f"[emperor] vassal {vassal.name} sent no heartbeat in last {required} seconds, "
                    "brutally respawning it..."
                )
                vassal.last_heartbeat = 0.0
                vassal.kill()

    # ---- what vassals want, see `Realm`

    def spawn(self, vassal: Vassal) -> None:
        """Have *vassal* born, unless a hook calls that off."""

        def go_on(wanted: bool) -> None:
            if wanted:
                self._births.order(vassal, self._zergs_called)
            else:
                self.reactor.callLater(0, vassal.life.not_born)

        self._hooks.run(Phase.AS_EMPEROR_BEFORE_VASSAL, vassal).addCallback(go_on)

    def born(self, vassal: Vassal) -> None:
        """It has a pid: the hooks of the emperor follow."""
        if not vassal.adopted:
            self._hold(vassal, vassal.copies())
            self._hooks.born(vassal)

    def loyal(self, vassal: Vassal) -> None:
        """It served somebody."""
        self._sovereign.forgive(vassal.name)
        self.noted(vassal)

    def noted(self, vassal: Vassal) -> None:
        """Something is known of it that the emperor's successor would like to know."""
        self._hold(vassal, ())

    def ended(self, pid: int) -> None:
        """The nest need not keep anything for that one any more."""
        if self._options.adopt:
            self._nest.tell(Release(pid))

    def calls_for_help(self, vassal: Vassal) -> None:
        """Send a zerg, if there may be another one."""
        sighting = self._sovereign.wanted(vassal.sighting.name)
        if sighting is None or len(self.zergs) >= self._options.broodlord:
            return
        self.say(f"[emperor] going in broodlord mode: launching zergs for {sighting.name}")
        self._zergs_called += 1
        zerg = Vassal(self, vassal.monitor, sighting, name=sighting.name + ZERG)
        zerg.born = self.clock()
        self.zergs.append(zerg)
        zerg.life.start()

    def gone(self, vassal: Vassal, status: ExitStatus | None) -> None:
        """Nothing of it is left."""
        if vassal.zerg:
            self.zergs.remove(vassal)
        else:
            del self.vassals[vassal.name]
        self.say(f"[emperor] removed uwsgi instance {vassal.name}")
        if self._vassal_options.stop_hook and vassal.first_run:
            environ: Mapping[str, str] = {**os.environ, VASSALS_DIR: vassal.monitor.cwd}
            self.programs.run(self._vassal_options.stop_hook, vassal.name, environ, vassal.monitor.cwd)
        self._sovereign.lost(vassal, status)

    # ---- vassals that outlive an emperor

    def _hold(self, vassal: Vassal, descriptors: Sequence[int]) -> None:
        """Have the nest know what a successor needs, and hold copies of *descriptors*."""
        if self._options.adopt and vassal.pid > 0:
            self._nest.tell(Hold(vassal.pid, legacy.write(vassal)), descriptors)

    def hold_all(self) -> None:
        """Another nest has to hold what the last one held."""
        for vassal in self.everybody():
            self._hold(vassal, vassal.copies())

    def adopt(
        self, survivor: Survivor, monitors: Sequence[Monitor], welcome: Callable[[Vassal], None]
    ) -> None:
        """Go on with a vassal of a predecessor.

        :param welcome: is given one that is no zerg, before it runs as one of ours.
        """

        def have(vassal: Vassal) -> None:
            if vassal.zerg:
                self.zergs.append(vassal)
                self._zergs_called += 1
            else:
                self.vassals[vassal.name] = vassal
                welcome(vassal)

        if not adopt(survivor, self, monitors, have):
            self._nest.tell(Release(survivor.pid))
