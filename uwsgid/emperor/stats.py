"""The imperial bureau of statistics: what is known of the vassals, with the keys of uWSGI 2.0 in their order.

All times are whole unix seconds, 0 for never.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from uwsgid import __version__
from uwsgid.interfaces import IKernel

if TYPE_CHECKING:
    from uwsgid.emperor.throttle import Item
    from uwsgid.emperor.vassal import Vassal


def document(
    kernel: IKernel,
    *,
    monitors: Sequence[str],
    tyrant: bool,
    throttle: int,
    vassals: Iterable[Vassal],
    blacklist: Iterable[Item],
) -> dict[str, Any]:
    """The whole document.

    :param monitors: the texts of all monitors.
    :param throttle: ``emperor-throttle``.
    """
    return {
        "version": __version__,
        "pid": kernel.getpid(),
        "uid": kernel.getuid(),
        "gid": kernel.getgid(),
        "cwd": kernel.getcwd(),
        "emperor": list(monitors),
        "emperor_tyrant": int(tyrant),
        "throttle_level": throttle // 1000,
        "vassals": [vassal_row(vassal) for vassal in vassals],
        "blacklist": [item_row(item) for item in blacklist],
    }


def vassal_row(vassal: Vassal) -> dict[str, Any]:
    """One vassal."""
    return {
        "id": vassal.name,
        "pid": vassal.pid,
        "born": int(vassal.born),
        "last_mod": int(vassal.last_modified),
        "last_heartbeat": int(vassal.last_heartbeat),
        "loyal": int(vassal.loyal),
        "ready": int(vassal.ready),
        "accepting": int(vassal.accepting),
        "last_loyal": int(vassal.last_loyal),
        "last_ready": int(vassal.last_ready),
        "last_accepting": int(vassal.last_accepting),
        "first_run": int(vassal.first_run),
        "last_run": int(vassal.last_run),
        "cursed": int(vassal.cursed),
        "zerg": int(vassal.zerg),
        "on_demand": vassal.on_demand,
        "uid": vassal.sighting.uid,
        "gid": vassal.sighting.gid,
        "monitor": vassal.monitor.text,
        "respawns": vassal.respawns,
    }


def item_row(item: Item) -> dict[str, Any]:
    """One vassal on the blacklist."""
    return {
        "id": item.name,
        "throttle_level": int(item.rest),
        "attempt": item.attempt,
        "first_attempt": int(item.first),
        "last_attempt": int(item.last),
    }
