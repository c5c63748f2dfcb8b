"""Options of statistics, metrics, and of talking to the outside about them."""

from __future__ import annotations

from typing import Final

from uwsgid.config.known.row import LATER, KnownOption, accepted, refused

_STATS: Final = "Stats, monitoring, UDP, SNMP"

TABLE: Final[tuple[KnownOption, ...]] = (
    *refused(
        _STATS,
        LATER,
        ("stats stats-server", "str M", "address of the statistics"),
        ("stats-http", "flag M", "statistics by HTTP"),
        ("stats-minified stats-min", "flag M", "without white space"),
        ("stats-push", "list M", "send statistics"),
        ("stats-pusher-default-freq stats-pushers-default-freq", "int M", "seconds between two sendings"),
        ("connect-and-read", "str I", "print what an address sends"),
        ("udp", "str M", "take log lines over UDP"),
        ("snmp", "[str]", "answer SNMP"),
        ("snmp-community", "str", "community of SNMP"),
        ("multicast", "str M", "group to talk to"),
        ("multicast-ttl", "int", "how far multicasts go"),
        ("multicast-loop", "int", "whether they come back"),
        ("enable-metrics", "flag 2.0", "collect metrics"),
        ("metric", "list 2.0", "a metric of your own"),
        ("metric-threshold metric-alarm alarm-metric", "list 2.0", "alarm on a metric"),
        ("metrics-dir metric-dir", "str 2.0", "metrics as files"),
        ("metrics-dir-restore metric-dir-restore", "flag 2.0", "start from those files"),
        ("notify-socket", "str M 2.0", "socket that takes notifications"),
        ("carbon", "list M", "send statistics to carbon"),
        ("carbon-timeout", "int", "seconds to wait for it"),
        ("carbon-freq", "int", "seconds between two sendings"),
        ("carbon-id", "str", "own name"),
        ("carbon-no-workers", "flag", "without single workers"),
        ("carbon-max-retry", "int", "attempts"),
        ("carbon-retry-delay", "int", "seconds between attempts"),
        ("carbon-root", "str", "first part of the names"),
        ("carbon-hostname-dots", "str", "what stands for dots in the host"),
        ("carbon-name-resolve carbon-resolve-names", "flag", "allow names of hosts"),
        ("carbon-idle-avg", "str", "average when idle"),
        ("nagios", "flag N", "one check for nagios"),
        ("ping", "str N S", "see whether an instance answers"),
        ("ping-timeout", "int", "seconds to wait for that"),
    ),
    *accepted(
        _STATS,
        "it only shortens the statistics",
        ("stats-no-cores", "flag 2.0", "without cores"),
        ("stats-no-metrics", "flag 2.0", "without metrics"),
        ("metrics-no-cores", "flag 2.0", "no metrics of cores"),
    ),
)
