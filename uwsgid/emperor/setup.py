"""What is seen to for an emperor while its instance starts: problems are told then, and not by each vassal.

The sockets of its statistics are bound here, while we are root, and kept across a reload that replaces the
process image.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from uwsgid.emperor.commands import bind_datagrams
from uwsgid.emperor.keeping import Link
from uwsgid.emperor.monitors.monitor import Circumstances, Monitor
from uwsgid.emperor.opened import Opened
from uwsgid.emperor.options import MERCY, EmperorOptions, VassalOptions
from uwsgid.emperor.sources import classify
from uwsgid.errors import ConfigError
from uwsgid.families import gateway_setups, imperial_monitors
from uwsgid.host import Privileges, Sockets
from uwsgid.host.capabilities import SETGID, SETUID, Capabilities, mask_of
from uwsgid.interfaces import IKernel
from uwsgid.stats.server import listen
from uwsgid.supervise.gateways import Gateway, Say
from uwsgid.supervise.processes import Endings

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings
    from uwsgid.host.kept import Kept

ROLE: Final = "emperor"
NAME: Final = "uWSGI Emperor"
_FAREWELL: Final = 5.0  #: seconds more, which the emperor itself gets
#: Options behind which paths mean something else.
_NEW_ROOTS: Final = ("chroot", "pivot-root", "pivot_root")


@gateway_setups.member(ROLE)
def emperors(settings: Settings, kernel: IKernel, say: Say, kept: Kept) -> Sequence[Gateway]:
    """An emperor, where there are sources of vassals.

    :raises ConfigError: nobody monitors a source, it is missing, or a tyrant may not be one.
    :raises KernelError: an address can not be bound.
    """
    from uwsgid.emperor.work import serve

    options = settings[EmperorOptions]
    if options.list_monitors:
        say("*** imperial monitors ***")
        for scheme in schemes():
            say(f"imperial monitor: {scheme}")
        say("--- end of imperial monitors list ---")
    if not options.sources:
        return ()
    check_tyrant(settings, kernel)
    for warning in settings[VassalOptions].warnings():
        say(f"*** WARNING: {warning} ***")
    cwd = kernel.getcwd()
    if not any(directive.name in _NEW_ROOTS for directive in settings.directives):
        directory = options.on_demand_directory
        if directory and not os.path.isdir(os.path.join(cwd, directory)):
            what = f"{directory} is not a directory, so no vassal can wait for its first request there"
            say(f"*** WARNING: {settings.problem(EmperorOptions, 'on_demand_directory', what)} ***")
        # the emperor itself tells what it sees
        for monitor in monitors_of(settings, cwd, _keep_quiet, lambda: 0.0):
            if monitor.lists and not monitor.waits and not monitor.look():
                say(f"*** WARNING: emperor: there are no vassals in {monitor.text} yet ***")
    opened = Opened(
        _listen(settings, kept, "emperor-stats", options.stats),
        _listen(settings, kept, "emperor-trigger-socket", options.trigger),
        _datagrams(settings, kept, options.command_socket),
        cwd,
        _link(kept) if options.adopt else None,
    )
    mercy = (settings[Endings].reload_mercy or MERCY) + _FAREWELL
    return (Gateway(NAME, partial(serve, opened), role=ROLE, mercy=mercy),)


def _keep_quiet(line: str) -> None:
    """Say nothing."""


def monitors_of(settings: Settings, cwd: str, say: Say, clock: Callable[[], float]) -> list[Monitor]:
    """Those who know which vassals ought to exist, in the order of the configuration.

    :param cwd: where the emperor was started.
    :param clock: unix seconds.
    :raises ConfigError: a source can not be monitored.
    """
    options = settings[EmperorOptions]
    circumstances = Circumstances(options, cwd, say, clock)
    known = schemes()
    found = []
    for text in options.sources:
        source = classify(text, known)
        # paths of patterns stay relative: they are the names of vassals
        found.append(imperial_monitors[source.scheme](source.text, circumstances))
    return found


def schemes() -> list[str]:
    """Those of all imperial monitors."""
    return [name for member in imperial_monitors for name in (member.name, *member.aliases)]


def check_tyrant(settings: Settings, kernel: IKernel) -> None:
    """A tyrant that can not become somebody else would start every vassal in vain, for ever.

    :raises ConfigError: it can not.
    """
    options, privileges = settings[EmperorOptions], settings[Privileges]
    if not options.is_tyrant:
        return
    needed = 1 << SETUID | 1 << SETGID
    late = privileges.master_as_root or privileges.drop_after_init or privileges.drop_after_apps
    if kernel.geteuid() == 0 and (late or privileges.uid in ("", "0", "root")):
        return
    kept = mask_of(settings[Capabilities].kept)
    if kernel.geteuid() != 0:
        kept |= kernel.capabilities()[0]
    if kept & needed != needed:
        raise ConfigError(
            "emperor-tyrant: an emperor that is not root can not become the owners of its vassals; "
            "run it as root (master-as-root = true), or give it cap = setgid,setuid"
        )


def _link(kept: Kept) -> Link:
    """The way to a nest that outlives its emperor; what a former image of this process had is no use."""
    keys = {field.name: f"{ROLE}-link {field.name}" for field in dataclasses.fields(Link)}
    made = {name: kept.own(key) for name, key in keys.items()}
    if None not in made.values():  # an early emperor has it already
        return Link(**{name: descriptor for name, descriptor in made.items() if descriptor is not None})
    link = Link.make()
    for name, descriptor in dataclasses.asdict(link).items():
        key = keys[name]
        stale = kept.get(key)
        if stale is not None:
            os.close(stale)
        kept.keep(key, descriptor)
    return link


def _datagrams(settings: Settings, kept: Kept, path: str) -> int:
    if not path:
        return -1
    key = f"{ROLE}-command-socket {path}"
    found = kept.get(key)
    if found is None:
        found = bind_datagrams(path, settings[Sockets].chmod).detach()
        kept.keep(key, found)
    return found


def _listen(settings: Settings, kept: Kept, option: str, address: str) -> int:
    if not address:
        return -1
    key = f"{option} {address}"
    found = kept.get(key)
    if found is None:
        found = listen(address, mode=settings[Sockets].chmod).detach()
        kept.keep(key, found)
    return found
