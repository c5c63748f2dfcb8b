"""Loggers of tests: members of the family that remember what they were told."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import ClassVar

from tests.logs.test_pipeline import Notebook
from uwsgid.config.settings import Settings
from uwsgid.errors import ConfigError, KernelError
from uwsgid.families import loggers


class Remembering(Notebook):
    """A logger of these tests, under the names ``notebook`` and ``slowbook``."""

    made: ClassVar[dict[str, Remembering]] = {}
    refuse: ClassVar[set[str]] = set()

    @classmethod
    def check_argument(cls, argument: str, settings: Settings) -> None:
        if argument == "bad":
            raise ConfigError("notebook:bad: not this one")

    @classmethod
    def from_argument(cls, argument: str, settings: Settings) -> Remembering:
        cls.check_argument(argument, settings)
        if argument in cls.refuse:
            raise KernelError(f"can not open {argument}")
        cls.made[argument] = cls()
        return cls.made[argument]

    def text(self) -> bytes:
        return b"".join(each for each in self.said if isinstance(each, bytes))


class SlowlyRemembering(Remembering):
    SLOW = True

    def write(self, records: Sequence[bytes]) -> None:
        assert threading.current_thread() is not threading.main_thread()
        super().write(records)


class Fussy(Remembering):
    @classmethod
    def from_argument(cls, argument: str, settings: Settings) -> Fussy:
        raise ConfigError("fussybook: never")


loggers.member("notebook")(Remembering)
loggers.member("fussybook")(Fussy)
loggers.member("slowbook")(SlowlyRemembering)
