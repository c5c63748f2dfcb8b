"""What a zygote tells the master about the applications it loaded: a table, as one line of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

from uwsgid.supervise.rows import AppFacts

if TYPE_CHECKING:
    from uwsgid.request.mounts import App


def app_facts(apps: Iterable[App]) -> tuple[AppFacts, ...]:
    """What is told of *apps*."""
    return tuple(
        AppFacts(app.id, app.modifier1, app.mountpoint, int(app.startup_time), app.chdir or "")
        for app in apps
    )


def describe_apps(apps: Iterable[App]) -> str:
    """The line that `read_apps` understands."""
    return json.dumps([astuple(facts) for facts in app_facts(apps)])


def read_apps(text: str) -> Sequence[AppFacts]:
    """The table that `describe_apps` put into words; empty where there is none."""
    rows: list[Any] = json.loads(text) if text else []
    return tuple(AppFacts(*row) for row in rows)
