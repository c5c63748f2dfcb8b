"""Orders to a running master: signals, and letters in its FIFO."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.live.support import Daemon, LiveCase, Load, uwsgi_fetch, wait_until


def handles(pid: str, number: int) -> bool:
    """Whether a process has a handler for a signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    (caught,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (number - 1) & 1)


class SignalTests(LiveCase):
    """What kill does."""

    def stop(self, number: int, more: str = "") -> Daemon:
        daemon = self.serve(self.probe_config(more=more), workers=2)
        daemon.family()
        daemon.signal(number)
        self.assertEqual(daemon.wait(), 0, daemon.log())
        self.assertEqual(daemon.survivors(), [], daemon.log())
        daemon.wait_for("goodbye to uWSGI")
        return daemon

    def test_term(self) -> None:
        """TERM stops, and the log says so beforehand."""
        daemon = self.stop(signal.SIGTERM)
        self.assertEqual(daemon.seen("SIGTERM stops this instance gracefully"), 1)

    def test_int(self) -> None:
        """INT stops."""
        self.stop(signal.SIGINT)

    def test_control_c(self) -> None:
        """Ctrl-C in a terminal, which tells every process, stops as well."""
        daemon = self.serve(self.probe_config(), workers=2)
        daemon.family()
        pids = [daemon.wait_for(r"spawned uWSGI worker \d+ \(pid: (\d+)", count=n).group(1) for n in (1, 2)]
        wait_until(lambda: all(handles(pid, signal.SIGINT) for pid in pids), "workers that listen")
        os.killpg(daemon.pid, signal.SIGINT)
        self.assertEqual(daemon.wait(), 0, daemon.log())
        self.assertEqual(daemon.survivors(), [], daemon.log())
        self.assertEqual(daemon.seen("DAMN|Traceback"), 0, daemon.log())

    def test_quit(self) -> None:
        """QUIT stops."""
        self.stop(signal.SIGQUIT)

    def test_term_is_graceful(self) -> None:
        """TERM lets a request in progress finish."""
        daemon = self.serve(self.probe_config(workers=1))
        client = self.waiting(daemon)
        daemon.signal(signal.SIGTERM)
        daemon.wait_for("SIGTERM stops this instance gracefully")
        client.go()
        self.assertEqual([answer.status for answer in client.answers()], [200], daemon.log())
        self.assertEqual(daemon.wait(), 0, daemon.log())

    def test_term_with_the_old_meaning(self) -> None:
        """die-on-term = false: TERM reloads brutally, on the same sockets, with the same pid."""
        daemon = self.serve(self.probe_config(more="die-on-term = false"), workers=2)
        before = uwsgi_fetch(self.path("app.sock"), "/pid").body
        daemon.signal(signal.SIGTERM)
        daemon.wait_for("brutally killing workers")
        daemon.wait_for("spawned uWSGI worker", count=4)
        self.assertNotEqual(uwsgi_fetch(self.path("app.sock"), "/pid").body, before)
        self.assertIsNone(daemon.process.poll())

    def test_usr1(self) -> None:
        """USR1 writes statistics into the log."""
        daemon = self.serve(self.probe_config(workers=1))
        for _ in range(3):
            uwsgi_fetch(self.path("app.sock"), "/pid")
        # a request is counted once its client has the answer
        daemon.wait_for(r"\|req: 3/3\]")
        daemon.signal(signal.SIGUSR1)
        daemon.wait_for(r"workers total requests: 3")

    def test_harmless_signals(self) -> None:
        """USR2 and ALRM, which end the master of uWSGI, do nothing."""
        daemon = self.serve(self.probe_config(workers=1))
        for number in (signal.SIGUSR2, signal.SIGALRM, signal.SIGWINCH):
            daemon.signal(number)
        daemon.signal(signal.SIGUSR1)
        daemon.wait_for("workers total requests")
        self.assertEqual(uwsgi_fetch(self.path("app.sock"), "/pid").status, 200)

    def test_ttou_and_ttin(self) -> None:
        """TTOU makes one worker less, TTIN one more."""
        daemon = self.serve(self.probe_config(workers=2), workers=2)
        daemon.signal(signal.SIGTTOU)
        daemon.wait_for("uWSGI worker 2 cheaped|worker 2 buried")
        daemon.signal(signal.SIGTTIN)
        daemon.wait_for("pawned uWSGI worker 2 ", count=2)

    def test_pause(self) -> None:
        """TSTP pauses all workers; the second one lets them go on, and who waited is served."""
        daemon = self.serve(self.probe_config(workers=2), workers=2)
        daemon.signal(signal.SIGTSTP)
        daemon.wait_for(r"worker \d suspended", count=2)
        with Load(self.path("app.sock"), clients=1) as load:
            daemon.signal(signal.SIGTSTP)
            load.wait_for_more(3)
        daemon.wait_for(r"worker \d resumed", count=2)
        self.assertEqual(load.failures, [])


