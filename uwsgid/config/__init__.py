"""Text becomes settings: sources and formats make directives, sections say what they mean.

The reader stands apart in `uwsgid.config.reading`, since it needs parsers that a process which only looks at
its settings does not.
"""

from __future__ import annotations

from uwsgid.config.checking import Report, check
from uwsgid.config.directive import Directive, Origin
from uwsgid.config.index import Index, index
from uwsgid.config.reference import (
    Questions,
    dump_options,
    get_option,
    help_text,
    reference_rst,
    show_config,
)
from uwsgid.config.section import Option, Section, flag, option, section
from uwsgid.config.settings import Judgement, Settings, judge_reading, settings_of

__all__ = [
    "Directive",
    "Index",
    "Judgement",
    "Option",
    "Origin",
    "Questions",
    "Report",
    "Section",
    "Settings",
    "check",
    "dump_options",
    "flag",
    "get_option",
    "help_text",
    "index",
    "judge_reading",
    "option",
    "reference_rst",
    "section",
    "settings_of",
    "show_config",
]
