"""What every process of an instance inherits from boot.

The seed is forked when boot is over, so whatever stands in here is simply there in each child: nothing is
pickled, sent or read again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from uwsgid.errors import InternalError
from uwsgid.supervise.board import Board
from uwsgid.supervise.gateways import Gateway
from uwsgid.supervise.processes import Processes

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings
    from uwsgid.host import Listener
    from uwsgid.host.kept import Kept
    from uwsgid.host.locks import LockTable
    from uwsgid.interfaces import IKernel


def _nothing_to_read() -> Settings:
    raise InternalError("this household was made without a configuration to read again")


#: Lives the life of a whole other instance, by its command line and its environment.
BeVassal = Callable[[Sequence[str], Mapping[str, str]], NoReturn]


#: Stands for the master of a vassal: the vassal's end of the talk with its emperor, and what makes a vassal
#: of a process, given how to live.
BeSteward = Callable[[int, Callable[[BeVassal], object]], NoReturn]


def nobody_is_a_vassal(argv: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    """Stands where nobody said how to be a vassal."""
    raise InternalError("this household was made without a way to live as a vassal")


def nobody_is_a_steward(pipe: int, bear: Callable[[BeVassal], object]) -> NoReturn:
    """Stands where nobody said how to be a steward."""
    raise InternalError("this household was made without a way to stand for a master")


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
    :ivar gateways: the processes that serve something else than requests; the number of each is its place
        here, from 1.
    :ivar kept: descriptors that survive a reload by exec.  The master and the gateways have them, workers and
        their zygotes must not.
    :ivar read_again: reads the configuration anew, as it stands in its files now; raises `ConfigError`.
    :ivar be_vassal: makes a whole instance of this process, forked from an emperor's nest, with that
        command line (without the program) and environment; never returns.
    :ivar be_steward: makes the steward of a vassal of this process (`uwsgid.steward`); never returns.
    :ivar request_log: the descriptor that workers write the lines of requests to.
    :ivar has_emperor: this instance is a vassal.
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
    gateways: Sequence[Gateway] = ()
    kept: Kept | None = None
    read_again: Callable[[], Settings] = _nothing_to_read
    be_vassal: BeVassal = nobody_is_a_vassal
    be_steward: BeSteward = nobody_is_a_steward
    request_log: int = 2
    has_emperor: bool = False
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
