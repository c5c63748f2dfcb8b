"""From birth to farewell: what a worker gathers, which loop it runs, and how it ends."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any, Final

from uwsgid.families import loop_engines, roles
from uwsgid.hooks import HookFailed, run
from uwsgid.hooks import Phase as HookPhase
from uwsgid.hooks.fatal import run_or_destroy
from uwsgid.host import Limits, MemoryProbe, keep_in_memory, pin_worker
from uwsgid.logs.held import HeldLines, is_plain_file, lock_name
from uwsgid.logs.outlet_options import WorkerOutlets
from uwsgid.logs.writing import writer
from uwsgid.manhole.options import Manhole
from uwsgid.request.logline import plain_logger, request_logger
from uwsgid.request.mount_options import Mounting
from uwsgid.request.offload_options import Offloading
from uwsgid.request.options import Dispatch, RequestOptions
from uwsgid.request.serving import Farewell, Handler, Serving
from uwsgid.static.options import StaticFiles
from uwsgid.supervise.appfacts import describe_apps
from uwsgid.supervise.birth import Newborn, become_signalled, leave
from uwsgid.supervise.board import Phase
from uwsgid.supervise.counting import Tally
from uwsgid.supervise.exits import Exit
from uwsgid.supervise.processes import Endings, Processes
from uwsgid.wire.control import LOYAL, Ask, Knock, Leave, Loaded, LoadFailed, Pause, Ready, Report, Resume
from uwsgid.worker.cycle import Cycle
from uwsgid.worker.dropping import Moment, drop_at, enter_late_directory
from uwsgid.worker.leave import measuring, recycling
from uwsgid.worker.loyalty import FirstRequest, answer_knock
from uwsgid.worker.signals import WorkerSignals

_LEAST_STACK: Final = 32 << 10  #: bytes; the interpreter takes no less


@roles.member("worker")
def worker(newborn: Newborn) -> int:
    """Accepts connections and answers requests."""
    return Worker(newborn).run()


class Worker:
    """One worker process, from just after its birth."""

    def __init__(self, newborn: Newborn) -> None:
        house = newborn.household
        self._newborn = newborn
        self._house = house
        self._settings = house.settings
        self._processes = house.settings[Processes]
        self._endings = house.settings[Endings]
        self._board = house.board
        self._farewell = Farewell()
        self._current: list[Any] = [None] * house.board.cores
        self._manholes: list[Any] = []
        self._logs: Any = None
        self._lines: HeldLines | None = None
        self._signals = WorkerSignals(
            self._farewell,
            house.board,
            newborn.slot,
            newborn.seat,
            house.say,
            self._end,
            house.master_pid,
            self._endings.worker_mercy,
        )

    def run(self) -> int:
        """Serve until it is time to go; the exit code."""
        house, seat, slot = self._house, self._newborn.seat, self._newborn.slot
        if house.locks is not None:
            house.locks.born()
        keep_in_memory(house.kernel, self._settings[Limits])
        house.kernel.set_parent_death_signal(signal.SIGHUP)
        drop_at(Moment.BIRTH, house, signal.SIGHUP)
        become_signalled(self._signals.install)
        if self._settings[WorkerOutlets].any:
            from uwsgid.logs.workers import WorkerLogs

            self._logs = WorkerLogs(self._settings, house)
        processes = self._processes
        house.name_process(f"worker {slot}", processes.procname)
        self._pin_to_cpus()
        self._board.pid[seat] = os.getpid()
        if processes.loads_late:
            self._run_hooks(HookPhase.POST_FORK, HookPhase.PRE_APP)
            code = self._load()
            if code is not None:
                return code
            self._run_hooks(HookPhase.POST_APP)
            self._signals.install()  # over those of the application, as where it was imported before the fork
            enter_late_directory(house)
            drop_at(Moment.LOADED, house, signal.SIGHUP)
        serving = self._serving()
        self._offload(serving)
        for language in house.languages:
            language.post_fork(serving, lambda what: self._newborn.master.say(Ask(what)))
            for modifier, handler in language.handlers(serving).items():
                serving.handlers[modifier] = handler
        _answer_plain_requests(serving)
        if self._settings[StaticFiles].any:
            from uwsgid.static.serving import serve_files

            serve_files(serving)
        if not processes.loads_late:
            self._run_hooks(HookPhase.POST_FORK)
        if house.has_emperor:
            FirstRequest(serving, lambda: self._newborn.master.say(Ask(LOYAL)))
        if processes.thread_stacksize:
            threading.stack_size(max(_LEAST_STACK, processes.thread_stacksize << 10))
        engine = loop_engines[self._engine_name()](serving, Cycle(serving))
        self._welcome()
        if self._settings[Manhole].workers:
            from uwsgid.worker.manhole import open_manhole

            self._manholes = open_manhole(serving, self._newborn.hatch)
        self._board.phase[seat] = Phase.READY
        self._newborn.master.say(Ready(os.getpid()))
        if serving.hijack is not None:
            serving.hijack()
        code = engine.run()
        self._board.phase[seat] = Phase.LEAVING
        if serving.offload is not None:
            serving.offload.finish(self._endings.mercy())
        self._end(code)
        return int(code)

    def _offload(self, serving: Serving) -> None:
        """Have threads that send files, where they are asked for and the loop does not do it itself."""
        threads = self._settings[Offloading].threads
        if not threads:
            return
        loop = self._engine_name()
        if loop in ("simple", "threads"):
            from uwsgid.request.offload import Offload

            serving.offload = Offload(threads, serving)
        elif loop != "reactor":  # which does it itself
            self._house.say(f"offload-threads: the loop {loop} has none")

    def _run_hooks(self, *phases: HookPhase) -> None:
        """Where an action fails, the instance ends, or the reload that this worker belongs to."""
        house, master = self._house, self._newborn.master

        def tell(what: str) -> None:
            master.say(Ask(what))

        for phase in phases:
            if not self._is_reload():
                run_or_destroy(phase, house, tell)
                continue
            try:
                run(phase, house.settings, house.kernel, house.say, tell=tell)
            except HookFailed as failed:
                master.say(LoadFailed(str(failed), Exit.ERROR))
                raise

    def _welcome(self) -> None:
        """The hooks of a worker that is about to accept; some are for the first one of a generation only."""
        slot, generation, welcomed = self._newborn.slot, self._newborn.generation, self._board.welcomed
        first = welcomed[slot - 1] < generation
        self._run_hooks(HookPhase.ACCEPTING, *((HookPhase.ACCEPTING_ONCE,) if first else ()))
        if slot == 1:
            self._run_hooks(HookPhase.ACCEPTING1, *((HookPhase.ACCEPTING1_ONCE,) if first else ()))
        welcomed[slot - 1] = generation

    def _engine_name(self) -> str:
        asked = self._settings[RequestOptions].loop
        if asked:
            return asked
        return "threads" if self._processes.threads > 1 else "simple"

    def _load(self) -> int | None:
        """Load the applications here, as ``lazy-apps`` wants; an exit code where that ends the worker.

        ``need-app`` is content with one application (core/init.c, uwsgi_init_all_apps), a reload wants all.
        """
        failed, apps, is_reload = 0, self._house.apps, self._is_reload()
        for language in self._house.languages:
            outcome = language.load(self._settings, apps, self._house.say, lazy=True, is_reload=is_reload)
            failed += outcome.failed
            if outcome.exit_code is not None:
                return self._give_up(outcome.reason, outcome.exit_code)
        if is_reload and failed:
            return self._give_up(f"{failed} of its applications can not be loaded")
        if not len(apps) and self._settings[Mounting].need_app:
            return self._give_up("no application can be loaded")
        self._newborn.master.say(Loaded(len(apps), failed, describe_apps(apps)))
        return None

    def _is_reload(self) -> bool:
        """Whether workers of a generation before this one's serve, which it must not do worse than."""
        board, own = self._board, self._newborn.generation
        return any(
            board.generation[seat] < own and board.phase[seat] in (Phase.BORN, Phase.READY)
            for seat in range(board.seats)
        )

    def _give_up(self, reason: str, code: int = Exit.APP_FAILED) -> int:
        self._newborn.master.say(LoadFailed(reason, code))
        return code

    def _pin_to_cpus(self) -> None:
        pin_worker(self._house.kernel, self._settings[Limits], self._newborn.slot, self._house.say)

    def _serving(self) -> Serving:
        house, newborn = self._house, self._newborn
        handlers: list[Handler | None] = [None] * 256
        if house.board.lines and house.locks is not None and is_plain_file(house.request_log):
            lock = house.locks[lock_name(newborn.seat)]
            self._lines = HeldLines(house.board, newborn.seat, lock, house.request_log)
        tally = Tally(house.board, newborn.seat)
        write, held = writer(house.request_log), self._lines
        plain = plain_logger(self._settings, house.board, newborn.seat, write, tally, held)
        take_wire, log_request = request_logger(
            self._settings, house.board, newborn.slot, newborn.seat, write, tally, held, plain
        )
        listeners = [listener for listener in house.listeners if listener.serves(newborn.slot)]
        for listener in house.listeners:
            if not listener.serves(newborn.slot):
                os.close(listener.fd)
        return Serving(
            settings=self._settings,
            board=house.board,
            slot=newborn.slot,
            seat=newborn.seat,
            cores=house.board.cores,
            listeners=listeners,
            handlers=handlers,
            apps=house.apps,
            wakeups=((newborn.master.fileno(), self._heard), (self._signals.fileno, self._signals.drain)),
            after_request=recycling(
                self._settings, house.board, newborn.slot, newborn.seat, self._farewell, house.say
            ),
            measure=measuring(self._settings, house.board, newborn.seat, MemoryProbe()),
            log_request=log_request,
            take_wire=take_wire,
            say=house.say,
            farewell=self._farewell,
            current=self._current,
            lines=self._lines,
            plain=plain,
            tally=tally,
            thunder=house.locks["thunder"] if house.locks is not None and "thunder" in house.locks else None,
        )

    def _heard(self) -> None:
        """The master said something, or is gone."""
        master = self._newborn.master
        for record in master.heard():
            if isinstance(record, Leave):
                self._farewell.bid(Exit.END, record.reason)
            elif isinstance(record, Pause):
                self._signals.pause(True)
            elif isinstance(record, Resume):
                self._signals.pause(False)
            elif isinstance(record, Report):
                self._signals.say_statistics(0, None)
            elif isinstance(record, Knock):
                master.say(Ask(answer_knock(self._current)))
        if master.closed:
            self._farewell.bid(Exit.END, "the master is gone")

    def _end(self, code: int) -> None:
        for door in self._manholes:
            door.close("the worker ends")
        for language in self._house.languages:
            language.at_exit()
        if self._lines is not None:
            self._lines.flush()
        if self._logs is not None and self._endings.skip_atexit:
            self._logs.end()
        leave(code, atexit_functions=not self._endings.skip_atexit)


def _answer_plain_requests(serving: Serving) -> None:
    """Where all applications are in one language, it answers requests that ask for none, too.

    A front end that knows nothing of modifiers sends 0, which is Python's; uWSGI finds no application then.
    """
    spoken = {app.modifier1 for app in serving.apps}
    if len(spoken) == 1 and 0 not in spoken:
        serving.handlers[0] = serving.handlers[spoken.pop()]
        python = serving.base_environ
        if python is not None and not serving.settings[Dispatch].dynamic_apps:
            serving.base_environ = lambda listener: {
                name: value for name, value in python(listener).items() if name.isupper()
            }
