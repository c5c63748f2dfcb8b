"""What is common to all gateways, in real processes and with a kernel in memory."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import Settings, settings_of
from uwsgid.errors import ConfigError
from uwsgid.gateways.role import IGNORED, gateway, install, read_what_changed, settle
from uwsgid.host import Kernel, Listener, Privileges
from uwsgid.host.addresses import Family
from uwsgid.supervise.birth import Newborn
from uwsgid.supervise.board import Board
from uwsgid.supervise.conversation import Conversation
from uwsgid.supervise.exits import Exit
from uwsgid.supervise.gateways import LIVE, Gateway, GatewayLife
from uwsgid.supervise.household import Household
from uwsgid.testing import MemoryKernel
from uwsgid.wire.control import Ask, Leave, Ready, unpack

#: Sections have to be imported before a configuration is read.
SECTIONS = (Privileges,)


class Settling(SynchronousTestCase):
    """Before the work."""

    def house(self, config: str, uid: int = 0) -> tuple[Household, MemoryKernel]:
        kernel = MemoryKernel(uid=uid, gid=uid)
        fd = kernel.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener = Listener(0, ":8080", ":8080", fd, Family.INET)
        house = Household(settings_of(config), kernel, lambda line: None, Board(1), (listener,), 1, 0.0)
        return house, kernel

    def test_sockets(self) -> None:
        """The sockets of the workers are closed, so that their queues belong to workers alone."""
        house, kernel = self.house("")
        settle(house)
        self.assertEqual(kernel.descriptors, {})

    def test_privileges(self) -> None:
        """Privileges go where a newborn still has them; the kernel kills it with its master after that."""
        for late in ("master-as-root = true", "drop-after-init = true", "drop-after-apps = true"):
            house, kernel = self.house(f"uid = www-data\ngid = www-data\n{late}")
            settle(house)
            self.assertEqual((kernel.uid, kernel.gid), (33, 33), late)
            self.assertEqual(kernel.calls[-1], ("set_parent_death_signal", "9"))

    def test_nothing_to_drop(self) -> None:
        """Where boot did it, or nobody asked for it, nothing changes."""
        for config, uid in (("", 0), ("uid = www-data\nmaster-as-root = true", 33)):
            house, kernel = self.house(config, uid)
            settle(house)
            self.assertEqual([call[0] for call in kernel.calls], ["close", "set_parent_death_signal"])


class Changed(SynchronousTestCase):
    """A gateway that is born after the configuration changed."""

    def life(self, read: Callable[[], Settings]) -> GatewayLife:
        house = Household(settings_of(""), MemoryKernel(), print, Board(1), (), 1, 0.0)
        house.read_again = read
        self.said: list[str] = []
        return GatewayLife(None, house, self.said.append, 1, "uWSGI probe 1")

    def test_read(self) -> None:
        """It begins with what is in the files."""
        fresh = settings_of("")
        life = self.life(lambda: fresh)
        read_what_changed(life)
        self.assertIs(life.settings, fresh)

    def test_broken(self) -> None:
        """Where that can not be used, it begins with what it was born with, and says so."""

        def refuse() -> Settings:
            raise ConfigError("site.ini:3: no")

        life = self.life(refuse)
        read_what_changed(life)
        self.assertIs(life.settings, life.household.settings)
        self.assertEqual(
            self.said, ["uWSGI probe 1 goes on with the configuration of the start: site.ini:3: no"]
        )


class Playing(SynchronousTestCase):
    """The role, in a process of its own."""

    def play(self, run: Callable[[GatewayLife], int]) -> tuple[socket.socket, int]:
        """The talk with a gateway whose work is *run*, and its pid."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(30)
        self.addCleanup(ours.close)
        pid = os.fork()
        if pid == 0:
            code = 99
            try:
                ours.close()
                house = Household(
                    settings_of(""), Kernel(), lambda line: None, Board(1), (), os.getppid(), 0.0
                )
                house.gateways = (Gateway("uWSGI probe 1", run),)
                house.read_again = lambda: house.settings
                code = gateway(Newborn(house, "gateway", 1, -1, 0, Conversation(theirs)))
            finally:
                os._exit(code)
        theirs.close()
        self.assertEqual(self.hear(ours), Ready(pid))
        return ours, pid

    def hear(self, talk: socket.socket) -> Any:
        return unpack(talk.recv(1000))

    def code(self, pid: int) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def test_the_word_of_the_master(self) -> None:
        """A gateway that is told to leave ends with 30."""
        talk, pid = self.play(lambda life: life.run())
        talk.send(Leave("stop").pack())
        self.assertEqual(self.code(pid), Exit.END)

    def test_the_end_of_the_master(self) -> None:
        """A gateway whose master is gone ends."""
        talk, pid = self.play(lambda life: life.run())
        talk.close()
        self.assertEqual(self.code(pid), Exit.END)

    def test_signals(self) -> None:
        """INT, TERM and QUIT end it with 30; USR1, USR2, ALRM, PIPE and TSTP do nothing."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
            _, pid = self.play(lambda life: life.run())
            for ignored in IGNORED:
                os.kill(pid, ignored)
            os.kill(pid, number)
            self.assertEqual(self.code(pid), Exit.END)

    def test_hangup(self) -> None:
        """HUP is the gateway's own affair; that it took the configuration is told to the master."""

        def run(life: GatewayLife) -> int:
            life.on_hangup(lambda: life.adopt(life.read_settings()))
            return life.run()

        talk, pid = self.play(run)
        os.kill(pid, signal.SIGHUP)
        self.assertEqual(self.hear(talk), Ask(LIVE))
        os.kill(pid, signal.SIGTERM)
        self.assertEqual(self.code(pid), Exit.END)

    def test_its_own_code(self) -> None:
        """What the work returns is the exit code."""

        def run(life: GatewayLife) -> int:
            life.reactor.callWhenRunning(life.end, 7)
            return life.run()

        _, pid = self.play(run)
        self.assertEqual(self.code(pid), 7)

    def test_hooks(self) -> None:
        """What is wanted in gateways is done before the work; a failure is the end of the instance."""
        for command, answer, code in (
            ("true", None, Exit.END),
            ("false", "destroy", Exit.ERROR),
        ):
            told: list[str] = []
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            ours.settimeout(30)
            self.addCleanup(ours.close)
            config = f"hook-as-gateway = exec:{command}"
            pid = os.fork()
            if pid == 0:
                try:
                    ours.close()
                    house = Household(
                        settings_of(config), Kernel(), told.append, Board(1), (), os.getppid(), 0.0
                    )
                    house.gateways = (Gateway("uWSGI probe 1", lambda life: life.run()),)
                    os._exit(gateway(Newborn(house, "gateway", 1, -1, 0, Conversation(theirs))))
                except SystemExit as leaving:
                    os._exit(int(leaving.code or 0))
                finally:
                    os._exit(99)
            theirs.close()
            self.assertEqual(self.hear(ours), Ask(answer) if answer else Ready(pid))
            if not answer:
                ours.send(Leave("stop").pack())
            self.assertEqual(self.code(pid), code)

    def test_handlers(self) -> None:
        """Every signal that is sent to groups has a reaction."""

        class Reactor:
            def callFromThread(self, call: Callable[..., None], *arguments: object) -> None:
                """Nobody calls it here."""

        house = Household(settings_of(""), MemoryKernel(), print, Board(1), (), 1, 0.0)
        numbers = (*IGNORED, signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)
        for number in numbers:
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        install(GatewayLife(Reactor(), house, print, 1, "probe"))
        self.assertNotIn(signal.SIG_DFL, [signal.getsignal(number) for number in numbers])
