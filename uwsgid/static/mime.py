"""The MIME type of a file, by the end of its name.

Tables have the form of ``/etc/mime.types``.  As in uWSGI (core/mime.c) the end of a name is what follows its
last dot, where that is letters and digits, and upper case is not lower case; a name whose end nobody knows
has no type, and nothing is guessed from the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

#: Where the types are that a system knows.
SYSTEM: Final = "/etc/mime.types"

_END: Final = re.compile(rb"\.([0-9A-Za-z]+)\Z")


class MimeTypes:
    """Types by the ends of names."""

    def __init__(self, types: dict[bytes, str]) -> None:
        self._types = types

    @classmethod
    def load(cls, paths: Iterable[str], say: Callable[[str], None]) -> MimeTypes:
        """The types of these files, or those of the system where there are none.

        :param say: is told of files that can not be read.
        """
        types: dict[bytes, str] = {}
        chosen = tuple(paths)
        for path in chosen or (SYSTEM,):
            try:
                with open(path, "rb") as file:
                    types.update(parse(file))
            except OSError as error:
                said = f"{error.strerror}; " if chosen else ""
                say(f"!!! no {path} file found !!! ({said}types that are built in are used)")
                types = {**_built_in(), **types}
        return cls(types)

    def of(self, path: bytes) -> str:
        """The type of the file at *path*, empty where its name does not tell."""
        found = _END.search(path)
        return self._types.get(found[1], "") if found is not None else ""


def parse(lines: Iterable[bytes]) -> dict[bytes, str]:
    """The types of a table: a type and ends of names in each line, ``#`` begins a comment."""
    types = {}
    for line in lines:
        words = line.partition(b"#")[0].split()
        if words:
            kind = words[0].decode("latin-1")
            if kind.isascii() and kind.isprintable():
                types.update(dict.fromkeys(words[1:], kind))
    return types


def _built_in() -> dict[bytes, str]:
    import mimetypes  # which is large, and seldom needed

    table = mimetypes.MimeTypes(filenames=()).types_map[True]
    return {ending[1:].encode(): kind for ending, kind in table.items()}
