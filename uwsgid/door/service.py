"""The front door: what twistd calls.

twistd asks for `Options`, then for `makeService`, which reads the configuration; then it goes to the
background where asked, and calls ``privilegedStartService``, which is the boot: ordinary synchronous code,
run while the reactor is only an idle object.  ``startService`` begins the master.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.logger import ILogObserver
from twisted.python.usage import Options as UsageOptions

from uwsgid.config.settings import settings_of
from uwsgid.door.background import Starter
from uwsgid.door.boot import Boot, boot, inheritance_of
from uwsgid.door.command import IN_FALLBACK, RELOADS, STARTED_AS, Answer, Site, decide, started_as
from uwsgid.errors import InternalError, UwsgidError
from uwsgid.host import Kernel, emperor
from uwsgid.logs.lines import Lines
from uwsgid.logs.observer import LineObserver
from uwsgid.logs.options import LogFile
from uwsgid.master.inheritance import Become
from uwsgid.master.service import Master
from uwsgid.supervise.exits import Exit

#: Stands before the traceback of what nobody foresaw.
OUR_MISTAKE: Final = "this is a mistake of uwsgid, please report it:"


class Options(UsageOptions):
    """``twistd uwsgid …``: the command line of uWSGI, order and repetition kept.

    ``-c FILE`` names a configuration; in uWSGI 1.9.16 it was short for ``cgi-mode``, which keeps its long
    name.
    """

    def __init__(self) -> None:
        UsageOptions.__init__(self)
        self.argv: tuple[str, ...] = ()

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Keep the words as they are; `uwsgid.config.reading` understands them."""
        hold_standard_descriptors()
        self.argv = tuple(sys.argv[1:] if options is None else options)
        self.postOptions()

    def postOptions(self) -> None:
        """Answer a question, or find what to serve."""
        decided = find_out(self.argv)
        if isinstance(decided, Answer):
            leave(decided)
        self["site"] = decided


def find_out(argv: Sequence[str]) -> Site | Answer:
    """What *argv* and the environment ask for; an answer also where that can not be found out."""
    if argv[:1] != ("check",):
        emperor.join_by_proxy(os.environ, _plain_lines())
    try:
        return decide(argv, os.environ)
    except Exception as error:
        return Answer(_said_of(error), 1, True)
    finally:
        os.environ.pop(IN_FALLBACK, None)


@functools.cache
def _plain_lines() -> Lines:
    """Lines as they are without a configuration."""
    return Lines(settings_of(""))


def observer() -> LineObserver:
    """Where Twisted's own log goes under the ``uwsgid`` command: beside our lines, without its chatter."""
    return LineObserver(_plain_lines())


