"""Vassals that are files: the monitors ``dir://`` and ``glob://``, which differ in where names come from.

A vassal is a regular file with the name of a configuration.  One look costs a stat for each; the emperor is
woken by the kernel when a directory changes, or the file that a link in it leads to, and looks every
``emperor-freq`` seconds as well.
"""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterable, Iterator, Mapping

from uwsgid.emperor.monitors.monitor import Circumstances, Look, Monitor
from uwsgid.emperor.names import fits, is_vassal
from uwsgid.emperor.options import EmperorOptions
from uwsgid.emperor.sighting import Sighting
from uwsgid.errors import ConfigError
from uwsgid.families import imperial_monitors

_MAGIC = frozenset("*?[")


class FileMonitor(Monitor):
    """What both have in common.

    :ivar cwd: where its vassals start.
    """

    def __init__(self, text: str, circumstances: Circumstances) -> None:
        super().__init__(text, circumstances)
        self._complained: set[str] = set()
        self._links: dict[tuple[int, int], str] = {}
        self._broken: set[str] = set()  # links that were told about

    @property
    def links(self) -> Mapping[tuple[int, int], str]:
        return self._links

    def names(self) -> Iterable[tuple[str, os.stat_result, bool]]:
        """Names and facts of what is there, and whether each is a link.

        :raises OSError: it can not be told.
        """
        raise NotImplementedError

    def look(self) -> Look:
        options: EmperorOptions = self.circumstances.options
        found: dict[str, Sighting] = {}
        links: dict[tuple[int, int], str] = {}
        try:
            for name, facts, is_link in self.names():
                kind = stat.S_IFMT(facts.st_mode)
                if kind != stat.S_IFREG and not (options.nofollow and kind == stat.S_IFLNK):
                    continue
                uid, gid = facts.st_uid, facts.st_gid
                if options.tyrant_nofollow and not options.nofollow:
                    link = os.lstat(os.path.join(self.cwd, name))
                    uid, gid = link.st_uid, link.st_gid
                if is_link and kind == stat.S_IFREG:
                    links[facts.st_dev, facts.st_ino] = os.path.join(self.cwd, name)
                mark = (facts.st_mtime_ns, facts.st_ino, facts.st_size)
                found[name] = Sighting(name, facts.st_mtime, mark, uid, gid)
        except OSError as error:
            self.complain(f"{self.text}: {error.strerror}; its vassals stay as they are")
            return None
        self.content()
        self._links = links
        return found

    def facts(self, path: str) -> os.stat_result | None:
        """What a stat says, of the link itself where links are not followed; None for what is gone.

        A link to nowhere, or to itself, is told once, until it leads somewhere.
        """
        options: EmperorOptions = self.circumstances.options
        try:
            facts = os.lstat(path) if options.nofollow else os.stat(path)
        except OSError as error:
            if path not in self._broken and os.path.islink(path):
                self._broken.add(path)
                self.circumstances.say(
                    f"*** WARNING: emperor: {path} is a link that leads to no vassal: {error.strerror} ***"
                )
            return None  # also what was removed since it was listed
        self._broken.discard(path)
        return facts

    def has_name(self, name: str) -> bool:
        """Whether *name* is that of a vassal; one that is too long is told once."""
        extensions = self.circumstances.options.extensions
        if is_vassal(name, extensions):
            return True
        if not fits(name) and is_vassal(name[-8:], extensions) and name not in self._complained:
            self._complained.add(name)
            self.circumstances.say(f"invalid vassal name: {name}")
        return False


@imperial_monitors.member("dir")
class Directory(FileMonitor):
    """Every configuration in a directory is a vassal, whose id is the bare name of the file."""

    def __init__(self, text: str, circumstances: Circumstances) -> None:
        """:raises ConfigError: there is no such directory."""
        if not os.path.isdir(text):
            raise ConfigError(f"emperor: {text} is not a directory; make it before the emperor starts")
        path = os.path.realpath(text)
        super().__init__(path, circumstances)
        self.cwd = path

    @property
    def directories(self) -> tuple[str, ...]:
        return (self.cwd,)

    def names(self) -> Iterator[tuple[str, os.stat_result, bool]]:
        with os.scandir(self.cwd) as entries:
            for entry in entries:
                if self.has_name(entry.name) and (facts := self.facts(entry.path)) is not None:
                    yield entry.name, facts, entry.is_symlink()


@imperial_monitors.member("glob")
class Pattern(FileMonitor):
    """Every configuration that a pattern matches is a vassal, whose id is the path as it is matched."""

    @property
    def directories(self) -> tuple[str, ...]:
        folder = os.path.dirname(self.text)
        if _MAGIC.intersection(folder):
            # those that exist now; new ones are found by the next look
            found = glob.glob(os.path.join(self.cwd, folder))
            return tuple(path for path in found if os.path.isdir(path))
        return (os.path.join(self.cwd, folder),)

    def names(self) -> Iterator[tuple[str, os.stat_result, bool]]:
        for path in glob.glob(self.text, root_dir=self.cwd):
            full = os.path.join(self.cwd, path)
            if self.has_name(path) and (facts := self.facts(full)) is not None:
                yield path, facts, os.path.islink(full)
