"""What an emperor leaves to its successor about a vassal: a text that the nest keeps with its descriptors."""

from __future__ import annotations

import json
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Final

from uwsgid.emperor.sighting import Sighting

if TYPE_CHECKING:
    from uwsgid.emperor.vassal import Vassal

#: What a vassal has achieved, and keeps.
ACHIEVEMENTS: Final = (
    "born", "last_modified", "first_run", "last_run", "last_heartbeat", "loyal", "ready", "accepting",
    "last_loyal", "last_ready", "last_accepting", "respawns",
)  # fmt: skip


def write(vassal: Vassal) -> str:
    """All that a successor has to know of *vassal*."""
    sighting = vassal.sighting
    about: dict[str, Any] = {
        "name": vassal.name,
        "zerg": vassal.zerg,
        "monitor": vassal.monitor.text,
        "sighting": [
            sighting.name,
            sighting.modified,
            sighting.mark,
            sighting.uid,
            sighting.gid,
            sighting.socket,
        ],
        "address": vassal.on_demand,
        "has_config": vassal.config is not None,
        **{name: getattr(vassal, name) for name in ACHIEVEMENTS},
    }
    return json.dumps(about, separators=(",", ":"))


def read(text: str) -> tuple[dict[str, Any], Sighting]:
    """What `write` wrote, and the vassal as its monitor saw it.

    :raises ValueError: the text is none of these.
    """
    try:
        about: dict[str, Any] = json.loads(text)
        name, modified, mark, uid, gid, socket = about["sighting"]
        return about, Sighting(name, modified, _hashable(mark), uid, gid, None, socket)
    except (TypeError, KeyError) as error:
        raise ValueError(str(error)) from None


def _hashable(mark: Any) -> Hashable:
    """JSON has no tuples."""
    return tuple(_hashable(part) for part in mark) if isinstance(mark, list) else mark
