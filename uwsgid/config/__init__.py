"""Text becomes settings: sources and formats make directives, sections say what they mean."""

from __future__ import annotations

from uwsgid.config.directive import Directive, Origin
from uwsgid.config.index import Index, index
from uwsgid.config.section import Section, flag, option, section
from uwsgid.config.settings import Settings, settings_of

__all__ = [
    "Directive",
    "Index",
    "Origin",
    "Section",
    "Settings",
    "flag",
    "index",
    "option",
    "section",
    "settings_of",
]
