"""How long an answer may be kept: the header ``Expires``.

uWSGI asks its rules in groups, by name of file, then PATH_INFO, then URI, then type, and adds a header for
each group that has one (core/static.c).  A second Expires means nothing to anybody, so the first one is all
there is here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from uwsgid.static.options import StaticAnswers

Rules = Sequence[tuple[re.Pattern[bytes], int]]


class Lifetime:
    """The rules of a configuration."""

    def __init__(self, options: StaticAnswers) -> None:
        self._names = (options.expires, options.expires_mtime)
        self._paths = (options.expires_path, options.expires_path_mtime)
        self._uris = (options.expires_uri, options.expires_uri_mtime)
        self._types = dict(reversed(options.expires_type))
        self._types_mtime = dict(reversed(options.expires_type_mtime))
        #: whether there are any
        self.any = any((*self._names, *self._paths, *self._uris, self._types, self._types_mtime))

    def end(self, now: float, mtime: float, name: bytes, path: bytes, uri: bytes, kind: str) -> float | None:
        """When an answer expires, in unix seconds; None where nothing is said.

        :param now: unix seconds, as is *mtime*, when the file was changed.
        :param name: the real path of the file.
        :param path: PATH_INFO.
        :param kind: its MIME type, empty for none.
        """
        for (since_now, since_mtime), text in (
            (self._names, name),
            (self._paths, path),
            (self._uris, uri),
        ):
            for rules, start in ((since_now, now), (since_mtime, mtime)):
                for pattern, seconds in rules:
                    if pattern.search(text):
                        return start + seconds
        if kind in self._types:
            return now + self._types[kind]
        if kind in self._types_mtime:
            return mtime + self._types_mtime[kind]
        return None
