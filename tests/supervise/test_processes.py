"""How many processes there are, and for how long."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigProblems
from uwsgid.supervise.processes import Endings, Processes, Recycling


class Titles(SynchronousTestCase):
    def test_plain(self) -> None:
        """Without options a title is what the process calls itself."""
        self.assertEqual(settings_of("")[Processes].titled("uWSGI worker 1"), "uWSGI worker 1")

    def test_around(self) -> None:
        """Prefix, own name and what is appended."""
        processes = settings_of("procname-prefix = a\nprocname-append = z")[Processes]
        self.assertEqual(processes.titled("uWSGI master"), "auWSGI masterz")
        self.assertEqual(processes.titled("uWSGI master", "boss"), "abossz")

    def test_spaced(self) -> None:
        """The spaced prefix brings its space and goes before the other."""
        processes = settings_of("procname-prefix = a\nprocname-prefix-spaced = shop")[Processes]
        self.assertEqual(processes.titled("uWSGI master"), "shop uWSGI master")

    def test_any_title_asks_for_titles(self) -> None:
        """Each procname option implies auto-procname."""
        for option in ("procname", "procname-master", "procname-append", "procname-prefix"):
            self.assertTrue(settings_of(f"{option} = x")[Processes].auto_procname, option)


class Loading(SynchronousTestCase):
    def test_late(self) -> None:
        """lazy and lazy-apps both load late."""
        self.assertEqual(
            [settings_of(text)[Processes].loads_late for text in ("", "lazy", "lazy-apps")],
            [False, True, True],
        )


class Limits(SynchronousTestCase):
    def test_never(self) -> None:
        """Without an option there is no limit, whatever the delta."""
        recycling = settings_of("max-requests-delta = 5\nmax-worker-lifetime-delta = 7")[Recycling]
        self.assertEqual((recycling.request_limit(3), recycling.lifetime_limit(3)), (0, 0))

    def test_delta(self) -> None:
        """The delta counts from the second worker."""
        recycling = settings_of(
            "max-requests = 100\nmax-requests-delta = 5\n"
            "max-worker-lifetime = 60\nmax-worker-lifetime-delta = 7"
        )[Recycling]
        self.assertEqual([recycling.request_limit(slot) for slot in (1, 2, 3)], [100, 105, 110])
        self.assertEqual([recycling.lifetime_limit(slot) for slot in (1, 2, 3)], [60, 67, 74])

    def test_a_lifetime_must_be_longer_than_the_shortest(self) -> None:
        """max-worker-lifetime up to min-worker-lifetime is refused, with both numbers."""
        for lifetime in (5, 10):
            error = self.assertRaises(ConfigProblems, settings_of, f"max-worker-lifetime = {lifetime}")
            self.assertIn(
                "invalid min-worker-lifetime value (10), must be lower than "
                f"max-worker-lifetime ({lifetime})",
                str(error),
            )
        settings_of("max-worker-lifetime = 11")


class Mercy(SynchronousTestCase):
    def test_the_shorter_one(self) -> None:
        """A worker gets worker-reload-mercy, cut by reload-mercy."""
        for text, seconds in (
            ("", 60),
            ("worker-reload-mercy = 5", 5),
            ("reload-mercy = 7", 7),
            ("reload-mercy = 7\nworker-reload-mercy = 5", 5),
        ):
            self.assertEqual(settings_of(text)[Endings].mercy(), seconds, text)

    def test_term_stops(self) -> None:
        """die-on-term is on unless the configuration says otherwise."""
        self.assertTrue(settings_of("")[Endings].die_on_term)
        self.assertFalse(settings_of("die-on-term = false")[Endings].die_on_term)
