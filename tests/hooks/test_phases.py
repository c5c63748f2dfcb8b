"""Phases: which option belongs to which, and who fails how."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError
from uwsgid.hooks import phases
from uwsgid.testing import MemoryKernel

PHASES = (
    "asap", "pre-jail", "post-jail", "in-jail", "as-root", "as-user", "pre-app", "post-app", "as-user-atexit",
)  # fmt: skip
CONFIG = "\n".join(f"exec-{phase} = echo {phase}" for phase in PHASES)


class PhaseTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.kernel = MemoryKernel(uid=0, gid=0)
        self.settings = settings_of(CONFIG)
        self.said: list[str] = []

    def test_each(self) -> None:
        """Each phase runs its own commands, with the words that uWSGI's log has for it."""
        for run, line in (
            (phases.run_asap, 'running "echo asap" (asap)...'),
            (phases.run_pre_jail, 'running "echo pre-jail" (pre-jail)...'),
            (phases.run_in_jail, 'running "echo in-jail" (in-jail)...'),
            (phases.run_as_root, 'running "echo as-root" (as root)...'),
            (phases.run_as_user, 'running "echo as-user" (as uid: 0 gid: 0) ...'),
            (phases.run_pre_app, 'running "echo pre-app" (pre app)...'),
            (phases.run_post_app, 'running "echo post-app" (post app)...'),
            (phases.run_atexit, 'running "echo as-user-atexit" (as uid: 0 gid: 0) ...'),
        ):
            self.said.clear()
            run(self.settings, self.kernel, self.said.append)
            self.assertEqual(self.said, [line])

    def test_a_jail(self) -> None:
        """Without a jail nothing runs in one."""
        phases.run_post_jail(self.settings, self.kernel, self.said.append)
        self.assertEqual(self.said, [])
        phases.run_post_jail(self.settings, self.kernel, self.said.append, jailed=True)
        self.assertEqual(self.said, ['running "echo post-jail" (post-jail)...'])

    def test_not_root(self) -> None:
        """Who is not root runs nothing as root, and is told so."""
        self.assertTrue(phases.run_as_root(self.settings, self.kernel, self.said.append))
        self.said.clear()
        self.kernel.uid = 1000
        self.assertFalse(phases.run_as_root(self.settings, self.kernel, self.said.append))
        self.assertEqual(self.said, [])

    def test_as_root_again(self) -> None:
        """An address that a device has already is no obstacle after a reload that kept it."""
        self.kernel.exit_codes = {"echo as-root": 2}
        self.assertRaises(ConfigError, phases.run_as_root, self.settings, self.kernel, self.said.append)
        self.assertTrue(phases.run_as_root(self.settings, self.kernel, self.said.append, again=True))
        self.assertIn("exited with non-zero code: 2, which is no obstacle", self.said[-1])

    def test_the_end(self) -> None:
        """At the end a failure is logged, and the others run."""
        self.settings = settings_of("exec-as-user-atexit = false\nexec-as-user-atexit = true")
        self.kernel.exit_codes = {"false": 1}
        phases.run_atexit(self.settings, self.kernel, self.said.append)
        self.assertEqual(
            [line.split(" (")[0] for line in self.said],
            ['running "false"', 'command "false" exited with non-zero code: 1', 'running "true"'],
        )
