"""The emperor itself: look, compare, act.

What ought to be there is known from the monitors, and kept in one table; what is there are `Vassal` machines.
Everything else follows from comparing the two, when a monitor was looked at, when a vassal is gone, and when
one has rested for long enough.  A vassal gets a successor only when nothing of it is left, so that no vassal
ever runs twice.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from uwsgid.config.settings import Settings
from uwsgid.emperor import legacy, stats
from uwsgid.emperor.adoption import adopt
from uwsgid.emperor.births import Births
from uwsgid.emperor.hooks import EmperorHooks
from uwsgid.emperor.keeping import Survivor
from uwsgid.emperor.lookout import Lookout
from uwsgid.emperor.monitors.monitor import Look, Monitor
from uwsgid.emperor.names import ZERG
from uwsgid.emperor.nest import Nest
from uwsgid.emperor.ondemand import Heirlooms, Wakeup, address_of, bind
from uwsgid.emperor.options import MERCY, EmperorOptions, VassalOptions
from uwsgid.emperor.programs import Programs
from uwsgid.emperor.ragnarok import Ragnarok
from uwsgid.emperor.sighting import Sighting
from uwsgid.emperor.throttle import Blacklist, Queue
from uwsgid.emperor.vassal import Vassal
from uwsgid.errors import KernelError
from uwsgid.hooks import Phase
from uwsgid.host import Sockets, notify
from uwsgid.host.children import ExitStatus, Orphans
from uwsgid.interfaces import IKernel
from uwsgid.supervise.exits import Exit
from uwsgid.supervise.processes import Endings
from uwsgid.wire.control import Hold, Release
from uwsgid.wire.vassal import VASSALS_DIR

_CHECK: Final = 1.0  #: seconds between two looks at hearts


class Emperor:
    """Keeps vassals.

    :param nest: bears them.
    :param monitors: know which there ought to be.
    :param clock: unix seconds.
    :param ended: called when all is over.
    :ivar vassals: those that are there, by name; zergs are in *zergs*.
    """

    def __init__(
        self,
        reactor: Any,
        kernel: IKernel,
        settings: Settings,
        say: Callable[[str], None],
        nest: Nest,
        monitors: Sequence[Monitor],
        *,
        clock: Callable[[], float],
        ended: Callable[[], None],
    ) -> None:
        self.reactor: Any = reactor
        self.kernel = kernel
        self.clock = clock
        self.say = say
        self.options = settings[EmperorOptions]
        self.tolerance = float(self.options.curse_tolerance)
        self.graceful = self.options.graceful
        self.vassals: dict[str, Vassal] = {}
        self.zergs: list[Vassal] = []
        self.blacklist = Blacklist(self.options.throttle, self.options.max_throttle)
        self._vassal_options = settings[VassalOptions]
        self._settings = settings
        self._nest = nest
        self._monitors = monitors
        self._ended = ended
        self._queue = Queue(self.options.throttle)
        self._wanted: dict[str, tuple[Monitor, Sighting]] = {}
        self._resting: dict[str, Any] = {}
        self._allowed: set[str] = set()  # those that a command let start
        self._asking: set[str] = set()  # whose address is being asked for
        self._heirlooms = Heirlooms()
        self._said: dict[str, str] = {}  # the last complaint about a name
        self._programs = Programs(reactor, say)
        self._hooks = EmperorHooks(reactor, kernel, settings, say)
        self._orphans = Orphans(kernel)
        self._sweep: Any = None
        self._zergs_called = 0
        self._told = 0  # how many vassals systemd knows of
        self.ending = False
        self._lookout = Lookout(reactor, monitors, self.options.period, say, self.compare)
        self._births = Births(reactor, nest, self.options, self._vassal_options, say)
        self._ragnarok = Ragnarok(reactor, clock, say, self._everybody, self._programs.kill)
        self._checks = LoopingCall(self.check)
        self._checks.clock = reactor

    # ---- life

    def start(self) -> None:
        """Run ``hook-emperor-start``, then begin to keep vassals."""
        self._hooks.run(Phase.EMPEROR_START).addCallback(self._begin_to_look)

    def _begin_to_look(self, wanted: bool) -> None:
        if self.ending:
            return
        if not wanted:
            self.end()
            return
        self._lookout.start(self)
        self._checks.start(_CHECK, now=False)

    def look(self) -> None:
        """Look at every source, and act."""
        self._lookout.look()

    def compare(self, monitor: Monitor, found: Look) -> None:
        """Act upon what *monitor* saw."""
        if found is None:
            return
        for name, sighting in found.items():
            self._see(monitor, name, sighting)
        gone = [name for name, (owner, _) in self._wanted.items() if owner is monitor and name not in found]
        for name in gone:
            self.dismiss(monitor, name)

    def touch(self, monitor: Monitor, sighting: Sighting) -> None:
        """A monitor reports a vassal."""
        if not self.ending:
            self._see(monitor, sighting.name, sighting)

    def dismiss(self, monitor: Monitor, name: str) -> None:
        """A vassal ought not to be there any more."""
        wanted = self._wanted.get(name)
        if wanted is None or wanted[0] is not monitor:
            return
        del self._wanted[name]
        self._no_rest(name)
        self.blacklist.forgive(name)
        self._said.pop(name, None)
        if name in self.vassals:
            self._stop(self.vassals[name])
        for zerg in tuple(self.zergs):
            if zerg.sighting.name == name:
                self._stop(zerg)

    def _see(self, monitor: Monitor, name: str, sighting: Sighting) -> None:
        before = self._wanted.get(name)
        if before is not None and before[0] is not monitor:
            self._complain(
                name, f"{monitor.text} has a vassal {name}, which {before[0].text} had first; it stays theirs"
            )
            return
        self._wanted[name] = (monitor, sighting)
        vassal = self.vassals.get(name)
        if vassal is None:
            if before is not None and before[1].mark != sighting.mark:
                self.blacklist.encourage(name, self.clock())
                self._no_rest(name)
            self.consider(name)
        elif vassal.ordered:
            pass  # its successor will have what was seen now
        elif self.options.is_tyrant and (sighting.uid, sighting.gid) != (
            vassal.sighting.uid,
            vassal.sighting.gid,
        ):
            self.say(f"[emperor-tyrant] !!! permissions of file {name} changed. stopping the instance... !!!")
            self._stop(vassal)
        elif sighting.socket != vassal.sighting.socket:
            self._stop(vassal)
        elif sighting.mark == vassal.sighting.mark:
            vassal.config = sighting.config  # a successor has not seen it before
        else:
            vassal.changed(sighting)
            self._hold(vassal, ())
            if vassal.is_asleep:
                self._hooks.run(Phase.AS_ON_CONFIG_VASSAL, vassal).addCallback(
                    lambda wanted: None if wanted else vassal.life.stop()
                )

    def _stop(self, vassal: Vassal) -> None:
        if not vassal.ordered:
            self.say(f"[emperor] stop the uwsgi instance {vassal.name}")
            vassal.ordered = True
            vassal.life.stop()

    def _complain(self, name: str, text: str) -> None:
        """Say something about a name, unless it was said last."""
        if self._said.get(name) != text:
            self._said[name] = text
            self.say(text)

    # ---- having vassals

    def consider(self, name: str) -> None:
        """Start *name*, if it is wanted, is not there, and need not rest."""
        if self.ending or name in self.vassals or name in self._resting or name in self._asking:
            return
        if name not in self._wanted or not self.may_start(name):
            return
        if name in self.blacklist:
            rest = self.blacklist.due(name) - self.clock()
            self._resting[name] = self.reactor.callLater(max(0.0, rest), self._rested, name)
        else:
            self._add(name)

    def may_start(self, name: str) -> bool:
        """Whether nobody has to say so first (``emperor-wait-for-command``)."""
        waits = self.options.wait_for_command and name not in self.options.wait_ignore
        return not waits or name in self._allowed

    def allow(self, name: str) -> None:
        """Somebody said that *name* may start."""
        self._allowed.add(name)
        self.consider(name)

    def stop(self, name: str) -> None:
        """Somebody wants *name* to stop; it is back at once, unless it has to wait for a command."""
        self._allowed.discard(name)
        vassal = self.vassals.get(name)
        if vassal is not None:
            self._stop(vassal)

    def reload(self, name: str) -> None:
        """Somebody wants *name* to reload."""
        vassal = self.vassals.get(name)
        if vassal is not None:
            vassal.life.reload()

    def _rested(self, name: str) -> None:
        """It may come back, when it is its turn."""
        now = self.clock()
        self._resting[name] = self.reactor.callLater(self._queue.next(now) - now, self._its_turn, name)

    def _its_turn(self, name: str) -> None:
        del self._resting[name]
        self._add(name)

    def _no_rest(self, name: str) -> None:
        call = self._resting.pop(name, None)
        if call is not None:
            call.cancel()

    def _add(self, name: str) -> None:
        monitor, sighting = self._wanted[name]
        if self.options.is_tyrant and (sighting.uid == 0 or sighting.gid == 0):
            self._complain(name, f"[emperor-tyrant] invalid permissions for vassal {name}")
            return
        if sighting.socket or monitor.supplies:
            self._begin(name, sighting.socket)
            return
        self._asking.add(name)
        asked = address_of(name, monitor.cwd, self.options, self.reactor, self.say)
        asked.addErrback(self._no_address, name)
        asked.addCallback(lambda address: self._addressed(name, address))

    def _no_address(self, failure: Failure, name: str) -> str:
        self._complain(name, f"[emperor] the address of {name} can not be told: {failure.getErrorMessage()}")
        return ""

    def _addressed(self, name: str, address: str) -> None:
        self._asking.discard(name)
        if not self.ending and name in self._wanted:
            self._begin(name, address)
        self._heirlooms.drop(name)

    def _begin(self, name: str, address: str) -> None:
        monitor, sighting = self._wanted[name]
        wakeup = self._heirlooms.take(name, monitor.cwd, address)
        if address and wakeup is None:
            try:
                bound = bind(address, monitor.cwd, self._settings[Sockets].listen)
            except KernelError as error:
                self._complain(name, f"[emperor] {name} can not be on demand: {error}")
                return
            wakeup = Wakeup(self.reactor, address, bound)
        self._said.pop(name, None)
        vassal = self.vassals[name] = Vassal(self, monitor, sighting, wakeup=wakeup)
        if wakeup is None:
            vassal.life.start()
        else:
            self.say(
                f'[uwsgi-emperor] {name} -> "on demand" instance detected, '
                f'waiting for connections on socket "{address}" ...'
            )
            self._hooks.run(Phase.AS_ON_DEMAND_VASSAL, vassal).addCallback(
                lambda wanted: vassal.life.sleep() if wanted else vassal.life.stop()
            )

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
        """It served somebody: what it did before is forgotten."""
        self.blacklist.forgive(vassal.name)
        self.noted(vassal)

    def noted(self, vassal: Vassal) -> None:
        """Something is known of it that a successor of ours would like to know."""
        self._hold(vassal, ())

    def ended(self, pid: int) -> None:
        """The nest need not keep anything for that one any more."""
        if self.options.adopt:
            self._nest.tell(Release(pid))

    def calls_for_help(self, vassal: Vassal) -> None:
        """Send a zerg, if there may be another one."""
        base = vassal.sighting.name
        if self.ending or base not in self._wanted or len(self.zergs) >= self.options.broodlord:
            return
        self.say(f"[emperor] going in broodlord mode: launching zergs for {base}")
        self._zergs_called += 1
        zerg = Vassal(self, vassal.monitor, self._wanted[base][1], name=base + ZERG)
        zerg.born = self.clock()
        self.zergs.append(zerg)
        zerg.life.start()

    def gone(self, vassal: Vassal, status: ExitStatus | None) -> None:
        """Nothing of it is left."""
        if vassal.wakeup is not None:
            self._heirlooms.keep(vassal.name, vassal.monitor.cwd, vassal.wakeup)
        self._mourn(vassal, status)
        if vassal.name not in self._asking:
            self._heirlooms.drop(vassal.name)

    def _mourn(self, vassal: Vassal, status: ExitStatus | None) -> None:
        if vassal.zerg:
            self.zergs.remove(vassal)
        else:
            del self.vassals[vassal.name]
        self.say(f"[emperor] removed uwsgi instance {vassal.name}")
        if self._vassal_options.stop_hook and vassal.first_run:
            environ = {**os.environ, VASSALS_DIR: vassal.monitor.cwd}
            self._programs.run(self._vassal_options.stop_hook, vassal.name, environ, vassal.monitor.cwd)
        self.sweep_later()
        if self.ending:
            self._proceed()
            return
        if vassal.zerg:
            return
        exiled = status is not None and status.code == Exit.EXILE and not vassal.ordered
        if exiled and not vassal.monitor.lists:
            self.dismiss(vassal.monitor, vassal.name)
            return
        if not vassal.ordered and not vassal.loyal and not self.options.no_blacklist:
            said = self.blacklist.failed(vassal.name, self.clock())
            if said:
                self.say(said)
        self.consider(vassal.name)

    # ---- vassals that outlive an emperor

    def _hold(self, vassal: Vassal, descriptors: Sequence[int]) -> None:
        """Have the nest know what a successor needs, and hold copies of *descriptors*."""
        if self.options.adopt and vassal.pid > 0:
            self._nest.tell(Hold(vassal.pid, legacy.write(vassal)), descriptors)

    def hold_all(self) -> None:
        """Another nest has to hold what the last one held."""
        for vassal in self._everybody():
            self._hold(vassal, vassal.copies())

    def adopt(self, survivor: Survivor) -> None:
        """Go on with a vassal of a predecessor."""
        if not adopt(survivor, self, self._monitors, self._welcome):
            self._nest.tell(Release(survivor.pid))

    def _welcome(self, vassal: Vassal) -> None:
        if vassal.zerg:
            self.zergs.append(vassal)
            self._zergs_called += 1
        else:
            self.vassals[vassal.name] = vassal
            self._wanted[vassal.name] = (vassal.monitor, vassal.sighting)

    # ---- once per second

    def check(self) -> None:
        """End those whose heart does not beat any more."""
        self._tell_systemd()
        now = self.clock()
        required = self.options.required_heartbeat
        for vassal in self._everybody():
            if vassal.is_silent(required, now):
                self.say(
                    f"[emperor] vassal {vassal.name} sent no heartbeat in last {required} seconds, "
                    "brutally respawning it..."
                )
                vassal.last_heartbeat = 0.0
                vassal.kill()

    def _tell_systemd(self) -> None:
        """What ``systemctl status`` shows."""
        if len(self.vassals) != self._told:
            self._told = len(self.vassals)
            notify(self.kernel, os.environ, f"STATUS=The Emperor is governing {self._told} vassals\n")

    def sweep_later(self) -> None:
        """Bury what the dead left behind, in a while."""
        if self._sweep is None:
            self._sweep = self.reactor.callLater(_CHECK, self._sweep_now)

    def _sweep_now(self) -> None:
        self._sweep = None
        known = {vassal.pid for vassal in self._everybody()} | {self._nest.pid}
        suspects = self._orphans.suspects
        self._orphans.sweep(known | self._programs.pids | self._hooks.pids)
        if self._orphans.suspects and self._orphans.suspects != suspects:
            self.sweep_later()

    # ---- orders

    def reload_all(self) -> None:
        """Every vassal reloads."""
        now = self.clock()
        for vassal in self._everybody():
            vassal.last_modified = now
            vassal.life.reload()

    def forgive_all(self) -> None:
        """Forget the blacklist; nobody rests any more."""
        self.blacklist.forgive_all()
        for name in list(self._resting):
            self._no_rest(name)
            self.consider(name)

    def say_all(self) -> None:
        """One line for each vassal."""
        for vassal in self._everybody():
            self.say(
                f"vassal instance {vassal.name} (last modified {int(vassal.last_modified)}) "
                f"status {int(bool(vassal.cursed))} loyal {int(vassal.loyal)} zerg {int(vassal.zerg)}"
            )

    def document(self) -> Mapping[str, Any]:
        """The statistics."""
        return stats.document(
            self.kernel,
            monitors=[monitor.text for monitor in self._monitors],
            tyrant=self.options.is_tyrant,
            throttle=self.options.throttle,
            vassals=self._everybody(),
            blacklist=self.blacklist,
        )

    # ---- the end

    def end(self) -> None:
        """Ragnarok: all vassals stop; those that do not within the mercy are killed."""
        if self.ending:
            self._ragnarok.remind()
            return
        self.say("[emperor] *** RAGNAROK EVOKED ***")
        self.ending = True
        self._lookout.stop()
        if self._checks.running:
            self._checks.stop()
        for name in list(self._resting):
            self._no_rest(name)
        self._ragnarok.evoke(self._settings[Endings].reload_mercy or MERCY)
        for vassal in self._everybody():
            self._stop(vassal)
        self._proceed()

    def _everybody(self) -> Iterable[Vassal]:
        return (*self.vassals.values(), *self.zergs)

    def _proceed(self) -> None:
        if self.vassals or self.zergs:
            return
        self._programs.when_idle().addCallback(lambda _: self._bury())

    def _bury(self) -> None:
        if not self._ragnarok.finish():
            return
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        self._nest.end()
        self.say("The Emperor is buried.")
        self._ended()
