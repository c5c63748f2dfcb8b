"""The last acts of the master: what ``vacuum`` removes, and goodbye."""

from __future__ import annotations

from uwsgid.host import vacuum
from uwsgid.master.inheritance import Inheritance
from uwsgid.supervise.processes import Endings


def say_goodbye(left: Inheritance) -> None:
    """Remove pid files and sockets under ``vacuum`` (``safe-pidfile`` always), and say the last line."""
    house = left.household
    tidy = house.settings[Endings].vacuum
    for label, path in left.removals:
        if tidy or label.startswith("safe-"):
            try:
                house.kernel.unlink(path)
            except OSError as error:
                left.say(f"VACUUM: {path} can not be removed: {error.strerror}")
            else:
                left.say(f"VACUUM: {label} removed.")
    if tidy:
        vacuum(house.kernel, house.listeners, left.say)
    left.say("goodbye to uWSGI.")
    left.logs.drain()
