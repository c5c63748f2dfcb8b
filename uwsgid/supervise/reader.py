"""The reader: a child of the seed that reads the configuration as it stands now, says what is wrong, ends.

The master must not wait, and a configuration may be read from anywhere.  An instance that was executed has a
new image of itself read it (`uwsgid.master.reexec`); one that was forked, and may sit in a jail without an
interpreter, has this child.
"""

from __future__ import annotations

from typing import Final

from uwsgid.errors import ConfigError
from uwsgid.families import roles
from uwsgid.supervise.birth import Newborn, become_signalled
from uwsgid.supervise.exits import Exit
from uwsgid.wire.control import Loaded, LoadFailed

READER: Final = "reader"


@roles.member(READER)
def reader(newborn: Newborn) -> int:
    """Reads the configuration once more."""
    become_signalled(lambda: None)
    newborn.household.name_process("reader")
    try:
        newborn.household.read_again()
    except ConfigError as error:
        newborn.master.say(LoadFailed(str(error), Exit.ERROR))
        return Exit.ERROR
    newborn.master.say(Loaded(0))
    return Exit.OK
