"""Programs that an emperor executes, for real."""

from __future__ import annotations

import os
import signal
import tempfile
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.trial.unittest import TestCase

from uwsgid.emperor.programs import Programs


class Executing(TestCase):
    def setUp(self) -> None:
        from twisted.internet import reactor

        self.lines: list[str] = []
        self.programs = Programs(reactor, self.lines.append)
        self.folder = tempfile.mkdtemp(prefix="uwsgid-")
        self.addCleanup(os.rmdir, self.folder)
        # a reactor that runs leaves its own handlers behind
        for number in (signal.SIGINT, signal.SIGTERM):
            self.addCleanup(signal.signal, number, signal.getsignal(number))

    def script(self, text: str) -> str:
        path = os.path.join(self.folder, "hook")
        with open(path, "w") as file:
            file.write(f"#!/bin/sh\n{text}\n")
        os.chmod(path, 0o755)
        self.addCleanup(os.unlink, path)
        return path

    @inlineCallbacks
    def test_fine(self) -> Any:
        """The program has the name, the environment and the directory; a good end is not told."""
        out = os.path.join(self.folder, "out")
        self.programs.run(self.script(f'echo "$1 $HELLO $PWD" > {out}'), "a.ini", {"HELLO": "you"}, "/")
        yield self.programs.when_idle()
        with open(out) as file:
            self.assertEqual(file.read(), "a.ini you /\n")
        os.unlink(out)
        self.assertEqual((self.lines, self.programs.pids), ([], frozenset()))

    @inlineCallbacks
    def test_bad_ends(self) -> Any:
        """A bad end is told with its code or its signal."""
        self.programs.run(self.script("exit 3"), "a.ini", {}, "/")
        yield self.programs.when_idle()
        self.programs.run("/none", "b.ini", {}, "/")
        yield self.programs.when_idle()
        self.assertIn("a.ini: exited with code 3", self.lines[0])
        self.assertIn("/none b.ini", self.lines[1])

    @inlineCallbacks
    def test_killed(self) -> Any:
        """Whoever does not end can be killed."""
        self.programs.run(self.script("exec sleep 60"), "a.ini", {"PATH": os.defpath}, "/")
        waiting = self.programs.when_idle()
        self.programs.kill()
        yield waiting
        self.assertIn("killed by signal 9", self.lines[0])

    def test_idle(self) -> Deferred[None]:
        """Where nothing runs nobody waits."""
        return self.programs.when_idle()
