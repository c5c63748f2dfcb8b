"""The hooks of an emperor."""

from __future__ import annotations

import os
import signal
import tempfile

from tests.emperor.support import EmperorCase, MemoryVassal
from uwsgid.config.settings import settings_of
from uwsgid.emperor.hooks import run_inside
from uwsgid.hooks import Hooks, Phase, Scene, VassalFacts
from uwsgid.testing import MemoryKernel


class Hooking(EmperorCase):
    """When they run, and what their failure does.  The actions are those that need no process."""

    def vassal(self, config: str) -> MemoryVassal:
        return self.one(config)

    def test_each_birth(self) -> None:
        """hook-as-emperor runs after each birth, the one before the vassal before it."""
        vassal = self.one("hook-as-emperor = print:after\nhook-as-emperor-before-vassal = print:before")
        self.assertEqual([line for line in self.lines if line in ("before", "after")], ["before", "after"])
        vassal.exit()
        self.run_for(1)
        self.birth()
        self.assertEqual(self.lines.count("after"), 2)

    def test_a_birth_that_is_called_off(self) -> None:
        """A failure before the birth calls it off; it is tried again later."""
        self.begin("hook-as-emperor-before-vassal = unlink:/none/file")
        self.monitor.put("a.ini")
        self.look()
        self.assertEqual(self.names, [])
        self.assertLogged("/none/file")
        self.assertEqual([item.name for item in self.emperor.rests.blacklist], ["a.ini"])

    def test_start(self) -> None:
        """hook-emperor-start runs once before the first look; its failure is the end."""
        self.begin("hook-emperor-start = print:begin")
        self.assertEqual(self.lines.count("begin"), 1)
        self.begin("hook-emperor-start = unlink:/none/file")
        self.assertEqual(self.ends, 1)

    def test_on_demand(self) -> None:
        """Those of a vassal on demand run when it begins to wait, and when its configuration changes then."""
        folder = tempfile.mkdtemp(prefix="uwsgid-")
        self.addCleanup(os.rmdir, folder)
        self.addCleanup(os.unlink, f"{folder}/a.socket")
        self.begin(
            f"emperor-on-demand-directory = {folder}\nhook-as-on-demand-vassal = print:waits\n"
            "hook-as-on-config-vassal = print:changed"
        )
        self.monitor.put("a.ini")
        self.look()
        self.assertEqual(self.lines[-1], "waits")
        self.monitor.put("a.ini", 2)
        self.look()
        self.assertEqual(self.lines[-1], "changed")

    def test_inside(self) -> None:
        """hook-as-emperor-setns forks, and the child enters what is asked for."""
        self.kernel.forks.append(77)
        self.kernel.running.add(77)
        self.one("hook-as-emperor-setns = net,uts print:inside")
        self.assertEqual(self.emperor._hooks.pids, {77})
        self.kernel.end(77, None, signal.SIGTERM)
        self.poll()
        self.assertEqual(self.emperor._hooks.pids, set())

    def test_the_child(self) -> None:
        """The child opens all doors first, since behind one of them the others may be out of sight."""
        kernel = MemoryKernel(uid=0)
        for name in ("net", "mnt"):
            kernel.write_file(f"/proc/55/ns/{name}", b"")
        kernel.calls.clear()
        settings = settings_of("hook-as-emperor-setns = net,mnt print:inside")
        (hook,) = settings[Hooks].of(Phase.AS_EMPEROR_SETNS)
        lines: list[str] = []
        run_inside(hook, Scene(settings, kernel, lines.append, vassal=VassalFacts("a.ini", 55)))
        self.assertEqual([call[0] for call in kernel.calls if call[0] == "setns"], ["setns", "setns"])
        self.assertEqual(lines[-1], "inside")
