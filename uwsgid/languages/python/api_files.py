"""Functions of the ``uwsgi`` module that read files: packets, and anything a configuration can name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from uwsgid.config.facts import Facts
from uwsgid.config.sources import fetch_bytes
from uwsgid.errors import ConfigError, PeerError
from uwsgid.families import api_functions
from uwsgid.languages.python.context import as_text, here
from uwsgid.wire.uwsgi import read_vars

_HEADER = 4  #: modifier1, size (little endian), modifier2


@api_functions.member("parsefile")
def parsefile(path: str | bytes) -> dict[str, str] | None:
    """The variables of a file that holds one uwsgi packet; None, and a line in the log, where it does not."""
    name = as_text(path)
    try:
        data = Path(name).read_bytes()
        size = int.from_bytes(data[1:3], "little")
        block = data[_HEADER : _HEADER + size]
        if len(data) < _HEADER or len(block) < size:
            raise PeerError(f"the packet is cut: {len(data)} bytes of {_HEADER + size}")
        found: dict[str, Any] = {}
        read_vars(block, found, max_vars=1 << 16)
    except (OSError, PeerError) as error:
        here.say(f"uwsgi.parsefile({name}): {error}")
        return None
    return found


@api_functions.member("extract")
def extract(uri: str | bytes) -> bytes | None:
    """What stands at a path, or at ``http://``, ``sym://``, ``fd://`` …; None where it can not be had."""
    try:
        return fetch_bytes(as_text(uri), Facts.of_this_process())
    except ConfigError as error:
        here.say(f"uwsgi.extract({as_text(uri)}): {error}")
        return None
