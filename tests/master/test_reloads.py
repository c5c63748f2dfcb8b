"""What a reload comes to."""

from __future__ import annotations

import os
import socket

from tests.master.whole import MasterCase
from uwsgid.master.inbox import Inbox
from uwsgid.master.reexec import Verdict
from uwsgid.wire.vassal import ToEmperor, pack_config


class ReloadOrders(MasterCase):
    def test_plain(self) -> None:
        """HUP makes a new generation in the same process."""
        self.serve()
        self.master.reload()
        self.run_for(1)
        self.assertEqual(self.staff(), {1: [2], 2: [2]})
        self.assertIn("...gracefully killing workers...", self.lines)

    def test_chain(self) -> None:
        """A second chain reload meanwhile is only said."""
        self.serve()
        self.nursery.gets_ready = False
        self.master.reload_chain()
        self.master.reload_chain()
        self.assertLogged("chain reload is already running")
        self.nursery.gets_ready = True
        self.run_for(1)
        self.assertEqual(self.staff(), {1: [2], 2: [2]})

    def test_exit_on_reload(self) -> None:
        """exit-on-reload ends, gracefully or brutally."""
        for order in ("reload", "reload_brutally"):
            self.serve("exit-on-reload")
            getattr(self.master, order)()
            self.run_for(3)
            self.assertEqual(self.codes, [0])
            self.assertIn("uWSGI: GAME OVER (insert coin)", self.lines)

    def test_workers(self) -> None:
        """Workers are replaced within their generation."""
        self.serve()
        before = [worker.pid for worker in self.nursery.living("worker")]
        self.master.reload_workers()
        self.run_for(1)
        self.assertEqual(self.staff(), {1: [1], 2: [1]})
        self.master.reload_workers_brutally()
        self.run_for(1)
        after = [worker.pid for worker in self.nursery.living("worker")]
        self.assertEqual((set(before) & set(after), self.staff()), (set(), {1: [1], 2: [1]}))

    def test_brutal_without_an_interpreter(self) -> None:
        """Where no new image can be started, a brutal reload is one of the workers, and nobody stops."""
        self.serve()
        self.patch(self.master._reexec, "obstacle", lambda: "uid 99 can not execute python")
        self.logged()
        self.master.reload_brutally()
        self.run_for(1)
        self.assertIn(
            "uid 99 can not execute python; the workers start anew, the configuration stays", self.logged()
        )
        self.assertEqual((self.codes, self.executed, sorted(self.staff())), ([], [], [1, 2]))

    def test_brutal(self) -> None:
        """A brutal reload executes a new image, in the folder where the instance was started."""
        self.serve()
        self.master.reload_brutally()
        image = self.run_to_exec()
        self.assertEqual(image.arguments[1:], ("-m", "uwsgid", "--ini", "site.ini"))
        self.assertEqual((self.nursery.kernel.cwd, self.codes), ("/srv/shop", []))
        self.assertIn("binary reloading uWSGI...", self.lines)
        self.assertNotIn("goodbye to uWSGI.", self.lines)
        self.assertEqual(self.logs.calls[-1], "restore")

    def test_changed_config(self) -> None:
        """A changed configuration that can be used is started anew with, gracefully."""
        self.serve()
        self.check_says(True)
        self.change("two!")
        workers = self.nursery.living("worker")
        self.master.reload()
        self.assertEqual([worker.signals for worker in workers], [[], []])
        self.run_to_exec()

    def test_a_change_for_gateways(self) -> None:
        """A change that gateways carry out themselves is no reason for a new image; the next one may be."""
        self.serve()
        takes = [True, False]
        self.patch(self.master.gateways, "take_changes", lambda: takes.pop(0))
        self.check_says(True)
        self.change("two!")
        self.master.reload()
        self.assertLogged("the configuration changed: the gateways take it over")
        self.assertFalse(self.workforce.stopping)
        self.master.reload()
        self.assertEqual(takes, [False])
        self.change("three")
        self.master.reload()
        self.run_to_exec()

    def test_unusable_config(self) -> None:
        """One that can not be used changes nothing; the next reload is an ordinary one."""
        self.serve()
        self.check_says(False, "site.ini:3: harakiri: expected a number")
        self.change("two!")
        self.master.reload()
        self.run_for(1)
        self.assertIn("site.ini:3: harakiri: expected a number", self.lines)
        self.assertEqual(self.staff(), {1: [1], 2: [1]})
        self.master.reload()
        self.run_for(1)
        self.assertEqual(self.staff(), {1: [2], 2: [2]})

    def test_reloads_during_the_check(self) -> None:
        """One check at a time; what changed during it is checked after it."""
        self.serve()
        checks: list[object] = []
        self.patch(self.master._reexec, "check", checks.append)
        self.change("two!")
        self.master.reload()
        self.change("three")
        self.master.reload()
        self.master.reload()
        self.assertEqual(len(checks), 1)
        self.master.reloads.judge(False, [])
        self.assertEqual(len(checks), 2)
        self.master.reloads.judge(True, [])
        self.run_to_exec()


