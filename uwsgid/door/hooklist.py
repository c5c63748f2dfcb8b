"""``uwsgid hooks site.ini``: what hooks will run, in order, in which process and as whom.  Nothing is run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from uwsgid.config.index import Index
from uwsgid.config.settings import judge_reading
from uwsgid.hooks.listing import Planned, planned
from uwsgid.hooks.phases import Phase
from uwsgid.host.namespaces import CLONE_NEWUSER
from uwsgid.isolation.late import enters_a_jail
from uwsgid.isolation.options import AllInOne, Isolation

if TYPE_CHECKING:
    from uwsgid.config.reading import Reading
    from uwsgid.config.settings import Settings

_HEAD: Final = ("phase", "process", "as", "action", "from")
_OF_EMPERORS: Final = (
    Phase.EMPEROR_START,
    Phase.AS_EMPEROR_BEFORE_VASSAL,
    Phase.AS_VASSAL_BEFORE_DROP,
    Phase.AS_VASSAL,
    Phase.AS_EMPEROR,
    Phase.AS_EMPEROR_SETNS,
    Phase.AS_ON_DEMAND_VASSAL,
    Phase.AS_ON_CONFIG_VASSAL,
)


def hook_list(reading: Reading, names: Index, uid: int) -> str | None:
    """The table of all hooks; None where the configuration can not be used.

    :param uid: the user that would start the instance.
    """
    settings = judge_reading(reading, names).settings
    return None if settings is None else "\n".join(lines(settings, uid))


def lines(settings: Settings, uid: int) -> Iterator[str]:
    """The table, then what does not run with this configuration."""
    idle = reasons(settings, uid)
    outside = settings[AllInOne].jail is not None
    found = list(planned(settings, uid, outside=outside, rootless=_is_rootless(settings)))
    runs = [one for one in found if one.phase not in idle and not one.outside]
    if runs:
        yield from _table([_HEAD, *map(_cells, runs)])
    elif not found:
        yield "no hooks"
    for one in found:
        reason = "since it would be outside of the jail" if one.outside else idle.get(one.phase)
        if reason:
            yield f"not run: {one.text} of {one.phase.value}, {reason} ({one.place})"


def reasons(settings: Settings, uid: int) -> Mapping[Phase, str]:
    """Which phases do not come, and why.  Pure."""
    found: dict[Phase, str] = {Phase.AS_MULE: "there are no mules"}
    if uid != 0 and not _is_rootless(settings):
        for phase in (Phase.POST_JAIL, Phase.AS_ROOT, Phase.AS_USER):
            found[phase] = "which needs a start as root"
    elif uid == 0 and not (
        enters_a_jail(settings) or settings[Isolation].jailed or settings[AllInOne].jail is not None
    ):
        found[Phase.POST_JAIL] = "since no jail is entered; jailed = true says that this is one"
    if not any(one.name == "emperor" for one in settings.directives):
        for phase in _OF_EMPERORS:
            found[phase] = "since there is no emperor"
    return found


def _is_rootless(settings: Settings) -> bool:
    """Whether anybody becomes root, in a user namespace."""
    return bool(settings[Isolation].flags & CLONE_NEWUSER)


def _cells(one: Planned) -> Sequence[str]:
    return (one.phase.value, one.process, one.user, one.text, one.place)


def _table(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    table = list(rows)
    widths = [max(len(row[column]) for row in table) for column in range(len(_HEAD))]
    for row in table:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