def hold_standard_descriptors() -> None:
    """Put /dev/null where descriptor 0, 1 or 2 is closed, so that no socket is ever taken for one of them."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            stream = os.fdopen(descriptor, "w", closefd=False)
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)


def leave(answer: Answer) -> NoReturn:
    """Print an answer and exit with its code, or go on with the configuration it falls back to."""
    present(answer)
    if answer.fallback:
        fall_back(answer.fallback)
    sys.exit(answer.exit_code)


def present(answer: Answer) -> None:
    """Print an answer."""
    stream = sys.stderr if answer.is_error else sys.stdout
    try:
        if answer.text:
            print(answer.text, file=stream, flush=True)
    except BrokenPipeError:  # whoever reads has seen enough, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def fall_back(config: str, become: Become | None = None) -> NoReturn:
    """Become an instance with another configuration, which falls back no further.

    :param become: how, where that is not by an exec.
    """
    say = _plain_lines().say_verbose
    say(f"!!! {sys.argv[0]} (pid: {os.getpid()}) exited with status 1 !!!")
    say(f"!!! Fallback config to {config} !!!")
    environ = {**os.environ, IN_FALLBACK: "1", STARTED_AS: started_as(os.environ)}
    if become is not None:
        become((config,), environ)
        sys.exit(Exit.ERROR)
    os.execve(sys.executable, [sys.executable, "-m", "uwsgid", config], environ)


@dataclass(frozen=True, slots=True)
class Shell:
    """What twistd does for the instance.

    :ivar log_file: where the log goes when the configuration names no place; empty for the terminal.
    :ivar pidfile: the file that twistd wrote; empty for none.
    :ivar in_background: twistd goes to the background, and tells whoever started it how that went.
    """

    log_file: str = ""
    pidfile: str = ""
    in_background: bool = False

    @classmethod
    def of(cls, options: Any) -> Shell:
        """What the options of twistd itself say; *options* is None where nobody gave any."""
        if options is None:
            return cls()
        in_background = not options["nodaemon"]
        log_file = options["logfile"] or ("twistd.log" if in_background else "")
        return cls(
            log_file=os.path.abspath(log_file) if log_file not in ("", "-") else "",
            pidfile=options["pidfile"] or "",
            in_background=in_background,
        )


def makeService(options: Options) -> Instance:
    """The service of the instance that *options* describe."""
    site: Site = options["site"]
    return Instance(site, Shell.of(options.parent))


class StartFailed(Exception):
    """The instance does not start; twistd tells this to whoever waits for it."""


class Instance(MultiService):
    """One instance of uwsgid: boot first, then the master.

    :param shell: what twistd does for it.
    :param become: how this process becomes a new instance when this one is over; by an exec where not given.
    :param steward: as in `Boot`.
    """

    def __init__(
        self, site: Site, shell: Shell | None = None, become: Become | None = None, steward: int = 0
    ) -> None:
        MultiService.__init__(self)
        self.setName("uwsgid")
        self._site = site
        self._shell = shell or Shell()
        self._boot: Boot | None = None
        self._master: Master | None = None
        self._become = become
        self._steward = steward
        self._exit_code = 0
        self._starter = Starter()

    @property
    def exit_code(self) -> int:
        """What the process is to exit with, once the reactor stopped."""
        return self._exit_code

    @property
    def booted(self) -> Boot:
        """What the boot left."""
        assert self._boot is not None, "twistd calls privilegedStartService first"
        return self._boot

    def setServiceParent(self, parent: Any) -> None:
        """Join the application.

        Where twistd would open its log file beside us, it logs through us instead: two writers who do not
        append would overwrite each other.
        """
        MultiService.setServiceParent(self, parent)
        if self._shell.log_file and parent.getComponent(ILogObserver, None) is None:
            parent.setComponent(ILogObserver, observer())

    def privilegedStartService(self) -> None:
        """Boot.  A start that fails ends the process with one clear line."""
        from uwsgid.door.stewards import be_steward
        from uwsgid.door.vassal import live

        emperor.keep_from_commands(os.environ)
        kernel = Kernel()
        self._boot = self._or_give_up(
            lambda: boot(
                self._site,
                kernel,
                Lines(self._site.settings),
                log_file="" if self._site.settings[LogFile].to else self._shell.log_file,
                starter=self._starter,
                be_vassal=live,
                be_steward=functools.partial(be_steward, kernel, _plain_lines()),
                steward=self._steward,
            )
        )
        MultiService.privilegedStartService(self)

    def startService(self) -> None:
        """Begin the life of the master."""
        from twisted.internet import reactor

        # the last thing this process does, since twistd itself always leaves with 0
        atexit.register(self._leave_with_code)
        inheritance = inheritance_of(self.booted)
        inheritance.become = self._become
        inheritance.take_config = self._site.from_emperor.take if self._site.from_emperor else None
        self._master = self._or_give_up(lambda: Master(inheritance, reactor, self._end))
        self._master.setServiceParent(self)
        self._or_give_up(lambda: MultiService.startService(self))
        self._starter.tell(0)

    def stopService(self) -> Deferred[None]:
        """Wait for everybody to leave."""
        stopping: Deferred[None] = MultiService.stopService(self)
        return stopping

    def _or_give_up(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except Exception as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> NoReturn:
        """End a start that failed, or go on with ``fallback-config``."""
        text = _said_of(error)
        Lines(self._site.settings).say(text)
        # an instance that falls back is there all the same
        self._starter.tell(0 if self._site.fallback else 1, text)
        if not self._site.is_reload:
            os.environ.pop(RELOADS, None)
        if self._site.fallback:
            fall_back(self._site.fallback, self._become)
        if self._shell.in_background:
            raise StartFailed(text) from None
        if self._shell.pidfile:
            try:
                os.unlink(self._shell.pidfile)
            except OSError:
                pass
        sys.exit(1)

    def _end(self, code: int) -> None:
        from twisted.internet import reactor

        self._exit_code = code
        running: Any = reactor
        if running.running:
            with contextlib.suppress(ReactorNotRunning):  # it is stopping: that is why we ended
                running.stop()

    def _leave_with_code(self) -> None:
        if self._exit_code:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(self._exit_code)


def _said_of(error: Exception) -> str:
    """One line for an error of the house; with the traceback for what is our own mistake."""
    if isinstance(error, UwsgidError) and not isinstance(error, InternalError):
        return str(error)
    return f"{OUR_MISTAKE}\n{''.join(traceback.format_exception(error)).rstrip()}"
