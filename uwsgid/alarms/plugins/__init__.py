"""What an alarm does: the members of the family ``alarms``, uWSGI's alarm plugins.

A member is a class that fulfils `Alarm` and has a class method that is given what stands behind ``PLUGIN:``
in ``alarm``::

    @alarms.member("cmd")
    class Command:
        @classmethod
        def from_argument(cls, argument: str, settings: Settings) -> Command: ...

It raises `ConfigError` for an argument it can not use.  It is called when the configuration is checked and
again in the master, so it opens and starts nothing.

Alarms are raised in the master's reactor.  Whoever has to wait for somebody leaves that to a command
(`Means.run`), which is a process of its own.
"""

from __future__ import annotations

from typing import Protocol

from uwsgid.families import alarms


class Means(Protocol):
    """What an alarm can be raised with."""

    def run(self, alarm: str, command: str, text: bytes) -> None:
        """Have the shell run *command*, with *text* on its standard input; nobody waits for it."""

    def say(self, text: bytes) -> None:
        """Write *text* to the log, as a verbose line that raises no alarm itself."""


class Alarm(Protocol):
    """A way to raise alarm, with its argument."""

    def ring(self, alarm: str, text: bytes, means: Means) -> None:
        """Raise it.

        :param alarm: the name that it has in the configuration.
        :param text: what it is about; that of a record of the log ends with a newline.
        """


alarms.promise("uwsgid.alarms.plugins.command", "cmd")
alarms.promise("uwsgid.alarms.plugins.log", "log")
