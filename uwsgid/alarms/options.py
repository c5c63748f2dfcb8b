"""The options of alarms, read and checked with the rest of the configuration.

::

    alarm = NAME PLUGIN:ARGUMENT                  a way to raise alarm
    log-alarm = NAME[,NAME…] REGEX                when a record of the log matches
    not-log-alarm = NAME[,NAME…] REGEX            never for those records
    alarm-fd = NAME FD[:BYTES] TEXT               when a descriptor can be read
    alarm-backlog = NAME, alarm-segfault = NAME   when a queue is full, when a worker crashes

Here they are only read.  What can be wrong with them beyond their grammar, a name that nobody knows for
example, is found by `uwsgid.alarms.problems`, which is imported when one of them is used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from uwsgid.config.directive import Directive, Origin
from uwsgid.config.kinds import Count, Flag, Kind, Seconds
from uwsgid.config.section import Section, flag, option, section
from uwsgid.config.settings import Settings

#: Both spellings of what keeps alarms from being raised.
EXCLUSIONS: Final = ("not-log-alarm", "not-alarm-log")


@dataclass(frozen=True, slots=True)
class AlarmWish:
    """``alarm = NAME PLUGIN:ARGUMENT``."""

    option: str
    origin: Origin
    name: str
    plugin: str
    argument: str = ""


@dataclass(frozen=True, slots=True)
class LogRule:
    """``log-alarm = NAME[,NAME…] REGEX``, or ``not-log-alarm``.

    :ivar alarms: the names.
    :ivar excludes: it is the latter.
    """

    option: str
    origin: Origin
    alarms: tuple[str, ...]
    pattern: re.Pattern[bytes]
    excludes: bool = False


@dataclass(frozen=True, slots=True)
class DescriptorWish:
    """``alarm-fd = NAME FD[:BYTES] TEXT``.

    :ivar size: bytes to read each time; an eventfd wants 8.
    """

    option: str
    origin: Origin
    alarm: str
    descriptor: int
    text: str
    size: int = 1


@dataclass(frozen=True, slots=True)
class Named:
    """``alarm-backlog = NAME`` and its like."""

    option: str
    origin: Origin
    alarm: str


def _alarm(directive: Directive) -> AlarmWish:
    name, _, what = (directive.value or "").strip().partition(" ")
    plugin, _, argument = what.lstrip().partition(":")
    if not plugin or "," in name:
        raise ValueError(f"expected NAME PLUGIN:ARGUMENT, got {directive.value or ''!r}")
    return AlarmWish(directive.name, directive.origin, name, plugin, argument)


def _rule(directive: Directive) -> LogRule:
    text = directive.value or ""
    names, _, regex = text.partition(" ")
    alarms = tuple(filter(None, names.split(",")))
    if not alarms or not regex:
        raise ValueError(f"expected NAME[,NAME...] REGEX, got {text!r}")
    try:
        pattern = re.compile(regex.encode("utf-8", "surrogateescape"))
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{regex!r} is no regular expression: {error}") from None
    return LogRule(directive.name, directive.origin, alarms, pattern, directive.name in EXCLUSIONS)


_DESCRIPTOR: Final = re.compile(r"(\S+) +(\d{1,9})(?::(\d{1,6}))? +(.+)", re.DOTALL)


def _descriptor(directive: Directive) -> DescriptorWish:
    found = _DESCRIPTOR.fullmatch(directive.value or "")
    if found is None or (found[3] is not None and int(found[3]) == 0):
        raise ValueError(f"expected NAME FD[:BYTES] TEXT, got {directive.value or ''!r}")
    size = int(found[3] or 1)
    return DescriptorWish(directive.name, directive.origin, found[1], int(found[2]), found[4], size)


def _named(directive: Directive) -> Named:
    if not directive.value:
        raise ValueError("expected the name of an alarm, got nothing")
    return Named(directive.name, directive.origin, directive.value)


def _many(name: str, expected: str, parse: Callable[[Directive], Any]) -> Kind:
    return Kind(name, expected, parse, many=True, reads_directive=True)


ALARMS: Final = _many("alarm list", "NAME PLUGIN:ARGUMENT", _alarm)
RULES: Final = _many("list", "NAME[,NAME...] REGEX", _rule)
DESCRIPTORS: Final = _many("list", "NAME FD[:BYTES] TEXT", _descriptor)
NAMES: Final = _many("list", "the name of an alarm", _named)

Wishes = Annotated[tuple[AlarmWish, ...], ALARMS]
Rules = Annotated[tuple[LogRule, ...], RULES]
Descriptors = Annotated[tuple[DescriptorWish, ...], DESCRIPTORS]
Names = Annotated[tuple[Named, ...], NAMES]

_EXCLUDE: Final = "raise no alarm for records that match this regular expression, NAME[,NAME...] REGEX"


@section("Logging")
class AlarmOptions(Section):
    """Who is called when something happens that somebody should look at."""

    alarms: Wishes = option(
        "alarm", default=(), implies=("master",), help="make an alarm, NAME PLUGIN:ARGUMENT"
    )
    rules: Rules = option(
        "log-alarm",
        "alarm-log",
        default=(),
        implies=("master", "log-master"),
        help="raise alarms for records of the log that match, NAME[,NAME...] REGEX",
        also={name: _EXCLUDE for name in EXCLUSIONS},
        note="not-log-alarm counts for the alarms that it names wherever it stands, and for all rules "
        "behind it; in uWSGI for the latter only",
    )
    descriptors: Descriptors = option(
        "alarm-fd",
        default=(),
        implies=("master",),
        help="raise an alarm when a descriptor can be read, NAME FD[:BYTES] TEXT",
        note="a descriptor that came to its end is watched no more",
    )
    segfaults: Names = option(
        "alarm-segfault",
        "segfault-alarm",
        default=(),
        implies=("master",),
        help="raise this alarm when a worker dies by SIGSEGV or SIGFPE",
        note="the text has no backtrace",
    )
    backlogs: Names = option(
        "alarm-backlog",
        "backlog-alarm",
        "lq-alarm",
        "alarm-lq",
        "listen-queue-alarm",
        "alarm-listen-queue",
        default=(),
        implies=("master",),
        help="raise this alarm when the queue of a listening socket is full",
    )
    freq: Seconds = option(
        "alarm-freq", default=3, help="seconds in which an alarm is not raised twice with the same text"
    )
    burst: Count = option(
        "alarm-burst",
        default=10,
        help="how many texts an alarm is raised with in the seconds of alarm-freq, others are counted",
    )
    size: Count = option("alarm-msg-size", default=8192, help="bytes of a text, longer ones are cut")
    listing: Flag = flag(
        "alarm-list", "alarms-list", default=False, help="print the plugins of alarms, and exit"
    )

    @property
    def any(self) -> bool:
        """Whether there is anything to be done for alarms."""
        return bool(self.alarms or self.rules or self.descriptors or self.segfaults or self.backlogs)

    def check(self, settings: Settings) -> Iterable[str]:
        """Names that nobody knows, and arguments that can not be used."""
        if self.any:
            from uwsgid.alarms.problems import problems

            yield from problems(settings)


def plugin_list() -> str:
    """What ``alarm-list`` prints, in uWSGI's words."""
    import uwsgid.alarms.plugins  # noqa: F401  it promises the built-in ones
    from uwsgid.families import alarms

    names = "\n".join(alarms.names())
    return f"\n*** uWSGI loaded alarms ***\n{names}\n--- end of alarms list ---\n"
