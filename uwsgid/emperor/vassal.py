"""One vassal, as its emperor sees it: who it is, what is known of it, and how it is talked with.

What may happen to it, and when, is its life (`uwsgid.emperor.life`), which calls back for each turn; what
follows for others is the business of the `Realm`.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

from uwsgid.emperor.life import make_life
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
        """Nothing of it is left but its `wakeup`; the status is None for one that was never born."""


class Vassal:
    """One vassal: who it is, and what has become of it.  Times are unix seconds, 0 for never.

    :param wakeup: the socket that wakes it; None for a vassal that always runs.
    :ivar sighting: as its monitor saw it last.
    :ivar pid: -1 while nobody runs.
    :ivar zerg: it was called for help.
    :ivar ordered: it ends because somebody wanted it to.
    :ivar cursed: since when it is to end.
    :ivar respawns: how often it was reloaded.
    :ivar reload_at_birth: it was to reload before it was born.
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
        self.reload_at_birth = False
        self.life = make_life(self)

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

    # ---- what its life comes to, see `Subject`

    def ask(self) -> None:
        """Order its birth from the realm."""
        now = self.realm.clock()
        self.first_run = self.first_run or now
        self.last_run = now
        self.cursed = self.last_heartbeat = 0.0
        self.ready = self.accepting = self.loyal = False
        self.realm.spawn(self)

    def meet(self, pid: int) -> None:
        """Begin to watch the one that was born."""
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
        if self.reload_at_birth:
            self.reload_at_birth = False
            self.realm.reactor.callLater(0, self.life.reload)

    def reload(self) -> None:
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

    def send_away(self) -> None:
        """Tell it to go, and kill it where it does not."""
        self.cursed = self.cursed or self.realm.clock()
        if self._pipe is not None:
            self._pipe.say(ToVassal.STOP_GRACEFULLY if self.realm.graceful else ToVassal.STOP)
        self._kill_later()

    def curse(self) -> None:
        """Nobody hears it any more: it ends, or is killed."""
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

    def watch_socket(self) -> None:
        """Be woken by whoever connects."""
        assert self.wakeup is not None
        self.wakeup.watch(self.life.wake)

    def leave_socket(self) -> None:
        """Be woken by nobody."""
        if self.wakeup is not None:
            self.wakeup.leave()

    def fall_asleep(self) -> None:
        """It went, and will be woken by its socket again."""
        self._close()
        self.pid = -1
        self.cursed = self.last_heartbeat = 0.0
        self.ready = self.accepting = self.loyal = False
        self.realm.say(f'[emperor] vassal {self.name} -> back to "on demand" mode, waiting for connections')
        self.watch_socket()

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

    def end(self, status: ExitStatus | None) -> None:
        """Give up what it had, but for the socket that woke it, and tell the realm."""
        self._close()
        self.realm.gone(self, status)
