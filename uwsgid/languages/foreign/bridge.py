"""The bridge of a worker: which interpreter serves which core, and what happens when one is lost.

The zygote loads the applications in a mother (`uwsgid.languages.foreign.mother`); each core of each worker
then has a child of hers at the other end of a `Line`.  A child that is lost costs the request that it was
busy with; the next request of that core gets another one.  Where the mother herself is gone, the worker
starts one of its own.
"""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from uwsgid.errors import AppError, BodyError
from uwsgid.host.facts import is_proc_ours
from uwsgid.languages.foreign.calls import Calls
from uwsgid.languages.foreign.frames import BridgeError, read_joined
from uwsgid.languages.foreign.line import Line, Untouched
from uwsgid.languages.foreign.mother import Mother, NoInterpreter, Recipe
from uwsgid.languages.outcome import LoadOutcome
from uwsgid.supervise.deadline import Harakiri
from uwsgid.supervise.exits import Exit

if TYPE_CHECKING:
    from uwsgid.languages.foreign.language import Ask, Plan, Say
    from uwsgid.request.mounts import App, Apps
    from uwsgid.request.reply import Reply
    from uwsgid.request.request import Request
    from uwsgid.request.serving import Handler, Serving

_FAREWELL: Final = 5.0  #: seconds that an idle child gets to end by itself
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_ERROR_STATUS: Final = "500 Internal Server Error"
_ERROR_HEADERS: Final = [("Connection", "close"), ("Content-Type", "text/plain")]
_ERROR_BODY: Final = b"Internal Server Error"


