"""When privileges are dropped, and by whom, where that is not at boot.

Usually the master drops before it forks anybody.  Three options leave that to the newborn, so that there is a
time in which applications, or what prepares them, are still root:

``master-as-root``
    the master and the seeds stay root, everybody else drops at birth;
``drop-after-init``
    whoever prepares the language drops after that: the zygote;
``drop-after-apps``
    whoever loads applications drops after that: the zygote, or each worker with ``lazy-apps``.

With the last two the master drops as soon as the seed is forked, unless ``master-as-root`` keeps it.
``chdir2`` belongs to the same moments and is here as well.
"""

from __future__ import annotations

import enum
import signal

from uwsgid.hooks.phases import run_as_user
from uwsgid.host import Privileges, drop, enter_directory
from uwsgid.supervise.household import Household


class Moment(enum.Enum):
    """When the privileges go."""

    BOOT = "at boot"
    BIRTH = "at birth"
    INITIALIZED = "after the languages were initialised"
    LOADED = "after the applications were loaded"


def moment_of(privileges: Privileges) -> Moment:
    """The moment that the configuration wants.  Pure."""
    if privileges.drop_after_apps:
        return Moment.LOADED
    if privileges.drop_after_init:
        return Moment.INITIALIZED
    return Moment.BIRTH if privileges.master_as_root else Moment.BOOT


def drop_at(moment: Moment, house: Household, death_signal: signal.Signals) -> None:
    """Drop, if this is the moment and this process is root, and then run the commands of ``exec-as-user``.

    :param death_signal: what the kernel sends when the master dies; it forgets that at a change of users
        (prctl(2), PR_SET_PDEATHSIG), so it is told anew.
    :raises ConfigError: as `uwsgid.host.drop`, and for a command that fails.
    :raises KernelError: as that.
    """
    privileges = house.settings[Privileges]
    if moment_of(privileges) is moment and house.kernel.geteuid() == 0:
        drop(house.kernel, privileges, house.say)
        run_as_user(house.settings, house.kernel, house.say)
        house.kernel.set_parent_death_signal(death_signal)


def enter_late_directory(house: Household) -> None:
    """``chdir2``, where the applications were loaded.

    :raises KernelError: where the kernel refuses.
    """
    path = house.settings[Privileges].chdir2
    if path:
        enter_directory(house.kernel, path, house.say)
