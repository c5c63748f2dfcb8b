"""The process of the emperor: its birth, its signals, its sockets."""

from __future__ import annotations

import os
import signal
import socket
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.emperor.support import EmperorCase
from uwsgid.config.settings import settings_of
from uwsgid.emperor.opened import EmperorLife
from uwsgid.emperor.role import settle
from uwsgid.emperor.work import IGNORED, TriggerFactory, _Line, install, serve
from uwsgid.errors import InternalError
from uwsgid.host import Limits, Listener
from uwsgid.host.addresses import Family
from uwsgid.host.kept import Kept
from uwsgid.supervise.board import Board
from uwsgid.supervise.conversation import Conversation
from uwsgid.supervise.gateways import GatewayLife
from uwsgid.supervise.household import Household
from uwsgid.testing import MemoryKernel
from uwsgid.wire.control import Leave, Report

#: Sections have to be imported before a configuration is read.
SECTIONS = (Limits,)


class Settling(SynchronousTestCase):
    """Before the work."""

    def test_settle(self) -> None:
        """Sockets and devices of others are closed; the emperor adopts orphans and dies with its master."""
        kernel = MemoryKernel(uid=0)
        fd = kernel.socket(socket.AF_INET, socket.SOCK_STREAM)
        kept = Kept(kernel)
        for key in ("tun x", "emperor-stats y"):
            kernel.add_file(f"/{key}")
            kept.keep(key, kernel.open(f"/{key}", 0))
        listener = Listener(0, ":8080", ":8080", fd, Family.INET)
        house = Household(settings_of(""), kernel, print, Board(1), (listener,), 1, 0.0, kept=kept)
        settle(house)
        self.assertEqual(len(kernel.descriptors), 1)
        self.assertEqual((kernel.subreaper, kernel.death_signal, kernel.uid), (True, signal.SIGKILL, 0))

    def test_another_role(self) -> None:
        """An emperor that is born in another role is our mistake."""
        house = Household(settings_of(""), MemoryKernel(), print, Board(1), (), 1, 0.0)
        opened: Any = None
        with self.assertRaises(InternalError):
            serve(opened, GatewayLife(None, house, print, 1, "x"))


class Working(EmperorCase):
    def test_signals(self) -> None:
        """Each signal has the meaning that uWSGI's emperor gives it."""
        done: list[str] = []
        handlers: dict[int, Any] = {}
        self.patch(signal, "signal", handlers.__setitem__)

        class Called:
            def __init__(self, *, inner: str = "") -> None:
                self._inner = inner

            def __getattr__(self, name: str) -> Any:
                return Called() if name == self._inner else lambda: done.append(name)

        reigning: Any = Called(inner="undertaker")
        install(self.reactor, reigning)
        for number in (
            signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGWINCH,
            signal.SIGURG, signal.SIGCHLD,
        ):  # fmt: skip
            handlers[number](number, None)
            self.reactor.advance(0)
        self.assertEqual(
            done, ["reload_all", "end", "end", "end", "say_all", "look", "forgive_all", "look_later"]
        )
        self.assertEqual({handlers[number] for number in IGNORED}, {signal.SIG_IGN})

    def test_trigger(self) -> None:
        """Whoever connects makes the emperor look, and is not served."""
        self.begin()
        self.monitor.put("a.ini")
        self.assertIsNone(TriggerFactory(self.emperor.look).buildProtocol(None))
        self.assertEqual(self.names, ["a.ini"])

    def test_master(self) -> None:
        """The master's word to leave, and its end, are the end; other words are not."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        house = Household(settings_of(""), self.kernel, print, Board(1), (), os.getppid(), 0.0)
        life = EmperorLife(house, 1, "uWSGI Emperor", Conversation(ours))
        life.reactor = self.reactor
        ends: list[int] = []
        line = _Line(life, lambda: ends.append(1))
        self.reactor.addReader(line)
        theirs.send(Report().pack())
        self.poll()
        self.assertEqual(ends, [])
        theirs.send(Leave("stop").pack())
        self.poll()
        self.assertEqual(ends, [1])
        theirs.close()
        self.poll()
        self.assertEqual((ends, line in self.reactor.readers), ([1, 1], False))
        ours.close()
