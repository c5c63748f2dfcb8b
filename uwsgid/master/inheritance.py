"""What boot leaves to the master."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from uwsgid.logs.setup import Logs
from uwsgid.supervise.gateways import Early
from uwsgid.supervise.household import Household

#: Notes what this process is to become when the instance is over: a command line and an environment.
Become = Callable[[Sequence[str], Mapping[str, str]], None]


@dataclass(slots=True)
class Inheritance:
    """Everything the master did not make itself.

    :ivar say: writes a line of the master.
    :ivar seed: the master's end of the talk with the seed, and its pid.
    :ivar argv: the command line without the program, for a reload.
    :ivar cwd: where the instance was started.
    :ivar sources: the files of the configuration.
    :ivar environ: the environment of this process.
    :ivar started_with: what a reload finds in the environment: what the operator put there, and our notes.
    :ivar no_server: end as soon as everything is loaded.
    :ivar removals: what to remove at exit, as pairs of a label for the log and a path.
    :ivar write_pidfiles: writes the pid files again.
    :ivar setns_socket: where others get our namespaces; None for nowhere.
    :ivar lent: those namespaces, where they were opened early.
    :ivar early: an emperor that was born at boot.
    :ivar take_config: notes the text that ``emperor://`` stands for from now on, for whoever reads it again.
    :ivar zygote: the same talk with who is going to be the first zygote, and its pid; None where the seed is
        to bear that one.
    :ivar become: how this process becomes a new instance; None where that takes an exec.
    """

    household: Household
    logs: Logs
    say: Callable[[str], None]
    seed: tuple[socket.socket, int]
    argv: Sequence[str]
    cwd: str
    sources: Sequence[str]
    environ: Mapping[str, str]
    no_server: bool
    removals: Sequence[tuple[str, str]]
    write_pidfiles: Callable[[], None]
    started_with: Mapping[str, str] = field(default_factory=dict)
    setns_socket: int | None = None
    lent: tuple[int, ...] = ()
    early: Early | None = None
    become: Become | None = None
    take_config: Callable[[bytes], None] | None = None
    zygote: tuple[socket.socket, int] | None = None
