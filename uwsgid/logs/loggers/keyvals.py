"""Arguments of the form ``key=value,key=value``, as uWSGI has them (core/utils.c, uwsgi_kvlist_parse)."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping

from uwsgid.config.kinds import FALSE, TRUE
from uwsgid.errors import ConfigError


def read_pairs(argument: str, where: str, keys: Collection[str]) -> dict[str, str]:
    """The pairs of *argument*; a key alone has the value ``true``.

    :param where: the engine, for messages, which do not repeat values: they may be secrets.
    :param keys: those that are known.
    :raises ConfigError: nobody knows a key, or it is there twice.
    """
    found: dict[str, str] = {}
    for part in argument.split(","):
        key, equals, value = part.partition("=")
        if not part:
            continue
        if key not in keys:
            near = difflib.get_close_matches(key, keys, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(keys)}"
            raise ConfigError(f"{where}: there is no key {key!r}; {hint}")
        if key in found:
            raise ConfigError(f"{where}: {key} is there twice")
        found[key] = value if equals else "true"
    return found


def read_flag(pairs: Mapping[str, str], key: str, where: str) -> bool:
    """Whether *key* is on.

    :raises ConfigError: its value is neither true nor false.
    """
    word = pairs.get(key, "false").lower()
    if word not in TRUE | FALSE:
        raise ConfigError(f"{where}: {key}: expected true or false, got {word!r}")
    return word in TRUE
