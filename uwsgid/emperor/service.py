"""The emperor itself: look, compare, act.

What ought to be there is known from the monitors, and kept in one table; what is there is the `Empire`.
Everything else follows from comparing the two, when a monitor was looked at, when a vassal is gone, and when
one has rested for long enough.  A vassal gets a successor only when nothing of it is left, so that no vassal
ever runs twice.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from twisted.internet.task import LoopingCall

from uwsgid.config.settings import Settings
from uwsgid.emperor import stats
from uwsgid.emperor.empire import Empire
from uwsgid.emperor.hooks import EmperorHooks
from uwsgid.emperor.keeping import Survivor
from uwsgid.emperor.lookout import Lookout
from uwsgid.emperor.monitors.monitor import Look, Monitor
from uwsgid.emperor.nest import Nest
from uwsgid.emperor.ondemand import Wakeups
from uwsgid.emperor.options import MERCY, EmperorOptions
from uwsgid.emperor.ragnarok import Ragnarok
from uwsgid.emperor.rests import Rests
from uwsgid.emperor.sighting import Sighting
from uwsgid.emperor.undertaker import Undertaker
from uwsgid.emperor.vassal import Vassal
from uwsgid.errors import KernelError
from uwsgid.hooks import Phase
from uwsgid.host import Sockets, notify
from uwsgid.host.children import ExitStatus
from uwsgid.interfaces import IKernel
from uwsgid.supervise.exits import Exit
from uwsgid.supervise.processes import Endings

_CHECK: Final = 1.0  #: seconds between two looks at hearts


class Emperor:
    """Keeps vassals.

    :param nest: bears them.
    :param monitors: know which there ought to be.
    :param clock: unix seconds.
    :param ended: called when all is over.
    :ivar empire: the vassals that are there.
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
        self.say = say
        self._kernel: Final = kernel
        self._clock: Final = clock
        self._settings: Final = settings
        self._options: Final = settings[EmperorOptions]
        self._nest: Final = nest
        self._monitors: Final = monitors
        self._ended: Final = ended
        self._wanted: dict[str, tuple[Monitor, Sighting]] = {}
        self._allowed: set[str] = set()  # those that a command let start
        self._said: dict[str, str] = {}  # the last complaint about a name
        self._told = 0  # how many vassals systemd knows of
        self.ending = False
        options = self._options
        self._hooks: Final = EmperorHooks(reactor, kernel, settings, say)
        self.empire: Final = Empire(reactor, kernel, settings, say, nest, self._hooks, self, clock=clock)
        self.rests: Final = Rests(reactor, clock, options.throttle, options.max_throttle, self._add)
        self._wakeups: Final = Wakeups(reactor, options, settings[Sockets].listen, say, self._complain)
        self.undertaker: Final = Undertaker(reactor, kernel, lambda: self.empire.pids)
        self._lookout: Final = Lookout(reactor, monitors, options.period, say, self.compare)
        self._ragnarok: Final = Ragnarok(
            reactor, clock, say, self.empire.everybody, self.empire.programs.kill
        )
        self._checks: Final = LoopingCall(self.check)
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
        self.rests.break_off(name)
        self.forgive(name)
        self._said.pop(name, None)
        if name in self.empire.vassals:
            self.empire.stop(self.empire.vassals[name])
        self.empire.stop_zergs(name)

    def _see(self, monitor: Monitor, name: str, sighting: Sighting) -> None:
        before = self._wanted.get(name)
        if before is not None and before[0] is not monitor:
            self._complain(
                name, f"{monitor.text} has a vassal {name}, which {before[0].text} had first; it stays theirs"
            )
            return
        self._wanted[name] = (monitor, sighting)
        vassal = self.empire.vassals.get(name)
        if vassal is None:
            if before is not None and before[1].mark != sighting.mark:
                self.rests.blacklist.encourage(name, self._clock())
                self.rests.break_off(name)
            self.consider(name)
        elif vassal.ordered:
            pass  # its successor will have what was seen now
        elif self._options.is_tyrant and (sighting.uid, sighting.gid) != (
            vassal.sighting.uid,
            vassal.sighting.gid,
        ):
            self.say(f"[emperor-tyrant] !!! permissions of file {name} changed. stopping the instance... !!!")
            self.empire.stop(vassal)
        elif sighting.socket != vassal.sighting.socket:
            self.empire.stop(vassal)
        elif sighting.mark == vassal.sighting.mark:
            vassal.config = sighting.config  # a successor has not seen it before
        else:
            self.empire.change(vassal, sighting)

    def _complain(self, name: str, text: str) -> None:
        """Say something about a name, unless it was said last."""
        if self._said.get(name) != text:
            self._said[name] = text
            self.say(text)

    # ---- having vassals

    def consider(self, name: str) -> None:
        """Start *name*, if it is wanted, is not there, and need not rest."""
        if self.ending or name in self.empire.vassals or name in self.rests or name in self._wakeups:
            return
        if name in self._wanted and self.may_start(name) and not self.rests.begin(name):
            self._add(name)

    def may_start(self, name: str) -> bool:
        """Whether nobody has to say so first (``emperor-wait-for-command``)."""
        waits = self._options.wait_for_command and name not in self._options.wait_ignore
        return not waits or name in self._allowed

    def allow(self, name: str) -> None:
        """Somebody said that *name* may start."""
        self._allowed.add(name)
        self.consider(name)

    def stop(self, name: str) -> None:
        """Somebody wants *name* to stop; it is back at once, unless it has to wait for a command."""
        self._allowed.discard(name)
        vassal = self.empire.vassals.get(name)
        if vassal is not None:
            self.empire.stop(vassal)

    def reload(self, name: str) -> None:
        """Somebody wants *name* to reload."""
        vassal = self.empire.vassals.get(name)
        if vassal is not None:
            vassal.life.reload()

    def _add(self, name: str) -> None:
        monitor, sighting = self._wanted[name]
        if self._options.is_tyrant and (sighting.uid == 0 or sighting.gid == 0):
            self._complain(name, f"[emperor-tyrant] invalid permissions for vassal {name}")
            return
        if sighting.socket or monitor.supplies:
            self._begin(name, sighting.socket)
        else:
            self._wakeups.ask(name, monitor.cwd).addCallback(lambda address: self._addressed(name, address))

    def _addressed(self, name: str, address: str) -> None:
        if not self.ending and name in self._wanted:
            self._begin(name, address)
        self._wakeups.drop(name)

    def _begin(self, name: str, address: str) -> None:
        monitor, sighting = self._wanted[name]
        try:
            wakeup = self._wakeups.take(name, monitor.cwd, address)
        except KernelError as error:
            self._complain(name, f"[emperor] {name} can not be on demand: {error}")
            return
        self._said.pop(name, None)
        self.empire.begin(Vassal(self.empire, monitor, sighting, wakeup=wakeup))

    def adopt(self, survivor: Survivor) -> None:
        """Go on with a vassal of a predecessor."""
        self.empire.adopt(survivor, self._monitors, self._welcome)

    def _welcome(self, vassal: Vassal) -> None:
        self._wanted[vassal.name] = (vassal.monitor, vassal.sighting)

    # ---- what follows from vassals, see `Sovereign`

    def wanted(self, name: str) -> Sighting | None:
        """*name* as its monitor saw it last; None where it ought not to be there."""
        return self._wanted[name][1] if name in self._wanted and not self.ending else None

    def forgive(self, name: str) -> None:
        """What *name* did before is forgotten."""
        self.rests.blacklist.forgive(name)

    def lost(self, vassal: Vassal, status: ExitStatus | None) -> None:
        """Nothing of it is left: have another one, unless that would be wrong."""
        if vassal.wakeup is not None:
            self._wakeups.keep(vassal.name, vassal.monitor.cwd, vassal.wakeup)
        self.undertaker.look_later()
        if self.ending:
            self._proceed()
        elif not vassal.zerg:
            self._replace(vassal, status)
        if vassal.name not in self._wakeups:
            self._wakeups.drop(vassal.name)

    def _replace(self, vassal: Vassal, status: ExitStatus | None) -> None:
        exiled = status is not None and status.code == Exit.EXILE and not vassal.ordered
        if exiled and not vassal.monitor.lists:
            self.dismiss(vassal.monitor, vassal.name)
            return
        if not vassal.ordered and not vassal.loyal and not self._options.no_blacklist:
            said = self.rests.blacklist.failed(vassal.name, self._clock())
            if said:
                self.say(said)
        self.consider(vassal.name)

    # ---- once per second

    def check(self) -> None:
        """Tell systemd what ``systemctl status`` shows, and end those whose heart does not beat any more."""
        count = len(self.empire.vassals)
        if count != self._told:
            self._told = count
            notify(self._kernel, os.environ, f"STATUS=The Emperor is governing {count} vassals\n")
        self.empire.end_the_silent()

    # ---- orders

    def reload_all(self) -> None:
        """Every vassal reloads."""
        now = self._clock()
        for vassal in self.empire.everybody():
            vassal.last_modified = now
            vassal.life.reload()

    def forgive_all(self) -> None:
        """Forget the blacklist; nobody rests any more."""
        self.rests.blacklist.forgive_all()
        for name in self.rests.break_off_all():
            self.consider(name)

    def say_all(self) -> None:
        """One line for each vassal."""
        for vassal in self.empire.everybody():
            self.say(
                f"vassal instance {vassal.name} (last modified {int(vassal.last_modified)}) "
                f"status {int(bool(vassal.cursed))} loyal {int(vassal.loyal)} zerg {int(vassal.zerg)}"
            )

    def document(self) -> Mapping[str, Any]:
        """The statistics."""
        return stats.document(
            self._kernel,
            monitors=[monitor.text for monitor in self._monitors],
            tyrant=self._options.is_tyrant,
            throttle=self._options.throttle,
            vassals=self.empire.everybody(),
            blacklist=self.rests.blacklist,
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
        self.rests.break_off_all()
        self._ragnarok.evoke(self._settings[Endings].reload_mercy or MERCY)
        for vassal in self.empire.everybody():
            self.empire.stop(vassal)
        self._proceed()

    def _proceed(self) -> None:
        if not self.empire.everybody():
            self.empire.programs.when_idle().addCallback(lambda _: self._bury())

    def _bury(self) -> None:
        if not self._ragnarok.finish():
            return
        self.undertaker.stop()
        self._nest.end()
        self.say("The Emperor is buried.")
        self._ended()
