"""Hooks of an emperor and of its vassals: who runs them, in which order, and what they are told."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

from tests.live.support import APPS, requires, wait_until
from tests.live.test_emperor import EmperorCase


class EmperorHookTests(EmperorCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder.chmod(0o777)
        self.trace = self.folder / "trace"
        self.trace.write_text("")
        self.trace.chmod(0o666)

    def traces(self) -> list[str]:
        """What hooks wrote so far."""
        return self.trace.read_text().splitlines()

    def wait_trace(self, line: str) -> None:
        wait_until(lambda: line in self.traces(), f"{line!r} in {self.trace}")

    def mark(self, phase: str, text: str = "") -> str:
        """A hook that writes its phase, and what the shell makes of *text*."""
        return f'hook-{phase} = exec:echo "{phase}{text}" >>{self.trace}'

    def test_a_vassal_is_spawned(self) -> None:
        """The emperor begins, calls a vassal, and both go on; commands are told whom it is about."""
        about = " $UWSGI_VASSAL_CONFIG $UWSGI_VASSAL_UID"
        daemon = self.reign(
            "\n".join(
                (
                    self.mark("emperor-start"),
                    self.mark("as-emperor-before-vassal", about),
                    self.mark("as-vassal-before-drop", " $$"),
                    self.mark("as-vassal"),
                    self.mark("as-emperor", about),
                    f'exec-as-emperor = echo "exec $UWSGI_VASSAL_CONFIG $UWSGI_VASSAL_PID" >>{self.trace}',
                )
            )
        )
        self.vassal("a.ini", self.mark("asap"))
        self.wait_answer("a")
        pid = self.wait_row("a.ini")["pid"]
        self.wait_trace(f"exec a.ini {pid}")
        self.wait_trace("asap")
        lines = [line.split(" ")[0] for line in self.traces()]
        self.assertEqual(lines[:2], ["emperor-start", "as-emperor-before-vassal"])
        inside = [line for line in lines if line in ("as-vassal-before-drop", "as-vassal", "asap")]
        self.assertEqual(inside, ["as-vassal-before-drop", "as-vassal", "asap"])
        outside = [line for line in lines if line in ("as-emperor", "exec")]
        self.assertEqual(outside, ["as-emperor", "exec"])
        self.assertIn("as-emperor a.ini 0", self.traces())
        daemon.wait_for(r'command "echo "exec .*" exited with code: 0')
        self.assertEqual(daemon.seen(r'command "echo "exec .*" exited with code: 0'), 1, daemon.log())
        self.end(daemon)

    def test_namespaces(self) -> None:
        """An action in the network of a vassal is seen there and nowhere else."""
        requires("root", "ip")
        daemon = self.reign(
            "emperor-use-clone = net\n"
            f"hook-as-emperor-setns = net exec:ip link set lo up; ip -o link >{self.trace}"
        )
        self.vassal("a.ini")
        self.wait_answer("a")
        wait_until(lambda: any("LOOPBACK,UP" in line for line in self.traces()), "lo is up")
        self.assertEqual(len([line for line in self.traces() if "link/ether" in line]), 0, self.traces())
        self.end(daemon)

    def test_called_off(self) -> None:
        """A vassal before whom a hook fails is not spawned, and the emperor goes on."""
        switch = self.folder / "switch"
        daemon = self.reign(f"hook-as-emperor-before-vassal = exec:test -e {switch}")
        self.vassal("a.ini")
        daemon.wait_for(r"hook-as-emperor-before-vassal: exec: command .* exited with non-zero code: 1")
        self.assertFalse(Path(self.path("a.sock")).exists())
        switch.touch()
        self.vassal("b.ini")
        self.wait_answer("b")
        self.end(daemon)

    def test_orders(self) -> None:
        """A vassal knows when its emperor reloads it, stops it, and is gone."""
        daemon = self.reign()
        marks = "\n".join(self.mark(f"emperor-{order}") for order in ("reload", "stop", "lost"))
        path = self.vassal("a.ini", marks)
        self.wait_answer("a")
        os.utime(path)
        self.wait_trace("emperor-reload")
        self.wait_row("a.ini", ready=1)
        self.wait_answer("a")
        path.unlink()
        self.wait_trace("emperor-stop")
        self.assertEqual(self.traces(), ["emperor-reload", "emperor-stop"])
        self.end(daemon)

    def test_lost(self) -> None:
        """A vassal whose emperor is gone has its hooks for that, and those of an end."""
        ours, theirs = socket.socketpair()
        with theirs:
            daemon = self.launch(
                f"socket = {self.path('a.sock')}\nwsgi-file = {APPS / 'probe.py'}\nneed-app = true\n"
                f"{self.mark('emperor-lost')}\n{self.mark('as-user-atexit')}\n",
                environ={"UWSGI_EMPEROR_FD": str(theirs.fileno())},
                pass_fds=[theirs.fileno()],
            )
        self.wait_answer("a")
        ours.close()
        self.assertEqual(daemon.wait(), 1, daemon.log())
        self.assertEqual(self.traces(), ["emperor-lost", "as-user-atexit"])


class VassalFailures(EmperorCase):
    def test_in_a_vassal(self) -> None:
        """An action that fails in a vassal ends that vassal alone, and the emperor tries again later."""
        daemon = self.reign("hook-as-vassal = exec:test $(basename $UWSGI_VASSAL_CONFIG) != bad.ini")
        self.vassal("bad.ini")
        self.vassal("good.ini")
        self.wait_answer("good")
        daemon.wait_for(r"hook-as-vassal: exec: command .* exited with non-zero code: 1")
        os.kill(self.ask("good"), signal.SIGKILL)
        self.wait_answer("good")
        self.end(daemon)
