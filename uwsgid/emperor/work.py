"""The work of the emperor's process: the emperor, its signals, its statistics and what makes it look.

It is what `Gateway.run` is for other gateways; `uwsgid.emperor.role` has prepared the process.  First of all
the nest is forked, or found (`uwsgid.emperor.nest`), and only then the reactor made.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from twisted.internet import process
from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.protocol import Factory, Protocol
from zope.interface import implementer

from uwsgid.emperor.commands import CommandSocket
from uwsgid.emperor.nest import Nest, find_nest, fork_nest
from uwsgid.emperor.opened import EmperorLife, Opened
from uwsgid.emperor.options import EmperorOptions
from uwsgid.emperor.service import Emperor
from uwsgid.emperor.setup import monitors_of
from uwsgid.errors import InternalError
from uwsgid.host import open_more_files, write_pidfile
from uwsgid.loops.door import FactoryDoor
from uwsgid.loops.reactor import fresh_reactor
from uwsgid.stats.layout import layout
from uwsgid.stats.options import Stats
from uwsgid.stats.server import StatsFactory
from uwsgid.supervise.birth import become_signalled
from uwsgid.supervise.exits import Exit
from uwsgid.supervise.gateways import GatewayLife
from uwsgid.wire.control import Leave, Ready
from uwsgid.wire.vassal import EMPEROR_FD

#: What an emperor does not react to.
IGNORED: Final = (signal.SIGUSR2, signal.SIGALRM, signal.SIGPIPE, signal.SIGTSTP)


def serve(opened: Opened, life: GatewayLife) -> int:
    """Keep vassals until somebody wants an end; the exit code."""
    if not isinstance(life, EmperorLife):
        raise InternalError("an emperor was born in the role of another gateway")
    house, settings = life.household, life.settings
    options = settings[EmperorOptions]
    # nothing is there yet that a vassal might get hold of
    found, survivors = find_nest(house, opened.link)
    reactor = life.reactor = fresh_reactor()
    open_more_files(house.kernel)  # each vassal takes some; the nest keeps its limit, so vassals do
    life.say(f"*** starting uWSGI {'sub-Emperor' if EMPEROR_FD in os.environ else 'Emperor'} ***")
    nest = Nest(reactor, house.kernel, partial(fork_nest, house, opened.link), life.say)
    emperor = Emperor(
        reactor,
        house.kernel,
        settings,
        life.say,
        nest,
        monitors_of(settings, opened.cwd, life.say, time.time),
        clock=time.time,
        ended=lambda: life.end(Exit.END),
    )
    nest.settle(*found)
    nest.made = emperor.empire.hold_all
    for survivor in survivors:
        emperor.adopt(survivor)
    emperor.empire.hold_all()
    reactor.addReader(_Line(life, emperor.end))
    life.master.say(Ready(os.getpid()))
    become_signalled(lambda: install(reactor, emperor))
    if options.pidfile:
        write_pidfile(house.kernel, options.pidfile, life.say)
    if opened.stats >= 0:
        factory = StatsFactory(
            lambda: layout(emperor.document(), settings[Stats].minified), reactor, http=settings[Stats].http
        )
        reactor.addReader(FactoryDoor(reactor, opened.stats, factory))
        life.say(f"*** Emperor stats server enabled on {options.stats} fd: {opened.stats} ***")
    if opened.trigger >= 0:
        reactor.addReader(FactoryDoor(reactor, opened.trigger, TriggerFactory(emperor.look)))
    if opened.commands >= 0:
        reactor.addReader(CommandSocket(opened.commands, emperor))
    reactor.callWhenRunning(emperor.start)
    return life.run()


def install(reactor: Any, emperor: Emperor) -> None:
    """Give the emperor its reactions to signals."""
    hear = reactor.callFromThread

    def bury() -> None:
        process.reapAllProcesses()
        emperor.undertaker.look_later()

    def on(number: int, call: Callable[[], None]) -> None:
        signal.signal(number, lambda number, frame: hear(call))

    on(signal.SIGHUP, emperor.reload_all)
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        on(number, emperor.end)
    on(signal.SIGUSR1, emperor.say_all)
    on(signal.SIGWINCH, emperor.look)
    on(signal.SIGURG, emperor.forgive_all)
    on(signal.SIGCHLD, bury)
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)


@implementer(IReadDescriptor)
class _Line:
    """The emperor's end of the talk with its master."""

    def __init__(self, life: EmperorLife, farewell: Callable[[], None]) -> None:
        self._life = life
        self._farewell = farewell

    def fileno(self) -> int:
        return self._life.master.fileno()

    def logPrefix(self) -> str:
        return "master"

    def doRead(self) -> None:
        """The master said something, or is gone."""
        master = self._life.master
        leave = any(isinstance(record, Leave) for record in master.heard())
        if master.closed:
            self._life.reactor.removeReader(self)
        if leave or master.closed:
            self._farewell()

    def connectionLost(self, reason: object) -> None:
        """The reactor stops."""


class TriggerFactory(Factory):
    """Whoever connects to ``emperor-trigger-socket`` makes the emperor look, and hears nothing."""

    noisy = False

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look

    def buildProtocol(self, addr: object) -> Protocol | None:
        """Nobody, which closes the connection."""
        self._look()
        return None
