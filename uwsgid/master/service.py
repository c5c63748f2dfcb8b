"""The table of contents of the master: what it is made of, and what each order does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred

from uwsgid.errors import KernelError
from uwsgid.hooks.fatal import DESTROY
from uwsgid.host.notify import notify
from uwsgid.isolation.options import Namespaces
from uwsgid.logs import banner
from uwsgid.logs.held import Leftovers
from uwsgid.manhole.options import Manhole as ManholeOptions
from uwsgid.master.alarms import AlarmDesk
from uwsgid.master.cheap import CheapMode
from uwsgid.master.checkround import CheckRound
from uwsgid.master.departure import Departure
from uwsgid.master.fifo import Fifo, FifoFiles
from uwsgid.master.gateways import Gateways
from uwsgid.master.hookchain import HookChain
from uwsgid.master.idle import Idle, IdleWatch
from uwsgid.master.inheritance import Inheritance
from uwsgid.master.lending import Lender
from uwsgid.master.liaison import Liaison
from uwsgid.master.logintake import LogIntake
from uwsgid.master.mountcheck import CheckedMounts, MountCheck
from uwsgid.master.queues import Queues
from uwsgid.master.reexec import Reexec
from uwsgid.master.reloads import Reloads
from uwsgid.master.rereading import Rereading
from uwsgid.master.stall import Stall
from uwsgid.master.statistics import Statistics
from uwsgid.master.touches import TouchWatch
from uwsgid.master.undertaker import Undertaker
from uwsgid.master.unixsignals import UnixSignals
from uwsgid.master.watchdog import Watchdog
from uwsgid.master.workforce import Workforce
from uwsgid.request.mount_options import Mounting
from uwsgid.supervise.child import Child
from uwsgid.supervise.gateways import GATEWAY
from uwsgid.supervise.processes import Endings, Processes


class Master(MultiService):
    """Supervises one instance.

    :param inheritance: what boot left.
    :param ended: called with the exit code when everything is over.
    """

    def __init__(self, inheritance: Inheritance, reactor: Any, ended: Callable[[int], None]) -> None:
        MultiService.__init__(self)
        self.setName("master")
        house = inheritance.household
        settings = house.settings
        self._inheritance = inheritance
        self._house = house
        self._reactor = reactor
        self._say = inheritance.say
        endings = settings[Endings]
        self._ended = ended
        self._over: Deferred[None] = Deferred()
        leftovers = Leftovers(house.board, house.locks, house.request_log)
        self.alarms = AlarmDesk(inheritance, reactor)
        self.queues = Queues(house.kernel, house.listeners, self._say, self.alarms.queue_full)
        self.workforce = Workforce(
            house,
            reactor,
            need_app=settings[Mounting].need_app,
            say=self._say,
            asked=self._asked,
            ended=lambda code: self.departure.proceed(code),
            end_is_near=lambda: self.signals.end_is_near,
            clock=time.time,
            spare_seed=inheritance.become is None,
            tidings=lambda child, what: self.liaison.hear(child, what),
            bereave=leftovers.rescue,
            killed=self.alarms.worker_killed,
        )
        self.gateways = Gateways(
            house,
            self.workforce.supervisor,
            reactor,
            self._say,
            stopping=lambda: self.workforce.stopping,
            proceed=self.workforce.proceed,
            asked=self._asked,
            ready=self._gateway_is_ready,
        )
        self.hooks = HookChain(
            house, reactor, self._say, lambda code: self.departure.end_at_once(code), self._asked
        )
        self.liaison = Liaison(
            inheritance,
            reactor,
            self,
            workers=self.workforce.workers,
            asleep=lambda: self.cheap.is_on,
            queue_length=lambda: self.queues.longest,
            hooks=self.hooks.run,
        )
        self.watchdog = Watchdog(house, self.workforce, reactor, self._say, lambda: self.queues.longest)
        self.signals = UnixSignals(
            reactor,
            self,
            die_on_term=endings.die_on_term,
            swapped=endings.die_on_term and settings.is_set(Endings, "die_on_term"),
        )
        self.touches = TouchWatch(
            house.kernel,
            settings,
            self._say,
            {
                "reload": self.reload,
                "workers": self.reload_workers,
                "chain": self.reload_chain,
                "logrotate": self.rotate_log,
                "logreopen": self.reopen_log,
            },
        )
        checked = settings[CheckedMounts]
        self.mounts = MountCheck(house.kernel, checked, reactor, self._say, lambda: self.departure.detonate())
        self.fifo = Fifo(reactor, settings[FifoFiles].paths, self.orders(), self._say)
        self._lender: Lender | None = None
        if inheritance.setns_socket is not None:
            self._lender = Lender(
                reactor,
                house.kernel,
                inheritance.setns_socket,
                inheritance.lent,
                settings[Namespaces].skip,
                self._say,
            )
        self.cheap = CheapMode(reactor, house.listeners, self._wake_up)
        self.idle = IdleWatch(
            settings[Idle],
            house.board,
            self._say,
            reactor.seconds,
            asleep=lambda: self.cheap.is_on,
            changing=lambda: (
                self.workforce.turnover is not None or not (self.workforce.generation and house.listeners)
            ),
            fall_asleep=self.become_cheap,
            die=self._die_of_idleness,
        )
        self.stall = Stall(reactor)
        self.statistics = Statistics(
            inheritance, self.workforce, self.queues, self.stall, self.gateways, reactor
        )
        self.statistics.setServiceParent(self)
        self._manhole: Any = None
        if settings[ManholeOptions].places:
            from uwsgid.master.manhole import Manhole

            self._manhole = Manhole(self, inheritance, reactor)
        self._intake = LogIntake(reactor, inheritance.logs)
        rereading = Rereading(self.workforce.supervisor, self.workforce.seed, self.workforce.proceed)
        self._reexec = Reexec(
            reactor,
            house.kernel,
            inheritance.argv,
            inheritance.cwd,
            house.listeners,
            self._say,
            inheritance.started_with,
            house.kept,
            inheritance.become,
            rereading.read if inheritance.become is not None else None,
        )
        self.departure = Departure(
            inheritance,
            reactor,
            self.workforce,
            self.cheap,
            self.liaison,
            self._intake,
            self._reexec,
            wind_up=self._wind_up,
            close=lambda: self.statistics.stopService(),
            over=self._part,
            asked=self._asked,
        )
        self.reloads = Reloads(
            inheritance, self.workforce, self.gateways, self.liaison, self._reexec, self.departure
        )
        self._undertaker = Undertaker(
            reactor,
            house.kernel,
            self.workforce.supervisor.known_pids,
            lambda: self.workforce.supervisor.expecting,
            self._say,
        )
        self._checks = CheckRound(
            reactor,
            endings.check_interval,
            self._say,
            self.watchdog.look,
            self.workforce.insist,
            leftovers.look,
            self.touches.look,
            self.hooks.look,
            self.mounts.look,
            self.queues.look,
            self.idle.look,
            self.liaison.look,
            lambda: inheritance.logs.pipeline.check_size(),
            self.alarms.look,
            self._undertaker.look,
        )

    def orders(self) -> dict[str, Callable[[], None]]:
        """What the letters of the FIFO do."""
        return {
            "+": self.one_more,
            "B": self.liaison.call_for_zergs,
            "-": self.one_less,
            "c": self.reload_chain,
            "C": self.become_cheap,
            "l": self.reopen_log,
            "L": self.rotate_log,
            "p": self.toggle_pause,
            "P": self.rewrite_pidfiles,
            "q": self.stop,
            "Q": self.stop_brutally,
            "r": self.reload,
            "R": self.reload_brutally,
            "s": self.say_statistics,
            "w": self.reload_workers,
            "W": self.reload_workers_brutally,
        }

    # ---- life

    def startService(self) -> None:
        """Begin, once the reactor runs."""
        MultiService.startService(self)
        self._say(banner.master_line(self._house.master_pid, self._house.is_reload))
        self._reactor.callWhenRunning(self._begin)

    def _begin(self) -> None:
        if self.workforce.stopping:
            return
        self.signals.install()
        self._undertaker.install()
        self._say(self.signals.meaning())
        self._house.name_process("master", self._house.settings[Processes].procname_master)
        self._intake.start()
        self.alarms.begin()
        try:
            if self._house.settings[FifoFiles].paths:
                self.fifo.start()
            if self._manhole is not None:
                self._manhole.open()
            self.liaison.open()
        except KernelError as error:
            self._say(str(error))
            self.workforce.stop(gracefully=False, code=1)
            return
        if self._lender is not None:
            self._lender.start()
        self.liaison.begin()
        if self._house.settings[Idle].cheap and self._house.listeners:
            self.become_cheap()
        self.workforce.start(self._inheritance.seed, self._inheritance.zygote)
        self.gateways.start(self._inheritance.early)
        self.hooks.begin()
        self.stall.start()
        self._checks.start()
        self._tell_ready()

    def _tell_ready(self) -> None:
        """Tell systemd, once every worker accepts and every gateway works, where anybody wants to know."""
        is_awaited = self._inheritance.no_server or "NOTIFY_SOCKET" in self._inheritance.environ
        if self.workforce.stopping or not is_awaited:
            return
        if self.workforce.all_ready and self.gateways.all_ready:
            notify(self._house.kernel, self._inheritance.environ, "STATUS=uWSGI is ready\nREADY=1\n")
            if self._inheritance.no_server:
                self.stop()
        else:
            self._reactor.callLater(0.05, self._tell_ready)

    def stopService(self) -> Deferred[None]:
        """The reactor is about to stop: everybody leaves first."""
        if not self.workforce.stopping:
            self.stop()
        self._over.addCallback(lambda _: MultiService.stopService(self))
        return self._over

    # ---- orders

    def reload(self) -> None:
        """A new generation; a new process image where the files of the configuration changed."""
        self.reloads.reload()

    def reload_for_emperor(self) -> None:
        """Reload, with the configuration that the emperor sends where it is the one who has it."""
        self.reloads.reload_for_emperor()

    def reload_brutally(self) -> None:
        """End the workers at once and start anew.  An instance that is about to stop does not start anew."""
        self.reloads.reload_brutally()

    def start_anew(self) -> None:
        """A new process image, once the workers have finished what they have in hand."""
        self.reloads.start_anew()

    def emperor_lost(self) -> None:
        """Nobody keeps this instance any more."""
        self.departure.orphaned()

    def reload_workers(self) -> None:
        """Replace the workers, not their generation."""
        self.workforce.replace_workers()

    def reload_workers_brutally(self) -> None:
        """Replace the workers without waiting for their requests."""
        self.workforce.replace_workers(brutally=True)

    def reload_chain(self) -> None:
        """A new generation, one worker after the other."""
        if self.workforce.turnover is not None:
            self._say("*** chain reload is already running ***")
        else:
            self.workforce.reload(chain=True)

    def stop(self) -> None:
        """Finish what is in progress, then end."""
        self.departure.stop()

    def stop_brutally(self) -> None:
        """End now."""
        self.departure.stop_brutally()

    def toggle_pause(self) -> None:
        """Workers accept nothing, or begin again."""
        self.workforce.pause()

    def one_more(self) -> None:
        """One worker more."""
        self.cheap.end()
        if not self.workforce.more():
            self._say("there is no slot for another worker (option processes)")

    def one_less(self) -> None:
        """One worker less."""
        if not self.workforce.fewer():
            self._say("the last worker stays")

    def become_cheap(self) -> None:
        """No workers, until somebody connects."""
        if not self.workforce.stopping and not self.cheap.is_on:
            self._say("cheap mode enabled: waiting for socket connection...")
            self.workforce.want(())
            self.cheap.begin()

    def _die_of_idleness(self) -> None:
        """End; a vassal has its emperor decide, which may wait for the next connection itself."""
        if not self.liaison.ask_for_the_end():
            self.stop()

    def _wake_up(self) -> None:
        self._say("leaving cheap mode: somebody connected")
        self.workforce.want(range(1, self._house.board.slots + 1))

    def say_statistics(self) -> None:
        """Tell the log what the workers have done."""
        self.statistics.say(self._say)

    def reopen_log(self) -> None:
        """Open the log file again, under its own name."""
        self._inheritance.logs.pipeline.reopen()

    def rotate_log(self) -> None:
        """Set the log file aside and begin a new one."""
        self._inheritance.logs.pipeline.rotate()

    def rewrite_pidfiles(self) -> None:
        """Write the pid files again, after somebody removed them."""
        self._inheritance.write_pidfiles()

    def _gateway_is_ready(self, child: Child) -> None:
        """An emperor below another one completes no request, and is loyal all the same (core/emperor.c)."""
        if child.role != GATEWAY:
            self.liaison.be_loyal()

    def _asked(self, what: str) -> None:
        """An application, or the workforce, wants something."""
        orders: dict[str, Callable[[], None]] = {
            "reload": self.reload,
            "stop": self.stop,
            "brutal reload": self.reload_brutally,
            "reexec": self.start_anew,
            DESTROY: lambda: self.departure.end_at_once(1),
        }
        if not self.alarms.asked(what):
            orders.get(what, lambda: None)()

    # ---- the end

    def _wind_up(self) -> None:
        self._checks.stop()
        self.fifo.stop()
        if self._manhole is not None:
            self._manhole.close(again=self.departure.is_anew)
        if self._lender is not None:
            self._lender.stop()
        self.stall.stop()
        self.gateways.end()
        self.cheap.end()
        self.liaison.end()
        self._undertaker.end()
        self.alarms.end()

    def _part(self, code: int) -> None:
        """Tell everybody who waits that this is over."""
        over, self._over = self._over, Deferred()
        self._over.callback(None)
        over.callback(None)
        self._ended(code)
