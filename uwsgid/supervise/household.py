"""What every process of an instance inherits from boot.

The seed is forked when boot is over, so whatever stands in here is simply there in each child: nothing is
pickled, sent or read again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from uwsgid.supervise.board import Board

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings
    from uwsgid.host import Listener
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
    close_in_child: list[int] = field(default_factory=list)
    apps: Any = None
    languages: list[Any] = field(default_factory=list)
