"""Limits on memory."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.supervise.memory import MemoryLimits


class Limits(SynchronousTestCase):
    def test_none(self) -> None:
        """Without an option nobody measures."""
        self.assertFalse(settings_of("")[MemoryLimits].any)

    def test_each(self) -> None:
        """Each option is megabytes, kept as bytes, and asks for measuring."""
        for name, field in (
            ("reload-on-as", "reload_on_as"),
            ("reload-on-rss", "reload_on_rss"),
            ("evil-reload-on-as", "evil_as"),
            ("evil-reload-on-rss", "evil_rss"),
        ):
            limits = settings_of(f"{name} = 3")[MemoryLimits]
            self.assertEqual((getattr(limits, field), limits.any), (3 << 20, True), name)
