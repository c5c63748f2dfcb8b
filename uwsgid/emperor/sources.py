"""What ``emperor = …`` means: a scheme that is known, a directory, or a pattern.  Pure but for the glob."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from uwsgid.errors import ConfigError

DIRECTORY: Final = "dir"
PATTERN: Final = "glob"
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


@dataclass(frozen=True, slots=True)
class Source:
    """Where vassals come from.

    :ivar scheme: which monitor looks there.
    :ivar text: what stands behind the scheme.
    :ivar written: as the configuration has it.
    """

    scheme: str
    text: str
    written: str


def classify(text: str, schemes: Collection[str], expand: Callable[[str], list[str]] = glob.glob) -> Source:
    """What *text* means.

    As in uWSGI (core/emperor.c) whatever expands to a single directory is one, and everything else is a
    pattern; a path with a slash at its end means a directory, even if that is missing.

    :param schemes: of all imperial monitors.
    :raises ConfigError: the scheme is none of these.
    """
    found = _SCHEME.match(text)
    if found:
        if found[1] not in schemes:
            known = ", ".join(f"{scheme}://" for scheme in sorted(schemes))
            raise ConfigError(f"emperor: nobody monitors {found[1]}:// ({text}); known: {known}")
        return Source(found[1], text[found.end() :], text)
    matches = expand(text) or [text]
    if len(matches) == 1 and (os.path.isdir(matches[0]) or matches[0].endswith("/")):
        return Source(DIRECTORY, matches[0], text)
    return Source(PATTERN, text, text)
