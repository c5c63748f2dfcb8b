"""Options of logs and alarms."""

from __future__ import annotations

from typing import Final

from uwsgid.config.known.row import LATER, PRINTS, KnownOption, accepted, refused

_LOGS: Final = "Logging and alarms"

TABLE: Final[tuple[KnownOption, ...]] = (
    *refused(
        _LOGS,
        LATER,
        ("logto", "str", "log to a file or over UDP"),
        ("logto2", "str", "the same after dropping privileges"),
        ("log-format logformat", "str", "text of request lines"),
        ("logformat-strftime log-format-strftime", "flag", "times in that text"),
        ("disable-logging -L", "flag", "no request lines"),
        ("log-zero", "flag", "log empty responses"),
        ("log-slow", "u64", "log slow requests, ms"),
        ("log-4xx", "flag", "log errors of clients"),
        ("log-5xx", "flag", "log errors of the server"),
        ("log-big", "u64", "log large responses"),
        ("log-x-forwarded-for", "flag", "address from that header"),
        ("logdate log-date log-prefix", "[str]", "time before each line"),
        ("log-master", "flag M", "the master writes the log"),
        ("log-reopen", "flag", "open the log again on reload"),
        ("log-truncate", "flag", "begin with an empty log"),
        ("log-maxsize", "int L", "rotate over this size"),
        ("log-backupname", "str", "name of the old log"),
        ("logfile-chown", "flag", "the log belongs to the user"),
        ("logfile-chmod", "octal", "mode of the log"),
        ("logger", "list L M", "where lines go"),
        ("req-logger logger-req", "list R", "where request lines go"),
        ("log-syslog", "[list] L M", "log to syslog"),
        ("log-socket", "list L M", "log to a datagram socket"),
        ("log-encoder", "list L M", "change lines on the way"),
        ("log-req-encoder", "list L M", "change request lines on the way"),
        ("log-drain", "list L M p", "drop matching lines"),
        ("log-filter", "list L M p", "keep matching lines"),
        ("log-route", "list L M p", "matching lines to a logger"),
        ("log-req-route", "list R p", "matching request lines to a logger"),
        ("worker-logger", "list 2.1", "where lines of workers go"),
        ("worker-logger-req", "list 2.1", "where their request lines go"),
        ("worker-log-encoder", "list 2.1", "change lines of workers"),
        ("worker-log-req-encoder", "list 2.1", "change their request lines"),
        ("rsyslog-packet-size", "int", "largest packet to rsyslog"),
        ("rsyslog-split-messages", "flag", "split long lines for rsyslog"),
        ("alarm", "list M", "a way to raise alarm"),
        ("alarm-freq", "int", "seconds between equal alarms"),
        ("alarm-fd", "list M", "alarm when a descriptor is readable"),
        ("alarm-segfault segfault-alarm", "list M", "alarm when a worker crashes"),
        ("log-alarm alarm-log", "list L M p", "alarm on matching lines"),
        ("not-log-alarm not-alarm-log", "list L M p", "no alarm on matching lines"),
        ("alarm-msg-size", "u64", "longest alarm"),
        (
            "alarm-backlog backlog-alarm lq-alarm alarm-lq listen-queue-alarm alarm-listen-queue",
            "list M 2.0",
            "alarm when a queue is full",
        ),
    ),
    *refused(
        _LOGS,
        "there is no ZeroMQ in uwsgid",
        ("log-zeromq", "list L M z", "log to ZeroMQ"),
    ),
    *accepted(
        _LOGS,
        "no alarm has a thread of its own",
        ("alarm-cheap", "flag 2.0", "no thread of its own for each alarm"),
    ),
    *accepted(
        _LOGS,
        PRINTS,
        ("logger-list loggers-list", "flag", "list the loggers"),
        ("alarm-list alarms-list", "flag", "list the alarms"),
    ),
    *accepted(
        _LOGS,
        "it only changes how lines travel or look",
        ("log-sendfile", "any", "log requests answered by sendfile"),
        ("log-micros", "flag", "microseconds in request lines"),
        ("log-ioerror", "any 2.0", "log requests that ended in an I/O error"),
        ("log-master-bufsize", "u64", "longest line"),
        ("log-master-stream", "flag", "log over a stream"),
        ("log-master-req-stream", "flag", "request log over a stream"),
        ("threaded-logger", "flag L M", "write logs in a thread"),
        ("memory-report -m", "flag", "memory in request lines"),
    ),
)
