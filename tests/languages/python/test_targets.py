"""Tests of `uwsgid.languages.python.targets`."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from tests.languages.python.support import AppTestCase
from uwsgid.errors import AppError
from uwsgid.languages.python.targets import (
    EvalTarget,
    FileTarget,
    ModuleTarget,
    find_callable,
    import_file,
    mount_target,
    pythonize,
)


class FileTests(AppTestCase):
    def test_the_module_of_a_file_is_named_after_its_path(self) -> None:
        """Dots and slashes become underscores and the ending goes, as in uWSGI."""
        for path, name in (
            ("/srv/shop.py", "uwsgi_file__srv_shop"),
            ("shop.wsgi", "uwsgi_file_shop_wsgi"),
            ("./a.b.py", "uwsgi_file___a_b"),
        ):
            self.assertEqual(FileTarget(path).module_name, name)
        self.assertEqual(pythonize("x/y.py"), "x_y")

    def test_a_file_runs_as_that_module(self) -> None:
        """It knows its name and its file, and others can import it."""
        path = self.write("shop.py", "name = __name__\nfile = __file__")
        target = FileTarget(path)
        module: Any = target.load()
        self.assertEqual((module.name, module.file), (target.module_name, path))
        self.assertIs(sys.modules[target.module_name], module)

    def test_any_ending_will_do(self) -> None:
        """And no file of compiled code is left beside it, not even where a .py file has the same stem."""
        self.patch(sys, "dont_write_bytecode", False)
        self.write("shop.py", "who = 'py'")
        module: Any = FileTarget(self.write("shop.wsgi", "who = 'wsgi'")).load()
        self.assertEqual(module.who, "wsgi")
        self.assertFalse((self.folder / "__pycache__").exists())

    def test_a_missing_file(self) -> None:
        """The message is uWSGI's, with the reason."""
        error = self.assertRaises(AppError, FileTarget("/no/such.py").load)
        self.assertEqual(str(error), "failed to open python file /no/such.py: No such file or directory")

    def test_a_file_that_fails_leaves_no_module(self) -> None:
        """What was there before under that name is there again."""
        path = self.write("shop.py", "1/0")
        self.assertRaises(ZeroDivisionError, import_file, path, "shop_of_test")
        self.assertNotIn("shop_of_test", sys.modules)
        old = sys.modules["shop_of_test"] = ModuleType("shop_of_test")
        self.assertRaises(ZeroDivisionError, import_file, path, "shop_of_test")
        self.assertIs(sys.modules["shop_of_test"], old)


class ModuleTests(AppTestCase):
    def test_the_callable_may_stand_behind_a_colon(self) -> None:
        """Else the option callable names it."""
        self.assertEqual(ModuleTarget.parse("a.b:web", "app"), ModuleTarget("a.b", "web"))
        self.assertEqual(ModuleTarget.parse("a.b", "app"), ModuleTarget("a.b", "app"))

    def test_a_module_is_imported(self) -> None:
        """By its dotted name, from the path."""
        self.write("shopx/__init__.py", "")
        self.write("shopx/web.py", "answer = 42")
        module: Any = ModuleTarget("shopx.web").load()
        self.assertEqual(module.answer, 42)


class EvalTests(AppTestCase):
    def test_code_of_the_configuration_runs_in_a_module_of_its_own(self) -> None:
        """And can be found there."""
        module: Any = EvalTarget("import os\nname = __name__").load()
        self.assertEqual(module.name, "uwsgi_eval_config")
        self.assertIs(sys.modules["uwsgi_eval_config"], module)


class MountTests(AppTestCase):
    def test_the_ending_tells_files_from_modules(self) -> None:
        """A colon makes a module with its callable; the option callable is for files."""
        self.assertEqual(mount_target("a.py", "app"), FileTarget("a.py", "app"))
        self.assertEqual(mount_target("a.wsgi", "app"), FileTarget("a.wsgi", "app"))
        self.assertEqual(mount_target("a:web", "app"), ModuleTarget("a", "web"))

    def test_a_file_may_name_its_callable_as_well(self) -> None:
        """Behind a colon; what has a slash or the ending of a file in it is no module."""
        self.assertEqual(mount_target("a.py:web", "app"), FileTarget("a.py", "web"))
        self.assertEqual(mount_target("/srv/a.wsgi:make()", "app"), FileTarget("/srv/a.wsgi", "make()"))
        self.assertEqual(mount_target("/srv/a:web", "app"), FileTarget("/srv/a", "web"))
        self.assertEqual(mount_target("a.py:", "app"), FileTarget("a.py", "app"))

    def test_anything_else_can_not_be_mounted(self) -> None:
        """The message says what could."""
        error = self.assertRaises(AppError, mount_target, "site", "app")
        self.assertIn("expected a .py or .wsgi file, file.py:callable or module:callable", str(error))


class CallableTests(AppTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.module = ModuleType("shop")
        self.module.__dict__.update(application=len, text="x", make=lambda: max, make_text=lambda: "x")

    def missing(self, source: str) -> str:
        """What is said where a module of that source has no application."""
        module = ModuleType("shop")
        exec(source, module.__dict__)
        return str(self.assertRaises(AppError, find_callable, module, "application", "shop.py"))

    def test_names_that_look_like_an_application_are_suggested(self) -> None:
        """Usual names, and whatever takes what an application takes; a factory is suggested as a call."""
        missing = 'unable to find "application" callable in file shop.py; the option callable names another: '
        for source, names in (
            ("app = len", "callable = app"),
            ("def create_app(): pass", "callable = create_app()"),
            ("app = len\ndef make_app(): pass", "callable = app or make_app()"),
            ("def simple(environ, start_response): pass", "callable = simple"),
            (
                "def serve(env, start): pass\nclass Web:\n wsgi_app = __call__ = len\nsite = Web()",
                "callable = site",
            ),
            ("app = 1\nother = len\nclass Web:\n wsgi_app = None", "callable = NAME"),
        ):
            self.assertEqual(self.missing(source), missing + names)

    def test_the_attribute_is_the_application(self) -> None:
        """Whatever can be called."""
        self.assertIs(find_callable(self.module, "application", "shop.py"), len)

    def test_parentheses_make_it_a_factory(self) -> None:
        """It is called, and what it returns is the application."""
        self.assertIs(find_callable(self.module, "make()", "shop.py"), max)

    def test_messages_name_what_was_looked_for(self) -> None:
        """The real name, and the file."""
        for name, text in (
            (
                "app",
                'unable to find "app" callable in file shop.py; the option callable names another: NAMES',
            ),
            (
                "app()",
                'unable to find "app" callable in file shop.py; the option callable names another: NAMES',
            ),
            ("text", '"text" must be a callable object in file shop.py'),
            ("make_text()", '"make_text()" must return a callable object in file shop.py'),
        ):
            error = self.assertRaises(AppError, find_callable, self.module, name, "shop.py")
            self.assertEqual(str(error), text.replace("NAMES", "callable = application"))
