"""The options that say where the log is kept, and who writes it.

The prefix of server lines is an option of `uwsgid.logs.lines`, the line of a request one of
`uwsgid.request.logline`.
"""

from __future__ import annotations

from uwsgid.config.kinds import Count, Flag, Integer, Octal, Text
from uwsgid.config.section import Section, flag, option, section


@section("Logging")
class LogFile(Section):
    """Where the log is kept, and for how long one file is enough."""

    to: Text = option("logto", default="", help="append the log to this file, or send it to host:port by UDP")
    to2: Text = option("logto2", default="", help="the same, done after the privileges were dropped")
    truncate: Flag = flag("log-truncate", default=False, help="empty the log file at the start")
    reopen: Flag = flag("log-reopen", default=False, help="reopen the log file at each reload")
    chown: Flag = flag("logfile-chown", default=False, help="give the log file to the uid and gid of workers")
    chmod: Octal | None = option("logfile-chmod", default=None, help="mode of the log file")
    max_size: Integer = option(
        "log-maxsize",
        default=0,
        implies=("master", "log-master"),
        help="set the log file aside when it is larger than this many bytes",
    )
    backup_name: Text = option(
        "log-backupname",
        default="",
        help="name of the file set aside; the log file's and the time by default",
    )


@section("Logging")
class LogMaster(Section):
    """Lets the master write all lines."""

    enabled: Flag = flag(
        "log-master",
        default=False,
        implies=("master",),
        help="let the master write the log of all processes",
    )
    bufsize: Count = option("log-master-bufsize", default=8192, help="bytes of a record, longer ones are cut")
    stream: Flag = flag("log-master-stream", default=False, help="use a byte stream in place of records")
