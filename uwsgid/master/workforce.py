"""Keeps the wanted workers alive, through crashes, reloads and the end of those who make them.

The workforce is the parent of every worker.  It knows what is wanted (slots, a generation), and after each
event it compares that with what there is and asks for what is missing.  Who makes workers is the business of
the `Nursery`, who works where that of the `Roster`, how one generation follows another that of `Turnover`.
"""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final

from uwsgid.host.children import ExitStatus
from uwsgid.logs import banner
from uwsgid.manhole.options import Manhole
from uwsgid.master.nursery import Nursery, how
from uwsgid.master.rests import Rests
from uwsgid.master.roster import Roster
from uwsgid.master.turnover import Turnover
from uwsgid.master.windingdown import WindingDown
from uwsgid.supervise.appfacts import read_apps
from uwsgid.supervise.backoff import Backoff
from uwsgid.supervise.board import Board, Phase
from uwsgid.supervise.child import Child
from uwsgid.supervise.exits import Exit, Next, verdict
from uwsgid.supervise.household import Household
from uwsgid.supervise.processes import Endings, Processes
from uwsgid.supervise.rows import AppFacts
from uwsgid.supervise.supervisor import Supervisor
from uwsgid.wire.control import AWAKE, BUSY, LOYAL, Ask, Loaded, LoadFailed, Pause, Record, Resume

#: Why a worker goes that is only old: uWSGI has no line for its end (core/master.c).
OLD_AGE: Final = "its lifetime is reached"

#: What is told of a worker that accepts.
READY: Final = "ready"

_SEAT_PATIENCE: Final = 0.25  #: seconds until a worker that could not be hired is asked for again


