"""Which names are those of vassals, and the command line that a vassal gets.  Pure.

The command line is that of uWSGI 2.0, word for word, so that a vassal need not be one of ours::

    [--inherit F]… [--include F]… [--set K=V]… --TYPE NAME [--inherit F]… [--include F]…
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from uwsgid.emperor.options import VassalOptions

#: Suffixes of configurations, and the options that read them.
TYPES: Final = {
    ".xml": "xml",
    ".ini": "ini",
    ".yml": "yaml",
    ".yaml": "yaml",
    ".js": "json",
    ".json": "json",
}
LONGEST: Final = 254  #: bytes of a name (core/emperor.c)
ZERG: Final = ":zerg"


def fits(name: str) -> bool:
    """Whether *name* is short enough for a vassal."""
    return 0 < len(os.fsencode(name)) <= LONGEST


def is_vassal(name: str, extensions: Sequence[str]) -> bool:
    """Whether *name* has the suffix of a configuration.  Upper case is none, and a dot in front is no
    obstacle, as in uWSGI.

    :param extensions: ``emperor-extra-extension``; plain suffixes, with or without a dot.
    """
    return name.endswith((*TYPES, *extensions)) and fits(name)


def type_of(name: str, extensions: Sequence[str]) -> str:
    """The option that reads the configuration *name*; that of a zerg is its vassal's."""
    plain = name.removesuffix(ZERG)
    if plain.endswith(tuple(extensions)):
        return "config"
    return next((kind for suffix, kind in TYPES.items() if plain.endswith(suffix)), "inherit")


def command_line(name: str, kind: str, options: VassalOptions, *, scheme: str = "") -> tuple[str, ...]:
    """The words behind the program.

    :param kind: see `type_of`.
    :param scheme: ``exec`` for a configuration that is run, ``emperor`` for one that the emperor sends.
    """
    words: list[str] = []
    for option, values in (
        ("--inherit", options.inherit_before),
        ("--include", options.include_before),
        ("--set", options.set),
        (f"--{kind}", (f"{scheme}://{name}" if scheme else name,)),
        ("--inherit", options.inherit),
        ("--include", options.include),
    ):
        for value in values:
            words += (option, value)
    return tuple(words)
