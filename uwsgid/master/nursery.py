"""Keeps alive those who make workers: seeds and zygotes.

Workers come from a *zygote*, which holds the applications of one generation; zygotes come from the *seed*.
A *spare* seed waits beside it, forked from it and sharing its memory, so that the instance can still reload
after the seed was killed.  An instance that begins anew without an exec, a forked vassal, does that instead.

The nursery replaces whoever dies.  What the loading of a generation means to the workers is the business of
the `Hopes` that it tells.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol

from uwsgid.host.children import ExitStatus
from uwsgid.master.rests import Rests
from uwsgid.supervise.backoff import Backoff
from uwsgid.supervise.child import Child
from uwsgid.supervise.supervisor import SEED, Supervisor
from uwsgid.wire.control import Ask, Fork, Loaded, LoadFailed, Record

ZYGOTE: Final = "zygote"

_A_LIFE: Final = 1.0  #: seconds after which a death is no failure to start


class Hopes(Protocol):
    """Who waits for generations."""

    def generation_loaded(self, zygote: Child, record: Loaded) -> None:
        """The zygote of a generation can bear workers."""

    def generation_failed(self, zygote: Child, reason: str, code: int) -> None:
        """A zygote says that its applications can not be loaded.  It is about to end.

        :param code: what an instance exits with that never served.
        """

    def zygote_ended(self, zygote: Child, status: ExitStatus | None) -> None:
        """A zygote that was not sent away is gone.  It will be replaced if its generation is still wanted."""

    def no_seed_left(self) -> None:
        """No further generation can be loaded by this process."""

    def proceed(self) -> None:
        """Somebody is gone."""


class Nursery:
    """Seeds and zygotes.

    :param asked: called with what an application asks for while it is loaded.
    :param clock: monotonic seconds.
    :param spare: have a spare seed.
    :ivar wanted: the generations that shall have a zygote.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        reactor: Any,
        hopes: Hopes,
        backoff: Backoff,
        say: Callable[[str], None],
        asked: Callable[[str], None],
        clock: Callable[[], float],
        spare: bool = True,
    ) -> None:
        self._clock: Final = clock
        self._has_spare: Final = spare
        self._supervisor: Final = supervisor
        self._hopes: Final = hopes
        self._say: Final = say
        self._asked: Final = asked
        self._rests: Final = Rests(reactor, backoff)
        self._seeds: list[Child] = []
        self._zygotes: dict[int, Child] = {}
        self._loaded: set[int] = set()  # generations whose zygote has its applications
        self._stopped = False
        self.wanted: set[int] = set()

    def begin(self, seed: tuple[socket.socket, int], zygote: tuple[socket.socket, int] | None = None) -> None:
        """Take over the seed that boot forked, and have it make its spare.

        :param zygote: sleeps, and becomes the zygote of the first generation when it is told to.
        """
        self._seeds.append(self._supervisor.adopt(self, *seed, SEED))
        if zygote is not None:
            first = self._zygotes[1] = self._supervisor.adopt(self, *zygote, ZYGOTE, generation=1)
            first.say(Fork(0, ZYGOTE, 0, -1, 1))
        self._plant_spare()

    def want(self, *generations: int) -> None:
        """Keep a zygote of each of *generations*, and of no other."""
        self.wanted = set(generations)
        for generation, zygote in list(self._zygotes.items()):
            if generation not in self.wanted:
                zygote.life.leave("its generation does not serve")
        for generation in generations:
            self._provide(generation)

    def mother(self, generation: int) -> Child | None:
        """The zygote of *generation*, if it has its applications and can bear."""
        zygote = self._zygotes.get(generation)
        return zygote if zygote is not None and generation in self._loaded and not zygote.told else None

    def seed(self) -> Child | None:
        """A seed that bears; None where there is none."""
        return next((seed for seed in self._seeds if seed.pid), None)

    def stop(self) -> None:
        """Replace nobody any more."""
        self._stopped = True
        self._rests.end()

    # ---- having

    def _provide(self, generation: int) -> None:
        if self._stopped or generation in self._zygotes or generation not in self.wanted:
            return
        seed = self.seed()
        if seed is None or ("zygote", generation) in self._rests:
            return
        try:
            self._zygotes[generation] = self._supervisor.have(self, seed, ZYGOTE, generation=generation)
        except OSError as error:
            self._say(f"no zygote of generation {generation} can be made: {error.strerror}")
            self._rest(("zygote", generation), partial(self._provide, generation))

    def _plant_spare(self) -> None:
        if self._stopped or not self._has_spare or len(self._seeds) > 1 or "spare" in self._rests:
            return
        seed = self.seed()
        if seed is None:
            return
        try:
            self._seeds.append(self._supervisor.have(self, seed, SEED))
        except OSError as error:
            self._say(f"no spare seed can be made: {error.strerror}")
            self._rest("spare", self._plant_spare)

    def _has_lived(self, child: Child) -> bool:
        return child.pid > 0 and self._clock() - child.born_at >= _A_LIFE

    def _rest(self, who: str | tuple[str, int], wake: Callable[[], None]) -> None:
        self._rests.failed(who)
        seconds = self._rests.due(who)
        if seconds >= 1:
            name = who if isinstance(who, str) else f"{who[0]} of generation {who[1]}"
            self._say(f"the {name} dies too fast: resting {seconds:g} seconds")
        self._rests.rest(who, seconds, wake)

    # ---- events

    def child_born(self, child: Child) -> None:
        if child.role == SEED:
            for generation in sorted(self.wanted):
                self._provide(generation)

    def child_ready(self, child: Child) -> None:
        """It tells its pid.  That a zygote can bear is told by `Loaded`."""

    def child_said(self, child: Child, record: Record) -> None:
        if isinstance(record, Ask):
            self._asked(record.what)
        elif child.told:
            return  # too late
        elif isinstance(record, Loaded):
            self._loaded.add(child.generation)
            self._hopes.generation_loaded(child, record)
        elif isinstance(record, LoadFailed):
            child.complaint = record.reason
            self._hopes.generation_failed(child, record.reason, record.code)

    def child_ended(self, child: Child, status: ExitStatus | None) -> None:
        if child.role == SEED:
            self._seed_ended(child, status)
        else:
            self._zygote_ended(child, status)
        self._hopes.proceed()

    def _zygote_ended(self, child: Child, status: ExitStatus | None) -> None:
        key = ("zygote", child.generation)
        if self._zygotes.get(child.generation) is child:
            del self._zygotes[child.generation]
            if child.generation in self._loaded and self._has_lived(child):
                self._rests.did_well(key)
            self._loaded.discard(child.generation)
        if self._stopped:
            return
        if not child.told:
            why = child.complaint or how(status)
            self._say(f"the zygote of generation {child.generation} (pid: {child.pid}) is gone: {why}")
            self._hopes.zygote_ended(child, status)
        if child.generation in self.wanted and not self._stopped:
            self._rest(key, partial(self._provide, child.generation))

    def _seed_ended(self, child: Child, status: ExitStatus | None) -> None:
        was_first = bool(self._seeds) and self._seeds[0] is child
        if child in self._seeds:
            self._seeds.remove(child)
        if self._stopped:
            return
        if not self._seeds:
            self._say(f"the last seed (pid: {child.pid}) is gone: {how(status)}")
            self._hopes.no_seed_left()
            return
        if was_first:
            self._say(f"the seed (pid: {child.pid}) is gone, its spare takes over: {how(status)}")
        else:
            self._say(f"the spare seed (pid: {child.pid}) is gone: {how(status)}")
        if self._has_lived(child):
            self._rests.did_well("spare")
        self._rest("spare", self._plant_spare)


def how(status: ExitStatus | None) -> str:
    """How a child ended, in a few words."""
    return "not born" if status is None else str(status)
