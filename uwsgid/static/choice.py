"""Where a path may be found: decided from texts alone, without a look at any file.

The order is that of uWSGI (core/protocol.c, ``uwsgi_parse_vars``): the directories of ``check-static``, then
the mountpoints of ``static-map`` and ``static-map2``, then the document root.  Whoever has the file first
answers, and where nobody has it the application does.

Paths are bytes: names of files are, and what arrived is kept as it came.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from uwsgid.static.options import StaticFiles


@dataclass(frozen=True, slots=True)
class Root:
    """Where something may be found.

    :ivar path: a directory, or a file that is meant itself; absolute, without dots, as it was configured.
    """

    path: bytes

    @classmethod
    def at(cls, text: str | bytes) -> Root:
        """The root at a path of the configuration; a relative one is taken from where the worker runs."""
        return cls(os.path.abspath(os.fsencode(text)))

    def holds(self, path: bytes) -> bool:
        """Whether *path*, absolute and without links and dots, is this or beneath."""
        root = self.path
        return path == root or path.startswith(root if root == b"/" else root + b"/")


class Choice:
    """What the options say about paths.

    :param options: directories and mountpoints.
    """

    def __init__(self, options: StaticFiles) -> None:
        self._checks = [Root.at(text) for text in options.checks]
        self._maps = [(os.fsencode(point), Root.at(text), True) for point, text in options.maps]
        self._maps += [(os.fsencode(point), Root.at(text), False) for point, text in options.maps2]
        self._docroot = options.check_docroot
        self._skipped = tuple(os.fsencode(text) for text in options.skip_ext)

    def places(self, path: bytes, document_root: str) -> Iterator[tuple[Root, bytes]]:
        """Where to look for *path*, in order: a root and what follows below it.

        :param path: PATH_INFO.
        :param document_root: the variable of this name, empty where the front end did not say it.
        """
        if b"\0" in path or (self._skipped and path.endswith(self._skipped)):
            return
        for root in self._checks:
            yield root, path
        for point, root, cut in self._maps:
            # without regard to segments, as in uWSGI (core/static.c)
            if path.startswith(point):
                yield root, path[len(point) :] if cut else path
        if self._docroot and document_root:
            yield Root.at(document_root.encode("latin-1")), path
