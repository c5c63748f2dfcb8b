"""What the kernel tells of an instance that gave up powers, joined groups or waited for others."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from pathlib import Path
from typing import Final

import psutil
from twisted.trial.unittest import SkipTest

from tests.live.support import APPS, SPAWNED, Daemon, LiveCase, requires, uwsgi_fetch, wait_until
from uwsgid.host import filters
from uwsgid.host.capabilities import mask_of, parse_capabilities

UNIFIED: Final = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))
SETS: Final = ("CapInh", "CapPrm", "CapEff", "CapAmb")


def status(process: psutil.Process) -> dict[str, str]:
    """What /proc tells of a process."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def low_port() -> int:
    """A port that only root may listen on, and that nobody listens on."""
    for port in range(1023, 512, -1):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise SkipTest("needs a free port below 1024")


class PowerTests(LiveCase):
    """Capabilities and filters."""

    def setUp(self) -> None:
        super().setUp()
        requires("root")
        self.folder.chmod(0o777)

    def start(self, more: str, *, user: str = "uid = nobody\ngid = nogroup\n") -> Daemon:
        return self.serve(self.probe_config(workers=1, more=f"{user}{more}"))

    def test_nothing_is_left(self) -> None:
        """Without cap, no process of the instance has any capability, or could get one by inheriting it."""
        daemon = self.start("")

        def has_nothing(process: psutil.Process) -> None:
            told = status(process)
            self.assertEqual({told[name] for name in SETS}, {"0" * 16})

        daemon.examine(has_nothing)

    def test_what_is_kept(self) -> None:
        """With cap every process has exactly the list, and listens on a low port with it."""
        port = low_port()
        daemon = self.start(f"cap = net_bind_service,sys_nice\nsocket = 127.0.0.1:{port}")
        mask = f"{mask_of(parse_capabilities('net_bind_service,sys_nice')):016x}"
        self.assertEqual(daemon.seen(r"setting capability net_bind_service \[10\]"), 1, daemon.log())

        def has_the_list(process: psutil.Process) -> None:
            told = status(process)
            self.assertEqual({told[name] for name in SETS}, {mask}, daemon.log())
            self.assertNotIn("0", told["Uid"].split())

        daemon.examine(has_the_list)
        self.assertEqual(uwsgi_fetch(("127.0.0.1", port)).status, 200)

    def test_confined(self) -> None:
        """no-new-privs and the filter hold in every process; a reload loads no filter twice."""
        if filters.binding() is None:
            raise SkipTest("needs a binding of libseccomp")
        # who is not root may not be able to execute this very interpreter
        daemon = self.start("no-new-privs = true\nseccomp = server", user="")

        def is_confined(process: psutil.Process) -> None:
            told = status(process)
            self.assertEqual((told["NoNewPrivs"], told["Seccomp"]), ("1", "2"))
            self.assertEqual(told.get("Seccomp_filters", "1"), "1", daemon.log())

        for reloaded in (False, True):
            if reloaded:
                path = self.folder / "site.ini"
                path.write_text(path.read_text() + "threads = 2\n")
                daemon.signal(signal.SIGHUP)
                daemon.wait_for(SPAWNED, count=2)
            daemon.examine(is_confined)
            self.assertEqual(uwsgi_fetch(self.path("app.sock")).status, 200)
        self.assertEqual(daemon.seen("seccomp profile server is in force"), 1, daemon.log())

    def test_only_workers(self) -> None:
        """With master-as-root the master keeps its powers, and every worker has but the list."""
        daemon = self.start("master-as-root = true\ncap = kill\nno-new-privs = true")
        worker = int(uwsgi_fetch(self.path("app.sock"), "/pid").body)
        self.assertEqual(status(psutil.Process(daemon.pid))["NoNewPrivs"], "0")
        told = status(psutil.Process(worker))
        self.assertEqual((told["CapPrm"], told["NoNewPrivs"]), (f"{1 << 5:016x}", "1"))

    def test_vassals(self) -> None:
        """With emperor-cap no process of a vassal of roots has more, executed or not; the emperor has all."""
        vassals = self.folder / "vassals"
        for executed in (False, True):
            vassals.mkdir()
            (vassals / "shop.ini").write_text("[uwsgi]\n" + self.probe_config(workers=1))
            daemon = self.launch(
                f"emperor = {vassals}\nemperor-cap = kill,chown\nemperor-exec = {executed}\n"
            )
            daemon.wait_for(SPAWNED)
            self.assertEqual(daemon.seen(r"capabilities applied for vassal shop.ini \(pid: \d+\)"), 1)
            worker = psutil.Process(int(uwsgi_fetch(self.path("app.sock"), "/pid").body))
            allowed = f"{mask_of(parse_capabilities('kill,chown,setpcap')):016x}"
            for process in (worker, *worker.parents()[:1]):
                told = status(process)
                self.assertEqual((told["CapBnd"], told["CapPrm"], told["CapEff"]), (allowed,) * 3, told)
            self.assertNotEqual(status(psutil.Process(daemon.pid))["CapPrm"], allowed)
            daemon.close()
            shutil.rmtree(vassals)

    def test_unknown(self) -> None:
        """A capability that does not exist, and a jail on Linux, end the start."""
        for line, said in (
            ("cap = net_row", "cap: unknown capability: net_row; did you mean net_raw"),
            ("jail = /jails/shop", "option jail needs FreeBSD"),
            ("libjail = persist", "option jail2 needs FreeBSD"),
        ):
            daemon = self.launch(self.probe_config(more=line))
            self.assertEqual(daemon.wait(), 1, daemon.log())
            self.assertEqual(daemon.seen(said), 1, daemon.log())


