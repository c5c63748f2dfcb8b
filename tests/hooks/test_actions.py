"""Commands: which shell runs them, and what a failure reads like."""

from __future__ import annotations

import errno
import stat

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.directive import Origin
from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError
from uwsgid.hooks.actions import Command, choose_shell, run_all, run_one
from uwsgid.hooks.phases import Hooks
from uwsgid.testing import MemoryKernel


def command(text: str, line: int = 14) -> Command:
    return Command("exec-as-root", text, Origin("shop.ini", line))


class Running(SynchronousTestCase):
    def setUp(self) -> None:
        self.kernel = MemoryKernel(uid=0)
        self.said: list[str] = []

    def test_in_order(self) -> None:
        """Commands run one after the other, each with its line."""
        run_all(
            self.kernel, (), (command("ip link set lo up"), command("true")), "(as root)...", self.said.append
        )
        self.assertEqual(
            self.kernel.calls,
            [("run_command", "/bin/sh", "ip link set lo up"), ("run_command", "/bin/sh", "true")],
        )
        self.assertEqual(
            self.said, ['running "ip link set lo up" (as root)...', 'running "true" (as root)...']
        )

    def test_a_failure(self) -> None:
        """The first that fails ends it, with its place and its code."""
        self.kernel.exit_codes = {"false": 3}
        with self.assertRaisesRegex(
            ConfigError, r'^shop.ini:14: exec-as-root: command "false" exited with non-zero code: 3$'
        ):
            run_all(self.kernel, (), (command("false"), command("true")), "(as root)...", self.said.append)
        self.assertEqual(self.kernel.calls, [("run_command", "/bin/sh", "false")])

    def test_no_shell(self) -> None:
        """A shell that can not be run is a failure like others."""
        self.kernel.fail("run_command", errno.ENOENT)
        self.assertEqual(
            run_one(self.kernel, (), command("true"), "(asap)...", self.said.append),
            'command "true" can not be run: No such file or directory',
        )

    def test_the_shell(self) -> None:
        """The first of binsh that can be executed, and /bin/sh where none can."""
        self.kernel.add_file("/bin/dash", mode=stat.S_IFREG | 0o755)
        self.kernel.add_file("/bin/text", mode=stat.S_IFREG | 0o644)
        self.kernel.add_file("/bin/dir", mode=stat.S_IFDIR | 0o755)
        self.assertEqual(
            choose_shell(self.kernel, ("/nowhere", "/bin/text", "/bin/dir", "/bin/dash")), "/bin/dash"
        )
        self.assertEqual(choose_shell(self.kernel, ("/nowhere",)), "/bin/sh")


class Reading(SynchronousTestCase):
    def test_origin(self) -> None:
        """A command knows its option and where it stands."""
        (read,) = settings_of("exec-pre-app = make all")[Hooks].pre_app
        self.assertEqual((read.option, read.text, str(read)), ("exec-pre-app", "make all", "make all"))
        self.assertIn(":", str(read.origin))

    def test_empty(self) -> None:
        """A hook without a command is a mistake."""
        with self.assertRaisesRegex(ConfigError, "exec-as-root: expected a command, got none"):
            settings_of("exec-as-root =  ")
