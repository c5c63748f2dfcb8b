"""Scenes for actions, and what comes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from uwsgid.config.directive import Origin
from uwsgid.config.settings import settings_of
from uwsgid.hooks import Family, Hook, Phase, Scene, VassalFacts
from uwsgid.hooks.chain import perform
from uwsgid.hooks.options import parse_action
from uwsgid.hooks.running import drive
from uwsgid.testing import MemoryKernel


@dataclass
class Stage:
    """Where a test has actions done.

    :ivar said: what the log got.
    :ivar slept: for how long they wanted to wait, in order.
    """

    config: str = ""
    kernel: MemoryKernel = field(default_factory=lambda: MemoryKernel(uid=0, gid=0, cwd="/"))
    vassal: VassalFacts | None = None
    while_asleep: Callable[[], None] = lambda: None
    said: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    environ: dict[str, str] = field(default_factory=dict)
    tell: Callable[[str], None] | None = None

    def scene(self) -> Scene:
        return Scene(
            settings_of(self.config),
            self.kernel,
            self.said.append,
            vassal=self.vassal,
            environ=self.environ,
            tell=self.tell,
        )

    def do(self, text: str, phase: Phase = Phase.AS_ROOT) -> str:
        """Do one action; what is to be said of its failure, or nothing."""
        name, action, private = parse_action(text)
        hook = Hook(
            phase, Family.HOOK, f"hook-{phase.value}", Origin("shop.ini", 14), text, action, name, private
        )
        problems: list[str] = []

        def doing():  # type: ignore[no-untyped-def]
            problems.append((yield from perform(hook, self.scene())))

        drive(doing(), self.kernel, sleep=self._sleep)
        return problems[0].removeprefix(f"shop.ini:14: hook-{phase.value}: ")

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.while_asleep()
