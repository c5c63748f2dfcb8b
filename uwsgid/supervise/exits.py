"""What the exit status of a worker means, and the line that operators know it by.

Pure: a status and what the master knew go in, a `Verdict` comes out.  Codes and lines are uWSGI's
(``core/master.c``), because people grep for them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

from uwsgid.host.children import ExitStatus


class Exit(enum.IntEnum):
    """Exit codes with a meaning between a worker and its master."""

    OK = 0
    ERROR = 1
    EXCEPTION = 5  #: a monitored exception; the worker asks to be replaced
    RELOAD = 17  #: ended by SIGHUP while idle
    APP_FAILED = 22  #: the application can not be loaded
    EXILE = 26  #: the emperor must not try again
    QUIET = 29  #: replace without a word
    END = 30  #: ended by INT or TERM, or when its last request was over
    BRUTAL = 31  #: the instance is inconsistent; reload it brutally
    DE_HIJACKED = 173  #: a worker that had lent its standard input


class Next(enum.Enum):
    """What the master does with the slot."""

    RESPAWN = "respawn"
    REST = "rest"  #: nobody is wanted there
    END_INSTANCE = "end the instance"
    RELOAD_BRUTALLY = "reload brutally"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the end of a worker means.

    :ivar line: for the log; empty for none.
    :ivar next: what follows.
    :ivar crashed: the worker was not supposed to end.
    """

    line: str
    next: Next
    crashed: bool = False


#: Codes by which a worker that was not told to go asks for a successor, and what the log says.
_ASKS: Final = {
    Exit.EXCEPTION: "... monitored exception detected, respawning {who}...",
    Exit.QUIET: "",
    Exit.DE_HIJACKED: "...restoring {who}...",
}


def verdict(
    status: ExitStatus,
    *,
    slot: int,
    pid: int,
    told_to_go: bool,
    wanted: bool,
    cursed: bool = True,
    burial: bool = False,
    need_app: bool = False,
    first: bool = False,
    now: float = 0.0,
    told_at: float = 0.0,
) -> Verdict:
    """Judge the end of a worker.

    :param told_to_go: it was asked to leave, or said itself that it would.
    :param wanted: a worker is wanted in this slot from now on.
    :param cursed: it was told to go for another reason than its age, which alone has no line.
    :param burial: it goes because the instance stops or reloads.
    :param need_app: the option of that name.
    :param first: no worker of this instance ever served.
    :param now: monotonic seconds; with *told_at* it tells how long the farewell took.
    """
    after = Next.RESPAWN if wanted and not burial else Next.REST
    who = f"worker {slot} (pid: {pid})"
    if burial and told_to_go:
        return Verdict(f"worker {slot} buried after {max(0, int(now - told_at))} seconds", after)
    if status.code == Exit.APP_FAILED:
        if need_app and first:
            return Verdict("*** no app loaded. GAME OVER ***", Next.END_INSTANCE)
        return Verdict(
            f"OOPS ! failed loading app in worker {slot} (pid {pid}) :( trying again...", after, crashed=True
        )
    if status.code == Exit.BRUTAL:
        return Verdict(f"!!! inconsistent state reported by {who} !!!", Next.RELOAD_BRUTALLY)
    if status.code in _ASKS:
        return Verdict(_ASKS[Exit(status.code)].format(who=who), after)
    if not told_to_go:
        how = f"died, killed by signal {status.signal}" if status.signal else "died"
        return Verdict(f"DAMN ! {who} {how} :( trying respawn ...", after, crashed=True)
    if cursed:
        return Verdict(f"worker {slot} killed successfully (pid: {pid})", after)
    if status.signal:
        return Verdict(
            f"DAMN ! {who} MYSTERIOUSLY killed by signal {status.signal} :( trying respawn ...", after
        )
    return Verdict("", after)
