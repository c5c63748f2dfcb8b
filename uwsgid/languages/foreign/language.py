"""What languages behind a bridge have in common: the verbs that zygote and workers call.

A language says by a `Plan` what the configuration wants of it; without one it costs nothing, and the bridge
is not even imported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from uwsgid.languages.outcome import LoadOutcome

if TYPE_CHECKING:
    from uwsgid.config.settings import Settings
    from uwsgid.languages.foreign.bridge import Bridge
    from uwsgid.languages.foreign.terminal import Shell
    from uwsgid.request.mounts import Apps
    from uwsgid.request.serving import Handler, Serving
    from uwsgid.supervise.household import Household

Say = Callable[[str], None]
Ask = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a configuration wants of one language.

    :ivar language: its name.
    :ivar word: what an application is called in the log, ``PSGI app``.
    :ivar tag: what lines of its interpreter start with, ``uwsgi-perl``.
    :ivar modifier1: of its requests.
    :ivar command: the interpreter and its arguments.
    :ivar option: the option that made this plan, for messages.
    :ivar configuration: names and values for its script.
    :ivar targets: mountpoint and file of each application.
    :ivar unable: the line for a request that finds no application.
    :ivar replaced: the line where an application asks for its worker to be replaced.
    :ivar watch: seconds between looks at the files of the application, 0 for none.
    :ivar unwatched: names of modules whose changes do not matter.
    :ivar shell: code that the first worker runs on the terminal instead of serving, empty for what there is
        for people; None for nothing.
    :ivar shell_once: when that ends, the worker begins to serve.
    """

    language: str
    word: str
    tag: str
    modifier1: int
    command: Sequence[str]
    option: str
    configuration: Sequence[tuple[str, str]]
    targets: Sequence[tuple[str, str]]
    unable: str
    replaced: str = "*** harakiri requested by the application ***"
    watch: int = 0
    unwatched: Sequence[str] = ()
    shell: str | None = None
    shell_once: bool = False


class Foreign:
    """A language whose applications run in an interpreter of their own.

    :cvar endings: the files that ``mount`` gives to this language.
    """

    endings: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        self._bridge: Bridge | None = None
        self._household: Household | None = None
        self._shell: Shell | None = None

    def plan(self, settings: Settings) -> Plan | None:
        """What *settings* want of this language; None for nothing."""
        raise NotImplementedError

    def initialize(
        self, settings: Settings, say: Say, ask: Ask | None = None, household: Household | None = None
    ) -> None:
        """Remember who we are; the interpreter is started when it has something to load."""
        self._household = household
        plan = self.plan(settings)
        if plan is not None and plan.shell is not None:
            from uwsgid.languages.foreign.terminal import Shell

            self._shell = Shell(plan.shell, plan.shell_once)

    def try_module(self, settings: Settings, say: Say) -> int | None:
        """The exit status where the configuration asks for something else than serving; None where not."""
        return None

    def load(
        self, settings: Settings, apps: Apps, say: Say, *, lazy: bool = False, is_reload: bool = False
    ) -> LoadOutcome:
        """Load the applications into *apps*.  A failing one is in the outcome, nothing is raised."""
        plan = self.plan(settings)
        if plan is None:
            return LoadOutcome()
        from uwsgid.languages.foreign.bridge import Bridge

        self._bridge = Bridge(plan, apps.of(plan.modifier1), say)
        return self._bridge.load()

    def settle(self, say: Say) -> None:
        """The zygote is about to fork."""
        if self._bridge is not None:
            self._bridge.settle()

    def post_fork(self, serving: Serving, ask: Ask | None = None) -> None:
        """Connect the cores of this worker."""
        if self._bridge is not None:
            self._bridge.post_fork(serving, ask)
            if self._shell is not None and serving.slot == 1:
                serving.hijack = partial(self._shell.run, self._bridge, serving)

    def handlers(self, serving: Serving) -> dict[int, Handler]:
        """Who answers, by modifier1."""
        return {} if self._bridge is None else self._bridge.handlers()

    def at_exit(self) -> None:
        """The worker leaves."""
        if self._bridge is not None:
            self._bridge.at_exit()
