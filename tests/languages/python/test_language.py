"""Tests of `uwsgid.languages.python.language`."""

from __future__ import annotations

import gc
import importlib
import os
import sys
import threading
from typing import Any

from tests.languages.python.serving import ServerCase
from tests.languages.python.support import run_python
from uwsgid.config.settings import settings_of
from uwsgid.errors import AppError
from uwsgid.families import languages
from uwsgid.languages.python.context import here
from uwsgid.languages.python.language import Python


class LifeTests(ServerCase):
    def setUp(self) -> None:
        super().setUp()
        self.patch(sys, "executable", sys.executable)
        self.addCleanup(gc.unfreeze)
        self.python = Python()

    def configure(self, text: str) -> None:
        self.settings = settings_of(text.replace("@", f"{self.folder}/"))

    def initialize(self, text: str = "") -> None:
        self.configure(text)
        self.python.initialize(self.settings, self.said.append, self.asked.append, self.household)
        locks = here.locks
        assert locks is not None
        self.addCleanup(locks.close)

    def test_it_is_a_language(self) -> None:
        """Workers find it by its family."""
        self.assertIs(languages["python"], Python)

    def test_initialize_prepares_the_interpreter(self) -> None:
        """Arguments, path, aliases and the module uwsgi are there before any application."""
        self.initialize("pyargv = a b\npymodule-alias = myjson=json\npythonpath = @")
        self.assertEqual(sys.argv, ["uwsgi", "a", "b"])
        self.assertIs(sys.modules["myjson"], sys.modules["json"])
        self.assertEqual(sys.path[1], ".")
        self.assertTrue(self.said[0].startswith("Python version: 3."))
        self.assertIn("Python main interpreter initialized at 0x", self.all_said())
        uwsgi: Any = importlib.import_module("uwsgi")
        self.assertIs(uwsgi.is_a_reload, True)
        self.assertEqual(uwsgi.started_on, 1_500_000_000)

    def test_applications_find_the_module_while_they_load(self) -> None:
        """And can ask the master."""
        path = self.write("shop.py", "import uwsgi\nuwsgi.reload()\napplication = len\nn = uwsgi.numproc")
        name = path.removesuffix(".py").replace("/", "_").replace(".", "_")
        self.initialize("wsgi-file = @shop.py\nprocesses = 5")
        outcome = self.python.load(self.settings, self.apps, self.said.append)
        self.assertEqual((outcome.loaded, outcome.exit_code, self.asked), (1, None, ["reload"]))
        self.assertEqual(sys.modules["uwsgi_file_" + name].n, 5)

    def test_an_alias_after_loading_that_fails_is_fatal(self) -> None:
        """The outcome says so; the application was loaded."""
        self.write("shopx.py", "application = len")
        self.initialize("module = shopx\npost-pymodule-alias = a=no_such_module")
        outcome = self.python.load(self.settings, self.apps, self.said.append)
        self.assertEqual((outcome.loaded, outcome.exit_code), (1, 1))
        self.assertIn("unable to import no_such_module", outcome.reason)

    def test_a_home_that_is_no_directory(self) -> None:
        """It ends the zygote, by an error that is its line."""
        self.configure("home = @none")
        error = self.assertRaises(AppError, self.python.initialize, self.settings, self.said.append)
        self.assertIn("Python Home is not a directory", str(error))

    def test_settle_freezes_and_warns_of_threads(self) -> None:
        """They would not exist in a worker."""
        stop = threading.Event()
        thread = threading.Thread(target=stop.wait, name="stock-ticker")
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(stop.set)
        self.python.settle(self.said.append)
        self.assertIn("stock-ticker", self.all_said())
        self.assertGreater(gc.get_freeze_count(), 0)

    def test_a_worker_wakes_up(self) -> None:
        """Imports for all processes, then those for workers, then the hook of the application."""
        self.write("allx.py", "order = []")
        self.write("mine.py", "import allx, uwsgi; allx.order.append(uwsgi.worker_id())")
        self.initialize("shared-import = allx\nimport = mine")
        uwsgi: Any = sys.modules["uwsgi"]
        uwsgi.post_fork_hook = lambda: sys.modules["allx"].order.append("hook")
        self.serving_of_hooks()
        self.assertEqual(sys.modules["allx"].order, [2, "hook"])

    def serving_of_hooks(self) -> None:
        serving = self.serve()
        self.python.post_fork(serving, self.asked.append)

    def test_a_hook_that_fails_ends_nothing(self) -> None:
        """Its traceback is logged, at birth and at exit."""
        self.initialize()
        uwsgi: Any = sys.modules["uwsgi"]
        uwsgi.post_fork_hook = uwsgi.atexit = lambda: 1 / 0
        self.serving_of_hooks()
        self.python.at_exit()
        self.assertEqual(self.said.count("ZeroDivisionError: division by zero"), 2)

    def test_only_worker_1_looks_for_changes(self) -> None:
        """One reload is enough."""
        self.initialize("py-auto-reload = 3600")
        self.serving_of_hooks()
        self.assertNotIn("Python auto-reloader enabled", self.said)
        self.serving.slot = 1
        self.python.post_fork(self.serving)
        self.assertIn("Python auto-reloader enabled", self.said)
        reloader = self.python._reloader
        assert reloader is not None
        reloader.stop()

    def test_handlers(self) -> None:
        """Modifier 0 and modifier 30 are WSGI."""
        self.initialize()
        self.assertEqual(sorted(self.python.handlers(self.serve())), [0, 30])

    def test_the_option_test(self) -> None:
        """It has a status where it is given, and None where it is not."""
        self.assertIsNone(self.python.try_module(settings_of(""), self.said.append))
        self.assertEqual(self.python.try_module(settings_of("test = json"), self.said.append), 1)
        found = settings_of("test = json\ncallable = dumps")
        self.assertEqual(self.python.try_module(found, self.said.append), 0)
        self.assertEqual(self.said[-1], 'found "dumps" in json')


class ForkTests(ServerCase):
    def test_workers_share_what_the_zygote_loaded(self) -> None:
        """A forked child answers with the application, knows who it is, and locks against its siblings."""
        self.write("shop.py", "import uwsgi\ndef application(e, s): return [uwsgi.worker_id()]")
        out = run_python(
            """
            import os, sys
            sys.path.insert(0, os.getcwd())
            from tests.languages.python.test_language import in_a_child
            in_a_child(os.environ["APP"])
            """,
            APP=str(self.folder / "shop.py"),
        )
        self.assertEqual(out.splitlines()[-1], "[2] True")


def in_a_child(path: str) -> None:
    """The zygote of `ForkTests` and its worker; prints what the application answered in the worker."""
    case = ServerCase()
    ServerCase.options = f"wsgi-file = {path}"
    case.setUp()
    python = Python()
    python.initialize(case.settings, case.said.append, case.asked.append, case.household)
    python.load(case.settings, case.apps, case.said.append)
    python.settle(case.said.append)
    uwsgi: Any = importlib.import_module("uwsgi")
    uwsgi.lock()
    pid = os.fork()
    if not pid:
        python.post_fork(case.serve(), case.asked.append)
        print(case.apps[0].callable({}, None), uwsgi.is_locked(), flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
