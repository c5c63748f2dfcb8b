"""Lines on their way to where they are kept.

What this page names can be used by every process.  The parts that only the master runs know Twisted and are
imported by their own names: `uwsgid.logs.intake`, `uwsgid.logs.observer`.
"""

from uwsgid.logs.lines import Lines, ServerLines, Write, encode, system_error, writer

__all__ = ["Lines", "ServerLines", "Write", "encode", "system_error", "writer"]
