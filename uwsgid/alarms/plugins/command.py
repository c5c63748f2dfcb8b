"""``cmd``: a command of the shell that finds the text on its standard input (core/alarm.c)."""

from __future__ import annotations

from typing import Final, Self

from uwsgid.alarms.plugins import Means
from uwsgid.config.settings import Settings
from uwsgid.errors import ConfigError
from uwsgid.families import alarms


@alarms.member("cmd")
class Command:
    """Runs a command of the shell, which reads the text on its standard input."""

    def __init__(self, command: str) -> None:
        self._command: Final = command

    @classmethod
    def from_argument(cls, argument: str, settings: Settings) -> Self:
        """:raises ConfigError: there is no command."""
        if not argument.strip():
            raise ConfigError("cmd: expected cmd:COMMAND")
        return cls(argument)

    def ring(self, alarm: str, text: bytes, means: Means) -> None:
        """Start it."""
        means.run(alarm, self._command, text)
