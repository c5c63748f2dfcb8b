"""The master as a whole: how it begins, and what its orders do."""

from __future__ import annotations

import os
import signal

from tests.master.whole import MasterCase
from uwsgid.wire.control import Ask


class Hooks(MasterCase):
    """What the configuration wants of the master on the way."""

    def test_at_the_start_and_at_the_end(self) -> None:
        """The start has its actions, and the end has its own, before goodbye."""
        self.serve(
            "hook-master-start = print:begun\nhook-as-user-atexit = print:over\n"
            "hook-as-user-atexit = exit:3\nhook-as-user-atexit = print:never"
        )
        self.assertIn("begun", self.lines)
        self.master.stop()
        self.run_for(2)
        self.assertEqual(self.codes, [0])
        self.assertLess(self.lines.index("over"), self.lines.index("goodbye to uWSGI."))
        self.assertNotIn("never", self.lines)

    def test_destruction(self) -> None:
        """Where an action fails, be it in a worker, everybody ends at once, with code 1."""
        self.serve("hook-master-start = umount:/nowhere")
        self.run_for(2)
        self.assertEqual(self.codes, [1])
        self.assertLogged("FATAL hook failed, destroying instance")

    def test_destruction_by_a_worker(self) -> None:
        """A worker whose hooks fail asks for that."""
        self.serve()
        self.nursery.living("worker", 1)[0].say(Ask("destroy"))
        self.run_for(2)
        self.assertEqual(self.codes, [1])

    def test_touch(self) -> None:
        """A touched file has its action done with the other checks."""
        self.serve("hook-touch = /switch print:touched")
        self.nursery.kernel.add_file("/switch")
        self.run_for(2)
        self.assertIn("touched", self.lines)


class Start(MasterCase):
    def test_lines(self) -> None:
        """The first lines say who the master is and what TERM means."""
        self.serve()
        self.assertEqual(self.lines[0], "spawned uWSGI master process (pid: 1)")
        self.assertIn("SIGTERM stops this instance gracefully", self.lines[1])
        self.assertEqual(self.staff(), {1: [1], 2: [1]})

    def test_after_a_reload(self) -> None:
        """A new image of an instance says so."""
        self.build()
        self.house.is_reload = True
        self.master.startService()
        self.assertEqual(self.lines[0], "gracefully (RE)spawned uWSGI master process (pid: 1)")

    def test_pipe_that_can_not_be_made(self) -> None:
        """A master FIFO over a precious file ends the instance with a clear line and the code 1."""
        path = self.mktemp()
        with open(path, "w") as file:
            file.write("precious")
        self.serve(f"master-fifo = {path}")
        self.run_for(2)
        self.assertEqual(self.codes, [1])
        self.assertLogged(f"master-fifo: {path} exists and is no named pipe")
        self.assertTrue(os.path.exists(path))

    def test_no_server(self) -> None:
        """no-server ends when everything is loaded."""
        self.build()
        self.master._inheritance.no_server = True
        self.master.startService()
        self.run_for(3)
        self.assertEqual(self.codes, [0])

    def test_systemd_hears_when_all_are_ready(self) -> None:
        """Who waits for the start is told of its end, once."""
        self.build()
        self.master._inheritance.environ = {"NOTIFY_SOCKET": "/run/systemd/notify"}
        self.master.startService()
        self.run_for(1)
        self.assertEqual(self.nursery.kernel.sent, [b"STATUS=uWSGI is ready\nREADY=1\n"])

    def test_nobody_waits(self) -> None:
        """Where nobody waits for the end of the start, the master does not look for it."""
        self.serve()
        self.run_for(1)
        waiting = map(str, self.nursery.reactor.getDelayedCalls())
        self.assertFalse([call for call in waiting if "_tell_ready" in call])
        self.assertEqual(self.nursery.kernel.sent, [])

    def test_checks_go_on(self) -> None:
        """What is looked at once is looked at again and again."""
        self.serve()
        self.run_for(3)
        self.assertGreaterEqual(self.logs.calls.count("check_size"), 3)

    def test_orphans(self) -> None:
        """Processes that nobody knows are buried with a line."""
        self.serve()
        self.nursery.kernel.ended[999] = (os.CLD_EXITED, 3)
        self.nursery.kernel.ended[998] = (os.CLD_KILLED, 9)
        self.run_for(3)
        self.assertLogged("subprocess 999 exited with code 3")
        self.assertLogged("subprocess 998 exited by signal 9")


