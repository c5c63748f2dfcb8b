"""What the hot path knows of the options."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.request.terms import Terms


class TermsTests(SynchronousTestCase):
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
