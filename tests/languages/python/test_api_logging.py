"""Tests of `uwsgid.languages.python.api_logging`."""

from __future__ import annotations

import uwsgid.logs.options  # noqa: F401 - it declares the options
from tests.languages.python.serving import ServerCase
from uwsgid.config.settings import settings_of
from uwsgid.errors import AppError
from uwsgid.languages.python import api_logging
from uwsgid.languages.python.context import here


class LogTests(ServerCase):
    def test_a_line(self) -> None:
        """Text or bytes, and the answer is True."""
        self.assertIs(api_logging.log("one"), True)
        api_logging.log(b"two")
        self.assertEqual(self.said, ["one", "two"])

    def test_alarm(self) -> None:
        """The master is told, whatever the name is; nothing comes back."""
        asked: list[str] = []
        self.patch(here, "ask", asked.append)
        self.assertIsNone(api_logging.alarm("box", b"disk \xff full\nnow"))
        self.assertEqual(asked, ["alarm box disk \udcff full\nnow"])

    def test_a_request_that_has_to_be_logged(self) -> None:
        """Whatever the options say."""
        self.serve()
        request = self.begin()
        self.assertIsNone(request.log)
        api_logging.log_this_request()
        self.assertIs(request.log, True)

    def test_variables_of_the_log_line(self) -> None:
        """They belong to the request and come back as bytes."""
        self.serve()
        request = self.begin()
        self.assertIsNone(api_logging.get_logvar("user"))
        api_logging.set_logvar("user", b"ada")
        self.assertEqual((api_logging.get_logvar(b"user"), request.logvars), (b"ada", {"user": "ada"}))

    def test_outside_a_request(self) -> None:
        """There is nothing to set a variable on."""
        self.serve()
        self.assertRaises(AppError, api_logging.set_logvar, "a", "b")

    def test_size_of_the_log_file(self) -> None:
        """That of the strongest option; a file that is gone does not count."""
        one, two = self.write("one.log", "12345"), self.write("two.log", "123")
        here.settings = settings_of(f"logto = {one}\nlogto2 = {two}")
        self.assertEqual(api_logging.logsize(), 3)
        here.settings = settings_of(f"logto = {one}\nlogto2 = {self.folder}/none")
        self.assertEqual(api_logging.logsize(), 5)
