"""The options of requests."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigProblems
from uwsgid.request.options import Dispatch, RequestOptions


class OptionTests(SynchronousTestCase):
    def problem(self, line: str, text: str) -> None:
        with self.assertRaisesRegex(ConfigProblems, text):
            settings_of(line)

    def test_defaults_are_those_of_uwsgi(self) -> None:
        """Without a configuration the limits are uWSGI's."""
        options = settings_of()[RequestOptions]
        self.assertEqual((options.buffer_size, options.max_vars, options.socket_timeout), (4096, 64, 4))
        self.assertEqual((options.limit_post, options.loop, options.thunder_lock), (0, "", False))

    def test_letters(self) -> None:
        """-b, -v and -z are buffer-size, max-vars and socket-timeout."""
        letters = {option.name: option.letters for option in RequestOptions.options if option.letters}
        self.assertEqual(letters, {"buffer-size": ("b",), "max-vars": ("v",), "socket-timeout": ("z",)})

    def test_limits_are_positive(self) -> None:
        """A limit of nothing, which refuses everything, is a mistake."""
        for name in ("buffer-size", "max-vars", "socket-timeout"):
            self.problem(f"{name} = 0", f"lines:1: {name}: 0 is too small")
            self.problem(f"{name} = lots", f"lines:1: {name}: expected")

    def test_modifiers(self) -> None:
        """Lists of modifiers are read whole, or not at all."""
        dispatch = settings_of("allowed-modifiers = 0, 30\nremap-modifier = 7:0,8:30")[Dispatch]
        self.assertEqual(dispatch.allowed_modifiers, (0, 30))
        self.assertEqual(dispatch.remap_modifier, ((7, 0), (8, 30)))
        self.problem("allowed-modifiers = 0,256", "a modifier is a number up to 255, got '256'")
        self.problem("remap-modifier = 7", "expected from:to, got '7'")

    def test_dynamic_apps_names_a_socket(self) -> None:
        """dynamic-apps without a socket would open all of them, and is refused."""
        self.problem("dynamic-apps", "expected some text")