class FifoTests(LiveCase):
    """What echo to the master FIFO does."""

    def start(self, workers: int = 2, more: str = "") -> Daemon:
        self.fifo = self.path("fifo")
        config = self.probe_config(workers=workers, more=f"master-fifo = {self.fifo}\n{more}")
        return self.serve(config, workers=workers)

    def say(self, letters: str) -> None:
        wait_until(lambda: os.path.exists(self.fifo), "the FIFO")
        Path(self.fifo).write_text(letters)

    def test_statistics_and_noise(self) -> None:
        """s writes statistics, unknown letters and line ends do nothing, again and again."""
        daemon = self.start()
        for count in (1, 2):
            self.say("\n?s\n")
            daemon.wait_for("workers total requests", count=count)

    def test_reload(self) -> None:
        """r reloads gracefully."""
        daemon = self.start()
        self.say("r")
        daemon.wait_for(r"worker \d+ (killed successfully|buried)", count=2)
        self.assertEqual(uwsgi_fetch(self.path("app.sock"), "/pid").status, 200)

    def test_brutal_reload(self) -> None:
        """R reloads brutally."""
        daemon = self.start()
        self.say("R")
        daemon.wait_for("brutally killing workers")
        daemon.wait_for("spawned uWSGI worker", count=4)
        self.assertEqual(uwsgi_fetch(self.path("app.sock"), "/pid").status, 200)

    def test_workers(self) -> None:
        """w replaces the workers."""
        daemon = self.start()
        self.say("w")
        daemon.wait_for("Respawned uWSGI worker", count=2)
        self.assertEqual(uwsgi_fetch(self.path("app.sock"), "/pid").status, 200)

    def test_chain(self) -> None:
        """c reloads one worker after the other."""
        daemon = self.start(more="lazy-apps = true")
        self.say("c")
        daemon.wait_for("chain reloading complete")

    def test_stop(self) -> None:
        """q and Q stop."""
        for letter in "qQ":
            daemon = self.start()
            self.say(letter)
            self.assertEqual(daemon.wait(), 0, daemon.log())

    def test_plus_and_minus(self) -> None:
        """- takes a worker away and + brings it back."""
        daemon = self.start()
        self.say("-")
        daemon.wait_for("uWSGI worker 2 cheaped|worker 2 buried")
        self.say("+")
        daemon.wait_for("pawned uWSGI worker 2 ", count=2)

    def test_pause(self) -> None:
        """p pauses and resumes."""
        daemon = self.start()
        self.say("p")
        daemon.wait_for(r"worker \d suspended", count=2)
        self.say("p")
        daemon.wait_for(r"worker \d resumed", count=2)

    def test_workers_brutally(self) -> None:
        """W replaces the workers and does not wait for their requests."""
        daemon = self.start(workers=1)
        with Load(self.path("app.sock"), clients=1, path="/forever"):
            wait_until(lambda: daemon.seen("the application sleeps for ever"), "the sleeper")
            self.say("W")
            daemon.wait_for("Respawned uWSGI worker 1 ")
            daemon.signal(signal.SIGINT)
            self.assertEqual(daemon.wait(), 0, daemon.log())
        self.assertEqual(daemon.seen("NO MERCY"), 0, daemon.log())

    def test_cheap(self) -> None:
        """C sends the workers home, and the next client brings them back and is served."""
        daemon = self.start()
        self.say("C")
        daemon.wait_for(r"uWSGI worker \d cheaped", count=2)
        self.assertEqual(uwsgi_fetch(self.path("app.sock"), "/pid").status, 200)
        daemon.wait_for("pawned uWSGI worker [12] ", count=4)

    def test_log(self) -> None:
        """L sets the log aside and begins a new one; l opens it again after somebody else has moved it."""
        log = Path(self.path("site.log"))
        config = self.probe_config(
            workers=1, more=f"master-fifo = {self.path('fifo')}\nlogto = {log}\nlog-master = true"
        )
        self.fifo = self.path("fifo")
        self.launch(config)
        wait_until(lambda: log.exists() and "spawned uWSGI worker 1 " in log.read_text(), "the log")
        self.say("L")
        (backup,) = wait_until(lambda: list(self.folder.glob("site.log.*")), "the old log")
        self.assertIn("spawned uWSGI worker 1 ", backup.read_text())
        wait_until(log.exists, "the log after it")
        moved = log.rename(self.path("moved.log"))
        self.say("l")
        wait_until(log.exists, "a new log")
        uwsgi_fetch(self.path("app.sock"), "/pid")
        wait_until(lambda: "GET /pid" in log.read_text(), "the line of the request")
        self.assertNotIn("GET /pid", moved.read_text())

    def test_several(self) -> None:
        """1 changes to the second FIFO, and 0 there back to the first."""
        second = self.path("second")
        daemon = self.start(more=f"master-fifo = {second}")
        first = self.fifo
        self.say("1")
        wait_until(lambda: not os.path.exists(first), "the end of the first FIFO")
        self.fifo = second
        self.say("s0")
        daemon.wait_for("workers total requests")
        self.fifo = first
        self.say("s")
        daemon.wait_for("workers total requests", count=2)

    def test_pidfiles(self) -> None:
        """P writes the pidfile anew."""
        pidfile = Path(self.path("site.pid"))
        daemon = self.start(more=f"pidfile = {pidfile}")
        pidfile.unlink()
        self.say("P")
        wait_until(pidfile.exists, "the pidfile")
        wait_until(lambda: pidfile.read_text().strip() == str(daemon.pid), "the pid in it")
