"""What every language answers when it was told to load its applications."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LoadOutcome:
    """What came of loading.

    :ivar loaded: how many applications are in the table because of it.
    :ivar failed: how many could not be loaded.
    :ivar exit_code: the status this process has to leave with, None to go on.
    :ivar reason: why it has to, for the log.
    """

    loaded: int = 0
    failed: int = 0
    exit_code: int | None = None
    reason: str = ""
