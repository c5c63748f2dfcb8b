"""What each vassal would make for itself at its start, made once by the instance that has their emperor.

A vassal is forked from a process that has uwsgid in memory and has not used most of it yet.  What comes into
being at its first use would come into being in every one of them, at the price of its making and of a page
of memory.  It is made here before the emperor is born, and nothing else is done with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.application.service import IServiceCollection

from uwsgid.config.index import index
from uwsgid.config.settings import settings_of
from uwsgid.emperor.options import EmperorOptions
from uwsgid.hooks import Hooks
from uwsgid.languages.python.api_missing import missing_functions
from uwsgid.master.service import Master

if TYPE_CHECKING:
    from uwsgid.door.boot import Boot


def make_what_vassals_share(boot: Boot) -> None:
    """Sections without a word from the configuration, interfaces of services, functions that are missing."""
    if not boot.site.settings[EmperorOptions].sources:
        return
    from uwsgid.door.service import Instance

    if boot.site.settings[EmperorOptions].namespaces or boot.site.settings[Hooks].any:
        import http.client  # noqa: F401 - a configuration may come from there, and a jail may have no Python

    unconfigured = settings_of("")
    for section in index().sections:
        unconfigured.__getitem__(section)
    for service in (Instance, Master):
        IServiceCollection.implementedBy(service)
    missing_functions()