class Sent(MasterCase):
    """Reloads of a vassal whose emperor sends the configuration."""

    def setUp(self) -> None:
        super().setUp()
        self.checks: list[tuple[Verdict, bytes | None]] = []
        self.taken: list[bytes] = []
        self.told: list[ToEmperor] = []
        self.emperor, self.ours = socket.socketpair()
        self.addCleanup(self.emperor.close)
        self.addCleanup(self.ours.close)

    def serve(self, config: str = "processes = 2") -> None:
        super().serve(config)
        reloads, liaison = self.master.reloads, self.master.liaison
        self.patch(liaison, "sends_config", True)
        self.patch(liaison, "inbox", Inbox(self.nursery.reactor, self.ours.fileno()))
        self.patch(liaison._loyalty, "tell", self.told.append)
        self.patch(reloads, "_cwd", os.getcwd())
        self.patch(reloads, "_take_config", self.taken.append)
        self.patch(self.master._reexec, "check", lambda *check: self.checks.append(check))

    def order(self, *texts: bytes) -> None:
        """What an emperor does for a reload."""
        self.master.reload_for_emperor()
        for text in texts:
            self.emperor.sendall(pack_config(text))
        self.run_for()

    def test_usable(self) -> None:
        """The text is read before anybody is disturbed, and left for the next image."""
        self.serve()
        self.order(b"two")
        ((verdict, text),) = self.checks
        self.assertEqual((text, self.taken, self.workforce.stopping), (b"two", [b"two"], False))
        verdict(True, [])
        self.run_to_exec()
        self.assertEqual(self.ours.recv(100), pack_config(b"two"))
        self.assertEqual(self.told, [ToEmperor.SEND_CONFIG])

    def test_unusable(self) -> None:
        """One that can not be used is told, and thrown away; the emperor hears that all is as before."""
        self.serve()
        self.order(b"two")
        self.checks[0][0](False, ["emperor://a.ini:2: harakiri: no"])
        self.run_for(1)
        self.assertIn("emperor://a.ini:2: harakiri: no", self.lines)
        self.assertLogged("the instance goes on with the old one")
        self.assertEqual((self.staff(), self.told), ({1: [1], 2: [1]}, [ToEmperor.ACCEPTING]))
        self.order(b"three")
        self.assertEqual([text for _, text in self.checks], [b"two", b"three"])

    def test_meanwhile(self) -> None:
        """A text that comes while another one is read is read after that."""
        self.serve()
        self.order(b"two")
        self.order(b"three")
        self.assertEqual(len(self.checks), 1)
        self.checks[0][0](False, [])
        self.run_for()
        self.assertEqual([text for _, text in self.checks], [b"two", b"three"])

    def test_none_comes(self) -> None:
        """Where the emperor sends nothing, the next image asks it, as with an emperor of uWSGI 2.1."""
        self.serve()
        self.order()
        self.assertFalse(self.workforce.stopping)
        self.run_to_exec(9)
        self.assertEqual((self.checks, self.told), ([], [ToEmperor.SEND_CONFIG]))

    def test_stop(self) -> None:
        """A stop that comes meanwhile is a stop."""
        self.serve()
        self.order()
        self.master.stop()
        self.run_for(9)
        self.assertEqual((self.codes, self.executed, self.checks), ([0], [], []))
        self.assertEqual(self.nursery.reactor.getDelayedCalls(), [])

    def test_in_a_jail(self) -> None:
        """Where nothing of the place of the start is to be seen, the emperor starts the vassal again."""
        self.serve()
        self.patch(self.master.reloads, "_cwd", "/nowhere")
        self.order(b"two")
        self.assertLogged("the configuration is out of reach in this jail")
        self.run_for(3)
        self.assertEqual((self.codes, self.checks), ([0], []))
