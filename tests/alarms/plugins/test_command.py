"""``cmd``."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.alarms.plugins.command import Command
from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError


class Helper:
    """Writes down what a plugin does."""

    def __init__(self) -> None:
        self.done: list[tuple[object, ...]] = []

    def run(self, alarm: str, command: str, text: bytes) -> None:
        self.done.append((alarm, command, text))

    def say(self, text: bytes) -> None:
        self.done.append((text,))


class CommandTests(SynchronousTestCase):
    def test_ring(self) -> None:
        """The command gets the text as it was."""
        helper = Helper()
        Command.from_argument("mail -s x root", settings_of("")).ring("box", b"text\n", helper)
        self.assertEqual(helper.done, [("box", "mail -s x root", b"text\n")])

    def test_nothing_to_run(self) -> None:
        """A command has to be there."""
        self.assertRaises(ConfigError, Command.from_argument, " ", settings_of(""))
