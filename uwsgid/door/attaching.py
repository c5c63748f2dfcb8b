"""``uwsgid manhole site.ini``: where the manholes of a configuration are."""

from __future__ import annotations

import os
import socket

from uwsgid.config.facts import Facts
from uwsgid.config.index import index
from uwsgid.config.reading import read
from uwsgid.config.settings import judge_reading
from uwsgid.door import catalog
from uwsgid.errors import ConfigError
from uwsgid.isolation.options import Isolation
from uwsgid.manhole.options import UNIX, Manhole, Place


def manholes_of(config: str) -> tuple[Place, ...]:
    """The manholes of the instance that *config* describes, as they are seen from here.

    :raises ConfigError: the configuration can not be used.
    """
    catalog.load()
    names = index()
    try:
        reading = read(
            [config],
            dict(os.environ),
            facts=Facts.of_this_process(resolve=socket.gethostbyname),
            options=names,
        )
    except OSError as error:
        raise ConfigError(f"{error.filename}: {error.strerror}") from None
    settings = judge_reading(reading, names).settings_or_raise()
    places: tuple[Place, ...] = settings[Manhole].places
    root = settings[Isolation].chroot
    if not root:
        return places
    # the instance made its socket behind its chroot
    return tuple(
        Place(UNIX, path=os.path.join(root, place.path.lstrip("/"))) if place.kind == UNIX else place
        for place in places
    )
