"""What every process of an instance inherits from boot.

The seed is forked when boot is over, so whatever stands in here is simply there in each child: nothing is
pickled, sent or read again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from uwsgid.supervise.board import Board
from uwsgid.supervise.processes import Processes

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings
    from uwsgid.host import Listener
    from uwsgid.host.locks import LockTable
    from uwsgid.interfaces import IKernel


@dataclass(slots=True)
class Household:
    """The belongings of an instance.

    :ivar settings: the configuration.
    :ivar kernel: the operating system.
    :ivar say: writes one server line to the log.
    :ivar board: the shared records.
    :ivar listeners: the sockets that workers accept on, in the order of the configuration.
    :ivar master_pid: the process that supervises all others.
    :ivar started: unix seconds of the boot.
    :ivar is_reload: this image replaced an earlier one of the same instance.
    :ivar locks: those that the processes share, ``thunder`` and those of applications among them.
    :ivar close_in_child: descriptors of the master that no child may keep.
    :ivar apps: what the zygote loaded; None elsewhere.
    :ivar languages: the languages that were initialised, in the order of loading.
    """

    settings: Settings
    kernel: IKernel
    say: Callable[[str], None]
    board: Board
    listeners: Sequence[Listener]
    master_pid: int
    started: float
    is_reload: bool = False
    locks: LockTable | None = None
    close_in_child: list[int] = field(default_factory=list)
    apps: Any = None
    languages: list[Any] = field(default_factory=list)

    def name_process(self, what: str, own: str = "") -> None:
        """Name this process *what*: its title where the configuration wants one, always its short name.

        Without ``auto-procname`` the arguments stay visible, which is what ``pkill -f site.ini`` looks for.

        :param own: the title that ``procname`` gives it.
        """
        processes = self.settings[Processes]
        if processes.auto_procname:
            self.kernel.set_process_title(processes.titled(f"uWSGI {what}", own))
        else:
            self.kernel.set_process_name(f"uwsgid {what}")
