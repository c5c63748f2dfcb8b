"""When answers expire."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.static.lifetime import Lifetime
from uwsgid.static.options import StaticAnswers


class LifetimeTests(SynchronousTestCase):
    """Rules by name, path, URI and type."""

    def end(self, config: str) -> float | None:
        lifetime = Lifetime(settings_of(config)[StaticAnswers])
        self.assertEqual(lifetime.any, bool(config))
        return lifetime.end(1000.0, 500.0, b"/srv/a.css", b"/s/a.css", b"/s/a.css?v=1", "text/css")

    def test_nothing_said(self) -> None:
        """Without a rule, or without one that matches, nothing is said."""
        self.assertIsNone(self.end(""))
        self.assertIsNone(self.end("static-expires = \\.js$ 5\nstatic-expires-type = text/html=5"))

    def test_each_rule(self) -> None:
        """A rule looks at its text and counts from now, or from the change of the file."""
        for config, end in (
            (r"static-expires = ^/srv/.*\.css$ 5", 1005),
            (r"static-expires-mtime = \.css 5", 505),
            (r"static-expires-path-info = ^/s/ 6", 1006),
            (r"static-expires-path-info-mtime = ^/s/ 6", 506),
            (r"static-expires-uri = v=1$ 7", 1007),
            (r"static-expires-uri-mtime = v=1$ 7", 507),
            ("static-expires-type = text/css=8", 1008),
            ("static-expires-type-mtime = text/css=8", 508),
        ):
            self.assertEqual(self.end(config), end, config)

    def test_the_first_rule_wins(self) -> None:
        """Names come before paths, these before URIs and types; among rules of a kind the first one wins."""
        self.assertEqual(self.end("static-expires-type = text/css=1\nstatic-expires = css 2"), 1002)
        self.assertEqual(self.end("static-expires-uri = . 1\nstatic-expires-path-info = . 2"), 1002)
        self.assertEqual(self.end("static-expires = css 1\nstatic-expires = . 2"), 1001)
        self.assertEqual(self.end("static-expires-type = text/css=1\nstatic-expires-type = text/css=2"), 1001)
