"""What actions have to work with."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from tests.hooks.support import Stage
from uwsgid.config.settings import settings_of
from uwsgid.hooks import Deed, Failed, Scene, VassalFacts
from uwsgid.hooks.scene import Shell, choose_shell
from uwsgid.testing import MemoryKernel


class SceneTests(SynchronousTestCase):
    def test_environment(self) -> None:
        """Unless somebody gives another one, the environment is that of the process."""
        self.assertIs(Scene(settings_of(""), MemoryKernel(), print).environ, os.environ)

    def test_shell(self) -> None:
        """A command has the variables of its vassal, and those of the occasion win."""
        scene = Stage(vassal=VassalFacts("a.ini", 5, 1, 2)).scene()
        scene.variables = {"UWSGI_JAIL_PID": "7", "UWSGI_VASSAL_PID": "9"}
        self.assertEqual(
            scene.shell("true"),
            Shell(
                "/bin/sh",
                "true",
                {
                    "UWSGI_VASSAL_CONFIG": "a.ini",
                    "UWSGI_VASSAL_PID": "9",
                    "UWSGI_VASSAL_UID": "1",
                    "UWSGI_VASSAL_GID": "2",
                    "UWSGI_JAIL_PID": "7",
                },
            ),
        )

    def test_no_process_yet(self) -> None:
        """A vassal without a process has no number to tell."""
        self.assertNotIn("UWSGI_VASSAL_PID", VassalFacts("a.ini").variables())

    def test_no_shell(self) -> None:
        """Where none can be executed it is /bin/sh."""
        self.assertEqual(choose_shell(MemoryKernel(), ("/nowhere",)), "/bin/sh")

    def test_discretion(self) -> None:
        """A failure without secrets tells the same to everybody."""
        failed = Failed("text")
        self.assertEqual((failed.text, failed.discreet, str(failed)), ("text", "text", "text"))

    def test_deed(self) -> None:
        """A deed is done at once, and asks nothing of anybody."""
        done: list[str] = []

        class Note(Deed):
            def act(self, scene: Scene) -> None:
                done.append("noted")

        self.assertEqual((list(Note().perform(Stage().scene())), done), ([], ["noted"]))
