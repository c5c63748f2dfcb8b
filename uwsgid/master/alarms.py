"""The alarms of the master: what it tells `uwsgid.alarms`, and nothing at all where nobody made an alarm."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any, Final

from uwsgid.alarms.options import AlarmOptions
from uwsgid.alarms.raising import Alarms
from uwsgid.hooks.scene import Habits, choose_shell
from uwsgid.logs.lines import Lines

if TYPE_CHECKING:
    from uwsgid.host import Listener
    from uwsgid.master.inheritance import Inheritance

#: The ends of a worker that ``alarm-segfault`` is about, in the words of core/uwsgi.c.
_CRASHES: Final = {signal.SIGSEGV: "Segmentation Fault", signal.SIGFPE: "Floating Point Exception"}


class AlarmDesk:
    """Passes on what happens; the log is heard from its making on."""

    def __init__(self, inheritance: Inheritance, reactor: Any) -> None:
        house, logs = inheritance.household, inheritance.logs
        self._alarms: Alarms | None = None
        if not house.settings[AlarmOptions].any:
            return
        self._alarms = Alarms(
            house.settings,
            reactor,
            house.kernel,
            shell=lambda: choose_shell(house.kernel, house.settings[Habits].binsh),
            say=inheritance.say,
            aloud=Lines(house.settings, logs.write_unheard).say_verbose,
        )
        if house.settings[AlarmOptions].rules:
            logs.hear = self._alarms.hear

    def begin(self) -> None:
        """The reactor runs."""
        if self._alarms is not None:
            self._alarms.begin()

    def look(self) -> None:
        """About once a second."""
        if self._alarms is not None:
            self._alarms.look()

    def end(self) -> None:
        """The reactor is about to stop."""
        if self._alarms is not None:
            self._alarms.end()

    def asked(self, what: str) -> bool:
        """Whether a worker's wish is an alarm, which is raised then."""
        return self._alarms is not None and self._alarms.asked(what)

    def worker_killed(self, pid: int, number: int) -> None:
        """A worker was ended by a signal."""
        if self._alarms is not None and number in _CRASHES:
            self._alarms.crashed(pid, _CRASHES[signal.Signals(number)])

    def queue_full(self, listener: Listener, waiting: int, most: int) -> None:
        """The queue of *listener* is full."""
        if self._alarms is not None:
            self._alarms.queue_full(listener.name, listener.fd, waiting, most)
