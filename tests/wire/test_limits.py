"""`uwsgid.wire.limits`: the limits of a request."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.wire.limits import Limits


class LimitsTests(SynchronousTestCase):
    """The two options of uWSGI."""

    def test_defaults_of_uwsgi(self) -> None:
        """Without options the limits are those of uWSGI: 4096 bytes, and twice 64 variables."""
        self.assertEqual((Limits().buffer_size, Limits().max_vars, Limits().variables), (4096, 64, 128))

    def test_frozen(self) -> None:
        """Limits are a value that every decoder of a process may share."""
        with self.assertRaises(FrozenInstanceError):
            Limits().buffer_size = 1  # type: ignore[misc]
