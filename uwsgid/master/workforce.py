"""Keeps the wanted workers alive, through crashes, reloads and the end of those who make them.

The workforce is the `Parent` of every seed, zygote and worker.  It knows what is wanted (slots, a generation)
and what there is (children), and after each event it asks for what is missing.

Children come from a *zygote*, which holds the applications of one generation; zygotes come from the *seed*.
A *spare* seed waits beside it, forked from it and sharing its memory, so that the instance can still reload
after the seed was killed.
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from uwsgid.host.children import ExitStatus
from uwsgid.master.turnover import Turnover
from uwsgid.supervise.appfacts import read_apps
from uwsgid.supervise.backoff import Backoff
from uwsgid.supervise.board import Board, Phase
from uwsgid.supervise.child import Child
from uwsgid.supervise.exits import Exit, Next, verdict
from uwsgid.supervise.household import Household
from uwsgid.supervise.processes import Endings, Processes
from uwsgid.supervise.rows import AppFacts
from uwsgid.supervise.supervisor import Supervisor
from uwsgid.wire.control import Ask, Loaded, LoadFailed, Pause, Record, Resume

WORKER: Final = "worker"
ZYGOTE: Final = "zygote"
SEED: Final = "seed"

_SEAT_PATIENCE: Final = 0.25  #: seconds until a slot without a seat is looked at again


class Workforce:
    """The workers of the instance and those who make them.

    :param need_app: an instance without an application has no reason to live.
    :param asked: called with what an application asks for (``reload``, ``stop`` …).
    :param ended: called once with the exit code, when nobody is left after `stop`.
    :ivar generation: the one that serves; 0 before the first is loaded.
    :ivar wanted: the slots that shall have a worker.
    :ivar apps: what the workers have loaded.
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
        clock: Callable[[], float],
    ) -> None:
        settings = household.settings
        self._household: Final = household
        self._reactor: Final = reactor
        self._processes: Final = settings[Processes]
        self._endings: Final = settings[Endings]
        self._need_app: Final = need_app
        self._asked = asked
        self._ended = ended
        self._clock = clock
        self._say = say
        self.board: Final[Board] = household.board
        self.supervisor: Final = Supervisor(reactor, household.kernel)
        self.generation = 0
        self.wanted: set[int] = set(range(1, self._processes.processes + 1))
        self.turnover: Turnover | None = None
        self.apps: Sequence[AppFacts] = ()
        self.stopping = False
        self.paused = False
        self._exit_code = 0
        self._latest = 0  # the highest generation that was asked for
        self._seeds: list[Child] = []
        self._zygotes: dict[int, Child] = {}
        self._spawned: set[int] = set()  # slots that had a worker before
        self._served = False
        self._deaths: dict[int, int] = {}  # in a row, without having been ready; slot 0 is the zygote's
        self._resting: dict[int, Any] = {}
        self._reload_again: bool | None = None
        self._backoff = Backoff()
        self.reloads = 0
        self.failed_reloads = 0

    # ---- verbs of the operator

    def start(self, seed: socket.socket, seed_pid: int) -> None:
        """Take over the seed that boot forked, and begin."""
        self._seeds.append(self.supervisor.adopt(self, seed, seed_pid, SEED))
        self._plant_spare()
        self._latest = 1
        self._have_zygote(1)

    def reload(self, *, chain: bool = False) -> None:
        """Begin a graceful reload, or note that another one is wanted after the one in progress."""
        if self.stopping:
            return
        if self.turnover is not None:
            self._reload_again = chain
            return
        if not self.generation:
            return
        self._latest += 1
        self.turnover = Turnover(self, self._latest, sorted(self.wanted), chain=chain)
        self._have_zygote(self._latest)

    def replace_workers(self, *, brutally: bool = False, reason: str = "worker reload") -> None:
        """Replace every worker by a new one of the same generation; the master and the app stay."""
        for child in self.workers():
            if brutally:
                self.end_now(child, signal.SIGINT)
            else:
                self.dismiss(child, reason)

    def stop(self, *, gracefully: bool, code: int = 0) -> None:
        """End everything; `ended` is called when it is done."""
        if self.stopping:
            if not gracefully:
                for child in self.workers():
                    self.end_now(child, signal.SIGINT)
            return
        self.stopping = True
        self._exit_code = code
        self.wanted.clear()
        self.turnover = None
        for timer in self._resting.values():
            timer.cancel()
        self._resting.clear()
        for child in self.workers():
            if gracefully:
                self.dismiss(child, "stop")
            else:
                self.end_now(child, signal.SIGINT)
        self._proceed()

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
        idle = [slot for slot in range(1, self._processes.processes + 1) if slot not in self.wanted]
        if self.stopping or not idle:
            return False
        self.wanted.add(idle[0])
        self._proceed()
        return True

    def fewer(self) -> bool:
        """Want one worker less, but not none."""
        if self.stopping or len(self.wanted) <= 1:
            return False
        self.want(sorted(self.wanted)[:-1])
        return True

    def want(self, slots: Iterable[int]) -> None:
        """Want workers in exactly these slots."""
        wanted = set(slots)
        for child in self.workers():
            if child.slot not in wanted:
                self.dismiss(child, "not wanted")
        self.wanted = wanted
        self._proceed()

    # ---- what there is

    def workers(self, slot: int | None = None) -> list[Child]:
        """The living workers, of all generations."""
        return [
            child
            for child in self.supervisor.children
            if child.role == WORKER and (slot is None or child.slot == slot)
        ]

    @property
    def all_ready(self) -> bool:
        """Whether every wanted slot has a worker that accepts requests."""
        return bool(self.generation) and all(
            any(child.is_ready for child in self.workers(slot)) for slot in self.wanted
        )

    # ---- what a turnover asks for

    def hire(self, slot: int, generation: int) -> Child | None:
        """A new worker for *slot*; None where every seat is taken or nobody can bear it now."""
        zygote = self._zygotes.get(generation)
        seat = self.board.free_seat()
        if zygote is None or seat is None:
            return None
        self.board.sit_down(seat, slot, generation, self._clock())
        return self.supervisor.have(self, zygote, WORKER, slot=slot, seat=seat, generation=generation)

    def old_workers(self, slot: int, generation: int) -> list[Child]:
        return [child for child in self.workers(slot) if child.generation != generation]

    def promote(self, generation: int) -> None:
        self.generation = generation

    def dismiss(self, child: Child, reason: str) -> None:
        if not child.told:
            self._say(f"Gracefully killing worker {child.slot} (pid: {child.pid})...")
        child.life.leave(reason)

    def discard(self, child: Child) -> None:
        child.life.leave("its generation can not serve")
        child.kill()

    def end_now(self, child: Child, number: int) -> None:
        """Have a worker end without finishing its request."""
        child.life.leave("now")
        child.signal(number)

    def turnover_done(self, turnover: Turnover) -> None:
        self.turnover = None
        self.reloads += 1
        if turnover.chain:
            self._say("chain reloading complete")
        self._retire_zygotes()
        self._again()
        self._proceed()

    def turnover_failed(self, turnover: Turnover, reason: str) -> None:
        self.turnover = None
        self.failed_reloads += 1
        self._say(
            f"*** reload failed: {reason}; the workers of generation {self.generation} go on serving ***"
        )
        self._retire_zygotes()
        self._again()
        self._proceed()

    def _again(self) -> None:
        if self._reload_again is not None:
            chain, self._reload_again = self._reload_again, None
            self._reactor.callLater(0, self.reload, chain=chain)

    # ---- events

    def child_born(self, child: Child) -> None:
        if child.role == WORKER:
            if child.slot in self._spawned:
                self._say(f"Respawned uWSGI worker {child.slot} (new pid: {child.pid})")
            else:
                cores = self.board.cores
                self._say(f"spawned uWSGI worker {child.slot} (pid: {child.pid}, cores: {cores})")
            self._spawned.add(child.slot)
            self.board.respawns[child.slot - 1] += 1
            if self.board.current[child.slot - 1] < 0:
                self.board.current[child.slot - 1] = child.seat
            if self.paused:
                child.say(Pause())

    def child_ready(self, child: Child) -> None:
        if child.role == WORKER:
            self._served = True
            self._deaths.pop(child.slot, None)
            self.board.current[child.slot - 1] = child.seat
            if self.turnover is not None:
                self.turnover.worker_ready(child)

    def child_said(self, child: Child, record: Record) -> None:
        if isinstance(record, Loaded) and record.apps:
            self.apps = read_apps(record.about)
        if child.role == ZYGOTE and isinstance(record, Loaded):
            self._zygote_loaded(child, record)
        elif child.role == ZYGOTE and isinstance(record, LoadFailed):
            self._zygote_failed(child, record.reason)
        elif isinstance(record, Ask):
            self._asked(record.what)

    def child_ended(self, child: Child, status: ExitStatus | None) -> None:
        if child.role == WORKER:
            self._worker_ended(child, status)
        elif child.role == ZYGOTE:
            self._zygote_ended(child, status)
        else:
            self._seed_ended(child)
        self._proceed()

    def _zygote_loaded(self, child: Child, record: Loaded) -> None:
        self._deaths.pop(0, None)
        if self.turnover is not None and self.turnover.generation == child.generation:
            if record.failed:
                self.turnover.failed(f"{record.failed} of its applications can not be loaded")
            else:
                child.was_ready = child.is_ready = True
                self.turnover.loaded()
            return
        child.was_ready = child.is_ready = True
        self.generation = max(self.generation, child.generation)
        self._proceed()

    def _zygote_failed(self, child: Child, reason: str) -> None:
        if self.turnover is not None and self.turnover.generation == child.generation:
            self.turnover.failed(reason)
        elif not self.generation:
            self._say(reason)
            self.stop(gracefully=False, code=Exit.APP_FAILED)

    def _zygote_ended(self, child: Child, status: ExitStatus | None) -> None:
        if self._zygotes.get(child.generation) is child:
            del self._zygotes[child.generation]
        if self.stopping or child.told:
            return
        how = "not born" if status is None else str(status)
        self._say(f"the zygote of generation {child.generation} (pid: {child.pid}) is gone: {how}")
        if self.turnover is not None and self.turnover.generation == child.generation:
            self.turnover.failed(f"its zygote ended ({how})")
        elif self._need_app and not self._served:
            self._say("*** no app loaded. GAME OVER ***")
            self.stop(gracefully=False, code=Exit.APP_FAILED)
        elif child.generation == max(self.generation, 1):
            self._deaths[0] = self._deaths.get(0, 0) + 1
            self._rest(0, self._backoff.after(self._deaths[0] if not child.was_ready else 0))

    def _seed_ended(self, child: Child) -> None:
        if child in self._seeds:
            self._seeds.remove(child)
        if not self.stopping:
            self._say(f"the seed (pid: {child.pid}) is gone, its spare takes over")
            self._plant_spare()

    def _worker_ended(self, child: Child, status: ExitStatus | None) -> None:
        said_so = self.board.phase[child.seat] == Phase.LEAVING
        self.board.stand_up(child.seat)
        if status is None:
            how = "not born"
            self._deaths[child.slot] = self._deaths.get(child.slot, 0) + 1
        else:
            how = str(status)
            replaced = child.generation != self.generation
            judged = verdict(
                status,
                slot=child.slot,
                pid=child.pid,
                told_to_go=child.told or said_so,
                wanted=child.slot in self.wanted and not self.stopping and not replaced,
                need_app=self._need_app,
                first=not any(self.board.requests)
                and not any(self.board.past_requests)
                and self._latest == 1,
                now=self._reactor.seconds(),
                told_at=child.told_at,
            )
            if judged.line:
                self._say(judged.line)
            if child.slot not in self.wanted and not self.stopping:
                self.board.cheaped[child.slot - 1] = 1
                self._say(f"uWSGI worker {child.slot} cheaped.")
            if judged.crashed and not child.was_ready:
                self._deaths[child.slot] = self._deaths.get(child.slot, 0) + 1
            if judged.next is Next.END_INSTANCE and not self.stopping:
                self.stop(gracefully=False, code=Exit.APP_FAILED)
            elif judged.next is Next.RELOAD_BRUTALLY and not self.stopping:
                self._asked("brutal reload")
        if self.turnover is not None:
            self.turnover.worker_ended(child, how)
        if self.turnover is not None:
            self.turnover.seat_is_free()

    # ---- wanting and having

    def _proceed(self) -> None:
        """Ask for what is missing; when stopping, let go of what is left."""
        if self.stopping:
            self._wind_down()
            return
        if not self.generation:
            return
        if self.generation not in self._zygotes and 0 not in self._resting:
            self._have_zygote(self.generation)
        for slot in sorted(self.wanted):
            if slot in self._resting or not self._is_vacant(slot):
                continue
            rest = self._backoff.after(self._deaths.get(slot, 0) + 1)
            if rest:
                self._rest(slot, rest)
            else:
                self._fill(slot)

    def _fill(self, slot: int) -> None:
        """Hire a worker for *slot*, if one is wanted and there is somebody to bear it."""
        zygote = self._zygotes.get(self.generation)
        if slot not in self.wanted or not self._is_vacant(slot) or zygote is None or not zygote.is_ready:
            return
        self.board.cheaped[slot - 1] = 0
        if self.hire(slot, self.generation) is None:
            self._rest(slot, _SEAT_PATIENCE)

    def _is_vacant(self, slot: int) -> bool:
        """Whether nobody serves in *slot*, or is about to, who was not told to leave."""
        fresh = self.turnover.fresh.get(slot) if self.turnover is not None else None
        return not any(
            not child.told and (child is not fresh or child.generation == self.generation)
            for child in self.workers(slot)
        )

    def _rest(self, slot: int, seconds: float) -> None:
        if slot in self._resting:
            return
        if seconds >= 1:
            self._say(f"worker {slot} respawning too fast !!! i have to sleep a bit ({seconds:g} seconds)...")

        def wake() -> None:
            del self._resting[slot]
            if self.stopping:
                return
            if slot:
                self._fill(slot)
            elif max(self.generation, 1) not in self._zygotes:
                self._have_zygote(max(self.generation, 1))

        self._resting[slot] = self._reactor.callLater(seconds, wake)

    def _plant_spare(self) -> None:
        if len(self._seeds) == 1:
            self._seeds.append(self.supervisor.have(self, self._seeds[0], SEED))
        elif not self._seeds:
            self._say("both seeds are gone: only a restart of the master can make a new generation")
            self._asked("reexec")

    def _have_zygote(self, generation: int) -> None:
        if self._seeds:
            self._zygotes[generation] = self.supervisor.have(
                self, self._seeds[0], ZYGOTE, generation=generation
            )

    def _retire_zygotes(self) -> None:
        for generation, zygote in list(self._zygotes.items()):
            if generation != self.generation:
                zygote.life.leave("its generation does not serve")

    def _wind_down(self) -> None:
        if self.workers():
            return
        left = self.supervisor.children
        for child in list(left):
            if not child.told:
                child.life.leave("stop")
                self._reactor.callLater(1.0, child.kill)
        if not left and self._ended is not None:
            ended, self._ended = self._ended, lambda code: None
            ended(self._exit_code)
