"""Hooks of real instances: in which order, by whom, and what becomes of those that fail."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Final

from tests.live.support import (
    SPAWNED,
    Daemon,
    LiveCase,
    fetch,
    free_port,
    requires,
    server_command,
    wait_until,
)

APP: Final = """
import os

def application(environ, start_response):
    start_response("200 OK", [])
    return [os.environ.get("FROM_A_HOOK", "nothing").encode()]
"""


class HookCase(LiveCase):
    """Instances whose hooks leave traces.

    :ivar port: where the instance answers.
    :ivar trace: the file in which hooks write.
    """

    def setUp(self) -> None:
        super().setUp()
        self.folder.chmod(0o777)
        self.port = free_port()
        self.trace = Path(self.path("trace"))
        (self.folder / "app.py").write_text(APP)

    def config(self, more: str) -> str:
        return (
            f"http-socket = 127.0.0.1:{self.port}\nwsgi-file = {self.path('app.py')}\nneed-app = true\n"
            f"master = true\n{more}\n"
        )

    def traces(self) -> list[str]:
        """What hooks wrote so far."""
        return self.trace.read_text().split("\n")[:-1] if self.trace.exists() else []

    def marks(self, *phases: str) -> str:
        """A hook for each phase that writes its name."""
        return "\n".join(f"hook-{phase} = appendn:{self.trace} {phase}" for phase in phases)

    def ready(self, config: str, **more: object) -> Daemon:
        """An instance that answered, so that everything before that is over."""
        daemon = self.serve(self.config(config), **more)  # type: ignore[arg-type]
        self.assertEqual(fetch(("127.0.0.1", self.port)).status, 200)
        return daemon

    def end(self, daemon: Daemon) -> int:
        """End an instance; its exit code."""
        daemon.signal(signal.SIGINT)
        return daemon.wait()

    def worker(self, daemon: Daemon) -> int:
        """The process of worker 1."""
        return int(daemon.wait_for(r"spawned uWSGI worker 1 .pid: (\d+)")[1])


class OrderTests(HookCase):
    PHASES: Final = (
        "asap", "pre-jail", "in-jail", "post-jail", "as-root", "as-user", "pre-app", "post-app",
        "post-fork", "accepting", "accepting-once", "accepting1", "accepting1-once", "as-user-atexit",
    )  # fmt: skip

    def test_a_life(self) -> None:
        """Each phase comes once, in its order, in the process and as the user that it belongs to."""
        requires("root")
        lines = "\n".join(
            f'exec-{phase} = echo "{phase} $(id -u)" >>{self.trace}'
            if phase not in _LATER
            else f'hook-{phase} = exec:echo "{phase} $(id -u)" >>{self.trace}'
            for phase in self.PHASES
        )
        self.trace.write_text("")
        self.trace.chmod(0o666)
        daemon = self.ready(f"unshare = uts\nuid = 33\ngid = 33\n{lines}")
        self.assertEqual(self.end(daemon), 0, daemon.log())
        early = ("asap", "pre-jail", "in-jail", "post-jail", "as-root")
        self.assertEqual(
            self.traces(), [f"{phase} {0 if phase in early else 33}" for phase in self.PHASES], daemon.log()
        )
        for line in (
            r'running "echo .*" \(pre-jail\)\.\.\.',
            r'running "echo .*" \(as root\)\.\.\.',
            r'running "echo .*" \(as uid: 33 gid: 33\) \.\.\.',
            r'running "exec:echo .*" \(accepting1-once\)\.\.\.',
        ):
            self.assertGreaterEqual(daemon.seen(line), 1, f"{line} in:\n{daemon.log()}")

    def test_an_ordinary_user(self) -> None:
        """Without root nothing is done as root, nor as the user who was dropped to."""
        requires("root", "setpriv")
        daemon = self.ready(
            self.marks("asap", "pre-jail", "in-jail", "as-root", "as-user", "pre-app"),
            prefix=("setpriv", "--reuid=1234", "--regid=1234", "--clear-groups"),
        )
        self.assertEqual(self.traces(), ["asap", "pre-jail", "in-jail", "pre-app"], daemon.log())

    def test_two_workers(self) -> None:
        """Each worker has its hooks, worker 1 some of its own, and a respawned one not those for once."""
        daemon = self.ready(
            "processes = 2\n"
            + self.marks("post-fork", "accepting", "accepting-once", "accepting1", "accepting1-once")
        )
        daemon.wait_for(SPAWNED, count=2)
        wait_until(lambda: len(self.traces()) == 8, "all hooks of both workers")
        counts = {phase: self.traces().count(phase) for phase in set(self.traces())}
        self.assertEqual(
            counts,
            {"post-fork": 2, "accepting": 2, "accepting-once": 2, "accepting1": 1, "accepting1-once": 1},
        )
        self.trace.unlink()
        os.kill(self.worker(daemon), signal.SIGKILL)
        wait_until(lambda: len(self.traces()) == 3, "the hooks of the next worker 1")
        self.assertEqual(self.traces(), ["post-fork", "accepting", "accepting1"])

    def test_reload(self) -> None:
        """A new generation loads again and welcomes its workers again; the start does not come back."""
        phases = ("asap", "pre-jail", "in-jail", "pre-app", "post-app", "post-fork", "accepting1-once")
        daemon = self.ready(self.marks(*phases, "as-user-atexit"))
        wait_until(lambda: len(self.traces()) == len(phases), "the hooks of the start")
        self.trace.unlink()
        daemon.signal(signal.SIGHUP)
        wait_until(lambda: len(self.traces()) == 4, "the hooks of the reload")
        self.assertEqual(self.traces(), ["pre-app", "post-app", "post-fork", "accepting1-once"])

    def test_starting_anew(self) -> None:
        """When the configuration changed, the end of the old image comes first, and pre-jail never again."""
        phases = ("asap", "pre-jail", "in-jail", "master-start", "as-user-atexit")
        config = self.config(self.marks(*phases))
        daemon = self.serve(config)
        wait_until(lambda: "master-start" in self.traces(), "the hooks of the start")
        self.assertEqual(self.traces(), ["asap", "pre-jail", "in-jail", "master-start"])
        self.trace.unlink()
        Path(self.path("site.ini")).write_text(f"[uwsgi]\n{config}# changed\n")
        daemon.signal(signal.SIGHUP)
        wait_until(lambda: "master-start" in self.traces(), "the hooks of the next image")
        self.assertEqual(self.traces(), ["as-user-atexit", "asap", "in-jail", "master-start"])


_LATER: Final = ("post-fork", "accepting", "accepting-once", "accepting1", "accepting1-once")


class FailureTests(HookCase):
    def refuse(self, config: str, *patterns: str, status: int = 1) -> Daemon:
        """An instance that ends by itself, and leaves nobody behind."""
        daemon = self.launch(self.config(config))
        self.assertEqual(daemon.wait(), status, daemon.log())
        for pattern in patterns:
            self.assertGreaterEqual(daemon.seen(pattern), 1, f"{pattern!r} in:\n{daemon.log()}")
        self.assertNotIn("Traceback", daemon.log())
        self.assertEqual(daemon.survivors(), [])
        return daemon

    def test_in_a_worker(self) -> None:
        """An action that fails in a worker is the end of the instance, with phase, action and reason."""
        for phase in ("post-fork", "accepting", "accepting-once", "accepting1", "accepting1-once"):
            self.refuse(
                f"processes = 2\nhook-{phase} = mkdir:/nowhere/at/all",
                "FATAL hook failed, destroying instance",
                rf"site.ini:\d+: hook-{phase}: mkdir: mkdir\(\): No such file .* \[/nowhere/at/all\]",
            )

    def test_in_the_master(self) -> None:
        """The same holds for the master."""
        self.refuse(
            "hook-master-start = exec:exit 9",
            'site.ini:.*: hook-master-start: exec: command "exit 9" exited with non-zero code: 9',
            "FATAL hook failed, destroying instance",
        )

    def test_before_the_application(self) -> None:
        """An application is not loaded when what comes before it fails."""
        daemon = self.refuse(
            f"exec-pre-app = false\nhook-post-app = appendn:{self.trace} post-app",
            'exec-pre-app: command "false" exited with non-zero code: 1',
            "FATAL hook failed",
        )
        self.assertEqual(daemon.seen("WSGI app 0"), 0)
        self.assertEqual(self.traces(), [])

    def test_at_the_start(self) -> None:
        """A start that fails ends at once, and has its last hooks all the same."""
        self.refuse(
            f"exec-pre-jail = kill -9 $$\nhook-in-jail = appendn:{self.trace} in-jail\n"
            f"hook-as-user-atexit = appendn:{self.trace} end",
            r'exec-pre-jail: command "kill -9 \$\$" exited with non-zero code: 137',
            "FATAL hook failed, destroying instance",
        )
        self.assertEqual(self.traces(), ["end"])

    def test_in_a_reload(self) -> None:
        """A reload whose hooks fail is called off, and the old workers go on serving."""
        for phase in ("pre-app", "accepting"):
            switch = Path(self.path(f"broken-{phase}"))
            daemon = self.ready(f"hook-{phase} = exec:test ! -e {switch}")
            switch.touch()
            daemon.signal(signal.SIGHUP)
            daemon.wait_for(r"\*\*\* reload failed: .*test ! -e")
            self.assertEqual(fetch(("127.0.0.1", self.port)).status, 200)
            self.assertEqual(daemon.seen("FATAL"), 0, daemon.log())
            self.assertEqual(self.end(daemon), 0)

    def test_exit(self) -> None:
        """An exit has the code that is written, also one of a single digit."""
        for code in (7, 17):
            self.refuse(f"hook-asap = exit:{code}", status=code)
        self.refuse("hook-master-start = exit:3", status=3)

    def test_at_the_end(self) -> None:
        """What fails at the end is told, and the next action is done."""
        daemon = self.ready("exec-as-user-atexit = false\nhook-as-user-atexit = exit:9")
        self.assertEqual(self.end(daemon), 0)
        self.assertEqual(daemon.seen(r"running \"exit:9\" \(atexit\)"), 1)

    def test_a_mistake(self) -> None:
        """A mistake is found before anything runs."""
        self.refuse(
            f"hook-asap = appendn:{self.trace} asap\nhook-as-root = mont:proc none /proc",
            "site.ini:.*: hook-as-root: hook action not found: mont; did you mean mount?",
        )
        self.assertEqual(self.traces(), [])


class ActionTests(HookCase):
    def test_environment(self) -> None:
        """What a hook puts into the environment is there for the application."""
        self.ready("hook-in-jail = putenv:FROM_A_HOOK=here it is")
        self.assertEqual(fetch(("127.0.0.1", self.port)).body, b"here it is")

    def test_functions(self) -> None:
        """Functions of C and of Python are called, as the manual of uWSGI does it."""
        (self.folder / "helpers.py").write_text(
            f"import os\n\ndef note(text):\n"
            f"    with open({str(self.trace)!r}, 'a') as file:\n        print(text, os.getcwd(), file=file)\n"
        )
        self.ready(
            "hook-pre-jail = callret:chdir /\nhook-as-user-atexit = print:over\n"
            "hook-pre-jail = call:helpers:note hello",
            environ={"PYTHONPATH": str(self.folder)},
        )
        self.assertEqual(self.traces(), ["hello /"])

    def test_private(self) -> None:
        """A private hook leaves no word of its text in the log."""
        daemon = self.ready("hook-asap = !putenv:FROM_A_HOOK=secret")
        self.assertEqual(fetch(("127.0.0.1", self.port)).body, b"secret")
        self.assertNotIn("secret", daemon.log())
        self.assertEqual(daemon.seen(r"^running --- PRIVATE HOOK --- \(asap\)\.\.\.$"), 1)

    def test_touch(self) -> None:
        """A file that is made, changed or removed has its actions done, while requests are served."""
        switch = Path(self.path("switch"))
        daemon = self.ready(
            f"hook-touch = {switch} exec:sleep 0.2; echo slow >>{self.trace}\n"
            f"hook-touch = {switch} exec:echo next >>{self.trace}; false\n"
        )
        daemon.wait_for("unable to stat.. .*switch, events will be triggered as soon as the file is created")
        for count, act in ((2, switch.touch), (4, lambda: os.utime(switch, (2e9, 2e9))), (6, switch.unlink)):
            act()
            self.assertEqual(fetch(("127.0.0.1", self.port)).status, 200)
            wait_until(lambda: len(self.traces()) == count, "the hooks of a touch")  # noqa: B023
        self.assertEqual(self.traces(), ["slow", "next"] * 3)
        daemon.wait_for("hook-touch: exec: command .* exited with non-zero code: 1", count=3)

    def test_signal(self) -> None:
        """A worker handles a signal as a hook says."""
        (self.folder / "helpers.py").write_text("def hear(number):\n    print('heard', number, flush=True)\n")
        daemon = self.ready(
            "hook-post-fork = unix_signal:12 helpers.hear\nhook-post-fork = print:installed",
            environ={"PYTHONPATH": str(self.folder)},
        )
        daemon.wait_for("^installed$")
        os.kill(self.worker(daemon), 12)
        daemon.wait_for("^heard 12$")

    def test_fifo(self) -> None:
        """A pipe gets its text as soon as somebody reads it."""
        fifo = self.path("fifo")
        daemon = self.launch(
            self.config(f"hook-as-user-atexit = print:x\nhook-in-jail = spinningfifo:{fifo} go")
        )
        daemon.wait_for("waiting for a reader of the fifo")
        os.mkfifo(fifo)
        with open(fifo) as reader:
            self.assertEqual(reader.read(), "go")
        daemon.wait_for(SPAWNED)

    def test_list(self) -> None:
        """``uwsgid hooks`` tells what would run, and runs nothing."""
        site = Path(self.path("site.ini"))
        site.write_text(f"[uwsgi]\n{self.config(self.marks('asap', 'accepting', 'as-user-atexit'))}")
        done = subprocess.run(
            [*server_command("uwsgid"), "hooks", str(site)], capture_output=True, text=True, timeout=30
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(
            [line.split()[0] for line in done.stdout.splitlines()],
            ["phase", "asap", "accepting", "as-user-atexit"],
        )
        self.assertEqual(self.traces(), [])


class MountTests(HookCase):
    """Real mounts, in a mount namespace of the instance, so that nothing of the machine changes."""

    def setUp(self) -> None:
        super().setUp()
        requires("root")
        for name in ("source", "target", "my target"):
            (self.folder / name).mkdir()
        (self.folder / "source" / "file").write_text("content")

    def inside(self, daemon: Daemon, command: str) -> str:
        """What a command says in the namespace of an instance."""
        done = subprocess.run(
            ["nsenter", f"--mount=/proc/{daemon.pid}/ns/mnt", "sh", "-c", command],
            capture_output=True,
            text=True,
            timeout=30,
        )
        return (done.stdout + done.stderr).strip()

    def test_phases(self) -> None:
        """Each phase of the start mounts and unmounts, by options and by actions."""
        requires("nsenter")
        target = self.folder / "target"
        daemon = self.ready(
            "unshare = fs\n"
            f"mount-post-jail = tmpfs none {target} nosuid,nodev size=1m\n"
            f"hook-as-root = mkdir:{target}/below\n"
            f"mount-as-root = none {self.folder}/source {target}/below bind,ro\n"
            f"exec-as-root = cat {target}/below/file >{self.trace}\n"
        )
        self.assertEqual(self.traces(), [])
        self.assertEqual(self.trace.read_text(), "content")
        self.assertEqual(list(target.iterdir()), [], "the mount is seen outside")
        self.assertIn("Read-only file system", self.inside(daemon, f"echo x >{target}/below/file"))
        self.assertIn("size=1024k", self.inside(daemon, f"grep {target} /proc/mounts"))
        for line in (
            rf'^mounting "tmpfs none {target} nosuid,nodev size=1m" \(post-jail\)\.\.\.$',
            rf'^mounting "none .*/source {target}/below bind,ro" \(as root\)\.\.\.$',
        ):
            self.assertEqual(daemon.seen(line), 1, daemon.log())

    def test_recursive_umount(self) -> None:
        """An umount takes what is below with it, the deepest first, also with a blank in its name."""
        requires("nsenter")
        target = self.folder / "my target"
        daemon = self.ready(
            "unshare = fs\n"
            f'hook-post-jail = mount:tmpfs none "{target}"\n'
            f'hook-post-jail = mkdir:"{target}/a b"\n'
            f'hook-post-jail = mount:tmpfs none "{target}/a b"\n'
            f'hook-post-jail = mkdir:"{target}/a b/c"\n'
            f'hook-post-jail = mount:tmpfs none "{target}/a b/c"\n'
            f"hook-post-jail = exec:grep -c {self.folder.name} /proc/mounts >{self.trace}\n"
            f'umount-as-root = "{target}" rec\n'
        )
        self.assertEqual(self.traces(), ["3"])
        self.assertEqual(self.inside(daemon, f"grep {self.folder.name} /proc/mounts"), "")

    def test_refused(self) -> None:
        """A mount that the kernel refuses ends the start, with what it said."""
        daemon = self.launch(self.config(f"unshare = fs\nmount-as-root = nosuchfs none {self.folder}/target"))
        self.assertEqual(daemon.wait(), 1)
        self.assertEqual(
            daemon.seen(
                r"site.ini:\d+: mount-as-root: uwsgi_mount\(\): No such device \[none on .*/target\]"
            ),
            1,
            daemon.log(),
        )
