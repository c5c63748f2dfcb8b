"""What a steward does about whatever happens.  No descriptor, no signal handler, no clock of its own here.

The steward has at most one worker that serves, and one that prepares itself to take over.  Orders are those
of a master (`uwsgid.master.unixsignals` has uWSGI's names for them), and so are the lines of the log.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Final, Protocol

from uwsgid.alarms.asking import ASKED, Nobody
from uwsgid.host.children import ExitStatus
from uwsgid.steward.terms import DIE_ON_TERM, SWAPPED, USUAL
from uwsgid.supervise.backoff import Backoff
from uwsgid.supervise.exits import Exit, verdict
from uwsgid.wire.control import (
    MASTER,
    Ask,
    Leave,
    Loaded,
    LoadFailed,
    Pause,
    Ready,
    Record,
    Report,
    Resume,
    Terms,
)
from uwsgid.wire.vassal import ToEmperor

#: What becomes of the process when nobody is left: it exits, with a code that is no smaller than 0, or
#: becomes an ordinary master.
BECOMES_MASTER: Final = -1

_A_LIFE: Final = 1.0  #: seconds after which the end of a worker is no failure to start
_INSIST: Final = 1.0  #: seconds until who has to end at once is told so again
_MOURNING: Final = 2.0  #: seconds that workers get to end at once where the emperor is gone
#: Codes by which a worker says that somebody else told it to go.
_FAREWELLS: Final = (Exit.END, Exit.RELOAD)


class Worker(Protocol):
    """A lone worker, as the hands of a steward reach it.

    :ivar pid: its process.
    :ivar since: when it was born, in monotonic seconds.
    """

    pid: int
    since: float

    def tell(self, record: Record) -> bool:
        """Say something to it; False where it can not hear."""

    def signal(self, number: int) -> None:
        """Send it a signal."""


class Known:
    """What the steward knows of a worker.

    :ivar terms: on what terms it serves.
    :ivar is_ready: it accepts.
    :ivar told_at: when it was told to go; None where it was not.
    :ivar number: the signal that it is to end at once by; 0 for none.
    :ivar next_at: when it will have taken too long, where it was told to go.
    :ivar wants_master: it does not begin, since its configuration wants an ordinary master.
    :ivar complaint: why it can not serve, and *code* what an instance exits with for that.
    """

    __slots__ = (
        "code",
        "complaint",
        "is_ready",
        "next_at",
        "number",
        "terms",
        "told_at",
        "wants_master",
        "worker",
    )

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.terms = USUAL
        self.is_ready = self.wants_master = False
        self.told_at: float | None = None
        self.next_at = 0.0
        self.number = 0
        self.complaint = ""
        self.code = 0


class Duty:
    """The steward of one vassal.

    :param bear: has a worker; raises `OSError`.
    :param say: writes a line to the log.
    :param tell: tells the emperor what its worker can not tell.
    :param clock: monotonic seconds.
    :ivar outcome: an exit code, or `BECOMES_MASTER`; None before that is settled.
    """

    def __init__(
        self,
        bear: Callable[[], Worker],
        say: Callable[[str], None],
        tell: Callable[[ToEmperor], None],
        clock: Callable[[], float],
    ) -> None:
        self._bear: Final = bear
        self._say: Final = say
        self._tell: Final = tell
        self._clock: Final = clock
        self._nobody: Final = Nobody(say, clock)
        self._workers: Final[list[Known]] = []
        self._code: int | None = None  # what to end with, where the end was ordered
        self._hands_over = False
        self._again = False  # another reload was ordered meanwhile
        self._has_served = False
        self._paused = False
        self._deaths = 0
        self._wake: float | None = None
        self._doom: float | None = None
        self.terms = USUAL
        self.outcome: int | None = None

    # ---- what there is

    @property
    def serving(self) -> Known | None:
        """Who accepts, and was not told to go."""
        return next((known for known in self._workers if known.is_ready and known.told_at is None), None)

    @property
    def coming(self) -> Known | None:
        """Who prepares itself."""
        return next((known for known in self._workers if not known.is_ready and known.told_at is None), None)

    def serves(self, worker: Worker) -> bool:
        """Whether *worker* is the one that serves."""
        serving = self.serving
        return serving is not None and serving.worker is worker

    def due(self) -> float | None:
        """Until when nothing has to be done unless something happens, in monotonic seconds; None for ever."""
        times = [time for time in (self._wake, self._doom) if time is not None]
        times += [known.next_at for known in self._workers if known.told_at is not None]
        return min(times, default=None)

    # ---- orders

    def begin(self, *workers: Worker) -> None:
        """See to it that there is a worker.

        :param workers: who is there already; what it said was not heard yet.
        """
        self._workers.extend(map(Known, workers))
        self._proceed()

    def stop(self) -> None:
        """Finish what is in progress, then end."""
        self._say("graceful shutdown triggered...")
        self._end(0, gracefully=True)

    def stop_brutally(self) -> None:
        """End now."""
        self._say("SIGINT/SIGQUIT received...killing workers...")
        self._end(0, gracefully=False)

    def lose_emperor(self) -> None:
        """End now, and be no success: nobody keeps this vassal any more."""
        self._say("lost connection with my emperor !!!")
        self._doom = self._clock() + _MOURNING
        self._end(int(Exit.ERROR), gracefully=False)

    def reload(self) -> None:
        """Have a worker with configuration and application as they are now; then the other one goes."""
        if self._is_ending:
            return
        self._say("...gracefully killing workers...")
        if self.coming is not None:
            self._again = True
        else:
            self._wake = None
            self._have()

    def reload_brutally(self) -> None:
        """End the worker now, and have another one."""
        if self._is_ending:
            return
        self._say("...brutally killing workers...")
        for known in self._workers:
            self._end_now(known, signal.SIGINT)
        self._proceed()

    def term(self) -> None:
        """Stop gracefully; with ``die-on-term = false``, reload brutally."""
        if self.terms.flags & DIE_ON_TERM:
            self.stop()
        else:
            self.reload_brutally()

    def quit(self) -> None:
        """Stop at once; where the configuration itself asks for ``die-on-term``, reload brutally."""
        if self.terms.flags & SWAPPED:
            self.reload_brutally()
        else:
            self.stop_brutally()

    def pause(self) -> None:
        """The worker accepts nothing, until the next call."""
        self._paused = not self._paused
        if self._paused:
            self._say("*** PAUSE (press start to resume, if you do not have a joypad send SIGTSTP) ***")
        else:
            self._say("*** (SIGTSTP received) resuming workers ***")
        for known in self._workers:
            known.worker.tell(Pause() if self._paused else Resume())

    def report(self) -> None:
        """Have the worker tell the log what it has done."""
        if (serving := self.serving) is not None:
            serving.worker.tell(Report())

    def one_more(self) -> None:
        """There is one worker."""
        self._say("there is no slot for another worker (option processes)")

    def one_less(self) -> None:
        """There is one worker."""
        self._say("the last worker stays")

    # ---- what workers say

    def heard(self, worker: Worker, record: Record) -> None:
        """A worker said something."""
        known = self._known(worker)
        if isinstance(record, Terms):
            known.terms = record
        elif isinstance(record, Ready):
            self._take_over(known)
        elif isinstance(record, LoadFailed):
            known.complaint, known.code = record.reason, record.code
        elif isinstance(record, Loaded):
            self._weigh(known, record)
        elif isinstance(record, Ask):
            self._asked(known, record.what)

    def _weigh(self, known: Known, record: Loaded) -> None:
        """Whoever replaces a worker that serves has to have every application."""
        if record.failed and self.serving is not None:
            known.complaint = f"{record.failed} of its applications can not be loaded"
            known.worker.signal(signal.SIGKILL)

    def _take_over(self, known: Known) -> None:
        before, known.is_ready, self._has_served = self.serving, True, True
        if known.told_at is not None:
            return
        self.terms = known.terms
        if self._paused:
            known.worker.tell(Pause())
        if before is not None:
            self._dismiss(before, "reload")
        if self._again:
            self._again = False
            self._have()

    def _asked(self, known: Known, what: str) -> None:
        if what == MASTER:
            known.wants_master = True
        elif what in ("reload", "reexec"):
            self.reload()
        elif what == "brutal reload":
            self.reload_brutally()
        elif what == "stop":
            self.stop()
        elif what.startswith(ASKED):  # whoever makes alarms has a master
            self._nobody.tell(what.removeprefix(ASKED).partition(" ")[0])

    # ---- ends

    def ended(self, worker: Worker, status: ExitStatus) -> None:
        """A worker is gone."""
        known = self._known(worker)
        self._workers.remove(known)
        if known.wants_master:
            self._hands_over = True
            if (serving := self.serving) is not None:
                self._say("the configuration changed: starting anew with it")
                self._dismiss(serving, "reload")
        elif known.told_at is not None or self._is_ending:
            self._bury(known, status)
        elif not known.is_ready:
            self._miss(known, status)
        else:
            self._judge(known, status)
        self._proceed()

    def _bury(self, known: Known, status: ExitStatus) -> None:
        """Who was told to go went."""
        if known.is_ready:
            now = self._clock()
            told_at = now if known.told_at is None else known.told_at
            self._say_end(known, status, told=True, burial=True, now=now, told_at=told_at)

    def _miss(self, known: Known, status: ExitStatus) -> None:
        """Somebody did not come to serve."""
        if self.serving is not None:
            how = known.complaint or str(status)
            self._say(f"*** reload failed: {how}; the instance goes on with the old one ***")
            self._tell(ToEmperor.ACCEPTING)
            if self._again:
                self._again = False
                self._have()
        elif not self._has_served:
            if known.complaint:
                self._say(known.complaint)
            if status.signal is not None:
                self._say_end(known, status)
            code = known.code or status.code
            self._end(int(Exit.ERROR) if code is None else code, gracefully=False)
        else:
            if known.complaint:
                self._say(known.complaint)
            self._judge(known, status)

    def _judge(self, known: Known, status: ExitStatus) -> None:
        """Whoever served is gone, and nobody of us had told it to, or its successor did not come so far."""
        self._say_end(known, status, told=status.code in _FAREWELLS)
        self._rest(known)

    def _say_end(
        self,
        known: Known,
        status: ExitStatus,
        *,
        told: bool = False,
        burial: bool = False,
        now: float = 0.0,
        told_at: float = 0.0,
    ) -> None:
        judged = verdict(
            status,
            slot=1,
            pid=known.worker.pid,
            told_to_go=told,
            wanted=True,
            burial=burial,
            now=now,
            told_at=told_at,
        )
        if judged.line:
            self._say(judged.line)

    def _rest(self, known: Known) -> None:
        """Wait before the next birth, where those before did not live."""
        now = self._clock()
        has_lived = known.is_ready and now - known.worker.since >= _A_LIFE
        self._deaths = 0 if has_lived else self._deaths + 1
        seconds = Backoff(most=float(known.terms.rest)).after(self._deaths)
        if seconds >= 1:
            self._say(f"worker respawning too fast !!! i have to sleep a bit ({seconds:g} seconds)...")
        if seconds:
            self._wake = now + seconds

    # ---- doing

    @property
    def _is_ending(self) -> bool:
        return self._code is not None or self._hands_over

    def _known(self, worker: Worker) -> Known:
        return next(known for known in self._workers if known.worker is worker)

    def _end(self, code: int, *, gracefully: bool) -> None:
        self._code = code if self._code is None else self._code or code
        self._hands_over = False
        self._wake = None
        for known in self._workers:
            if gracefully and known.is_ready:
                self._dismiss(known, "stop")
            else:
                self._end_now(known, signal.SIGINT)
        self._proceed()

    def _dismiss(self, known: Known, reason: str) -> None:
        """Have a worker finish and go."""
        if known.told_at is None:
            self._say(f"Gracefully killing worker 1 (pid: {known.worker.pid})...")
            known.told_at = self._clock()
            known.next_at = known.told_at + known.terms.mercy
            if not known.worker.tell(Leave(reason)):  # an application may have closed its end of the talk
                known.worker.signal(signal.SIGHUP)

    def _end_now(self, known: Known, number: int) -> None:
        """Have a worker go without finishing; whoever loads an application hears nothing but KILL."""
        now = self._clock()
        if known.told_at is None:
            known.told_at = now
        known.next_at = now + _INSIST
        known.number = number if known.is_ready else signal.SIGKILL
        known.worker.signal(known.number)

    def look(self) -> None:
        """Do what is due."""
        now = self._clock()
        doomed = self._doom is not None and now >= self._doom
        for known in self._workers:
            if doomed:
                self._end_now(known, signal.SIGKILL)
            elif known.told_at is None or now < known.next_at:
                continue
            elif known.number:
                self._end_now(known, known.number)
            else:
                pid = known.worker.pid
                self._say(f"worker 1 (pid: {pid}) is taking too much time to die...NO MERCY !!!")
                self._end_now(known, signal.SIGKILL)
        if doomed:
            self._doom = None
        if self._wake is not None and now >= self._wake:
            self._wake = None
        self._proceed()

    def _proceed(self) -> None:
        """Have whom is missing, or come to the end."""
        if self._is_ending:
            if not self._workers and self.outcome is None:
                self.outcome = BECOMES_MASTER if self._code is None else self._code
        elif self.serving is None and self.coming is None and self._wake is None:
            self._have()

    def _have(self) -> None:
        """Have a worker, or try it again in a moment."""
        try:
            worker = self._bear()
        except OSError as error:
            self._say(f"worker 1 can not be made: {error.strerror}")
            if self.serving is None:
                self._wake = self._clock() + _INSIST
            return
        self._workers.append(Known(worker))
