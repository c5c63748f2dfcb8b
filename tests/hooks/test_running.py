"""Hooks in processes that may wait."""

from __future__ import annotations

import errno
import os

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.hooks import HookFailed, Phase, VassalFacts, run, running
from uwsgid.testing import MemoryKernel


class RunningTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.kernel = MemoryKernel(uid=0, gid=0)
        self.said: list[str] = []

    def test_nothing_is_wanted(self) -> None:
        """Without a hook nothing is prepared for one."""
        self.patch(running, "Scene", None)
        run(Phase.POST_JAIL, settings_of(), self.kernel, self.said.append)
        self.assertEqual(self.kernel.calls, [])

    def test_variables(self) -> None:
        """Commands get what is for them alone; our environment stays as it is."""
        run(
            Phase.POST_JAIL,
            settings_of("exec-post-jail = true"),
            self.kernel,
            self.said.append,
            variables={"UWSGI_JAIL_PID": "12"},
        )
        self.assertEqual(self.kernel.calls, [("run_command", "/bin/sh", "true", "UWSGI_JAIL_PID=12")])
        self.assertNotIn("UWSGI_JAIL_PID", os.environ)

    def test_vassal(self) -> None:
        """Phases of vassals tell commands whom they are about."""
        run(
            Phase.AS_EMPEROR,
            settings_of("hook-as-emperor = exec:true\nexec-as-emperor = true"),
            self.kernel,
            self.said.append,
            vassal=VassalFacts("a.ini", 5),
        )
        self.assertEqual([("UWSGI_VASSAL_PID=5" in call) for call in self.kernel.calls], [True, True])

    def test_meanwhile(self) -> None:
        """Somebody can read what commands say, also while an action waits."""
        looks: list[int] = []

        def look() -> None:
            looks.append(1)
            self.kernel.add_file("/x")

        self.kernel.fail("stat", errno.ENOENT, 3)
        run(
            Phase.AS_ROOT,
            settings_of("hook-as-root = wait_for_fs:/x\nexec-as-root = true\nwait-for-fs-timeout = 1"),
            self.kernel,
            self.said.append,
            meanwhile=look,
            sleep=lambda seconds: None,
        )
        self.assertGreater(len(looks), 2)
        self.assertEqual(self.said[-1], 'running "true" (as root)...')

    def test_no_shell(self) -> None:
        """A shell that can not be run is a failure of its action."""
        self.kernel.fail("run_command", errno.EACCES)
        with self.assertRaisesRegex(HookFailed, 'command "true" can not be run: Permission denied'):
            run(Phase.ASAP, settings_of("exec-asap = true"), self.kernel, self.said.append)

    def test_exit(self) -> None:
        """An exit is one."""
        error = self.assertRaises(
            SystemExit,
            run,
            Phase.ASAP,
            settings_of("hook-asap = exit:3\nhook-asap = print:never"),
            self.kernel,
            self.said.append,
        )
        self.assertEqual((error.code, self.said), (3, ['running "exit:3" (asap)...']))
