"""The last acts of the master: what ``vacuum`` removes, and goodbye."""

from __future__ import annotations

from uwsgid.host import remove_pidfile, vacuum
from uwsgid.master.inheritance import Inheritance
from uwsgid.supervise.processes import Endings


def say_goodbye(left: Inheritance) -> None:
    """Remove pid files and sockets under ``vacuum`` (``safe-pidfile`` always), and say the last line.

    uWSGI does not try to remove ``pidfile`` where a ``uid`` was configured (core/uwsgi.c, vacuum), since it
    was written as root; here it is tried, as its folder may be the user's.
    """
    house = left.household
    tidy = house.settings[Endings].vacuum
    for label, path in left.removals:
        if tidy or label.startswith("safe-"):
            remove_pidfile(house.kernel, path, label, left.say)
    if tidy:
        vacuum(house.kernel, house.listeners, left.say)
    left.say("goodbye to uWSGI.")
    left.logs.drain()
