"""The numbers of an instance, for people and for monitoring.

The server is the master's and knows Twisted; it is imported by its own name, `uwsgid.stats.server`.
"""

from uwsgid.stats.layout import layout
from uwsgid.stats.options import Stats
from uwsgid.stats.report import SocketFacts, StatsFacts, lock_names, report, socket_facts, vars_of
from uwsgid.stats.summary import instance_lines

__all__ = [
    "SocketFacts",
    "Stats",
    "StatsFacts",
    "instance_lines",
    "layout",
    "lock_names",
    "report",
    "socket_facts",
    "vars_of",
]