class Workforce:
    """The workers of the instance and those who make them.

    :param need_app: an instance without an application has no reason to live.
    :param asked: called with what an application asks for (``reload``, ``stop`` …).
    :param end_is_near: tells whether an order is on its way that ends all workers: nobody is hired then.
    :param ended: called once with the exit code, when nobody is left after `stop`.
    :param clock: unix seconds, for the board.
    :param monotonic: monotonic seconds.
    :param spare_seed: as in `Nursery`.
    :param bereave: called with the seat of a worker that is dead, before the seat is cleared.
    :param killed: called with the pid of a worker that a signal ended, and that signal.
    :param tidings: called with what workers tell for an emperor, their readiness (`READY`) among it.
    :ivar generation: the one that serves; 0 before the first is loaded.
    :ivar wanted: the slots that shall have a worker.
    """

    def __init__(
        self,
        household: Household,
        reactor: Any,
        *,
        need_app: bool,
        say: Callable[[str], None],
        asked: Callable[[str], None],
        ended: Callable[[int], None],
        end_is_near: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        spare_seed: bool = True,
        tidings: Callable[[Child, str], None] = lambda child, what: None,
        bereave: Callable[[int], None] = lambda seat: None,
        killed: Callable[[int, int], None] = lambda pid, signal: None,
    ) -> None:
        settings = household.settings
        self._reactor: Final = reactor
        self._processes: Final = settings[Processes]
        self._need_app: Final = need_app
        self._asked: Final = asked
        self._ended = ended
        self._end_is_near: Final = end_is_near
        self._tidings: Final = tidings
        self._bereave: Final = bereave
        self._killed: Final = killed
        self._clock: Final = clock
        self._monotonic: Final = monotonic
        self._say: Final = say
        self.board: Final[Board] = household.board
        self.supervisor: Final = Supervisor(reactor, household.kernel, monotonic, say)
        backoff = Backoff(most=float(max(0, settings[Endings].forkbomb_delay)))
        self._nursery: Final = Nursery(
            self.supervisor, reactor, self, backoff, say, asked, monotonic, spare_seed
        )
        self._rests: Final = Rests(reactor, backoff)
        self._ends_now: Final[dict[Child, int]] = {}  # who has to end at once, and by which signal
        self._roster: Final = Roster(self.board, self.supervisor, hatches=settings[Manhole].takes_guests)
        self._winding_down: Final = WindingDown(reactor, self.supervisor, household.gateways, say)
        self.generation = 0
        # an instance of gateways alone has nothing that a worker could accept
        only_gateways = household.gateways and not household.listeners
        self._most: Final = 0 if only_gateways else self._processes.processes
        self.wanted: set[int] = set(range(1, self._most + 1))
        self.turnover: Turnover | None = None
        self._told_of_apps = ""
        self.stopping = False
        self.paused = False
        self._loaded: dict[int, str] = {}  # what zygotes of generations to come said of their applications
        self._exit_code = 0
        self._latest = 0  # the highest generation that was asked for
        self._spawned: set[int] = set()  # slots that had a worker before
        self._served = False
        self._reload_again: bool | None = None
        self.reloads = 0
        self.failed_reloads = 0

    # ---- verbs of the operator

    def start(self, seed: tuple[socket.socket, int], zygote: tuple[socket.socket, int] | None = None) -> None:
        """Take over the seed that boot forked, and who is going to be the first zygote, and begin."""
        self._latest = 1
        self._nursery.begin(seed, zygote)
        self._nursery.want(1)

    def seed(self) -> Child | None:
        """A seed that bears; None where there is none."""
        return self._nursery.seed()

    def reload(self, *, chain: bool = False) -> None:
        """Begin a graceful reload, or note that another one is wanted after what is in progress."""
        if self.stopping:
            return
        if self.turnover is not None or not self.generation:
            self._reload_again = chain
            return
        self._latest += 1
        self.turnover = Turnover(self, self._latest, sorted(self.wanted), chain=chain)
        self._nursery.want(self.generation, self._latest)

    def replace_workers(self, *, brutally: bool = False, reason: str = "worker reload") -> None:
        """Replace every worker by a new one of the same generation; the master and the app stay."""
        for child in self.workers():
            if child.generation > self.generation:
                continue  # it is being born anyway
            if brutally:
                self.end_now(child, signal.SIGINT)
            else:
                self.dismiss(child, reason)
        self.proceed()

    def replace(self, child: Child, reason: str) -> None:
        """Replace one worker; its successor does not wait for it to be gone."""
        self.dismiss(child, reason)
        self.proceed()

    def stop(self, *, gracefully: bool, code: int = 0) -> None:
        """End everything; ``ended`` is called when it is done."""
        if self.stopping:
            if not gracefully:
                for child in self.workers():
                    self.end_now(child, signal.SIGINT)
            return
        self.stopping = True
        self._exit_code = code
        self.wanted.clear()
        self.turnover = None
        self._rests.end()
        self._nursery.stop()
        for child in self.workers():
            if gracefully:
                self.dismiss(child, "stop")
            else:
                self.end_now(child, signal.SIGINT)
        self.proceed()

    def pause(self) -> None:
        """Toggle: workers finish what they have and accept nothing until the next call."""
        self.paused = not self.paused
        if self.paused:
            self._say("*** PAUSE (press start to resume, if you do not have a joypad send SIGTSTP) ***")
        else:
            self._say("*** (SIGTSTP received) resuming workers ***")
        for child in self.workers():
            child.say(Pause() if self.paused else Resume())

    def more(self) -> bool:
        """Want one worker more, if the configuration has a slot for it."""
        idle = [slot for slot in range(1, self._most + 1) if slot not in self.wanted]
        if self.stopping or not idle:
            return False
        self.want({*self.wanted, idle[0]})
        return True

    def fewer(self) -> bool:
        """Want one worker less, but not none."""
        if self.stopping or len(self.wanted) <= 1:
            return False
        self.want(sorted(self.wanted)[:-1])
        return True

    def want(self, slots: Iterable[int]) -> None:
        """Want workers in exactly these slots."""
        if self.stopping:
            return
        self.wanted = set(slots)
        for child in self.workers():
            if child.slot not in self.wanted:
                self.dismiss(child, "not wanted")
        if self.turnover is not None:
            self.turnover.resize(self.wanted)
        self.proceed()

    # ---- what there is

    def workers(self, slot: int | None = None) -> list[Child]:
        """The living workers, of all generations, and those about to be born."""
        return self._roster.workers(slot)

    @property
    def apps(self) -> Sequence[AppFacts]:
        """What the workers have loaded."""
        return read_apps(self._told_of_apps)

    @property
    def all_ready(self) -> bool:
        """Whether every wanted slot has a worker that accepts requests."""
        return bool(self.generation) and self._roster.all_accept(self.wanted)

    # ---- what a turnover asks for

    def hire(self, slot: int, generation: int) -> Child | None:
        """A new worker for *slot*; None where every seat is taken or nobody can bear it now."""
        mother, seat = self._nursery.mother(generation), self.board.free_seat()
        if mother is None or self._end_is_near():
            return None
        if seat is not None:
            try:
                return self._roster.hire(mother, seat, slot, generation, self, self._clock())
            except OSError as error:
                self._say(f"worker {slot} can not be made: {error.strerror}")
        self._rests.rest("seat", _SEAT_PATIENCE, self.proceed)
        return None

    def old_workers(self, slot: int, generation: int) -> list[Child]:
        return self._roster.others(slot, generation)

    def promote(self, generation: int) -> None:
        self.generation = generation
        self._told_of_apps = self._loaded.get(generation, self._told_of_apps)
        self._loaded.clear()
        for slot in range(1, self.board.slots + 1):
            self._roster.note_who_serves(slot, generation)

    def dismiss(self, child: Child, reason: str) -> None:
        if not child.told and child.pid:
            self._say(f"Gracefully killing worker {child.slot} (pid: {child.pid})...")
        child.life.leave(reason)

    def discard(self, child: Child) -> None:
        child.life.leave("its generation can not serve")
        child.kill()

    def end_now(self, child: Child, number: int) -> None:
        """Have a worker end without finishing its request; one that is not born yet, at its birth."""
        child.life.leave("now")
        self._ends_now[child] = number
        if child.pid:
            child.signal(number)

    def insist(self) -> None:
        """Tell those again who have to end at once, as long as they are there.

        Python looks for signals between two steps of a program: one that comes just before a call that waits
        is heard when the call returns, which for a call of the kernel is the next signal.
        """
        for child, number in self._ends_now.items():
            if child.pid:
                child.signal(number)

    def turnover_done(self, turnover: Turnover) -> None:
        self.reloads += 1
        if turnover.chain:
            self._say("chain reloading complete")
        self._turnover_over()

    def turnover_failed(self, turnover: Turnover, reason: str) -> None:
        self.failed_reloads += 1
        stay = f"the workers of generation {self.generation} go on serving"
        if turnover.promoted:
            stay = "every other worker goes on serving"
        self._say(f"*** reload failed: {reason}; {stay} ***")
        self._turnover_over()

    def _turnover_over(self) -> None:
        self.turnover = None
        self._nursery.want(self.generation)
        self._again()
        self.proceed()

    def _again(self) -> None:
        """Begin the reload that was asked for while another one, or the first loading, was in progress."""
        if self._reload_again is not None:
            chain, self._reload_again = self._reload_again, None
            self._reactor.callLater(0, self.reload, chain=chain)

    # ---- what the nursery tells

    def generation_loaded(self, zygote: Child, record: Loaded) -> None:
        generation, turnover = zygote.generation, self.turnover
        self._note_apps(zygote, record)
        if turnover is not None and turnover.generation == generation:
            if record.failed and not turnover.promoted:
                turnover.failed(f"{record.failed} of its applications can not be loaded")
            else:
                turnover.loaded()
        elif not self.generation:
            self.promote(generation)
            self._again()
        self.proceed()

    def generation_failed(self, zygote: Child, reason: str, code: int) -> None:
        turnover = self.turnover
        if turnover is not None and turnover.generation == zygote.generation and not turnover.promoted:
            turnover.failed(reason)
        elif not self.generation:
            self._say(reason)
            self.stop(gracefully=False, code=code)

    def zygote_ended(self, zygote: Child, status: ExitStatus | None) -> None:
        turnover = self.turnover
        if turnover is not None and turnover.generation == zygote.generation:
            if not turnover.promoted:
                turnover.failed(f"its zygote ended ({how(status)})")
        elif self._need_app and not self.generation and status is not None:
            self._say("*** no app loaded. GAME OVER ***")
            self.stop(gracefully=False, code=Exit.APP_FAILED)

    def no_seed_left(self) -> None:
        self._say("only a new process image can make another generation")
        self._asked("reexec")

    # ---- what workers tell

    def child_born(self, child: Child) -> None:
        # first the board, then the log: whoever reads of a worker may ask for it
        self.board.respawns[child.slot - 1] += 1
        self._roster.note_who_serves(child.slot, self.generation)
        if child.slot in self._spawned:
            self._say(f"Respawned uWSGI worker {child.slot} (new pid: {child.pid})")
        else:
            self._say(banner.worker_line(child.slot, child.pid, self.board.cores))
        self._spawned.add(child.slot)
        if self.paused:
            child.say(Pause())
        if child in self._ends_now:
            child.signal(self._ends_now[child])

    def child_ready(self, child: Child) -> None:
        self._served = True
        self._roster.note_who_serves(child.slot, self.generation)
        self._tidings(child, READY)
        self.proceed()

    def child_said(self, child: Child, record: Record) -> None:
        if isinstance(record, Loaded):
            self._note_apps(child, record)
        elif isinstance(record, LoadFailed):
            child.complaint = record.reason
        elif isinstance(record, Ask) and record.what in (LOYAL, AWAKE, BUSY):
            self._tidings(child, record.what)
        elif isinstance(record, Ask):
            self._asked(record.what)

    def child_ended(self, child: Child, status: ExitStatus | None) -> None:
        self._ends_now.pop(child, None)
        said_so = self.board.phase[child.seat] == Phase.LEAVING
        has_lived = self._roster.has_lived(child, self._monotonic())
        self._bereave(child.seat)
        self.board.stand_up(child.seat)
        self._roster.note_who_serves(child.slot, self.generation)
        crashed = status is None
        if status is not None:
            crashed = self._judge(child, status, said_so)
            if status.signal:
                self._killed(child.pid, status.signal)
        if has_lived:
            self._rests.did_well(child.slot)
        elif crashed:
            self._rests.failed(child.slot)
        if self.turnover is not None:
            killed = status is None or bool(status.signal)
            self.turnover.worker_ended(child, child.complaint or how(status), crashed=crashed, killed=killed)
        self.proceed()

    def _note_apps(self, child: Child, record: Loaded) -> None:
        if record.apps:
            self._loaded[child.generation] = record.about
            if child.generation == self.generation:
                self._told_of_apps = record.about

    def _judge(self, child: Child, status: ExitStatus, said_so: bool) -> bool:
        """Say the line and draw the consequence; whether it was a crash."""
        judged = verdict(
            status,
            slot=child.slot,
            pid=child.pid,
            told_to_go=child.told or said_so,
            wanted=child.slot in self.wanted,
            cursed=child.farewell != OLD_AGE,
            burial=self.stopping or child.generation != self.generation,
            need_app=self._need_app,
            first=not self._served,
            now=self._monotonic(),
            told_at=child.told_at if child.told else self._monotonic(),
        )
        if judged.line:
            self._say(judged.line)
        if not self.stopping:
            if judged.next is Next.END_INSTANCE:
                self.stop(gracefully=False, code=Exit.APP_FAILED)
            elif judged.next is Next.RELOAD_BRUTALLY:
                self._asked("brutal reload")
        return judged.crashed

    # ---- wanting and having

    def proceed(self) -> None:
        """Ask for what is missing; when stopping, let go of what is left."""
        if self.stopping:
            if self._winding_down.proceed(self.workers()):
                ended, self._ended = self._ended, lambda code: None
                ended(self._exit_code)
            return
        if not self.generation:
            return
        for slot in range(1, self.board.slots + 1):
            if slot not in self.wanted:
                self._note_cheaped(slot)
            elif slot not in self._rests and self._roster.is_vacant(slot, self.generation):
                seconds = self._rests.due(slot)
                if seconds >= 1:
                    self._say(
                        f"worker respawning too fast !!! i have to sleep a bit ({seconds:g} seconds)..."
                    )
                if seconds:
                    self._rests.rest(slot, seconds, partial(self._fill, slot))
                else:
                    self._fill(slot)
        if self.turnover is not None:
            self.turnover.step()

    def _fill(self, slot: int) -> None:
        """Hire a worker for *slot*, if one is wanted."""
        if slot in self.wanted and self._roster.is_vacant(slot, self.generation):
            self.board.cheaped[slot - 1] = 0
            self.hire(slot, self.generation)

    def _note_cheaped(self, slot: int) -> None:
        if not self.board.cheaped[slot - 1] and not self.workers(slot):
            self.board.cheaped[slot - 1] = 1
            if slot in self._spawned:
                self._say(f"uWSGI worker {slot} cheaped.")
