"""The front door: what twistd calls.

twistd asks for `Options`, then for `makeService`, which reads the configuration; then it goes to the
background where asked, and calls ``privilegedStartService``, which is the boot: ordinary synchronous code,
run while the reactor is only an idle object.  ``startService`` begins the master.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.python.usage import Options as UsageOptions

from uwsgid.config.settings import settings_of
from uwsgid.door.boot import Boot, boot, inheritance_of
from uwsgid.door.command import Answer, Site, decide
from uwsgid.errors import UwsgidError
from uwsgid.host import Kernel
from uwsgid.logs.lines import Lines
from uwsgid.logs.observer import LineObserver
from uwsgid.logs.options import LogFile
from uwsgid.master.service import Master


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
        self.argv = tuple(sys.argv[1:] if options is None else options)
        self.postOptions()

    def postOptions(self) -> None:
        """Answer a question, or find what to serve."""
        decided = decide(self.argv, os.environ)
        if isinstance(decided, Answer):
            leave(decided)
        self["site"] = decided


def observer() -> LineObserver:
    """Where Twisted's own log goes under the ``uwsgid`` command: beside our lines, without its chatter."""
    return LineObserver(Lines(settings_of("")))


def leave(answer: Answer) -> NoReturn:
    """Print an answer and exit with its code."""
    stream = sys.stderr if answer.is_error else sys.stdout
    try:
        if answer.text:
            print(answer.text, file=stream, flush=True)
    except BrokenPipeError:  # whoever reads has seen enough, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    sys.exit(answer.exit_code)


def makeService(options: Options) -> Instance:
    """The service of the instance that *options* describe."""
    site: Site = options["site"]
    log_file = ""
    parent: Any = options.parent
    if parent is not None and not parent.get("nodaemon", True) and not site.settings[LogFile].to:
        # twistd goes to the background by itself and takes the terminal away
        log_file = os.path.abspath(parent.get("logfile") or "twistd.log")
    return Instance(site, log_file)


class Instance(MultiService):
    """One instance of uwsgid: boot first, then the master.

    :param log_file: where the log goes when the configuration names no place and there is no terminal.
    """

    def __init__(self, site: Site, log_file: str = "") -> None:
        MultiService.__init__(self)
        self.setName("uwsgid")
        self._site = site
        self._log_file = log_file
        self._boot: Boot | None = None
        self._master: Master | None = None
        self._exit_code = 0

    def privilegedStartService(self) -> None:
        """Boot.  A start that fails ends the process with one clear line."""
        site = self._site
        say = Lines(site.settings)
        try:
            self._boot = boot(site, Kernel(), say, log_file=self._log_file)
        except UwsgidError as error:
            say(str(error))
            give_up(site, 1)
        MultiService.privilegedStartService(self)

    def startService(self) -> None:
        """Begin the life of the master."""
        from twisted.internet import reactor

        if self._boot is None:
            return
        # the last thing this process does, since twistd itself always leaves with 0
        atexit.register(self._leave_with_code)
        self._master = Master(inheritance_of(self._boot), reactor, self._end)
        self._master.setServiceParent(self)
        MultiService.startService(self)

    def stopService(self) -> Deferred[None]:
        """Wait for everybody to leave."""
        stopping: Deferred[None] = MultiService.stopService(self)
        return stopping

    def _end(self, code: int) -> None:
        from twisted.internet import reactor

        self._exit_code = code
        running: Any = reactor
        if running.running:
            running.stop()

    def _leave_with_code(self) -> None:
        if self._exit_code:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(self._exit_code)


def give_up(site: Site, code: int) -> NoReturn:
    """End a start that failed; with the code 1, go on with ``fallback-config`` where there is one."""
    fallback = site.reading.fallback
    if code == 1 and fallback:
        os.write(2, f"!!! {sys.argv[0]} (pid: {os.getpid()}) exited with status 1 !!!\n".encode())
        os.write(2, f"!!! Fallback config to {fallback} !!!\n".encode())
        os.execv(sys.executable, [sys.executable, "-m", "uwsgid", fallback])
    sys.exit(code)
