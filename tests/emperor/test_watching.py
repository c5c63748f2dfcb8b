"""Directories that change, with the kernel's own inotify."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.emperor.watching import DirectoryWatch
from uwsgid.testing import MemoryReactor


class Watching(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = os.path.abspath(self.mktemp())
        os.mkdir(self.folder)
        self.reactor = MemoryReactor()
        self.changes = 0
        self.lines: list[str] = []
        self.watch = DirectoryWatch(self.reactor, self.changed, self.lines.append)
        self.addCleanup(self.watch.close)
        self.watch.watch([self.folder])

    def changed(self) -> None:
        self.changes += 1

    def touch(self, name: str = "a.ini") -> None:
        with open(os.path.join(self.folder, name), "a"):
            os.utime(os.path.join(self.folder, name))
        self.reactor.poll()

    def test_a_change(self) -> None:
        """A new file is told when it has been quiet for a moment."""
        self.touch()
        self.assertEqual(self.changes, 0)
        self.reactor.advance(0.1)
        self.assertEqual(self.changes, 1)
        self.reactor.advance(5)
        self.assertEqual(self.changes, 1)

    def test_every_kind(self) -> None:
        """Touched, removed, renamed, given away: each is a change."""
        self.touch()
        path = os.path.join(self.folder, "a.ini")
        for number, act in enumerate(
            (
                lambda: os.utime(path),
                lambda: os.chmod(path, 0o600),
                lambda: os.rename(path, path + ".old"),
                lambda: os.rename(path + ".old", path),
                lambda: os.symlink(path, path + ".link"),
                lambda: os.unlink(path),
            ),
            1,
        ):
            self.reactor.advance(1)
            act()
            self.reactor.poll()
            self.reactor.advance(1)
            self.assertEqual(self.changes, number + 1)

    def test_a_storm(self) -> None:
        """Fifty changes a second are told twice a second."""
        for _ in range(100):
            self.touch()
            self.reactor.advance(0.02)
        self.assertLess(self.changes, 6)
        self.assertGreater(self.changes, 2)

    def test_made_anew(self) -> None:
        """A directory that was removed and made again is watched once somebody asks again."""
        os.rmdir(self.folder)
        self.reactor.poll()
        self.reactor.advance(1)
        self.watch.watch([self.folder])
        os.mkdir(self.folder)
        self.watch.watch([self.folder])
        before = self.changes
        self.touch()
        self.reactor.advance(1)
        self.assertEqual((self.changes, self.lines), (before + 1, []))

    def test_files(self) -> None:
        """A file elsewhere is watched as long as it is wanted, and so is what is put in its place."""
        os.mkdir(self.folder + "2")
        path = os.path.join(self.folder + "2", "a.ini")

        def write(text: str) -> None:
            with open(path, "w") as file:
                file.write(text)

        def told() -> int:
            before = self.changes
            self.reactor.poll()
            self.reactor.advance(1)
            return self.changes - before

        def watch() -> None:
            facts = os.stat(path)
            self.watch.watch_files({(facts.st_dev, facts.st_ino): path})

        write("one")
        watch()
        watch()
        write("two")
        self.assertEqual(told(), 1)
        os.utime(path)
        self.assertEqual(told(), 1)
        os.rename(path, path + "~")
        write("three")
        self.assertEqual(told(), 1)
        watch()
        write("four")
        self.assertEqual(told(), 1)
        self.watch.watch_files({(1, 2): "/none"})

    def test_no_directory(self) -> None:
        """What is no directory is told once."""
        self.touch("file")
        for _ in range(2):
            self.watch.watch([os.path.join(self.folder, "file")])
        self.assertEqual(len(self.lines), 1)

    def test_closed(self) -> None:
        """A closed watch tells nothing."""
        self.touch()
        self.watch.close()
        self.watch.close()
        self.watch.watch([self.folder])
        self.reactor.advance(1)
        self.assertEqual((self.changes, self.reactor.readers), (0, []))
