"""Loggers that write to what is open already: a descriptor by its number, or standard output.

Who reads at the other end may stop to, so both write from a thread of their own.
"""

from __future__ import annotations

import os
from typing import ClassVar

from uwsgid.config.settings import Settings
from uwsgid.errors import ConfigError, KernelError
from uwsgid.families import loggers
from uwsgid.logs.files import DescriptorLogger


def _copy(descriptor: int) -> int:
    try:
        return os.dup(descriptor)
    except OSError as error:
        raise KernelError(f"can not log to descriptor {descriptor}: {error.strerror}") from None


@loggers.member("fd")
class NumberedDescriptor(DescriptorLogger):
    """Writes to the descriptor of that number, which whoever started the instance has opened.

    1 and 2 are what they were at the start, and not the log pipe that children find there.
    """

    SLOW: ClassVar[bool] = True

    @classmethod
    def check_argument(cls, argument: str, settings: Settings) -> None:
        """:raises ConfigError: it is no number."""
        if not (argument.isascii() and argument.isdecimal()):
            raise ConfigError(f"fd:{argument}: expected the number of an open descriptor, such as fd:3")

    @classmethod
    def from_argument(cls, argument: str, settings: Settings) -> NumberedDescriptor:
        """What ``logger = fd:3`` names.

        :raises ConfigError: it is no number.
        :raises KernelError: nothing is open there.
        """
        cls.check_argument(argument, settings)
        return cls(_copy(int(argument)))


@loggers.member("stdio")
class StandardOutput(DescriptorLogger):
    """Writes to the standard output that the instance was started with (uWSGI 2.0)."""

    SLOW: ClassVar[bool] = True

    @classmethod
    def from_argument(cls, argument: str, settings: Settings) -> StandardOutput:
        """What ``logger = stdio`` names; it takes no argument, and uWSGI ignores one.

        :raises KernelError: standard output is closed.
        """
        return cls(_copy(1))
