"""``%d``, ``%n`` and the other magic variables, put into the text of a file before it is parsed.

A ``%`` and the letter or digit after it always disappear: what is not defined becomes nothing, and a literal
``%Y`` of a date has to be written ``%%Y``, as in uWSGI (core/config.c).  ``%(`` stays for
`uwsgid.config.expand`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from uwsgid.config.facts import Facts
from uwsgid.config.sources import has_scheme

_VARIABLE: Final = re.compile(r"%([A-Za-z0-9%\[])")


@dataclass(frozen=True, slots=True)
class Magic:
    """The variables of one file.

    :ivar variables: letter or digit to text; what is missing is empty.
    """

    variables: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def for_source(
        cls, name: str, facts: Facts, *, section: str | None = None, first: Magic | None = None
    ) -> Magic:
        """The variables of a source.

        :param name: the file as given, without its section.  Standard input and other schemes have no more
            than a name; uWSGI 1.9.16 would go on with those of the file before (core/config.c).
        :param first: the magic of the first file that was not included, inherited or a positional argument;
            its variables are there in capitals.
        """
        found = {
            "v": facts.cwd,
            "V": facts.version,
            "h": facts.hostname,
            "b": facts.binary,
            "k": str(facts.cpus),
            "t": str(facts.started // 1_000_000),
            "T": str(facts.started),
            "u": str(facts.uid),
            "U": facts.user,
            "g": str(facts.gid),
            "G": facts.group,
            "%": "%",
            "[": "\033",
        }
        if first is not None:
            found |= {letter.upper(): first.variables.get(letter, "") for letter in "odspcenxij"}
        found["o"] = name
        if name != "-" and not has_scheme(name):
            found |= _of_path(os.path.normpath(os.path.join(facts.cwd, name)))
            found["x"] = section or ""
        return cls(found)

    def substitute(self, text: str) -> str:
        """*text* with its magic variables replaced."""
        return _VARIABLE.sub(lambda match: self.variables.get(match[1], ""), text)


def _of_path(path: str) -> dict[str, str]:
    directory, base = os.path.split(path)
    stem, dot, extension = base.rpartition(".")
    parts = [part for part in directory.split("/") if part]
    try:
        inode = str(os.stat(path).st_ino)
    except OSError:
        inode = ""
    return {
        "p": path,
        "s": base,
        "d": directory.rstrip("/") + "/",
        "n": stem if dot else base,
        "e": extension if dot else "",
        "c": parts[-1] if parts else "",
        "i": inode,
        "j": f"{_djb33x(os.fsencode(path)):08x}",
        **{str(number): part for number, part in enumerate(parts[:10])},
    }


def _djb33x(data: bytes) -> int:
    result = 5381
    for byte in data:
        result = ((result << 5) + result & 0xFFFFFFFF) ^ byte
    return result
