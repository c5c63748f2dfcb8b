"""How long to rest."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.supervise.backoff import Backoff


class Rest(SynchronousTestCase):
    def test_at_once(self) -> None:
        """The first death does not rest."""
        self.assertEqual([Backoff().after(deaths) for deaths in (0, 1)], [0.0, 0.0])

    def test_ever_later(self) -> None:
        """Each further death doubles the rest, up to the most."""
        backoff = Backoff(first=0.25, most=2.0)
        self.assertEqual([backoff.after(deaths) for deaths in range(2, 8)], [0.25, 0.5, 1.0, 2.0, 2.0, 2.0])

    def test_countless(self) -> None:
        """A million deaths are no larger number than the computer has."""
        self.assertEqual(Backoff().after(10**6), 8.0)

    def test_never(self) -> None:
        """Where the most is nothing, nobody rests."""
        self.assertEqual(Backoff(most=0.0).after(9), 0.0)