class GroupTests(LiveCase):
    """Control groups."""

    def test_all_processes(self) -> None:
        """The whole instance is in the group, with its limits, and leaves an empty one behind."""
        requires("root")
        above = next((path for path in UNIFIED if (path / "cgroup.controllers").exists()), None)
        if above is None:
            raise SkipTest("needs control groups of version 2")
        group = above / f"uwsgid-live-{os.getpid()}"
        daemon = self.serve(
            self.probe_config(
                more=f"cgroup = {group}\ncgroup-opt = cgroup.max.depth=2\ncgroup-opt = quatsch.max=1\n"
                "cgroup-dir-mode = 0750"
            ),
            workers=2,
        )
        self.assertEqual(daemon.seen(rf"assigned process {daemon.pid} to cgroup {group}/cgroup.procs"), 1)
        self.assertEqual(daemon.seen("WARNING: cgroup-opt quatsch.max: not written"), 1, daemon.log())
        self.assertEqual((group / "cgroup.max.depth").read_text(), "2\n")

        def is_in_the_group(process: psutil.Process) -> None:
            self.assertIn(str(process.pid), (group / "cgroup.procs").read_text().split())

        daemon.examine(is_in_the_group)
        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(), 0, daemon.log())
        wait_until(lambda: not (group / "cgroup.procs").read_text(), "the group is empty")
        group.rmdir()


class WaitTests(LiveCase):
    """Starts that wait."""

    def test_for_a_socket(self) -> None:
        """The start goes on when somebody listens."""
        path = self.path("database.sock")
        daemon = self.launch(self.probe_config(workers=1, more=f"wait-for-socket = {path}"))
        daemon.wait_for(rf"waiting for socket {path} \(max 60 seconds\)")
        self.assertFalse(os.path.exists(self.path("app.sock")))
        with socket.socket(socket.AF_UNIX) as database:
            database.bind(path)
            database.listen()
            daemon.wait_for(rf"socket {path} is there")
        daemon.wait_for(SPAWNED)

    def test_in_vain(self) -> None:
        """The start ends with the reason; also without root."""
        daemon = self.launch(
            self.probe_config(more=f"wait-for-dir = {APPS / 'probe.py'}\nwait-for-fs-timeout = 1")
        )
        self.assertEqual(daemon.wait(), 1, daemon.log())
        self.assertEqual(daemon.seen("probe.py unavailable after 1 seconds: it is not a directory"), 1)

    def test_check_mount(self) -> None:
        """The instance ends with code 1 when a path can not be asked any more."""
        mounted = Path(self.path("m"))
        mounted.mkdir()
        daemon = self.serve(self.probe_config(workers=1, more=f"check-mount = /\ncheck-mount = {mounted}"))
        mounted.rmdir()
        daemon.wait_for(f"mountpoint {mounted} failed, triggering detonation...")
        self.assertEqual(daemon.wait(), 1, daemon.log())
        wait_until(lambda: not daemon.survivors(), "nobody is left")
