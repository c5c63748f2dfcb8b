"""What an action of a hook has to work with, and what it may ask of whoever runs it.

An action never waits.  Where it needs a command to end or time to pass it *yields* that wish, and goes on
when it was granted: by `uwsgid.hooks.running`, which simply waits, or by `uwsgid.hooks.later`, which has a
reactor.  So there is one implementation of each action, and both kinds of process run it alike.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, MutableMapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol

from uwsgid.config.kinds import Seconds, Texts
from uwsgid.config.section import Section, option, section
from uwsgid.interfaces import IKernel

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings

Say = Callable[[str], None]
Tell = Callable[[str], None] | None
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@section("Hooks")
class Habits(Section):
    """How actions are done."""

    binsh: Texts = option("binsh", default=(), help="shell for commands, the first that can be executed")
    spinningfifo_timeout: Seconds = option(
        "spinningfifo-timeout",
        default=0,
        help="seconds that the action spinningfifo waits for a reader, 0 for any time",
    )


@dataclass(frozen=True, slots=True)
class VassalFacts:
    """The vassal that a hook of the Emperor, or of the vassal's own birth, is about.

    :ivar name: as its configuration is called.
    :ivar pid: its process; 0 where there is none yet, or where it is this process.
    :ivar uid: the user that it runs as; *gid* likewise.
    """

    name: str
    pid: int = 0
    uid: int = 0
    gid: int = 0

    def variables(self) -> dict[str, str]:
        """What commands are told of it (core/emperor.c)."""
        told = {
            "UWSGI_VASSAL_CONFIG": self.name,
            "UWSGI_VASSAL_UID": str(self.uid),
            "UWSGI_VASSAL_GID": str(self.gid),
        }
        if self.pid:
            told["UWSGI_VASSAL_PID"] = str(self.pid)
        return told


@dataclass(frozen=True, slots=True)
class Shell:
    """A wish: have a shell run a command, and send me its exit code.

    It is answered with an `OSError` where the shell can not be executed.

    :ivar variables: what its environment has besides ours.
    """

    shell: str
    command: str
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Pause:
    """A wish: wake me after so many seconds."""

    seconds: float


Doing = Generator[Shell | Pause, int, None]


class Failed(Exception):
    """An action could not be carried out.

    :ivar text: why.
    :ivar discreet: the same for a private hook, whose arguments are not logged.
    """

    def __init__(self, text: str, discreet: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.discreet = discreet or text


@dataclass(slots=True)
class Scene:
    """Where a hook runs.

    :ivar settings: the configuration.
    :ivar kernel: the operating system.
    :ivar say: writes one line to the log.
    :ivar variables: what commands have in their environment besides that of this process.
    :ivar vassal: whom a phase of the Emperor or of a vassal is about.
    :ivar environ: the environment of this process.
    :ivar private: the action in progress is not to be shown.
    :ivar tell: tells the master what is wanted; None where there is none yet.
    """

    settings: Settings
    kernel: IKernel
    say: Say
    variables: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    vassal: VassalFacts | None = None
    environ: MutableMapping[str, str] = field(default_factory=lambda: os.environ)
    private: bool = False
    tell: Tell = None

    def shell(self, command: str) -> Shell:
        """The wish to run *command* by the shell of ``binsh``, with the variables of this scene."""
        about = self.vassal.variables() if self.vassal is not None else {}
        shell = choose_shell(self.kernel, self.settings[Habits].binsh)
        return Shell(shell, command, {**about, **self.variables})


class Action(Protocol):
    """What a hook does, with its parsed arguments: a value.

    Members of the family ``hook_actions`` are classes of them, whose docstring is their entry in the manual,
    and which have a class method ``parse`` that reads what stands behind ``action:`` and raises `ValueError`.
    """

    def perform(self, scene: Scene) -> Doing:
        """Do it.

        :raises Failed: it could not be done.
        :raises KernelError: likewise; its text ends with what it was about, in brackets.
        """


class Deed(ABC):
    """The base of actions that are done at once."""

    __slots__ = ()

    @abstractmethod
    def act(self, scene: Scene) -> None:
        """Do it; raises as `Action.perform`."""

    def perform(self, scene: Scene) -> Doing:
        """Do it, asking nothing of anybody."""
        self.act(scene)
        yield from ()


SHELL: Final = "/bin/sh"


def choose_shell(kernel: IKernel, shells: tuple[str, ...]) -> str:
    """The first of *shells* that can be executed, else /bin/sh (core/utils.c, uwsgi_binsh)."""
    for shell in shells:
        try:
            facts = kernel.stat(shell)
        except OSError:
            continue
        if facts.is_regular and facts.mode & 0o111:
            return os.path.abspath(shell)
    return SHELL
