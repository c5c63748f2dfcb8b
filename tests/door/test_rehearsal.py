"""What is made once for all vassals."""

from __future__ import annotations

from twisted.application.service import IServiceCollection

from tests.door.support import BootCase
from uwsgid.config import settings
from uwsgid.config.index import index
from uwsgid.door.background import Starter
from uwsgid.door.boot import Boot
from uwsgid.door.rehearsal import make_what_vassals_share
from uwsgid.door.service import Instance
from uwsgid.emperor.options import EmperorOptions
from uwsgid.master.service import Master


class RehearsalTests(BootCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = settings._defaults
        self.made.clear()

    def rehearse(self, *argv: str) -> None:
        site = self.site(*argv)
        self.made.clear()
        make_what_vassals_share(Boot(site, self.kernel, self.said.append, "", self.environ, "/", Starter()))

    def test_an_emperor_has_everything_ready(self) -> None:
        """Every section is there before there is a vassal, also that of which the emperor says something."""
        self.rehearse("--emperor", "/etc/vassals")
        self.assertEqual(set(self.made), set(index().sections))
        self.assertEqual(self.made[EmperorOptions], EmperorOptions())
        for service in (Instance, Master):
            self.assertTrue(IServiceCollection.implementedBy(service))

    def test_others_make_what_they_need(self) -> None:
        """An instance without an emperor makes nothing in advance."""
        self.rehearse()
        self.assertLess(len(self.made), len(index().sections))
