"""Gateways, with a trivial one that a plugin of the test brings: its life, its device, and its end."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from pathlib import Path
from typing import Any, Final

import psutil

from tests.live.support import APPS, ROOT, Daemon, LiveCase, descriptors, requires, talk, wait_until

#: The line of the gateway: what happened, its pid and user, its device with the number of that, its word.
TOLD: Final = r"probe {}: pid (\d+) uid (\d+) gprobe0 is (\d+) word (\w+)"
RUNS: Final = TOLD.format("runs")
HEARD: Final = TOLD.format("heard")


class GatewayCase(LiveCase):
    """A test with an instance of its own network namespace and the gateway of `probe_gateway`."""

    def setUp(self) -> None:
        super().setUp()
        requires("root", "unshare", "ip")
        shutil.copy(APPS / "probe_gateway.py", self.folder)
        facts = self.folder / "probe_gateway-1.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: probe-gateway\nVersion: 1\n")
        (facts / "entry_points.txt").write_text("[uwsgid.plugins]\nprobe = probe_gateway\n")

    def config(self, more: str = "", *, word: str = "one") -> str:
        return f"plugin = probe\nprobe-device = gprobe0\nprobe-word = {word}\n{more}\n"

    def rewrite(self, config: str) -> None:
        (self.folder / "site.ini").write_text("[uwsgi]\n" + config)

    def start(self, config: str) -> Daemon:
        """Start the instance and wait until its gateway runs."""
        daemon = self.launch(
            config, prefix=("unshare", "-n"), environ={"PYTHONPATH": f"{self.folder}:{ROOT}"}
        )
        daemon.wait_for(RUNS)
        return daemon

    def inside(self, daemon: Daemon, *command: str) -> str:
        """What a command prints in the namespace of the daemon."""
        path = self.path("inside")
        status = os.system(f"nsenter -t {daemon.pid} -n {' '.join(command)} > {path} 2>&1")
        text = Path(path).read_text()
        self.assertEqual(status, 0, text)
        return text

    def gone(self, pid: int) -> None:
        """The process ends."""
        wait_until(lambda: not psutil.pid_exists(pid), f"process {pid} ends")


class LifeTests(GatewayCase):
    """Who keeps a gateway alive, and what ends it."""

    def test_comes_back(self) -> None:
        """A gateway that was killed is respawned; its device is the same, with its address."""
        daemon = self.start(
            self.config(
                "exec-as-root = ip addr add 192.0.2.1/24 dev gprobe0\nexec-as-root = ip link set gprobe0 up"
            )
        )
        first = daemon.wait_for(RUNS)
        os.kill(int(first[1]), signal.SIGKILL)
        daemon.wait_for(r"uWSGI probe 1 .* died, killed by signal 9 :\( trying respawn")
        second = daemon.wait_for(RUNS, count=2)
        daemon.wait_for(r"respawned uWSGI probe 1 \(pid: \d+\)")
        self.assertNotEqual(first[1], second[1])
        self.assertEqual(first[3], second[3])
        self.assertIn("192.0.2.1/24", self.inside(daemon, "ip", "addr"))

    def test_no_sockets(self) -> None:
        """An instance of gateways alone is one: it has no workers, and stops when it is told to."""
        daemon = self.start(self.config())
        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(), 0)
        daemon.wait_for("probe says goodbye")
        daemon.wait_for(r'gateway "uWSGI probe 1" has been buried')
        self.assertEqual(daemon.seen("spawned uWSGI worker"), 0, daemon.log())
        self.assertEqual(daemon.survivors(), [])

    def test_beside_workers(self) -> None:
        """Workers and a gateway live beside each other, and only the gateway has the device."""
        daemon = self.start(self.probe_config(workers=1) + self.config())
        worker = int(daemon.wait_for(r"spawned uWSGI worker 1 \(.*pid: (\d+)")[1])
        gateway = int(daemon.wait_for(RUNS)[1])

        def devices(pid: int) -> list[str]:
            return [target for target, _ in descriptors(pid) if target == "/dev/net/tun"]

        self.assertEqual((len(devices(gateway)), devices(worker)), (1, []))
        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(), 0)
        self.assertEqual(daemon.survivors(), [])

    def test_the_master_is_killed(self) -> None:
        """The kernel ends a gateway together with its master."""
        daemon = self.start(self.config())
        gateway = int(daemon.wait_for(RUNS)[1])
        daemon.signal(signal.SIGKILL)
        self.gone(gateway)
        wait_until(lambda: not daemon.survivors(), "nobody is left")

    def test_privileges(self) -> None:
        """With master-as-root the gateway drops its privileges itself; otherwise it never has any."""
        for more in ("", "master-as-root = true"):
            daemon = self.start(self.config(f"uid = nobody\ngid = nogroup\n{more}"))
            self.assertNotEqual(daemon.wait_for(RUNS)[2], "0", daemon.log())
            daemon.signal(signal.SIGINT)
            self.assertEqual(daemon.wait(), 0)

    def test_statistics(self) -> None:
        """The document of the stats server has the gateways."""
        daemon = self.start(self.config(f"stats = {self.path('stats.sock')}"))
        pid = int(daemon.wait_for(RUNS)[1])
        # the gateway is there before the master serves statistics, and before it knows of that
        (row,) = wait_until(lambda: [row for row in self.rows() if row["ready"]], "the gateway is ready")
        self.assertEqual((row["name"], row["pid"], row["ready"]), ("uWSGI probe 1", pid, 1))

    def rows(self) -> list[dict[str, Any]]:
        """What the statistics say of gateways; nothing before there are any."""
        try:
            found: list[dict[str, Any]] = json.loads(talk(self.path("stats.sock"), b""))["gateways"]
        except OSError:
            return []
        return found


class ReloadTests(GatewayCase):
    """What becomes of a gateway when the configuration changes."""

    def test_a_new_image(self) -> None:
        """Where it can not take the change itself, all starts anew, and the device and its address stay."""
        daemon = self.start(self.config("exec-as-root = ip addr add 192.0.2.1/24 dev gprobe0"))
        first = daemon.wait_for(RUNS)
        self.rewrite(
            self.config("exec-as-root = ip addr add 192.0.2.1/24 dev gprobe0\nprobe-other = new", word="two")
        )
        daemon.signal(signal.SIGHUP)
        second = daemon.wait_for(RUNS, count=2)
        self.assertEqual((first[3], second[4]), (second[3], "two"), daemon.log())
        self.assertNotEqual(first[1], second[1])
        self.assertIn("192.0.2.1/24", self.inside(daemon, "ip", "addr"))
        self.assertNotIn("UWSGID_KEPT", Path(f"/proc/{second[1]}/environ").read_text().split("="))

    def test_a_device_that_goes(self) -> None:
        """A device that the new configuration does not have is closed, and with it the interface."""
        daemon = self.start(self.config())
        self.rewrite(self.probe_config(workers=1) + "plugin = probe\n")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for(r"spawned uWSGI worker 1 ")
        wait_until(lambda: "gprobe0" not in self.inside(daemon, "ip", "link"), "the device is gone")

    def test_it_takes_the_change(self) -> None:
        """Where only its own options changed, the same process goes on with them, and its successors do."""
        daemon = self.start(self.config())
        first = daemon.wait_for(RUNS)
        self.rewrite(self.config(word="two"))
        daemon.signal(signal.SIGHUP)
        heard = daemon.wait_for(HEARD)
        self.assertEqual((heard[1], heard[3], heard[4]), (first[1], first[3], "two"))
        os.kill(int(first[1]), signal.SIGKILL)
        self.assertEqual(daemon.wait_for(RUNS, count=2)[4], "two")
        self.assertEqual(daemon.seen("binary reloading"), 0, daemon.log())

    def test_a_hangup_of_its_own(self) -> None:
        """HUP to the gateway alone makes it read the configuration; a broken one changes nothing."""
        daemon = self.start(self.config())
        pid = int(daemon.wait_for(RUNS)[1])
        self.rewrite(self.config("processes = many"))
        os.kill(pid, signal.SIGHUP)
        daemon.wait_for(r"probe stays as it was: .*site.ini:\d+: processes")
        self.rewrite(self.config(word="three"))
        os.kill(pid, signal.SIGHUP)
        self.assertEqual(daemon.wait_for(HEARD)[4], "three")
        wait_until(lambda: re.search("three", daemon.log()), "it is logged")


class HookTests(GatewayCase):
    """Commands at the phases of a start."""

    def test_order(self) -> None:
        """Each phase has its time, devices are there as root, and the last commands run at the end."""
        said = self.path("said")
        phases = "asap pre-jail in-jail as-root as-user pre-app post-app as-user-atexit"
        Path(said).touch()
        os.chmod(said, 0o666)
        self.folder.chmod(0o777)
        commands = "\n".join(
            f"exec-{phase} = echo {phase} $(id -u) $(ip -o link | grep -c gprobe0) >> {said}"
            for phase in phases.split()
        )
        daemon = self.start(
            self.probe_config(workers=1, more="uid = nobody\ngid = nogroup\n") + self.config(commands)
        )
        daemon.wait_for(r"spawned uWSGI worker 1 ")
        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(), 0)
        lines = Path(said).read_text().splitlines()
        self.assertEqual([line.split()[0] for line in lines], phases.split(), daemon.log())
        devices = {line.split()[0]: line.split()[2] for line in lines}
        self.assertEqual([devices[name] for name in ("pre-jail", "in-jail", "as-root")], ["0", "1", "1"])
        users = {line.split()[0]: line.split()[1] for line in lines}
        self.assertEqual({users["asap"], users["as-root"]}, {"0"})
        self.assertNotIn("0", {users["as-user"], users["pre-app"], users["as-user-atexit"]})
        daemon.wait_for(r'running "echo as-root .*" \(as root\)\.\.\.')

    def test_a_log_that_we_read(self) -> None:
        """With log-master a command may say more than fits in the pipe, and a start that fails says why."""
        for command, code in (("seq 1 100000", 0), ("seq 1 100000; false", 1)):
            daemon = self.launch(
                self.probe_config(workers=1, more=f"log-master = true\nexec-as-root = {command}")
            )
            daemon.wait_for("^100000$")
            if code:
                daemon.wait_for(r"site.ini:\d+: exec-as-root: command .* exited with non-zero code: 1$")
                self.assertEqual(daemon.wait(), 1)
            else:
                daemon.wait_for("spawned uWSGI worker 1 ")
                daemon.signal(signal.SIGINT)
                self.assertEqual(daemon.wait(), 0)

    def test_failure(self) -> None:
        """A command that fails ends the start with its line, and so does one that a signal ended."""
        for command, code in (("exit 3", 3), ("kill -9 $$", 137)):
            daemon = self.launch(self.config(f"exec-as-root = {command}"), prefix=("unshare", "-n"))
            self.assertEqual(daemon.wait(), 1)
            daemon.wait_for(rf"site.ini:\d+: exec-as-root: command .* exited with non-zero code: {code}$")
