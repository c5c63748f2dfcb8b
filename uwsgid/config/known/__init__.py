"""Every option name of uWSGI, and what uwsgid does with those that no section declares.

The names are those of uWSGI 1.9.16, of the plugins it embeds by default, and those added by 2.0 and 2.1.
A module holds the options of a topic.
"""

from __future__ import annotations

from typing import Final

from uwsgid.config.known import (
    applications,
    background,
    emperor,
    gateways,
    isolation,
    loading,
    logs,
    monitoring,
    processes,
    sockets,
    web,
)
from uwsgid.config.known.row import KINDS, KnownOption, Support

KNOWN: Final[tuple[KnownOption, ...]] = (
    *loading.TABLE,
    *sockets.TABLE,
    *processes.TABLE,
    *isolation.TABLE,
    *applications.TABLE,
    *emperor.TABLE,
    *background.TABLE,
    *logs.TABLE,
    *monitoring.TABLE,
    *web.TABLE,
    *gateways.TABLE,
)

__all__ = ["KINDS", "KNOWN", "KnownOption", "Support"]
