"""What is wrong with the options of alarms, before anything is done for them.

The check of the configuration calls this, so each text says the file, the line, and what was probably meant.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from uwsgid.alarms import plugins as _plugins  # noqa: F401  it promises the built-in members
from uwsgid.alarms.options import AlarmOptions, AlarmWish, DescriptorWish, LogRule, Named
from uwsgid.config.settings import Settings
from uwsgid.errors import ConfigError, UnknownMember
from uwsgid.families import alarms
from uwsgid.logs.options import LogMaster

_BY_COMMAND: Final = "cmd:COMMAND runs whatever can do it, with the text on its standard input"

#: Plugins of uWSGI that nobody provides, and what they need.
ABSENT: Final[Mapping[str, str]] = {
    "airbrake": f"libcurl and libxml2, which uwsgid does not use; {_BY_COMMAND}",
    "curl": f"libcurl, which uwsgid does not use; {_BY_COMMAND}",
    "mule": "mules, which uwsgid does not have yet",
    "signal": "the signal framework, which uwsgid does not have yet",
    "speech": "macOS, where uwsgid does not run",
    "xmpp": f"gloox, which uwsgid does not use; {_BY_COMMAND}",
}


def problems(settings: Settings) -> Iterator[str]:
    """What is wrong with the options of alarms, one text each."""
    options = settings[AlarmOptions]
    for wish in options.alarms:
        if text := _of_alarm(wish, settings):
            yield f"{wish.origin}: {wish.option}: {text}"
    known = {wish.name for wish in options.alarms}
    named: list[tuple[LogRule | DescriptorWish | Named, str]] = [
        *((rule, name) for rule in options.rules for name in rule.alarms),
        *((wish, wish.alarm) for wish in options.descriptors),
        *((each, each.alarm) for each in (*options.segfaults, *options.backlogs)),
    ]
    for about, name in named:
        if name not in known:
            yield f"{about.origin}: {about.option}: {_no_such_alarm(name, known)}"
    if options.rules and not settings[LogMaster].enabled:
        yield settings.problem(LogMaster, "enabled", "log-alarm needs it, and it is off")


def _of_alarm(wish: AlarmWish, settings: Settings) -> str:
    if wish.plugin not in alarms and wish.plugin in ABSENT:
        return f"the alarm plugin {wish.plugin} needs {ABSENT[wish.plugin]}"
    try:
        alarms[wish.plugin].from_argument(wish.argument, settings)
    except (ConfigError, UnknownMember) as error:
        return str(error)
    except ImportError as error:
        return f"it needs a package that is not installed: {error}"
    return ""


def _no_such_alarm(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3)
    if near:
        hint = f"did you mean {' or '.join(near)}?"
    elif known:
        hint = f"there are {', '.join(sorted(known))}"
    else:
        hint = f"alarm = {name} PLUGIN:ARGUMENT makes one"
    return f"no alarm is called {name!r}; {hint}"
