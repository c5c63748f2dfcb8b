"""An emperor among hostile vassals."""

from __future__ import annotations

import os
import signal
import subprocess

import psutil

from tests.live.daemon import find_program
from tests.live.support import requires, wait_until
from tests.live.test_emperor import EmperorCase


class Hostile(EmperorCase):
    """Vassals that behave badly: the others are unharmed."""

    def setUp(self) -> None:
        super().setUp()
        self.daemon = self.reign("emperor-curse-tolerance = 2")
        self.vassal("good.ini")
        self.worker = self.wait_answer("good")

    def unharmed(self) -> None:
        self.assertEqual(self.ask("good"), self.worker)
        self.end(self.daemon)

    def test_links(self) -> None:
        """Loops of links, links to nowhere, directories and pipes are no vassals."""
        os.symlink(self.vassals / "b.ini", self.vassals / "c.ini")
        os.symlink(self.vassals / "c.ini", self.vassals / "b.ini")
        os.symlink("/none", self.vassals / "d.ini")
        (self.vassals / "e.ini").mkdir()
        os.mkfifo(self.vassals / "f.ini")
        real = self.folder / "real.ini"
        self.vassal("g.ini").rename(real)
        os.symlink(real, self.vassals / "g.ini")
        self.wait_answer("g")
        self.assertEqual({row["id"] for row in self.told()["vassals"]}, {"good.ini", "g.ini"})
        self.unharmed()

    def test_removed_while_it_starts(self) -> None:
        """A configuration that comes and goes leaves nobody behind."""
        for number in range(10):
            path = self.vassal(f"x{number}.ini")
            path.unlink()
            self.vassal(f"y{number}.ini")
            wait_until(lambda n=number: self.row(f"y{n}.ini"), "it is known")  # type: ignore[misc]
            (self.vassals / f"y{number}.ini").unlink()
        wait_until(
            lambda: [row["id"] for row in self.told()["vassals"]] == ["good.ini"],
            "all are gone",
        )
        self.unharmed()

    def test_one_that_forks_away(self) -> None:
        """A vassal that leaves a process behind and ends is gone, and throttled; nobody is a zombie."""
        self.end(self.daemon)
        script = self.folder / "away"
        script.write_text("#!/bin/sh\nsleep 300 &\nexit 0\n")
        script.chmod(0o755)
        self.daemon = self.reign(f"emperor-wrapper = {script}", name="away.ini")
        self.daemon.wait_for(r"removed uwsgi instance good.ini", count=2)
        emperor = psutil.Process(self.told()["pid"])
        self.no_zombies(emperor)
        self.daemon.signal(signal.SIGINT)
        self.assertEqual(self.daemon.wait(), 0)

    def test_one_that_does_not_stop(self) -> None:
        """A vassal whose master does not hear is killed when the tolerance is over."""
        self.vassal("deaf.ini")
        self.wait_answer("deaf")
        pid = self.wait_row("deaf.ini")["pid"]
        os.kill(pid, signal.SIGSTOP)
        (self.vassals / "deaf.ini").unlink()
        self.daemon.wait_for(r"the uwsgi instance deaf.ini .* does not end: killing it")
        self.gone(pid)
        self.unharmed()

    def test_full_disk(self) -> None:
        """Where nothing can be written, vassals run on, and new ones come."""
        requires("root", "mount")
        full = self.folder / "full"
        full.mkdir()
        mount = find_program("mount")
        assert mount is not None
        subprocess.run([mount, "-t", "tmpfs", "-o", "size=64k", "none", str(full)], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", str(full)], check=True)
        (full / "filler").write_bytes(b"x" * 60000)
        self.vassal("log.ini", more=f"logto = {full}/log")
        self.wait_answer("log")
        for _ in range(50):
            self.ask("log")
        self.unharmed()
