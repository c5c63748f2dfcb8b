"""Tests of `uwsgid.languages.python.loading`."""

from __future__ import annotations

import gc
import os
import sys
import threading
from types import ModuleType
from typing import Any

from tests.languages.python.support import AppTestCase, run_python
from uwsgid.config.settings import settings_of
from uwsgid.languages.outcome import LoadOutcome
from uwsgid.languages.python.loading import (
    format_traceback,
    freeze,
    load_apps,
    resting_collector,
    threads_alive,
)
from uwsgid.request.mounts import Apps

GOOD = "def application(environ, start_response): return []\n"


class LoadCase(AppTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.apps = Apps()

    def load(self, text: str, **more: Any) -> LoadOutcome:
        """Load what *text* configures; ``@`` stands for the folder."""
        settings = settings_of(text.replace("@", f"{self.folder}/"))
        return load_apps(settings, self.apps, self.said.append, **more)

    def points(self) -> list[str]:
        return [app.mountpoint for app in self.apps]


class OneAppTests(LoadCase):
    def test_a_file(self) -> None:
        """It is loaded at the empty mountpoint, and the ready line has the words of uWSGI."""
        self.write("shop.py", GOOD)
        self.assertEqual(self.load("wsgi-file = @shop.py"), LoadOutcome(loaded=1))
        self.assertEqual(self.apps[0].callable.__name__, "application")
        self.assertRegex(
            self.said[-1],
            r"^WSGI app 0 \(mountpoint=''\) ready in 0 seconds on interpreter 0x[0-9a-f]+ "
            rf"pid: {os.getpid()} \(default app\)$",
        )

    def test_a_module_with_its_callable(self) -> None:
        """The name behind the colon wins over the option."""
        self.write("shopmod.py", "app = len")
        self.assertEqual(self.load("module = shopmod:app\ncallable = other").loaded, 1)
        self.assertIs(self.apps[0].callable, len)
        self.assertEqual(self.apps[0].name, "shopmod")

    def test_code_of_the_configuration(self) -> None:
        """Its name application is taken."""
        self.load("eval = application = max")
        self.assertIs(self.apps[0].callable, max)

    def test_a_factory(self) -> None:
        """callable = make() calls it once, while loading."""
        self.write("shopmod.py", "def make(): return len")
        self.load("module = shopmod\ncallable = make()")
        self.assertIs(self.apps[0].callable, len)

    def test_the_second_application_for_the_root_is_passed_over(self) -> None:
        """The order is module, file, eval whatever the order of the lines."""
        self.write("shop.py", GOOD)
        self.write("shopmod.py", "application = len")
        self.assertEqual(self.load("wsgi-file = @shop.py\nmodule = shopmod"), LoadOutcome(loaded=1))
        self.assertIs(self.apps[0].callable, len)
        self.assertEqual(self.said[-1], "mountpoint  already configured. skip.")


class ManyAppsTests(LoadCase):
    def test_mounts_follow_in_their_order(self) -> None:
        """Each is announced, numbered and ready; one of them is the default."""
        self.write("a.py", GOOD)
        self.write("shopmod.py", "web = len")
        self.assertEqual(self.load("mount = /x|=@a.py\nmount = /b=shopmod:web").loaded, 2)
        self.assertEqual(self.points(), ["/x|", "/b"])
        self.assertEqual(self.said[0], f"mounting {self.folder}/a.py on /x|")
        self.assertIn("WSGI app 0 (mountpoint='/x|') ready", self.said[1])
        self.assertTrue(self.said[1].endswith("(default app)"))
        self.assertFalse(self.said[3].endswith("(default app)"))

    def test_a_dictionary_of_applications(self) -> None:
        """Values are callables or names of the module."""
        self.write("shop.py", GOOD + "applications = {'': application, '/x': 'other'}\nother = len")
        self.assertEqual(self.load("wsgi-file = @shop.py").loaded, 2)
        self.assertEqual(self.points(), ["", "/x"])
        self.assertIs(self.apps[1].callable, len)
        self.assertEqual(self.said[0], "found a multiapp module...")

    def test_the_dictionary_of_the_uwsgi_module_comes_first(self) -> None:
        """The application may set uwsgi.applications while it is imported."""
        sys.modules["uwsgi"] = ModuleType("uwsgi")
        self.write("shop.py", "import uwsgi\nuwsgi.applications = {'/x': len}")
        self.load("wsgi-file = @shop.py")
        self.assertEqual(self.points(), ["/x"])

    def test_a_dictionary_with_nonsense_loads_nothing_of_it(self) -> None:
        """Neither a key nor a value of another kind is an application."""
        for text in ("{'': len, 1: len}", "{'': len, '/x': 1}", "{'': len, '/x': 'missing'}"):
            self.write("shop.py", f"applications = {text}")
            self.assertEqual(self.load("wsgi-file = @shop.py").failed, 1)
        self.assertEqual(self.points(), [])

    def test_a_duplicate_is_passed_over(self) -> None:
        """It is no failure."""
        self.write("a.py", GOOD)
        self.assertEqual(self.load("mount = /a=@a.py\nmount = /a=@a.py"), LoadOutcome(loaded=1))
        self.assertEqual(self.said[-1], "mountpoint /a already configured. skip.")

    def test_more_than_max_apps(self) -> None:
        """The line says how many are allowed."""
        self.write("a.py", GOOD)
        from uwsgid.request.mounts import Lookup

        self.apps = Apps(Lookup(max_apps=1))
        self.assertEqual(self.load("mount = /a=@a.py\nmount = /b=@a.py").loaded, 1)
        self.assertEqual(self.said[-1], "ERROR: you cannot load more than 1 apps in a worker")


class FailureTests(LoadCase):
    def test_an_import_error_is_told_and_survived(self) -> None:
        """Traceback, then uWSGI's line, then the server goes on without the application."""
        self.write("shop.py", "x = 1\nimport no_such_module_here")
        self.assertEqual(self.load("wsgi-file = @shop.py"), LoadOutcome(failed=1))
        self.assertEqual(
            self.said,
            [
                "Traceback (most recent call last):",
                f'  File "{self.folder}/shop.py", line 2, in <module>',
                "    import no_such_module_here",
                "ModuleNotFoundError: No module named 'no_such_module_here'",
                "unable to load app 0 (mountpoint='') (callable not found or import error)",
                "*** no app loaded. going in full dynamic mode ***",
            ],
        )

    def test_the_others_are_loaded(self) -> None:
        """And get the numbers that the failing one did not use."""
        self.write("shopmod.py", "web = len")
        outcome = self.load("module = no_such_module\nmount = /a=nothing_here:x\nmount = /b=shopmod:web")
        self.assertEqual(outcome, LoadOutcome(loaded=1, failed=2))
        self.assertEqual([(app.id, app.mountpoint) for app in self.apps], [(0, "/b")])

    def test_a_missing_callable(self) -> None:
        """It is named; there is no traceback, since nothing was raised."""
        self.write("shop.py", "app = len")
        self.load("wsgi-file = @shop.py")
        self.assertEqual(
            self.said[0],
            f'unable to find "application" callable in file {self.folder}/shop.py; '
            "the option callable names another: callable = app",
        )
        self.assertIn("unable to load app 0", self.said[1])

    def test_a_failing_mount_that_is_a_file_ends_the_process(self) -> None:
        """With 22, and what stands behind it is not tried."""
        self.write("bad.py", "1/0")
        self.write("good.py", GOOD)
        outcome = self.load("mount = /a=@bad.py\nmount = /b=@good.py")
        self.assertEqual((outcome.exit_code, outcome.loaded, outcome.failed), (22, 0, 1))
        self.assertEqual(outcome.reason, f"unable to mount {self.folder}/bad.py on /a")

    def test_a_mount_that_is_nothing(self) -> None:
        """It fails with a hint and the server goes on."""
        self.assertEqual(self.load("mount = /a=site").failed, 1)
        self.assertIn("expected a .py or .wsgi file", self.all_said())

    def test_need_app(self) -> None:
        """Without any application the process leaves with 22, unless it loads for itself alone."""
        outcome = self.load("need-app")
        self.assertEqual(outcome, LoadOutcome(0, 0, 22, "*** no app loaded. GAME OVER ***"))
        self.assertEqual(self.said, [])
        self.assertIsNone(self.load("need-app", lazy=True).exit_code)

    def test_need_app_says_nothing_of_a_dynamic_mode(self) -> None:
        """A worker that loads for itself leaves as well; the master says that it is over."""
        self.load("need-app\nmodule = no_such_module", lazy=True)
        self.assertNotIn("full dynamic mode", self.all_said())

    def test_a_failed_reload_says_nothing_of_a_dynamic_mode(self) -> None:
        """The generation of before goes on, with its applications."""
        for lazy in (False, True):
            self.load("module = no_such_module", lazy=lazy, is_reload=True)
            self.assertNotIn("full dynamic mode", self.all_said())

    def test_a_reload_without_applications_stays_in_dynamic_mode(self) -> None:
        """Nothing was asked for, nothing failed, and the new generation serves."""
        self.load("", is_reload=True)
        self.assertIn("full dynamic mode", self.all_said())

    def test_nobody_else_answers_for_a_mount_that_failed(self) -> None:
        """Its requests find no application, those of the root go on."""
        self.write("shop.py", GOOD)
        self.load("wsgi-file = @shop.py\nmount = /x=no_such_module:app\nmount = /y=@shop.py:nothing")
        self.assertIs(self.apps.find({"SCRIPT_NAME": ""}), self.apps[0])
        for point in ("/x", "/y"):
            self.assertIsNone(self.apps.find({"SCRIPT_NAME": point}))

    def test_an_application_that_exits_is_a_failure(self) -> None:
        """sys.exit() in a module ends nobody."""
        self.write("shop.py", "import sys\nsys.exit(3)")
        self.assertEqual(self.load("wsgi-file = @shop.py").failed, 1)
        self.assertIn("SystemExit: 3", self.said)

    def test_half_imported_packages_are_forgotten(self) -> None:
        """The next attempt runs all of the package again; what it imported of others stays."""
        self.write("shopp/__init__.py", "from shopp import good, bad")
        self.write("shopp/good.py", "import shopq")
        self.write("shopp/bad.py", "1/0")
        self.write("shopq.py", "")
        self.load("module = shopp")
        self.assertEqual([name for name in sys.modules if name.startswith("shopp")], [])
        self.assertIn("shopq", sys.modules)

    def test_a_traceback_of_the_house_stays_whole(self) -> None:
        """Frames are cut at its start only, and the message is always there."""
        try:
            int("x")
        except ValueError as error:
            lines = format_traceback(error)
        self.assertEqual(lines[0], "Traceback (most recent call last):")
        self.assertTrue(lines[-1].startswith("ValueError: invalid literal"))


class MemoryTests(LoadCase):
    def test_the_collector_rests_while_modules_are_imported(self) -> None:
        """And works again afterwards, also after a failure."""
        self.write("shop.py", "import gc\nwas_on = gc.isenabled()\n1/0")
        self.write("good.py", "import gc\napplication = len\nwas_on = gc.isenabled()")
        self.load("module = shop\nmount = /a=good:application")
        self.assertFalse(sys.modules["good"].was_on)
        self.assertTrue(gc.isenabled())

    def test_a_collector_that_was_off_stays_off(self) -> None:
        """The block restores what it found."""
        gc.disable()
        self.addCleanup(gc.enable)
        with resting_collector():
            pass
        self.assertFalse(gc.isenabled())

    def test_freeze_takes_all_objects_out_of_sight(self) -> None:
        """None of those that exist now is ever looked at again."""
        self.addCleanup(gc.unfreeze)
        freeze()
        self.assertGreater(gc.get_freeze_count(), 1000)


class ThreadTests(LoadCase):
    def test_a_fresh_process_has_none(self) -> None:
        """The main thread is not told."""
        out = run_python("from uwsgid.languages.python.loading import threads_alive; print(threads_alive())")
        self.assertEqual(out, "[]\n")

    def test_threads_are_told_by_name(self) -> None:
        """Those of Python by the name that their maker gave."""
        stop = threading.Event()
        thread = threading.Thread(target=stop.wait, name="stock-ticker")
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(stop.set)
        self.assertIn("stock-ticker", threads_alive())

    def test_in_a_jail(self) -> None:
        """Without a /proc, or with that of others, those of Python are told alone."""
        for place in ("/nonexistent", "/proc/1/task"):
            out = run_python(
                "import pathlib, threading\n"
                "from uwsgid.languages.python import loading\n"
                f"loading.Path = lambda path: pathlib.Path({place!r})\n"
                "stop = threading.Event()\n"
                "threading.Thread(target=stop.wait, name='ticker').start()\n"
                "print(loading.threads_alive())\n"
                "stop.set()"
            )
            self.assertEqual(out, "['ticker']\n", place)
