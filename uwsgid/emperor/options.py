"""The options of an emperor, and what it tells its vassals on their command lines."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from uwsgid.config.kinds import Flag, Integer, Seconds, Text, Texts
from uwsgid.config.section import Section, flag, option, section
from uwsgid.host.addresses import AddressError, parse_address
from uwsgid.host.capabilities import CapabilityList
from uwsgid.host.namespaces import Cloned, combined

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings

_LOWEST_FREQUENCY: Final = 1  #: seconds
#: Seconds that all vassals together get at the end, where ``reload-mercy`` is not set.
MERCY: Final = 30


@section("Emperor")
class EmperorOptions(Section):
    """Which vassals there are, and how they are kept."""

    sources: Texts = option(
        "emperor",
        default=(),
        help="keep a vassal for each configuration in this directory, or matching this pattern",
        note="A scheme that nobody knows is an error; uWSGI takes foo://x for a pattern.",
    )
    early: Flag = flag("early-emperor", default=False, help="start the emperor before any jail, as root")
    procname: Text = option("emperor-procname", default="", help="title of the emperor")
    pidfile: Text = option("emperor-pidfile", default="", help="write the pid of the emperor")
    freq: Seconds = option(
        "emperor-freq",
        default=3,
        help="seconds between two looks at the sources",
        note="At least 1; in uWSGI 0 is a busy loop.  Changes of files are noticed at once.",
    )
    nofollow: Flag = flag("emperor-nofollow", default=False, help="look at links, not at what they lead to")
    extensions: Texts = option(
        "emperor-extra-extension",
        "emperor-extra-ext",
        default=(),
        help="names with this suffix are vassals too, run with --config",
    )
    magic_exec: Flag = flag(
        "emperor-magic-exec", default=False, help="run configurations that can be executed for their text"
    )
    throttle: Integer = option(
        "emperor-throttle",
        default=1000,
        help="milliseconds by which the rest of a vassal grows that behaves badly",
        note="A tenth of it lies between two starts of such vassals; uWSGI 1.9.16 holds the whole emperor up "
        "at every start, for microseconds.",
    )
    max_throttle: Integer = option(
        "emperor-max-throttle",
        default=180000,
        help="milliseconds that such a vassal rests at most",
    )
    required_heartbeat: Seconds = option(
        "emperor-required-heartbeat",
        default=30,
        help="seconds that a vassal with a heartbeat may be silent",
        note="A reload suspends it until the vassal is ready, or its heart beats again.",
    )
    tyrant: Flag = flag(
        "emperor-tyrant", default=False, help="vassals run as the owners of their configurations"
    )
    tyrant_nofollow: Flag = flag(
        "emperor-tyrant-nofollow", default=False, help="the same; owners of links, not of what they lead to"
    )
    tyrant_initgroups: Flag = flag(
        "emperor-tyrant-initgroups", default=False, help="with all groups of the owner"
    )
    broodlord: Integer = option("emperor-broodlord", default=0, help="zergs that may be called for help")
    stats: Text = option(
        "emperor-stats",
        "emperor-stats-server",
        default="",
        help="serve what is known of the vassals as JSON on this address",
    )
    on_demand_extension: Text = option(
        "emperor-on-demand-extension",
        "emperor-on-demand-ext",
        default="",
        help="the file with this suffix behind a vassal's name has the address that wakes it",
    )
    on_demand_directory: Text = option(
        "emperor-on-demand-directory",
        "emperor-on-demand-dir",
        default="",
        help="sockets in this directory wake vassals",
    )
    on_demand_exec: Text = option(
        "emperor-on-demand-exec",
        default="",
        help="a command, called with a vassal's name, prints the address that wakes it",
    )
    use_clone: Cloned = option(
        "emperor-use-clone", default=(), help="namespaces of each vassal: fs, ipc, net, pid, user, uts"
    )
    curse_tolerance: Seconds = option(
        "emperor-curse-tolerance", default=30, help="seconds until a vassal that does not end is killed"
    )
    graceful: Flag = flag(
        "emperor-graceful-shutdown", default=False, help="vassals that are stopped finish what they do"
    )
    no_blacklist: Flag = flag(
        "emperor-no-blacklist", default=False, help="a vassal that behaves badly rests no longer than others"
    )
    wrapper: Text = option("emperor-wrapper", default="", help="program that is executed for each vassal")
    wrapper_override: Texts = option(
        "emperor-wrapper-override", default=(), help="programs that are tried before it"
    )
    wrapper_fallback: Texts = option(
        "emperor-wrapper-fallback", default=(), help="programs that are tried after it"
    )
    binary_path: Text = option(
        "binary-path",
        default="",
        help="the program of the server, which an emperor executes for each vassal",
    )
    execute: Flag = flag(
        "emperor-exec",
        default=False,
        help="execute a fresh interpreter for each vassal, rather than fork it from what is loaded",
    )
    adopt: Flag = flag(
        "emperor-adopt-vassals",
        default=False,
        help="vassals outlive an emperor that is killed, and its successor goes on with them",
    )
    cap: CapabilityList = option(
        "emperor-cap", "vassals-cap", "vassal-cap", default=(), help="capabilities that vassals may have"
    )
    trigger: Text = option(
        "emperor-trigger-socket", default="", help="whoever connects to this address makes the emperor look"
    )
    command_socket: Text = option(
        "emperor-command-socket", default="", help="a UNIX socket that takes commands about vassals"
    )
    wait_for_command: Flag = flag(
        "emperor-wait-for-command", default=False, help="vassals start when a command says so"
    )
    wait_ignore: Texts = option(
        "emperor-wait-for-command-ignore", default=(), help="vassals that start at once all the same"
    )
    wrapper_attr: Text = option(
        "emperor-wrapper-attr",
        default="",
        help="the key in the section [emperor] of an ini file that names the program of the vassal",
        note="Under a tyrant the program runs as the owner of the file.",
    )
    chdir_attr: Text = option(
        "emperor-chdir-attr",
        default="",
        help="the key in that section that names the directory where the vassal starts",
    )
    list_monitors: Flag = flag(
        "imperial-monitor-list",
        "imperial-monitors-list",
        default=False,
        help="print the schemes of imperial monitors",
    )
    subreaper: Flag = flag(
        "emperor-subreaper",
        default=True,
        help="adopt what vassals leave behind",
        note="Always so in uwsgid.",
    )

    @property
    def period(self) -> int:
        """Seconds between two looks."""
        return max(_LOWEST_FREQUENCY, self.freq)

    @property
    def is_tyrant(self) -> bool:
        """Whether vassals become the owners of their configurations."""
        return self.tyrant or self.tyrant_nofollow

    @property
    def namespaces(self) -> int:
        """``CLONE_NEW…`` flags of each vassal."""
        return combined(self.use_clone)

    @property
    def executes(self) -> bool:
        """Whether each vassal is a program of its own."""
        wrappers = self.wrapper or self.wrapper_override or self.wrapper_fallback or self.binary_path
        return self.execute or bool(wrappers)

    def check(self, settings: Settings) -> Iterable[str]:
        """Addresses that are none and suffixes that fit everything are noticed before anything starts."""
        for field in ("stats", "trigger"):
            if text := getattr(self, field):
                try:
                    parse_address(text)
                except AddressError as error:
                    yield settings.problem(EmperorOptions, field, str(error))
        for name in self.extensions:
            if not name:
                yield settings.problem(EmperorOptions, "extensions", "an empty suffix fits every name")


@section("Emperor")
class VassalOptions(Section):
    """What every vassal is told."""

    inherit: Texts = option(
        "vassals-inherit", default=(), help="a file that each vassal reads after its own configuration"
    )
    inherit_before: Texts = option(
        "vassals-inherit-before", default=(), help="the same, before its own configuration"
    )
    include: Texts = option(
        "vassals-include", default=(), help="a file that each vassal includes behind its own configuration"
    )
    include_before: Texts = option(
        "vassals-include-before", default=(), help="the same, before its own configuration"
    )
    set: Texts = option(
        "vassals-set", "vassal-set", default=(), help="a placeholder or an option of each vassal, name=value"
    )
    start_hook: Text = option(
        "vassals-start-hook",
        default="",
        help="program that is executed in each vassal at its start, with its name",
    )
    stop_hook: Text = option(
        "vassals-stop-hook",
        default="",
        help="program that the emperor executes when a vassal is gone, with its name",
    )

    def warnings(self) -> Iterable[str]:
        """What would fail in each vassal, and can be told now."""
        for option_name, paths in (
            ("vassals-inherit", self.inherit),
            ("vassals-inherit-before", self.inherit_before),
            ("vassals-include", self.include),
            ("vassals-include-before", self.include_before),
        ):
            for path in paths:
                if "://" not in path and not os.path.exists(path.partition(":")[0]):
                    yield f"{option_name}: {path} does not exist, no vassal will start"
        for option_name, program in (
            ("vassals-start-hook", self.start_hook),
            ("vassals-stop-hook", self.stop_hook),
        ):
            if program and not os.access(program, os.X_OK) and "/" in program:
                hint = "; it is one program, not a command with arguments" if " " in program else ""
                yield f"{option_name}: {program} can not be executed{hint}"

    @property
    def has_hooks(self) -> bool:
        """Whether a program is to be told where the vassals are."""
        return bool(self.start_hook or self.stop_hook)
