"""A vassal that outlived its emperor becomes the vassal of the next one, and notices nothing."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from typing import Any

from uwsgid.emperor import legacy
from uwsgid.emperor.keeping import Survivor
from uwsgid.emperor.monitors.monitor import Monitor
from uwsgid.emperor.ondemand import Wakeup
from uwsgid.emperor.pipe import ConfigPipe, Pipe
from uwsgid.emperor.vassal import Realm, Vassal


def adopt(
    survivor: Survivor, realm: Realm, monitors: Sequence[Monitor], welcome: Callable[[Vassal], None]
) -> bool:
    """Go on with a vassal of a predecessor.

    :param welcome: is given the vassal before it runs as one of ours.
    :returns: False where it is none that we know: its descriptors are closed, and since nobody holds its pipe
        any more it leaves.
    """
    *ends, pidfd = survivor.descriptors
    try:
        about, sighting = legacy.read(survivor.about)
        monitor = next(each for each in monitors if each.text == about["monitor"])
    except (ValueError, StopIteration):
        for descriptor in survivor.descriptors:
            os.close(descriptor)
        return False
    reactor: Any = realm.reactor
    pipe = socket.socket(fileno=ends.pop(0))
    config = ConfigPipe(socket.socket(fileno=ends.pop(0))) if about["has_config"] else None
    wakeup = None
    if about["address"]:
        wakeup = Wakeup(reactor, about["address"], socket.socket(fileno=ends.pop(0)))
    vassal = Vassal(realm, monitor, sighting, name=about["name"] if about["zerg"] else "", wakeup=wakeup)
    for name in legacy.ACHIEVEMENTS:
        setattr(vassal, name, about[name])
    welcome(vassal)
    realm.say(f"[emperor] adopted the uwsgi instance {vassal.name} (pid: {survivor.pid})")
    talk = Pipe(reactor, pipe, vassal.hear, vassal.life.lost)
    vassal.survive(survivor.pid, pidfd, talk, config)
    return True
