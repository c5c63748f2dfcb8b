"""Tests of `uwsgid.languages.python.autoreload`."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from itertools import pairwise

from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.languages.python.support import AppTestCase
from uwsgid.config.settings import settings_of
from uwsgid.languages.python.autoreload import (
    AutoReload,
    ChangeDetector,
    Reloader,
    modification_time,
    module_files,
)

TIMES = st.one_of(st.none(), st.integers(0, 3).map(float))


class DetectorTests(AppTestCase):
    def test_the_first_look_is_no_change(self) -> None:
        """Also for files that appear later."""
        times: dict[str, float | None] = {"a": 1.0, "b": 1.0}
        detector = ChangeDetector(times.get)
        self.assertEqual(detector.changes(["a"]), [])
        self.assertEqual(detector.changes(["a", "b"]), [])

    def test_a_change_is_told_once(self) -> None:
        """To an older time as well: a checkout can do that."""
        times: dict[str, float | None] = {"a": 2.0, "b": 1.0}
        detector = ChangeDetector(times.get)
        detector.changes("ab")
        times["a"] = 1.0
        self.assertEqual(detector.changes("ab"), ["a"])
        self.assertEqual(detector.changes("ab"), [])

    def test_a_file_that_is_gone_for_a_moment(self) -> None:
        """Only what it is when it comes back counts."""
        times: dict[str, float | None] = {"a": 1.0}
        detector = ChangeDetector(times.get)
        detector.changes("a")
        times["a"] = None
        self.assertEqual(detector.changes("a"), [])
        times["a"] = 2.0
        self.assertEqual(detector.changes("a"), ["a"])

    @examples(deadline=None, max_examples=100)
    @given(st.lists(TIMES, max_size=10))
    def test_changes_are_steps_between_known_times(self, times: list[float | None]) -> None:
        """However a file comes and goes, the number of changes is that of differing neighbours."""
        now: list[float | None] = [None]
        detector = ChangeDetector(lambda path: now[0])
        told = 0
        for now[0] in times:
            told += len(detector.changes(["a"]))
        known = [time for time in times if time is not None]
        self.assertEqual(told, sum(one != two for one, two in pairwise(known)))


class FilesTests(AppTestCase):
    def test_modules_of_the_application_are_watched(self) -> None:
        """Neither uwsgid's own nor those that are to be ignored."""
        one, two = self.write("onex.py", ""), self.write("twox.py", "")
        for name in ("onex", "twox"):
            importlib.import_module(name)
        files = module_files(["twox"])
        self.assertIn(one, files)
        self.assertNotIn(two, files)
        self.assertNotIn(sys.modules["uwsgid.languages.python.autoreload"].__file__, files)

    def test_a_file_that_is_gone_has_no_time(self) -> None:
        """And any other one has."""
        self.assertIsNone(modification_time("/no/such"))
        self.assertIsInstance(modification_time(__file__), float)


class ReloaderTests(AppTestCase):
    def reloader(self, interval: int = 1) -> Reloader:
        self.asked: list[str] = []
        self.heard = threading.Event()

        def ask(word: str) -> None:
            self.asked.append(word)
            self.heard.set()

        chosen = settings_of(f"py-autoreload = {interval}")[AutoReload]
        return Reloader(chosen, self.said.append, ask)

    def test_a_changed_module_asks_for_a_reload(self) -> None:
        """Each file has its line; the request is one."""
        one, two = self.write("onex.py", ""), self.write("twox.py", "")
        for name in ("onex", "twox"):
            importlib.import_module(name)
        reloader = self.reloader()
        reloader.look()
        for path in (one, two):
            os.utime(path, (1, 1))
        reloader.look()
        reloader.look()
        self.assertEqual(self.asked, ["reload"])
        lines = {f"[uwsgi-python-reloader] module/file {path} has been modified" for path in (one, two)}
        self.assertEqual((set(self.said), len(self.said)), (lines, 2))

    def test_it_looks_in_a_thread(self) -> None:
        """From start to stop; and it says that it began."""
        path = self.write("onex.py", "")
        importlib.import_module("onex")
        reloader = self.reloader(interval=0)
        reloader.start()
        os.utime(path, (1, 1))
        self.assertTrue(self.heard.wait(30))
        reloader.stop()
        self.assertEqual(self.said[0], "Python auto-reloader enabled")
