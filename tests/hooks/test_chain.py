"""Phases as chains of actions: what is said, and what a failure leads to."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.hooks.support import Stage
from uwsgid.errors import ConfigError
from uwsgid.hooks import HookFailed, Phase, VassalFacts
from uwsgid.hooks.chain import phase_of
from uwsgid.hooks.running import drive


class ChainTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.stage = Stage()

    def run_phase(self, phase: Phase, config: str, *, again: bool = False) -> list[str]:
        self.stage.config = config
        self.stage.said.clear()
        drive(phase_of(phase, self.stage.scene(), again=again), self.stage.kernel)
        return self.stage.said

    def test_lines(self) -> None:
        """The log has uWSGI's lines, each with the label of its phase."""
        self.stage.kernel.mounts["/b"] = ("", "")
        self.assertEqual(
            self.run_phase(
                Phase.IN_JAIL,
                """
                hook-in-jail = putenv:A=1
                hook-in-jail = !putenv:B=1
                mount-in-jail = none /a /c bind
                umount-in-jail = /b
                exec-in-jail = true
                call-in-jail = getpid
                """,
            ),
            [
                'running "putenv:A=1" (in-jail)...',
                "running --- PRIVATE HOOK --- (in-jail)...",
                'mounting "none /a /c bind" (in-jail)...',
                'un-mounting "/b" (in-jail)...',
                'running "true" (in-jail)...',
            ],
        )

    def test_lines_of_users(self) -> None:
        """Commands of the user say who that is; actions do not."""
        for phase, label in ((Phase.AS_USER, "as user"), (Phase.AS_USER_ATEXIT, "atexit")):
            self.assertEqual(
                self.run_phase(phase, f"exec-{phase.value} = true\nhook-{phase.value} = putenv:A=1"),
                [f'running "putenv:A=1" ({label})...', 'running "true" (as uid: 0 gid: 0) ...'],
            )

    def test_a_fatal_failure(self) -> None:
        """What fails ends the chain, and is told with place, option and reason."""
        self.stage.kernel.exit_codes = {"false": 3}
        with self.assertRaisesRegex(
            HookFailed, r'^lines:1: exec-as-root: command "false" exited with non-zero code: 3$'
        ):
            self.run_phase(Phase.AS_ROOT, "exec-as-root = false\nexec-as-root = true")
        self.assertEqual(self.stage.kernel.calls, [("run_command", "/bin/sh", "false")])
        with self.assertRaisesRegex(
            ConfigError, r"^lines:1: hook-as-root: umount: uwsgi_umount\(\): Invalid argument \[/b\]$"
        ):
            self.run_phase(Phase.AS_ROOT, "hook-as-root = umount:/b")
        with self.assertRaisesRegex(
            ConfigError, r"^lines:1: umount-as-root: uwsgi_umount\(\): Invalid argument \[/b\]$"
        ):
            self.run_phase(Phase.AS_ROOT, "umount-as-root = /b")

    def test_another_failure(self) -> None:
        """Where no failure counts, it is told, and the others run."""
        self.stage.kernel.exit_codes = {"false": 1}
        self.assertEqual(
            self.run_phase(Phase.AS_USER_ATEXIT, "exec-as-user-atexit = false\nexec-as-user-atexit = true"),
            [
                'running "false" (as uid: 0 gid: 0) ...',
                'lines:1: exec-as-user-atexit: command "false" exited with non-zero code: 1',
                'running "true" (as uid: 0 gid: 0) ...',
            ],
        )

    def test_a_missing_function(self) -> None:
        """It ends a start before the jail, and is only logged as root."""
        self.assertEqual(
            self.run_phase(Phase.AS_ROOT, "call-as-root = uwsgid_no_function"),
            [
                'lines:1: call-as-root: unable to call function "uwsgid_no_function": '
                "this process has no C function of that name"
            ],
        )
        self.assertRaises(HookFailed, self.run_phase, Phase.PRE_JAIL, "call-pre-jail = uwsgid_no_function")

    def test_again(self) -> None:
        """What was done as root for a device that is still there may fail; other phases are stricter."""
        self.stage.kernel.exit_codes = {"false": 2}
        said = self.run_phase(Phase.AS_ROOT, "exec-as-root = false", again=True)
        self.assertIn("code: 2, which is no obstacle after a reload that kept its devices", said[-1])
        self.assertRaises(HookFailed, self.run_phase, Phase.IN_JAIL, "exec-in-jail = false", again=True)

    def test_codes_of_the_emperor(self) -> None:
        """After commands for a vassal their code is said, whatever it is."""
        self.stage.vassal = VassalFacts("a.ini", 5)
        self.stage.kernel.exit_codes = {"false": 1}
        self.assertEqual(
            self.run_phase(Phase.AS_EMPEROR, "exec-as-emperor = true\nexec-as-emperor = false"),
            [
                'running "true" (as-emperor)...',
                'command "true" exited with code: 0',
                'running "false" (as-emperor)...',
                'lines:2: exec-as-emperor: command "false" exited with code: 1',
            ],
        )

    def test_context(self) -> None:
        """Commands of vassals that wait are told their name once more."""
        self.stage.vassal = VassalFacts("a.ini")
        for phase in (Phase.AS_ON_DEMAND_VASSAL, Phase.AS_ON_CONFIG_VASSAL):
            self.stage.kernel.calls.clear()
            self.run_phase(phase, f"hook-{phase.value} = exec:true")
            self.assertIn("UWSGI_HOOK_CONTEXT=a.ini", self.stage.kernel.calls[0])

    def test_nothing(self) -> None:
        """A phase without hooks says nothing."""
        for phase in Phase:
            self.assertEqual(self.run_phase(phase, ""), [])