class Others(MasterCase):
    """The remaining letters."""

    def test_letters(self) -> None:
        """Each letter of the FIFO that concerns workers has an order."""
        self.build()
        self.assertEqual("".join(sorted(self.master.orders())), "+-BCLPQRWclpqrsw")

    def test_log(self) -> None:
        """l and L concern the log, P the pid files."""
        self.serve()
        for letter in "lLP":
            self.master.orders()[letter]()
        self.assertEqual([call for call in self.logs.calls if call[0] == "r"], ["reopen", "rotate"])
        self.assertIn("pidfiles", self.lines)

    def test_how_many(self) -> None:
        """Bounds are said."""
        self.serve()
        self.master.one_more()
        self.assertLogged("there is no slot for another worker")
        self.master.one_less()
        self.master.one_less()
        self.assertLogged("the last worker stays")

    def test_cheap(self) -> None:
        """C sends everybody home; somebody who connects brings all back, + one."""
        self.serve()
        self.master.become_cheap()
        self.run_for(0.1)
        self.assertEqual(self.staff(), {})
        self.assertIn("cheap mode enabled: waiting for socket connection...", self.lines)
        self.master.one_more()
        self.run_for(0.1)
        self.assertEqual(self.staff(), {1: [1]})
        self.master._wake_up()
        self.run_for(0.1)
        self.assertEqual(self.staff(), {1: [1], 2: [1]})

    def test_pause_and_statistics(self) -> None:
        """p pauses, s tells numbers."""
        self.serve()
        self.master.toggle_pause()
        self.assertTrue(self.workforce.paused)
        self.logged()
        self.master.say_statistics()
        self.assertTrue(self.lines)

    def test_what_applications_ask(self) -> None:
        """uwsgi.reload() and uwsgi.stop() reach the master; other words are ignored."""
        self.serve()
        self.nursery.worker(1).say(Ask("dance"))
        self.nursery.worker(1).say(Ask("reload"))
        self.run_for(1)
        self.assertEqual(self.staff(), {1: [2], 2: [2]})
        self.nursery.worker(1).say(Ask("stop"))
        self.run_for(3)
        self.assertEqual(self.codes, [0])

    def test_alarms(self) -> None:
        """What workers ask for, their crashes, and the log from the making of the master on."""
        self.build("processes = 2\nalarm = loud log:\nlog-alarm = loud err\nalarm-segfault = loud")
        assert self.logs.hear is not None
        self.logs.hear([b"err at boot\n"])
        self.master.startService()
        self.run_for(0.1)
        victim = self.nursery.worker(1)
        victim.say(Ask("alarm loud asked for"))
        self.run_for(0.1)
        victim.die(signal.SIGSEGV)
        self.nursery.worker(2).die(signal.SIGKILL)
        self.run_for(2)
        texts = ["err at boot", "asked for", f"!!! uWSGI process {victim.pid} got Segmentation Fault !!!"]
        self.assertEqual(
            [line.decode().partition(" - ")[2] for line in self.logs.unheard],
            [f"ALARM: {text}\n" for text in texts],
        )
        self.master.stop()
        self.run_for(3)
        self.logs.hear([b"err at the end\n"])
        self.assertIn(b"ALARM: err at the end", self.logs.unheard[-1])

    def test_no_alarms(self) -> None:
        """Without an alarm nobody hears the log, and a wish for one is ignored."""
        self.serve()
        self.assertIsNone(self.logs.hear)
        self.nursery.worker(1).say(Ask("alarm loud x"))
        self.nursery.worker(2).die(signal.SIGSEGV)
        self.run_for(1)
        self.assertEqual((self.logs.unheard, self.staff()), ([], {1: [1], 2: [1]}))

    def test_without_seeds(self) -> None:
        """When both seeds are gone, workers finish what they have, then a new image begins."""
        self.serve()
        workers = self.nursery.living("worker")
        for seed in self.nursery.living("seed"):
            seed.die(signal.SIGKILL)
        self.run_to_exec()
        self.assertEqual([worker.signals for worker in workers], [[], []])
