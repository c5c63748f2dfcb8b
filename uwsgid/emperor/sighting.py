"""What an imperial monitor sees: a vassal that ought to be there."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sighting:
    """One vassal as its source has it now.

    :ivar name: its id.
    :ivar modified: unix seconds, for statistics.
    :ivar mark: differs from the one before where the configuration changed.
    :ivar uid: the owner, whom it becomes under a tyrant; with `gid`.
    :ivar config: the text of its configuration, where that is no file.
    :ivar socket: the address that wakes it, where its source says so.
    """

    name: str
    modified: float
    mark: Hashable
    uid: int = 0
    gid: int = 0
    config: bytes | None = None
    socket: str = ""
