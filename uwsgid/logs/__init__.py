"""Lines on their way to where they are kept.

What this page names can be used by every process.  The parts that only the master runs know Twisted and are
imported by their own names: `uwsgid.logs.intake`, `uwsgid.logs.observer`.
"""

from uwsgid.logs.files import DatagramLogger, DescriptorLogger, FileLogger, open_destination
from uwsgid.logs.lines import Lines, ServerLines, encode
from uwsgid.logs.options import LogFile, LogMaster
from uwsgid.logs.pipeline import Logger, Pipeline
from uwsgid.logs.setup import LogPipe, Logs
from uwsgid.logs.writing import Write, writer

__all__ = [
    "DatagramLogger",
    "DescriptorLogger",
    "FileLogger",
    "Lines",
    "LogFile",
    "LogMaster",
    "LogPipe",
    "Logger",
    "Logs",
    "Pipeline",
    "ServerLines",
    "Write",
    "encode",
    "open_destination",
    "writer",
]
