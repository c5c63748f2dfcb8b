"""Steps of the boot that open the log, and say in it who we are."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from uwsgid.door.command import configuration
from uwsgid.door.isolating import changes_root
from uwsgid.door.options import Instance
from uwsgid.errors import ConfigError
from uwsgid.host import Privileges
from uwsgid.host.privileges import resolve_identity
from uwsgid.logs import Lines, banner
from uwsgid.logs.options import LogFile
from uwsgid.logs.setup import Logs

if TYPE_CHECKING:
    from uwsgid.door.boot import Boot


def open_the_log(boot: Boot) -> None:
    """From here on every line is where the configuration wants it."""
    settings = boot.site.settings
    instance = settings[Instance]
    target = instance.daemonize or instance.daemonize2 or ""
    boot.logs = Logs.open(
        settings,
        target=target or (boot.log_file if not boot.site.settings[LogFile].to else ""),
        owner=_owner_of_the_log(boot),
        again=boot.site.is_reload,
    )
    boot.say = Lines(settings, boot.logs.write)


def _owner_of_the_log(boot: Boot) -> tuple[int, int]:
    """The user and the group that we are going to be; -1 for who is known in another root only."""
    settings = boot.site.settings
    try:
        found = resolve_identity(boot.kernel, settings[Privileges], settings)
    except ConfigError:
        if changes_root(settings):
            return -1, -1
        raise
    return -1 if found.uid is None else found.uid, -1 if found.gid is None else found.gid


def say_who_we_are(boot: Boot) -> None:
    """The banner, and what the reading of the configuration had to say."""
    for line in boot.site.reading.notices:
        boot.say(line)
    for line in banner.start_lines(boot.cwd, started=time.time(), binary=boot.binary):
        boot.say(line)
    assert boot.logs is not None
    for line in boot.logs.registered():
        boot.say(line)
    for warning in boot.site.settings.warnings:
        boot.say(f"*** WARNING: {warning} ***")
    for notice in boot.site.settings.notices:
        boot.say(notice)
    shown = configuration(boot.site)
    if shown is not None:
        for line in shown.splitlines():
            boot.say(line)
