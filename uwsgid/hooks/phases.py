"""When hooks run: ``exec-asap`` and its kin, one option for each phase.

======================  ====================================================================================
phase                   when
======================  ====================================================================================
``asap``                first of all, before the log is opened; also in a reload that starts anew
``pre-jail``            after the shared sockets were bound; not in a reload
``in-jail``             after gateways opened their devices
``post-jail``           in a jail that was just entered
``as-root``             while we are root, last before privileges are dropped
``as-user``             after they were dropped, if we were root before
``pre-app``             before applications are loaded, where that is done
``post-app``            after it
``as-user-atexit``      in the master at its end, and before a reload that starts anew
======================  ====================================================================================

A command that fails ends the start, or the loading; one at the end is logged.  They run before there is a
reactor, in a process without one, or when the reactor has nothing left to do, so waiting for them disturbs
nobody.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from uwsgid.config.kinds import Texts
from uwsgid.config.section import Section, option, section
from uwsgid.hooks.actions import Commands, Meanwhile, Say, run_all, run_one
from uwsgid.interfaces import IKernel

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings


class Phase(enum.Enum):
    """A moment in the life of an instance; its value is the end of the options' names."""

    ASAP = "asap"
    PRE_JAIL = "pre-jail"
    POST_JAIL = "post-jail"
    IN_JAIL = "in-jail"
    AS_ROOT = "as-root"
    AS_USER = "as-user"
    PRE_APP = "pre-app"
    POST_APP = "post-app"
    AS_USER_ATEXIT = "as-user-atexit"
    AS_EMPEROR = "as-emperor"
    AS_VASSAL = "as-vassal"
    POST_FORK = "post-fork"
    ACCEPTING = "accepting"
    ACCEPTING_ONCE = "accepting-once"
    ACCEPTING1 = "accepting1"
    ACCEPTING1_ONCE = "accepting1-once"
    AS_MULE = "as-mule"
    AS_GATEWAY = "as-gateway"
    MASTER_START = "master-start"
    TOUCH = "touch"
    EMPEROR_START = "emperor-start"
    EMPEROR_STOP = "emperor-stop"
    EMPEROR_RELOAD = "emperor-reload"
    EMPEROR_LOST = "emperor-lost"
    AS_EMPEROR_BEFORE_VASSAL = "as-emperor-before-vassal"
    AS_VASSAL_BEFORE_DROP = "as-vassal-before-drop"
    AS_ON_DEMAND_VASSAL = "as-on-demand-vassal"
    AS_ON_CONFIG_VASSAL = "as-on-config-vassal"
    AS_EMPEROR_SETNS = "as-emperor-setns"


@section("Hooks")
class Hooks(Section):
    """Commands that the shell runs on the way."""

    asap: Commands = option("exec-asap", default=(), help="run a command as soon as possible")
    pre_jail: Commands = option("exec-pre-jail", default=(), help="run a command before any jail")
    post_jail: Commands = option(
        "exec-post-jail",
        default=(),
        help="run a command after a jail was entered",
    )
    in_jail: Commands = option("exec-in-jail", default=(), help="run a command where the instance will live")
    as_root: Commands = option(
        "exec-as-root",
        default=(),
        help="run a command before privileges are dropped",
        note="With master-as-root, drop-after-init and drop-after-apps it runs once, at boot.  After a "
        "reload that kept the devices of gateways, a command that fails is only logged.",
    )
    as_user: Commands = option("exec-as-user", default=(), help="run a command after privileges were dropped")
    pre_app: Commands = option(
        "exec-pre-app", default=(), help="run a command before an application is loaded"
    )
    post_app: Commands = option(
        "exec-post-app", default=(), help="run a command after applications were loaded"
    )
    atexit: Commands = option(
        "exec-as-user-atexit", default=(), help="run a command when the master ends or starts anew"
    )
    binsh: Texts = option("binsh", default=(), help="shell for commands, the first that can be executed")


def run_asap(settings: Settings, kernel: IKernel, say: Say) -> None:
    """:raises ConfigError: for a command that fails, as all of these."""
    hooks = settings[Hooks]
    run_all(kernel, hooks.binsh, hooks.asap, "(asap)...", say)


def run_pre_jail(settings: Settings, kernel: IKernel, say: Say, meanwhile: Meanwhile = None) -> None:
    """``exec-pre-jail``."""
    hooks = settings[Hooks]
    run_all(kernel, hooks.binsh, hooks.pre_jail, "(pre-jail)...", say, meanwhile)


def run_post_jail(settings: Settings, kernel: IKernel, say: Say, *, jailed: bool = False) -> None:
    """``exec-post-jail``, if a jail was entered."""
    hooks = settings[Hooks]
    run_all(kernel, hooks.binsh, hooks.post_jail if jailed else (), "(post-jail)...", say)


def run_in_jail(settings: Settings, kernel: IKernel, say: Say, meanwhile: Meanwhile = None) -> None:
    """``exec-in-jail``."""
    hooks = settings[Hooks]
    run_all(kernel, hooks.binsh, hooks.in_jail, "(in-jail)...", say, meanwhile)


def run_as_root(
    settings: Settings, kernel: IKernel, say: Say, meanwhile: Meanwhile = None, *, again: bool = False
) -> bool:
    """``exec-as-root``, if we are root; whether we are.

    :param again: it ran for these very devices before.  What it wanted may be there already, as an address
        is, so a command that fails is only logged.
    """
    if kernel.geteuid() != 0:
        return False
    hooks = settings[Hooks]
    if not again:
        run_all(kernel, hooks.binsh, hooks.as_root, "(as root)...", say, meanwhile)
        return True
    for command in hooks.as_root:
        problem = run_one(kernel, hooks.binsh, command, "(as root)...", say, meanwhile)
        if problem:
            say(f"{problem}, which is no obstacle after a reload that kept its devices")
    return True


def run_as_user(settings: Settings, kernel: IKernel, say: Say, meanwhile: Meanwhile = None) -> None:
    """``exec-as-user``; the log tells who that is, as in uWSGI."""
    hooks = settings[Hooks]
    run_all(kernel, hooks.binsh, hooks.as_user, _as_whom(kernel), say, meanwhile)


def run_pre_app(settings: Settings, kernel: IKernel, say: Say) -> None:
    """``exec-pre-app``."""
    hooks = settings[Hooks]
    run_all(kernel, hooks.binsh, hooks.pre_app, "(pre app)...", say)


def run_post_app(settings: Settings, kernel: IKernel, say: Say) -> None:
    """``exec-post-app``."""
    hooks = settings[Hooks]
    run_all(kernel, hooks.binsh, hooks.post_app, "(post app)...", say)


def run_atexit(settings: Settings, kernel: IKernel, say: Say, meanwhile: Meanwhile = None) -> None:
    """``exec-as-user-atexit``: all of them, whatever becomes of each."""
    hooks = settings[Hooks]
    for command in hooks.atexit:
        problem = run_one(kernel, hooks.binsh, command, _as_whom(kernel), say, meanwhile)
        if problem:
            say(problem)


def _as_whom(kernel: IKernel) -> str:
    return f"(as uid: {kernel.getuid()} gid: {kernel.getgid()}) ..."