class Bridge:
    """The interpreter of one language, seen from the zygote that starts it and the workers that use it.

    :param apps: where its applications are noted.
    """

    def __init__(self, plan: Plan, apps: Apps, say: Say) -> None:
        self._plan = plan
        self._apps = apps
        self._say = say
        self._calls = Calls()
        self._recipe = Recipe(
            plan.language, plan.command, plan.option, self._configuration(), plan.shell is not None
        )
        self._mother: Mother | None = None
        self._mother_lock = threading.Lock()
        self._lines: list[Line | None] = []
        self._replies: list[Reply | None] = []
        self._lent = -1  # the core whose child has something else to do
        self._after: Callable[[int], None] | None = None
        self._cleans = False
        #: files that the application was made of, as far as they were told
        self.files: set[str] = set()

    # ---- in the process that loads -------------------------------------------------------------------------

    def load(self) -> LoadOutcome:
        """Start the mother, and note what she loaded."""
        plan = self._plan
        try:
            started = time.monotonic()
            mother = self._mother = self._start()
        except NoInterpreter as error:
            self._say(f"[{plan.tag} error] {error}")
            return LoadOutcome(exit_code=1, reason=str(error))
        except BridgeError as error:
            self._say(f"[{plan.tag} error] {error}")
            for point, _ in plan.targets:
                self._apps.fail(point)
            return LoadOutcome(0, max(1, len(plan.targets)))
        seconds = time.monotonic() - started
        loaded = failed = 0
        for one in mother.loaded:
            point, file = plan.targets[one.application]
            if not one.ok:
                failed += 1
                self._complain(one.text)
                self._say(f"unable to load {plan.word} {file} (mountpoint='{point}')")
                self._apps.fail(point)
                continue
            try:
                app = self._apps.add(
                    point, one.application, name=file, startup_time=seconds, modifier1=plan.modifier1
                )
            except ValueError as error:
                self._say(str(error))
                continue
            loaded += 1
            self._say(one.text or self._ready_line(app, seconds, mother.pid))
        return LoadOutcome(loaded, failed)

    def _complain(self, text: str) -> None:
        for line in text.rstrip("\n").split("\n"):
            self._say(f"[{self._plan.tag} error] {line}")

    def settle(self) -> None:
        """Where this process became somebody else since, the interpreter has to be born as that one."""
        if self._mother is not None and self._mother.moved:
            self._mother.end()
            self._mother = None

    def _start(self) -> Mother:
        return Mother(self._recipe, self._calls.answer)

    def _ready_line(self, app: App, seconds: float, pid: int) -> str:
        return (
            f"{self._plan.word} {app.id} ({app.name}) loaded in {int(seconds)} seconds "
            f"(mountpoint='{app.mountpoint}', interpreter pid: {pid})"
        )

    def _configuration(self) -> list[tuple[str, str]]:
        return [*self._plan.configuration, *(("app", file) for _, file in self._plan.targets)]

    # ---- in a worker ---------------------------------------------------------------------------------------

    def post_fork(self, serving: Serving, ask: Ask | None) -> None:
        """Get a child for each core.

        :raises BridgeError: there is none to be had.
        """
        self._serving = serving
        self._calls.serving = serving
        self._replies = [None] * serving.cores
        self._lines = [None] * serving.cores
        for core in range(serving.cores):
            self._lines[core] = self._connect(core)
        if serving.measure is not None:
            serving.measure = self._measuring(serving.measure)
        if self._plan.watch and serving.slot == 1 and ask is not None:
            from uwsgid.languages.foreign.watching import Watcher

            Watcher(self._plan, lambda: self.files, serving.say, ask).start()

    def _connect(self, core: int) -> Line:
        """A new child for *core*, of a new mother where the old one is gone.

        :raises BridgeError: there is none to be had.
        """
        with self._mother_lock:
            if self._mother is not None:
                try:
                    return self._line_to(self._mother, core)
                except BridgeError as error:
                    self._say(f"[{self._plan.tag}] {error}; starting another")
                    self._mother.end()
                    self._mother = None
            self._mother = self._start()
            for one in self._mother.loaded:
                if not one.ok:
                    self._complain(one.text)
            return self._line_to(self._mother, core)

    def _line_to(self, mother: Mother, core: int) -> Line:
        calls = self._calls
        pipes: list[int] = []
        slot = self._serving.slot
        connection, pid = mother.connect(slot, core, calls.facts(), calls.answer, self._learn, pipes)
        requests, answers = (*pipes, -1, -1)[:2]
        return Line(connection.detach(), pid, calls.answer, self._learn, requests, answers)

    def lend(self, core: int) -> Line:
        """The child of *core*, for something else than requests.  Not during one, and until `take_back`.

        :raises BridgeError: there is none to be had.
        """
        line = self._lines[core]
        if line is None:
            line = self._lines[core] = self._connect(core)
        self._lent = core
        return line

    def take_back(self, core: int) -> None:
        """Be done with the child of *core*; a request gets another."""
        self._lent = -1
        line, self._lines[core] = self._lines[core], None
        if line is not None:
            line.close()
            self._calls.forget(core)

    def _learn(self, payload: bytes) -> None:
        self.files.update(read_joined(payload))

    def handlers(self) -> dict[int, Handler]:
        """The handler of the language's modifier."""
        return {self._plan.modifier1: self._handler()}

    def _handler(self) -> Handler:
        apps, lines = self._apps, self._lines

        # ---- hot path, watched by bench-protocols ----------------------------------------------------------

        def handle(request: Request) -> None:
            app = apps.only
            if app is None:
                app = apps.find(request.vars)
                if app is None:
                    self._no_app(request.reply)
                    return
            app.requests = request.app_requests = app.requests + 1
            request.app_id = app.id
            core = request.core
            line = lines[core]
            try:
                if line is None:
                    line = lines[core] = self._connect(core)
                if not line.serve(request, app.callable):
                    self._failed(app, request)
            except Untouched as gone:
                self._again(app, request, gone)
            except BodyError as error:
                request.reply.refuse(error.status)
            except BridgeError as error:
                self._lost(app, request, error)
            except AppError as error:
                self._complain(str(error))
                self._failed(app, request)
            else:
                if line.pending or line.replace:
                    self._follow(line, request)

        # ---- end of the hot path ---------------------------------------------------------------------------

        return handle

    def _again(self, app: App, request: Request, gone: Untouched) -> None:
        """The child had ended while it was idle: the request has not begun, another child takes it."""
        core = request.core
        self._drop(core, str(gone))
        try:
            line = self._lines[core] = self._connect(core)
            if not line.serve(request, app.callable, gone.start):
                self._failed(app, request)
            elif line.pending or line.replace:
                self._follow(line, request)
        except BridgeError as error:
            self._lost(app, request, error)
        except AppError as error:
            self._complain(str(error))
            self._failed(app, request)

    def _drop(self, core: int, why: str) -> None:
        line = self._lines[core]
        self._lines[core] = None
        if line is None:
            self._say(f"[{self._plan.tag} error] {why}")
            return
        self._say(
            f"[{self._plan.tag} error] the interpreter of worker {self._serving.slot} core {core} "
            f"(pid: {line.pid}) {why}; the next request gets another"
        )
        line.close()
        self._calls.forget(core)

    def _lost(self, app: App, request: Request, error: BridgeError) -> None:
        self._drop(request.core, str(error))
        self._failed(app, request)

    def _failed(self, app: App, request: Request) -> None:
        """The application failed: count it, and answer as far as that is possible."""
        app.exceptions += 1
        serving, reply = self._serving, request.reply
        board = serving.board
        board.exceptions[serving.seat] += 1
        if app.id < board.apps:
            board.app_exceptions[serving.seat * board.apps + app.id] += 1
        if reply.sent:
            reply.close = reply.broken = True
        else:
            self._error(reply)

    def _no_app(self, reply: Reply) -> None:
        self._say(self._plan.unable)
        self._error(reply)

    def _error(self, reply: Reply) -> None:
        try:
            reply.start(_ERROR_STATUS, _ERROR_HEADERS)
            reply.whole(_ERROR_BODY)
        except OSError:
            pass

    # ---- after an answer -----------------------------------------------------------------------------------

    def _follow(self, line: Line, request: Request) -> None:
        if line.replace:
            self._bid_farewell()
        if line.pending:
            self._replies[request.core] = request.reply
            if not self._cleans:
                # only workers whose application has something to do after its answers pay for looking
                self._cleans = True
                self._after = self._serving.after_request
                self._serving.after_request = self._clean

    def _bid_farewell(self) -> None:
        if not self._serving.farewell.due:
            self._say(self._plan.replaced)
            self._serving.farewell.bid(Exit.OK, "its application asked for it")

    def _clean(self, core: int) -> None:
        """Wait for what the application does after its answer; the client does not."""
        line, reply = self._lines[core], self._replies[core]
        if line is not None and line.pending:
            self._replies[core] = None
            if reply is not None and reply.close and not reply.broken and reply._connection.fd >= 0:
                reply._connection.say_last_word()
            board, limit = self._serving.board, self._serving.settings[Harakiri].timeout
            cell = self._serving.seat * board.cores + core
            if limit:
                board.deadline[cell] = time.monotonic() + limit
            try:
                line.finish()
                if line.replace:
                    self._bid_farewell()
            except BridgeError as error:
                self._drop(core, str(error))
            finally:
                if limit:
                    board.deadline[cell] = 0.0
        if self._after is not None:
            self._after(core)

    def _measuring(self, own: Callable[[], None]) -> Callable[[], None]:
        """What measures this worker, its children counted with it."""
        serving = self._serving
        board, seat = serving.board, serving.seat
        if not is_proc_ours():
            return own

        def measure() -> None:
            own()
            for line in self._lines:
                if line is not None:
                    with suppress(OSError, IndexError, ValueError):
                        with open(f"/proc/{line.pid}/statm", encoding="ascii") as facts:
                            sizes = facts.read().split()
                        board.rss[seat] += int(sizes[1]) * _PAGE
                        board.vsz[seat] += int(sizes[0]) * _PAGE

        return measure

    def at_exit(self) -> None:
        """The worker leaves: idle children end by themselves, others are killed by their mother."""
        serving = getattr(self, "_serving", None)
        waiting = []
        for core, line in enumerate(self._lines):
            if line is None or line.fd < 0:
                continue
            if core == self._lent or (serving is not None and serving.current[core] is not None):
                line.close()
                continue
            with socket.socket(fileno=os.dup(line.fd)) as end, suppress(OSError):
                end.shutdown(socket.SHUT_WR)
                line.ring()
            waiting.append(line)
        until = time.monotonic() + _FAREWELL
        for line in waiting:
            poll = select.poll()
            poll.register(line.fd, select.POLLIN)
            poll.poll(max(0.0, until - time.monotonic()) * 1000)
            line.close()
