"""What a zygote tells the master about the applications it loaded: a table, as one text.

The fields of each application, a NUL behind every one: neither a path nor a mount point has one.  The master
reads the text when somebody asks for statistics.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from uwsgid.supervise.rows import AppFacts

if TYPE_CHECKING:
    from uwsgid.request.mounts import App

_FIELDS: Final = 5


def app_facts(apps: Iterable[App]) -> tuple[AppFacts, ...]:
    """What is told of *apps*."""
    return tuple(
        AppFacts(app.id, app.modifier1, app.mountpoint, int(app.startup_time), app.chdir or "")
        for app in apps
    )


def describe_apps(apps: Iterable[App]) -> str:
    """The text that `read_apps` understands."""
    return "".join(
        f"{app.id}\0{app.modifier1}\0{app.mountpoint}\0{int(app.startup_time)}\0{app.chdir or ''}\0"
        for app in apps
    )


def read_apps(text: str) -> Sequence[AppFacts]:
    """The table that `describe_apps` put into words; of a text that was cut, what is whole."""
    fields = text.split("\0")[:-1]
    rows = zip(*(fields[number::_FIELDS] for number in range(_FIELDS)), strict=False)
    return tuple(
        AppFacts(int(id), int(modifier1), mountpoint, int(startup_time), chdir)
        for id, modifier1, mountpoint, startup_time, chdir in rows
    )
