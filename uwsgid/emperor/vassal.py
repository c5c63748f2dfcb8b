"""The life of one vassal, as its emperor sees it.

::

                        .---------------------died--------------------.
                        v                                             |
    new --sleep--> asleep --wake--> expected --born--> alive --idle-> dozing
     |               |               |    |             | | |           |
     `----start------|------------->-'    |       reload' | |           |
                     |                    |               | `--died-----|--------.
                     |                  stop     stop, lost             |stop    |
                     |                    v               v             v        v
                     |                unwanted --born--> cursed <-------'       gone
                     |                    |                 `------died-------> gone
                     `-------stop---------`---not_born------------------------> gone

Only a vassal with a socket of its own (on demand) is ever asleep, or dozing off.  The machine keeps what is
known and allows the right words at the right time; what follows is the business of the `Realm`.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from automat import TypeMachineBuilder

from uwsgid.emperor.pipe import ConfigPipe, Pipe
from uwsgid.errors import KernelError
from uwsgid.host.children import ExitStatus
from uwsgid.supervise.exitwatch import ExitWatch
from uwsgid.wire.vassal import ToEmperor, ToVassal

if TYPE_CHECKING:
    from uwsgid.emperor.monitors.monitor import Monitor
    from uwsgid.emperor.ondemand import Wakeup
    from uwsgid.emperor.sighting import Sighting
    from uwsgid.interfaces import IKernel

_STOPS_LATE: Final = 1.0  #: seconds between two SIGKILLs, where the tolerance is 0
_A_MOMENT: Final = 0.5  #: seconds that a killed process may take to end
_RELOADS: Final = 1.0  #: seconds between two reloads, however often a configuration changes


class Realm(Protocol):
    """What an emperor does for one of its vassals."""

    reactor: Any
    kernel: IKernel
    clock: Callable[[], float]
    tolerance: float
    graceful: bool

    def say(self, text: str) -> None:
        """Write a line to the log."""

    def spawn(self, vassal: Vassal) -> None:
        """Have it born; `Life.born` or `Life.not_born` follows."""

    def born(self, vassal: Vassal) -> None:
        """It has a pid."""

    def loyal(self, vassal: Vassal) -> None:
        """It completed its first request."""

    def noted(self, vassal: Vassal) -> None:
        """Something is known of it that a successor of the emperor would like to know."""

    def ended(self, pid: int) -> None:
        """That process of a vassal is gone."""

    def calls_for_help(self, vassal: Vassal) -> None:
        """It wants a zerg."""

    def gone(self, vassal: Vassal, status: ExitStatus | None) -> None:
        """Nothing of it is left; the status is None for one that was never born."""


class Life(Protocol):
    """What can happen to a vassal."""

    def start(self) -> None:
        """It ought to run."""

    def sleep(self) -> None:
        """It ought to run once somebody connects to its socket."""

    def wake(self) -> None:
        """Somebody connected."""

    def born(self, pid: int) -> None:
        """It was forked."""

    def not_born(self) -> None:
        """It could not be forked."""

    def reload(self) -> None:
        """Its configuration changed."""

    def stop(self) -> None:
        """It has to go."""

    def idle(self) -> None:
        """It wants to go, since nobody wants anything of it."""

    def lost(self) -> None:
        """Nobody holds its end of the pipe any more."""

    def died(self, status: ExitStatus) -> None:
        """It ended."""


@dataclass(slots=True)
class _Facts:
    vassal: Vassal


_builder: Final = TypeMachineBuilder(Life, _Facts)
_new: Final = _builder.state("new")  # it is known, nobody asked for it yet
_asleep: Final = _builder.state("asleep")  # nobody runs; its socket is watched
_expected: Final = _builder.state("expected")  # the nest was asked for it
_unwanted: Final = _builder.state("unwanted")  # told to go before it was born
_alive: Final = _builder.state("alive")  # it runs
_cursed: Final = _builder.state("cursed")  # it was told to go, or nobody hears it any more
_dozing: Final = _builder.state("dozing")  # it goes, and will be woken by its socket again
_gone: Final = _builder.state("gone")  # reaped, or never born

for _state in (_new, _asleep, _unwanted, _cursed, _dozing, _gone):
    _state.upon(Life.lost).loop().returns(None)
    _state.upon(Life.idle).loop().returns(None)
for _state in (_unwanted, _cursed, _gone):
    _state.upon(Life.stop).loop().returns(None)
for _state in (_asleep, _unwanted, _cursed, _dozing, _gone, _new):
    _state.upon(Life.reload).loop().returns(None)
for _state in (_expected, _unwanted, _alive, _cursed, _dozing, _gone):
    _state.upon(Life.wake).loop().returns(None)
for _state in (_gone,):
    _state.upon(Life.died).loop().returns(None)
    _state.upon(Life.not_born).loop().returns(None)
_gone.upon(Life.sleep).loop().returns(None)
_expected.upon(Life.lost).loop().returns(None)
_expected.upon(Life.idle).loop().returns(None)


@_new.upon(Life.start).to(_expected)
def _ask(life: Life, facts: _Facts) -> None:
    facts.vassal._ask()


@_new.upon(Life.born).to(_alive)
def _survive(life: Life, facts: _Facts, pid: int) -> None:
    facts.vassal._meet(pid)


@_new.upon(Life.sleep).to(_asleep)
def _lie_down(life: Life, facts: _Facts) -> None:
    facts.vassal._watch_socket()


@_new.upon(Life.stop).to(_gone)
def _never_begin(life: Life, facts: _Facts) -> None:
    facts.vassal._end(None)


@_asleep.upon(Life.wake).to(_expected)
def _wake_up(life: Life, facts: _Facts) -> None:
    facts.vassal._leave_socket()
    facts.vassal._ask()


@_asleep.upon(Life.stop).to(_gone)
def _never_wake(life: Life, facts: _Facts) -> None:
    facts.vassal._end(None)


@_expected.upon(Life.born).to(_alive)
def _meet(life: Life, facts: _Facts, pid: int) -> None:
    facts.vassal._meet(pid)


@_expected.upon(Life.not_born).to(_gone)
def _miss(life: Life, facts: _Facts) -> None:
    facts.vassal._end(None)


@_expected.upon(Life.stop).to(_unwanted)
def _unwant(life: Life, facts: _Facts) -> None:
    facts.vassal.ordered = True


@_expected.upon(Life.reload).loop()
def _reload_later(life: Life, facts: _Facts) -> None:
    facts.vassal._reload_at_birth = True


@_unwanted.upon(Life.born).to(_cursed)
def _meet_unwanted(life: Life, facts: _Facts, pid: int) -> None:
    facts.vassal._meet(pid)
    facts.vassal._send_away()


@_unwanted.upon(Life.not_born).to(_gone)
def _miss_unwanted(life: Life, facts: _Facts) -> None:
    facts.vassal._end(None)


@_alive.upon(Life.reload).loop()
def _reload(life: Life, facts: _Facts) -> None:
    facts.vassal._reload()


@_alive.upon(Life.stop).to(_cursed)
def _stop(life: Life, facts: _Facts) -> None:
    facts.vassal.ordered = True
    facts.vassal._send_away()


@_dozing.upon(Life.stop).to(_cursed)
def _stop_dozing(life: Life, facts: _Facts) -> None:
    facts.vassal.ordered = True
    facts.vassal._send_away()


@_alive.upon(Life.idle).to(_dozing)
def _doze(life: Life, facts: _Facts) -> None:
    facts.vassal._send_away()


@_alive.upon(Life.lost).to(_cursed)
def _curse(life: Life, facts: _Facts) -> None:
    facts.vassal._curse()


@_alive.upon(Life.died).to(_gone)
def _bury(life: Life, facts: _Facts, status: ExitStatus) -> None:
    facts.vassal._end(status)


@_cursed.upon(Life.died).to(_gone)
def _bury_cursed(life: Life, facts: _Facts, status: ExitStatus) -> None:
    facts.vassal._end(status)


@_dozing.upon(Life.died).to(_asleep)
def _fall_asleep(life: Life, facts: _Facts, status: ExitStatus) -> None:
    facts.vassal._fall_asleep()


_make_life: Final = _builder.build()


class Vassal:
    """One vassal: who it is, and what has become of it.  Times are unix seconds, 0 for never.

    :param wakeup: the socket that wakes it; None for a vassal that always runs.
    :ivar sighting: as its monitor saw it last.
    :ivar pid: -1 while nobody runs.
    :ivar zerg: it was called for help.
    :ivar ordered: it ends because somebody wanted it to.
    :ivar cursed: since when it is to end.
    :ivar respawns: how often it was reloaded.
    """

    def __init__(
        self,
        realm: Realm,
        monitor: Monitor,
        sighting: Sighting,
        *,
        name: str = "",
        wakeup: Wakeup | None = None,
    ) -> None:
        self.realm = realm
        self.monitor = monitor
        self.sighting = sighting
        self.name = name or sighting.name
        self.zerg = bool(name)
        self.wakeup = wakeup
        self.pid = -1
        self.born = sighting.modified
        self.last_modified = sighting.modified
        self.first_run = self.last_run = 0.0
        self.last_heartbeat = 0.0
        self.loyal = self.ready = self.accepting = False
        self.last_loyal = self.last_ready = self.last_accepting = 0.0
        self.cursed = 0.0
        self.ordered = False
        self.respawns = 0
        self.config = sighting.config
        self.adopted = False
        self._pidfd: int | None = None
        self._pipe: Pipe | None = None
        self._config_pipe: ConfigPipe | None = None
        self._watch: ExitWatch | None = None
        self._killing: Any = None
        self._reloading: Any = None
        self._reloaded = 0.0
        self._reload_at_birth = False
        self.life = _make_life(_Facts(self))

    def __repr__(self) -> str:
        return f"<vassal {self.name} pid {self.pid}>"

    @property
    def on_demand(self) -> str:
        """The address that wakes it; empty for a vassal that always runs."""
        return self.wakeup.address if self.wakeup is not None else ""

    @property
    def is_asleep(self) -> bool:
        """Whether its socket is watched, and nobody runs."""
        return self.wakeup is not None and self.wakeup.is_watched

    def take(self, pipe: Pipe, config: ConfigPipe | None) -> None:
        """Have our ends of the talk with the one that is about to be born."""
        self._pipe, self._config_pipe = pipe, config
        if config is not None:
            self.push_config()

    def survive(self, pid: int, pidfd: int, pipe: Pipe, config: ConfigPipe | None) -> None:
        """Be a vassal of a predecessor, which has run all the time."""
        self.adopted, self._pidfd = True, pidfd
        self._pipe, self._config_pipe = pipe, config
        self.life.born(pid)

    def copies(self) -> tuple[int, ...]:
        """The descriptors that the nest holds, so that this vassal can outlive the emperor."""
        return tuple(end.fileno() for end in (self._pipe, self._config_pipe, self.wakeup) if end is not None)

    def push_config(self) -> None:
        """Send the configuration that the monitor has."""
        if self._config_pipe is None or self.config is None:
            return
        try:
            sent = self._config_pipe.send(self.config)
        except ValueError as error:
            self.realm.say(f"[emperor] {self.name} can not be told its configuration: {error}")
            return
        if not sent:
            self.realm.say(f"[emperor] {self.name} does not read its configuration")

    def changed(self, sighting: Sighting) -> None:
        """Its configuration is another one now."""
        self.sighting = sighting
        self.config = sighting.config
        self.last_modified = sighting.modified
        self.life.reload()

    def signal(self, number: int) -> None:
        """Send a Unix signal to its master."""
        if self._watch is not None:
            try:
                self._watch.signal(number)
            except KernelError as error:
                self.realm.say(f"[emperor] {self.name} can not be signalled: {error}")

    def kill(self) -> None:
        """End it now."""
        self.signal(signal.SIGKILL)

    def is_silent(self, tolerance: float, now: float) -> bool:
        """Whether its heart, which beat once, is silent for too long."""
        return bool(self.last_heartbeat) and now - self.last_heartbeat > tolerance

    # ---- what it says

    def hear(self, byte: int) -> None:
        """It said *byte*; what is unknown is ignored."""
        now = self.realm.clock()
        match byte:
            case ToEmperor.SPAWNED:
                self.ready, self.last_ready = True, now
                self.realm.noted(self)
            case ToEmperor.SEND_CONFIG:
                if self._config_pipe is not None and not self._config_pipe.is_pending:
                    self.push_config()
            case ToEmperor.ACCEPTING:
                # after a reload uWSGI says nothing else
                self.ready = self.accepting = True
                self.last_accepting = now
                self.realm.noted(self)
            case ToEmperor.LOYAL:
                first = not self.loyal
                self.loyal, self.last_loyal = True, now
                if first:
                    self.realm.say(f"[emperor] vassal {self.name} is now loyal")
                    self.realm.loyal(self)
            case ToEmperor.IDLE:
                if self.wakeup is not None:
                    self.life.idle()
                else:
                    self.life.stop()
            case ToEmperor.HEARTBEAT:
                self.last_heartbeat = now
            case ToEmperor.SOS:
                self.realm.calls_for_help(self)

    # ---- what the machine asks for

    def _ask(self) -> None:
        now = self.realm.clock()
        self.first_run = self.first_run or now
        self.last_run = now
        self.cursed = self.last_heartbeat = 0.0
        self.ready = self.accepting = self.loyal = False
        self.realm.spawn(self)

    def _meet(self, pid: int) -> None:
        self.pid = pid
        try:
            self._watch = ExitWatch(self.realm.reactor, self.realm.kernel, pid, self._ended, self._pidfd)
        except KernelError as error:
            # it ended already; or we have no descriptor left, and can not have whom we can not watch
            self.realm.say(f"[emperor] {self.name} can not be watched: {error}")
            with contextlib.suppress(OSError):
                self.realm.kernel.kill(pid, signal.SIGKILL)
            self.realm.reactor.callLater(_A_MOMENT, self._ended, ExitStatus())
        self.realm.born(self)
        if self._reload_at_birth:
            self._reload_at_birth = False
            self.realm.reactor.callLater(0, self.life.reload)

    def _reload(self) -> None:
        """Now, or as soon as the last reload is a moment old."""
        due = self._reloaded + _RELOADS - self.realm.clock()
        if self._reloading is None:
            if due > 0:
                self._reloading = self.realm.reactor.callLater(due, self._reload_late)
            else:
                self._reload_now()

    def _reload_late(self) -> None:
        self._reloading = None
        self.life.reload()

    def _reload_now(self) -> None:
        self._reloaded = self.realm.clock()
        self.realm.say(f"[emperor] reload the uwsgi instance {self.name}")
        self.respawns += 1
        self.last_run = self.realm.clock()
        # a start may take longer than a heart may be silent: the next beat begins anew
        self.last_heartbeat = 0.0
        self.ready = self.accepting = False
        if self._pipe is None or not self._pipe.say(ToVassal.RELOAD):
            self.life.lost()
            return
        self.push_config()

    def _send_away(self) -> None:
        self.cursed = self.cursed or self.realm.clock()
        if self._pipe is not None:
            self._pipe.say(ToVassal.STOP_GRACEFULLY if self.realm.graceful else ToVassal.STOP)
        self._kill_later()

    def _curse(self) -> None:
        self.realm.say(f"[emperor] curse the uwsgi instance {self.name} (pid: {self.pid})")
        self.cursed = self.cursed or self.realm.clock()
        self._kill_later()

    def _kill_later(self) -> None:
        self._spare()
        self._killing = self.realm.reactor.callLater(max(self.realm.tolerance, _STOPS_LATE), self._kill_now)

    def _kill_now(self) -> None:
        self._killing = None
        self.realm.say(f"[emperor] the uwsgi instance {self.name} (pid: {self.pid}) does not end: killing it")
        self.kill()
        self._kill_later()

    def _spare(self) -> None:
        if self._killing is not None:
            self._killing.cancel()
            self._killing = None

    def _watch_socket(self) -> None:
        assert self.wakeup is not None
        self.wakeup.watch(self.life.wake)

    def _leave_socket(self) -> None:
        if self.wakeup is not None:
            self.wakeup.leave()

    def _fall_asleep(self) -> None:
        self._close()
        self.pid = -1
        self.cursed = self.last_heartbeat = 0.0
        self.ready = self.accepting = self.loyal = False
        self.realm.say(f'[emperor] vassal {self.name} -> back to "on demand" mode, waiting for connections')
        self._watch_socket()

    def _ended(self, status: ExitStatus) -> None:
        if self._pipe is not None and not self._pipe.closed:
            self._pipe.doRead()  # its last words
        self._watch = None
        self.realm.ended(self.pid)
        self.life.died(status)

    def _close(self) -> None:
        self._spare()
        if self._reloading is not None:
            self._reloading.cancel()
            self._reloading = None
        if self._pipe is not None:
            self._pipe.close()
        if self._config_pipe is not None:
            self._config_pipe.close()
        self._pipe = self._config_pipe = None

    def _end(self, status: ExitStatus | None) -> None:
        self._close()
        if self.wakeup is not None:
            self.wakeup.close()
        self.realm.gone(self, status)
