"""Who takes the privilege step, where that is not the boot.

Usually the process that becomes the master takes it before it binds its sockets, and everybody is born behind
it.  Four options put it off:

``chown-socket``
    it comes after the sockets were bound, since only root can give them away;
``master-as-root``
    the master and the seeds stay root, everybody else takes it at birth;
``drop-after-init``
    whoever prepares the language takes it after that: the zygote;
``drop-after-apps``
    whoever loads applications takes it after that: the zygote, or each worker with ``lazy-apps``.

With the last two the master drops its own privileges as soon as the seed is forked, unless ``master-as-root``
keeps it; it enters nothing.  Where the step enters a jail, each of those who take it enters one, with the
hooks that belong to it, as in uWSGI; where it only drops privileges, the hooks of root run once, at boot.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from uwsgid.host.jails import Jails
from uwsgid.host.privileges import Privileges
from uwsgid.host.socket_options import Sockets
from uwsgid.isolation.options import Isolation
from uwsgid.isolation.step import Occasion, become_the_user, privilege_step

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings
    from uwsgid.supervise.household import Household


class Moment(enum.Enum):
    """When the step is taken."""

    BOOT = "at boot"
    BOUND = "after the sockets were bound"
    BIRTH = "at birth"
    INITIALIZED = "after the languages were initialised"
    LOADED = "after the applications were loaded"


def moment_of(settings: Settings) -> Moment:
    """The moment that the configuration wants.  Pure."""
    privileges = settings[Privileges]
    if privileges.drop_after_apps:
        return Moment.LOADED
    if privileges.drop_after_init:
        return Moment.INITIALIZED
    if privileges.master_as_root:
        return Moment.BIRTH
    return Moment.BOUND if settings[Sockets].chown else Moment.BOOT


def is_of_the_boot(moment: Moment) -> bool:
    """Whether the process that becomes the master takes the step, be it early or late."""
    return moment in (Moment.BOOT, Moment.BOUND)


def enters_a_jail(settings: Settings) -> bool:
    """Whether the step leads anywhere, so that its hooks belong to each process that takes it."""
    return settings[Isolation].changes_place or any(
        settings.is_set(Jails, option.field) for option in Jails.options
    )


def step_of_a_newborn(
    moment: Moment, house: Household, death_signal: int, run_hooks: Callable[[str], None]
) -> None:
    """Take the step, if this is the moment and this process is root.

    :param death_signal: what the kernel sends when the master dies.
    :param run_hooks: as in `Occasion`.
    :raises ConfigError: as `privilege_step`.
    :raises KernelError: as that.
    """
    settings = house.settings
    if moment_of(settings) is not moment or house.kernel.geteuid() != 0:
        return
    here = Occasion(
        settings,
        house.kernel,
        house.say,
        run_hooks,
        os.environ,
        death_signal=death_signal,
        directory=settings[Privileges].chdir,
    )
    if enters_a_jail(settings):
        privilege_step(here)
    else:
        become_the_user(here)
