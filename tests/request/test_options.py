"""The options of requests, and the terms that are made of them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigProblems
from uwsgid.request.options import Dispatch, RequestOptions
from uwsgid.request.terms import Terms


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

    def test_post_buffering_bufsize(self) -> None:
        """What is read at a time while buffering is never less than post-buffering, as in uWSGI."""
        for config, size in (
            ("", 8192),
            ("post-buffering = 4096", 8192),
            ("post-buffering = 65536", 65536),
            ("post-buffering = 65536\npost-buffering-bufsize = 100000", 100000),
            ("post-buffering = 1\npost-buffering-bufsize = 1", 4096),
        ):
            self.assertEqual(Terms(settings_of(config), print).bufsize, size, config)

    def test_terms(self) -> None:
        """An idle connection is kept as long as socket-timeout, unless http-keepalive says how long."""
        for config, seconds in (("", 4.0), ("http-keepalive", 4.0), ("http-keepalive = 75", 75.0)):
            terms = Terms(settings_of(config), print)
            self.assertEqual((terms.keepalive, terms.timeout), (seconds, 4.0))
        terms = Terms(settings_of("add-header = X-A:  b \nrem-header = Server"), print)
        self.assertEqual((terms.add_headers, terms.rem_headers), ([("X-A", "b")], {"server"}))
        self.assertFalse(terms.plain_headers)
