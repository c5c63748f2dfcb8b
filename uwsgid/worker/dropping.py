"""What zygotes and workers do with privileges that the boot has left to them.

Who does it, and when, is told by `uwsgid.isolation.late`; here its hooks are those of the instance.
``chdir2`` belongs to the same moments and is here as well.
"""

from __future__ import annotations

import signal

from uwsgid.hooks.phases import Phase
from uwsgid.hooks.running import run
from uwsgid.host import Privileges, enter_directory
from uwsgid.isolation.late import Moment, step_of_a_newborn
from uwsgid.supervise.household import Household

__all__ = ["Moment", "drop_at", "enter_late_directory"]


def drop_at(moment: Moment, house: Household, death_signal: signal.Signals) -> None:
    """Take the privilege step, if this is the moment and this process is root, and run its hooks.

    :param death_signal: what the kernel sends when the master dies; it forgets that at a change of users
        (prctl(2), PR_SET_PDEATHSIG), so it is told anew.
    :raises ConfigError: as `uwsgid.host.drop`, and for a hook that fails.
    :raises KernelError: as that.
    """
    step_of_a_newborn(
        moment,
        house,
        death_signal,
        lambda phase: run(Phase(phase), house.settings, house.kernel, house.say),
    )


def enter_late_directory(house: Household) -> None:
    """``chdir2``, where the applications were loaded.

    :raises KernelError: where the kernel refuses.
    """
    path = house.settings[Privileges].chdir2
    if path:
        enter_directory(house.kernel, path, house.say)
