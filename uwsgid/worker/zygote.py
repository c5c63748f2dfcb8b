"""The zygote: imports the applications of one generation, then forks workers that share its memory.

It is a child of the seed, so it starts without any trace of an application, and a reload needs no exec.  With
``lazy-apps`` it imports nothing and is only the workers' midwife.
"""

from __future__ import annotations

import os
import signal
from functools import partial

from uwsgid.errors import UwsgidError
from uwsgid.families import languages, roles
from uwsgid.hooks import FATAL, HookFailed, Phase, run
from uwsgid.host import Limits, keep_in_memory
from uwsgid.request.mounts import Apps, Lookup
from uwsgid.supervise.appfacts import describe_apps
from uwsgid.supervise.birth import Newborn, bear, become_server_of_births
from uwsgid.supervise.exits import Exit
from uwsgid.supervise.processes import Processes
from uwsgid.supervise.seed import serve_births
from uwsgid.wire.control import Ask, Loaded, LoadFailed, Ready
from uwsgid.worker.dropping import Moment, drop_at, enter_late_directory


@roles.member("zygote")
def zygote(newborn: Newborn) -> int:
    """Holds the applications of one generation and forks its workers."""
    house = newborn.household
    keep_in_memory(house.kernel, house.settings[Limits])
    become_server_of_births(house)
    newborn.master.say(Ready(os.getpid()))
    code = prepare(newborn)
    if code is not None:
        return code
    serve_births(newborn.master.channel, partial(bear, house))
    return Exit.OK


def prepare(newborn: Newborn) -> int | None:
    """Load what workers share, and tell the master; an exit code where that is in vain."""
    try:
        return _load(newborn)
    except UwsgidError as error:
        if isinstance(error, HookFailed) and newborn.generation <= 1:
            newborn.household.say(FATAL)
        newborn.master.say(LoadFailed(str(error), Exit.ERROR))
        return Exit.ERROR


def _load(newborn: Newborn) -> int | None:
    """Load it.

    :raises UwsgidError: where what the configuration asks for can not be had.
    """
    house = newborn.household

    def tell(what: str) -> None:
        newborn.master.say(Ask(what))

    drop_at(Moment.BIRTH, house, signal.SIGKILL)
    house.name_process("zygote")
    house.apps = Apps(Lookup.from_settings(house.settings))
    house.languages = [member.part() for member in languages]
    for language in house.languages:
        language.initialize(house.settings, house.say, tell, house)
    drop_at(Moment.INITIALIZED, house, signal.SIGKILL)
    failed, is_reload = 0, newborn.generation > 1
    if not house.settings[Processes].loads_late:
        run(Phase.PRE_APP, house.settings, house.kernel, house.say, tell=tell)
        for language in house.languages:
            outcome = language.load(house.settings, house.apps, house.say, is_reload=is_reload)
            failed += outcome.failed
            if outcome.exit_code is not None:
                newborn.master.say(LoadFailed(outcome.reason, int(outcome.exit_code)))
                return int(outcome.exit_code)
        run(Phase.POST_APP, house.settings, house.kernel, house.say, tell=tell)
        enter_late_directory(house)
        drop_at(Moment.LOADED, house, signal.SIGKILL)
        for language in house.languages:
            language.settle(house.say)
    become_server_of_births(house)  # once more, since applications install handlers when they are imported
    newborn.master.say(Loaded(len(house.apps), failed, describe_apps(house.apps)))
    return None


@roles.member("seed")
def seed(newborn: Newborn) -> int:
    """Forks zygotes and its own spare; knows no application."""
    house = newborn.household
    keep_in_memory(house.kernel, house.settings[Limits])
    become_server_of_births(house)
    newborn.master.say(Ready(os.getpid()))
    house.name_process("seed")
    serve_births(newborn.master.channel, partial(bear, house))
    return Exit.OK
