"""Files that somebody touches."""

from __future__ import annotations

from functools import partial

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.master.touches import TouchWatch
from uwsgid.testing import MemoryKernel

ORDERS = ("reload", "workers", "chain", "logrotate", "logreopen")


class TouchesTests(SynchronousTestCase):
    def watch(self, config: str, *paths: str) -> TouchWatch:
        self.kernel = MemoryKernel()
        self.lines: list[str] = []
        self.given: list[str] = []
        for path in paths:
            self.kernel.add_file(path)
        return TouchWatch(
            self.kernel,
            settings_of(config),
            self.lines.append,
            {name: partial(self.given.append, name) for name in ORDERS},
        )

    def test_each_option(self) -> None:
        """Each option has its order and its line, and one touch is one order."""
        for option, order, line in (
            ("touch-reload", "reload", "*** /f has been touched... grace them all !!! ***"),
            ("touch-workers-reload", "workers", "*** /f has been touched... workers reload !!! ***"),
            ("touch-chain-reload", "chain", "*** /f has been touched... chain reload !!! ***"),
            ("touch-logrotate", "logrotate", "*** /f has been touched... rotate log !!! ***"),
            ("touch-logreopen", "logreopen", "*** /f has been touched... reopen log !!! ***"),
        ):
            watch = self.watch(f"{option} = /f", "/f")
            watch.look()
            self.assertEqual(self.given, [])
            self.kernel.files["/f"].mtime += 1
            watch.look()
            watch.look()
            self.assertEqual((self.given, self.lines), ([order], [line]))

    def test_several_files(self) -> None:
        """Files of one option that are touched together are one order."""
        watch = self.watch("touch-reload = /a\ntouch-reload = /b", "/a", "/b")
        for path in ("/a", "/b"):
            self.kernel.files[path].mtime += 1
        watch.look()
        watch.look()
        self.assertEqual(self.given, ["reload"])

    def test_missing(self) -> None:
        """A file that is missing at the start is an order when it appears, and when it vanishes."""
        watch = self.watch("touch-reload = /f")
        self.assertIn("unable to stat() /f", self.lines[0])
        watch.look()
        self.kernel.add_file("/f")
        watch.look()
        self.kernel.unlink("/f")
        watch.look()
        self.assertEqual(self.given, ["reload", "reload"])

    def test_nothing(self) -> None:
        """Without options nothing is looked at."""
        self.watch("").look()
        self.assertEqual(self.given, [])
