"""Files that somebody touches to say: reload."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from uwsgid.config.kinds import Texts
from uwsgid.config.section import Section, option, section
from uwsgid.config.settings import Settings
from uwsgid.host.touch import Touches
from uwsgid.interfaces import IKernel


@section("Stopping and reloading")
class TouchFiles(Section):
    """Files whose change is an order.  They are looked at once per ``check-interval``."""

    reload: Texts = option(
        "touch-reload", default=(), implies=("master",), help="reload gracefully when this file is touched"
    )
    workers: Texts = option(
        "touch-workers-reload", default=(), implies=("master",), help="reload only the workers"
    )
    chain: Texts = option(
        "touch-chain-reload", default=(), implies=("master",), help="reload one worker after the other"
    )
    logrotate: Texts = option(
        "touch-logrotate", default=(), implies=("master", "log-master"), help="set the log file aside"
    )
    logreopen: Texts = option(
        "touch-logreopen", default=(), implies=("master", "log-master"), help="reopen the log file"
    )


#: What the log says when a file of a group was touched.
_SAYS: Final = {
    "reload": "*** {} has been touched... grace them all !!! ***",
    "workers": "*** {} has been touched... workers reload !!! ***",
    "chain": "*** {} has been touched... chain reload !!! ***",
    "logrotate": "*** {} has been touched... rotate log !!! ***",
    "logreopen": "*** {} has been touched... reopen log !!! ***",
}


class TouchWatch:
    """Looks at all files of all ``touch-*`` options.

    :param orders: what to do, by the field of `TouchFiles`.
    """

    def __init__(
        self,
        kernel: IKernel,
        settings: Settings,
        say: Callable[[str], None],
        orders: dict[str, Callable[[], None]],
    ) -> None:
        self._say = say
        self._orders = orders
        files = settings[TouchFiles]
        self._groups = {name: Touches(kernel, getattr(files, name), say) for name in _SAYS}

    def look(self) -> None:
        """Carry out what was ordered since the last look."""
        for name, touches in self._groups.items():
            if len(touches):
                for path in touches.touched():
                    self._say(_SAYS[name].format(path))
                    self._orders[name]()
                    break
