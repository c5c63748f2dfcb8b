"""Vassals that are files, in real directories."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.emperor.monitors.files import Directory, Pattern
from uwsgid.emperor.monitors.monitor import Circumstances
from uwsgid.emperor.options import EmperorOptions
from uwsgid.errors import ConfigError


class FileCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = os.path.realpath(self.mktemp())
        os.mkdir(self.folder)
        self.lines: list[str] = []

    def path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def write(self, name: str, text: str = "", mtime: float | None = None) -> str:
        with open(self.path(name), "w") as file:
            file.write(text)
        if mtime is not None:
            os.utime(self.path(name), (mtime, mtime))
        return self.path(name)

    def circumstances(self, **options: object) -> Circumstances:
        made = EmperorOptions(**options)  # type: ignore[arg-type]
        return Circumstances(made, self.folder, self.lines.append, lambda: 0.0)

    def directory(self, **options: object) -> Directory:
        return Directory(self.folder, self.circumstances(**options))

    def seen(self, monitor: Directory | Pattern) -> list[str]:
        found = monitor.look()
        assert found is not None
        return sorted(found)


class Directories(FileCase):
    """``dir://``"""

    def test_files(self) -> None:
        """Regular files with the name of a configuration, also empty and hidden ones."""
        for name in ("a.ini", ".b.yml", "c.txt", "d.json~"):
            self.write(name)
        os.mkdir(self.path("folder.ini"))
        os.mkfifo(self.path("pipe.ini"))
        self.assertEqual(self.seen(self.directory()), [".b.yml", "a.ini"])

    def test_links_to_nowhere(self) -> None:
        """A link that dangles or loops is no vassal, and is told once, until it leads somewhere."""
        os.symlink("gone.x", self.path("a.ini"))
        os.symlink("b.ini", self.path("b.ini"))
        directory = self.directory()
        for _ in range(2):
            self.assertEqual(self.seen(directory), [])
        told = "*** WARNING: emperor: {} is a link that leads to no vassal: {} ***"
        self.assertEqual(
            sorted(self.lines),
            [
                told.format(self.path("a.ini"), "No such file or directory"),
                told.format(self.path("b.ini"), "Too many levels of symbolic links"),
            ],
        )
        self.write("gone.x")
        self.assertEqual(self.seen(directory), ["a.ini"])
        os.unlink(self.path("gone.x"))
        self.assertEqual(self.seen(directory), [])
        self.assertEqual(len(self.lines), 3)

    def test_facts(self) -> None:
        """Time and owner are those of the file."""
        self.write("a.ini", mtime=1_300_000_000.25)
        found = self.directory().look()
        assert found is not None
        sighting = found["a.ini"]
        self.assertEqual((sighting.modified, sighting.uid), (1_300_000_000.25, os.getuid()))

    def test_changes(self) -> None:
        """Another time, another size and another file are changes; nothing else is."""
        path = self.write("a.ini", "x", mtime=1_300_000_000)
        directory = self.directory()

        def mark() -> object:
            found = directory.look()
            assert found is not None
            return found["a.ini"].mark

        marks = [mark()]
        self.assertEqual(mark(), marks[0])
        os.utime(path, (1_200_000_000, 1_200_000_000))
        marks.append(mark())
        self.write("b.ini", "y", mtime=1_200_000_000)
        os.rename(self.path("b.ini"), path)
        marks.append(mark())
        self.write("a.ini", "xx", mtime=1_200_000_000)
        marks.append(mark())
        self.assertEqual(len(set(marks)), 4)

    def test_links(self) -> None:
        """A link counts as what it leads to; one to nowhere, or to itself, is nothing."""
        target = self.write("target", mtime=1_300_000_000)
        os.symlink(target, self.path("a.ini"))
        os.symlink(self.path("none"), self.path("b.ini"))
        os.symlink(self.path("c.ini"), self.path("c.ini"))
        directory = self.directory()
        found = directory.look()
        assert found is not None
        self.assertEqual((list(found), found["a.ini"].modified), (["a.ini"], 1_300_000_000))
        facts = os.stat(target)
        self.assertEqual(directory.links, {(facts.st_dev, facts.st_ino): self.path("a.ini")})

    def test_nofollow(self) -> None:
        """With emperor-nofollow a link is a vassal by itself, wherever it leads."""
        os.symlink(self.path("none"), self.path("b.ini"))
        self.assertEqual(self.seen(self.directory(nofollow=True)), ["b.ini"])

    def test_owners_of_links(self) -> None:
        """With emperor-tyrant-nofollow the owner is that of the link, the time that of the file."""
        if os.getuid() != 0:
            return
        target = self.write("target", mtime=1_300_000_000)
        os.symlink(target, self.path("a.ini"))
        os.chown(self.path("a.ini"), 1001, 1002, follow_symlinks=False)
        found = self.directory(tyrant_nofollow=True).look()
        assert found is not None
        sighting = found["a.ini"]
        self.assertEqual((sighting.uid, sighting.gid, sighting.modified), (1001, 1002, 1_300_000_000))

    def test_missing(self) -> None:
        """A directory that is missing at the start is an error."""
        with self.assertRaisesRegex(ConfigError, "is not a directory"):
            Directory(self.path("none"), self.circumstances())

    def test_vanished(self) -> None:
        """One that vanishes later is told once, and changes nothing; it may come back."""
        directory = self.directory()
        os.rmdir(self.folder)
        self.assertIsNone(directory.look())
        self.assertIsNone(directory.look())
        self.assertEqual(len(self.lines), 1)
        os.mkdir(self.folder)
        self.write("a.ini")
        self.assertEqual(self.seen(directory), ["a.ini"])
        self.assertEqual(len(self.lines), 2)

    def test_many(self) -> None:
        """A thousand files are seen in one look."""
        for number in range(1000):
            self.write(f"{number}.ini")
        self.assertEqual(len(self.seen(self.directory())), 1000)

    def test_long_name(self) -> None:
        """A name of 255 bytes is told once."""
        self.write("a" * 251 + ".ini")
        directory = self.directory()
        self.assertEqual((self.seen(directory), self.seen(directory)), ([], []))
        self.assertEqual(self.lines, [f"invalid vassal name: {'a' * 251}.ini"])


class Patterns(FileCase):
    """``glob://``"""

    def test_names(self) -> None:
        """Names are the paths as they are matched, relative ones to where the emperor started."""
        os.mkdir(self.path("one"))
        os.mkdir(self.path("two"))
        for name in ("one/a.ini", "two/a.ini", "two/b.txt"):
            self.write(name)
        pattern = Pattern("*/*", self.circumstances())
        self.assertEqual(self.seen(pattern), ["one/a.ini", "two/a.ini"])
        self.assertEqual(
            sorted(pattern.directories), [os.path.join(self.folder, name) for name in ("one", "two")]
        )
        absolute = Pattern(self.path("one/*.ini"), self.circumstances())
        self.assertEqual(self.seen(absolute), [self.path("one/a.ini")])
        self.assertEqual(absolute.directories, (self.path("one"),))

    def test_nothing(self) -> None:
        """A pattern without matches has no vassals, yet."""
        pattern = Pattern("*.ini", self.circumstances())
        self.assertEqual(self.seen(pattern), [])
        self.write("a.ini")
        self.assertEqual(self.seen(pattern), ["a.ini"])
