"""Where the manholes of a configuration are."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.door.attaching import manholes_of
from uwsgid.errors import ConfigError, ConfigProblems


class AttachingTests(SynchronousTestCase):
    def config(self, *lines: str) -> str:
        path = Path(self.mktemp()).with_suffix(".ini")
        path.write_text("\n".join(("[uwsgi]", *lines)))
        return str(path)

    def test_places(self) -> None:
        """They are read as the instance reads them."""
        path = self.config("name = shop", "manhole = unix:/run/%(name).hole")
        self.assertEqual([str(place) for place in manholes_of(path)], ["unix:/run/shop.hole"])
        self.assertEqual(manholes_of(self.config("processes = 2")), ())

    def test_a_chroot(self) -> None:
        """From outside the socket is behind the root of the instance."""
        path = self.config("chroot = /srv/jail", "manhole = unix:/run/a.hole")
        self.assertEqual([str(place) for place in manholes_of(path)], ["unix:/srv/jail/run/a.hole"])

    def test_problems(self) -> None:
        """A configuration that can not be used, or is not there, is an error."""
        self.assertRaises(ConfigProblems, manholes_of, self.config("manhole = nowhere"))
        self.assertRaises(ConfigError, manholes_of, "/nonexistent/site.ini")
