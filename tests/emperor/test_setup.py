"""What is told at the start of an instance with an emperor."""

from __future__ import annotations

import os
import socket
import tempfile

from twisted.trial.unittest import SynchronousTestCase

from tests.emperor.support import SECTIONS
from uwsgid.config.settings import settings_of
from uwsgid.emperor.monitors import files
from uwsgid.emperor.setup import check_tyrant, emperors, monitors_of
from uwsgid.errors import ConfigError, KernelError
from uwsgid.host.capabilities import Capabilities
from uwsgid.host.kept import Kept
from uwsgid.host.privileges import Privileges
from uwsgid.supervise.gateways import Gateway
from uwsgid.testing import MemoryKernel

#: Sections have to be imported before a configuration is read.
ALL_SECTIONS = (*SECTIONS, Capabilities, Privileges)


class Setting(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="uwsgid-")
        self.addCleanup(self.remove)
        self.kernel = MemoryKernel(uid=0, gid=0, cwd=self.folder)
        self.kept = Kept(self.kernel)
        self.lines: list[str] = []

    def remove(self) -> None:
        for number in self.kept.descriptors():
            os.close(number)
        for name in os.listdir(self.folder):
            os.unlink(os.path.join(self.folder, name))
        os.rmdir(self.folder)

    def set_up(self, config: str) -> list[Gateway]:
        return list(emperors(settings_of(config), self.kernel, self.lines.append, self.kept))

    def test_none(self) -> None:
        """Without the option there is no emperor."""
        self.assertEqual(self.set_up("emperor-freq = 5"), [])

    def test_one(self) -> None:
        """Any number of sources is one emperor, which gets its mercy and a little more."""
        (gateway,) = self.set_up(f"emperor = {self.folder}\nemperor = {self.folder}/*.ini\nreload-mercy = 7")
        self.assertEqual((gateway.name, gateway.role, gateway.mercy), ("uWSGI Emperor", "emperor", 12))

    def test_empty(self) -> None:
        """A source without vassals is a warning."""
        self.set_up(f"emperor = {self.folder}/none")
        self.assertIn(f"there are no vassals in {self.folder}/none yet", self.lines[0])

    def test_on_demand_directory(self) -> None:
        """A directory of sockets that is missing is a warning with its place; one that is there is none."""
        self.set_up(f"emperor = {self.folder}/*.x\nemperor-on-demand-directory = {self.folder}/none")
        self.assertEqual(
            self.lines[0],
            f"*** WARNING: lines:2: emperor-on-demand-directory: {self.folder}/none is not a directory, "
            "so no vassal can wait for its first request there ***",
        )
        self.lines.clear()
        self.set_up(f"emperor = {self.folder}/*.x\nemperor-on-demand-directory = {self.folder}")
        self.assertEqual([line for line in self.lines if "on-demand" in line], [])

    def test_missing(self) -> None:
        """A directory that is missing is an error, and so is a scheme that nobody knows."""
        for source in (f"{self.folder}/none/", f"dir://{self.folder}/none", "foo://x"):
            with self.assertRaisesRegex(ConfigError, "emperor:"):
                self.set_up(f"emperor = {source}")

    def test_order(self) -> None:
        """Monitors are in the order of the configuration."""
        found = monitors_of(
            settings_of(f"emperor = {self.folder}/*.ini\nemperor = {self.folder}"), "/", print, lambda: 0.0
        )
        self.assertEqual([type(monitor) for monitor in found], [files.Pattern, files.Directory])

    def test_stats(self) -> None:
        """The socket of the statistics is bound now; one that is in use ends the start."""
        path = os.path.join(self.folder, "stats")
        self.set_up(f"emperor = {self.folder}\nemperor-stats = {path}")
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.connect(path)
        taken = socket.socket()
        self.addCleanup(taken.close)
        taken.bind(("127.0.0.1", 0))
        with self.assertRaisesRegex(KernelError, "another process has it"):
            self.set_up(f"emperor = {self.folder}\nemperor-stats = 127.0.0.1:{taken.getsockname()[1]}")

    def test_kept(self) -> None:
        """A socket that a former self left is used further."""
        path = os.path.join(self.folder, "stats")
        config = f"emperor = {self.folder}\nemperor-stats = {path}"
        self.set_up(config)
        before = self.kept.descriptors()
        self.set_up(config)
        self.assertEqual(self.kept.descriptors(), before)

    def test_commands(self) -> None:
        """The socket for commands is bound now as well, once."""
        path = os.path.join(self.folder, "commands")
        config = f"emperor = {self.folder}\nemperor-command-socket = {path}"
        self.set_up(config)
        self.set_up(config)
        self.assertEqual(len(self.kept.descriptors()), 1)

    def test_link(self) -> None:
        """Where vassals may outlive their emperor, the way to their nest is made now, once."""
        config = f"emperor = {self.folder}\nemperor-adopt-vassals = true"
        self.set_up(config)
        before = self.kept.descriptors()
        self.assertEqual(len(before), 3)
        self.set_up(config)
        self.assertEqual(self.kept.descriptors(), before)

    def test_stale_link(self) -> None:
        """One that a former image of this process left is no use: its nest has gone with its emperor."""
        config = f"emperor = {self.folder}\nemperor-adopt-vassals = true"
        stale = [os.open(os.devnull, os.O_RDONLY) for _ in range(3)]
        for name, descriptor in zip(("emperor", "nest", "lock"), stale, strict=True):
            self.kept._inherited[f"emperor-link {name}"] = descriptor
        self.set_up(config)
        links = [os.readlink(f"/proc/self/fd/{number}") for number in self.kept.descriptors()]
        self.assertNotIn(os.devnull, links)

    def test_list(self) -> None:
        """imperial-monitor-list prints all schemes, also where there is no emperor."""
        self.set_up("imperial-monitor-list = true")
        for scheme in ("dir", "glob"):
            self.assertIn(f"imperial monitor: {scheme}", self.lines)

    def test_bad_addresses(self) -> None:
        """An address that is none is a problem of the configuration, and so is an empty suffix."""
        for line in ("emperor-stats = [::1", "emperor-extra-extension = ", "emperor-freq = abc"):
            with self.assertRaises(ConfigError):
                settings_of(line)

    def test_warnings(self) -> None:
        """Files and programs that are missing are told now, and not by each vassal."""
        self.set_up(
            f"emperor = {self.folder}\nvassals-inherit = /none.ini\nvassals-include = http://x/y.ini\n"
            "vassals-start-hook = /bin/hook --now"
        )
        text = "\n".join(self.lines)
        self.assertIn("vassals-inherit: /none.ini does not exist", text)
        self.assertIn("it is one program, not a command with arguments", text)
        self.assertNotIn("http", text)


class Tyrants(SynchronousTestCase):
    """Who may be one."""

    def check(self, config: str, uid: int) -> None:
        check_tyrant(settings_of(config), MemoryKernel(uid=uid, gid=uid))

    def test_root(self) -> None:
        """Root may, as long as it stays root."""
        self.check("emperor-tyrant = true", 0)
        self.check("emperor-tyrant = true\nuid = www-data\nmaster-as-root = true", 0)
        self.check("uid = www-data", 1000)

    def test_others(self) -> None:
        """Others may with capabilities only."""
        for config, uid in (("", 1000), ("uid = www-data", 0)):
            with self.assertRaisesRegex(ConfigError, "can not become the owners"):
                self.check(f"emperor-tyrant = true\n{config}", uid)
        self.check("emperor-tyrant-nofollow = true\nuid = www-data\ncap = setgid,setuid", 0)
