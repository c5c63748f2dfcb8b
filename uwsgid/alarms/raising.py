"""Where alarms are raised: the master's part of this room.

Records of the log come from whoever reads it, which may be a thread, and so they are only judged where they
come; what passes the `Restraint` waits for the reactor, which raises it between two events.  Everybody else,
the master's own rounds and what workers ask for, takes the same way.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from uwsgid.alarms import plugins as _plugins  # noqa: F401  it promises the built-in members
from uwsgid.alarms.asking import ASKED, Nobody
from uwsgid.alarms.commands import Commands
from uwsgid.alarms.descriptors import WatchedDescriptor
from uwsgid.alarms.options import AlarmOptions, Named
from uwsgid.alarms.plugins import Alarm
from uwsgid.alarms.restraint import Restraint
from uwsgid.alarms.watch import LogWatch
from uwsgid.config.settings import Settings
from uwsgid.families import alarms
from uwsgid.interfaces import IKernel

#: What workers tell their master before the name and the text of an alarm.


class Alarms:
    """The alarms of an instance.

    :param shell: what runs commands.
    :param say: writes one line to the log.
    :param aloud: writes a verbose line to the log, past these ears.
    :param clock: monotonic seconds, also for other threads.
    """

    def __init__(
        self,
        settings: Settings,
        reactor: Any,
        kernel: IKernel,
        *,
        shell: Callable[[], str],
        say: Callable[[str], None],
        aloud: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        options = settings[AlarmOptions]
        self._options: Final = options
        self._reactor: Final = reactor
        self._say: Final = say
        self._aloud: Final = aloud
        self._clock: Final = clock
        self._made: Final[dict[str, Alarm]] = {}
        for wish in options.alarms:
            # of two with the same name the first counts (core/alarm.c, uwsgi_alarm_get_instance)
            self._made.setdefault(wish.name, alarms[wish.plugin].from_argument(wish.argument, settings))
        self._watch: Final = LogWatch(options.rules)
        self._restraint: Final = Restraint(options.freq, options.burst)
        self._commands: Final = Commands(reactor, kernel, shell, say)
        self._descriptors: Final = [
            WatchedDescriptor(reactor, wish, self.ring, say) for wish in options.descriptors
        ]
        self._lock: Final = threading.Lock()
        self._waiting: list[tuple[str, bytes]] = []
        self._ends = False
        self._nobody: Final = Nobody(say, clock)

    def begin(self) -> None:
        """Watch descriptors."""
        for descriptor in self._descriptors:
            descriptor.start()

    # ---- from anywhere

    def hear(self, records: Sequence[bytes]) -> None:
        """Judge *records* of the log; from any thread."""
        for record in records:
            for alarm in self._watch.raised(record):
                self.ring(alarm, record)

    def ring(self, alarm: str, text: bytes) -> None:
        """Raise *alarm*, unless it was a moment ago; from any thread.  It is done a moment later."""
        text = text[: self._options.size]
        with self._lock:
            if not self._restraint.admits(alarm, text, self._clock()):
                return
            self._waiting.append((alarm, text))
            if len(self._waiting) > 1 and not self._ends:
                return  # the reactor is called already
        if self._ends:
            self._raise()
        else:
            self._reactor.callFromThread(self._raise)

    # ---- in the reactor

    def asked(self, what: str) -> bool:
        """An application or a hook wants one: ``alarm NAME TEXT``; whether that is what *what* says."""
        if not what.startswith(ASKED):
            return False
        name, _, text = what.removeprefix(ASKED).partition(" ")
        if name in self._made:
            self.ring(name, text.encode("utf-8", "surrogateescape"))
        else:
            self._nobody.tell(name)
        return True

    def crashed(self, pid: int, name: str) -> None:
        """A worker died by a mistake of the processor's kind.

        :param name: of the signal, in C's words.
        """
        self._ring_all(self._options.segfaults, f"!!! uWSGI process {pid} got {name} !!!")

    def queue_full(self, socket: str, descriptor: int, waiting: int, most: int) -> None:
        """The queue of a listening socket is full; the text is uWSGI's (core/master_checks.c)."""
        text = f'listen queue of socket "{socket}" (fd: {descriptor}) full !!! ({waiting}/{most})'
        self._ring_all(self._options.backlogs, text)

    def look(self) -> None:
        """End commands that take too long, and say what was not raised; about once a second."""
        self._commands.look()
        with self._lock:
            held = self._restraint.held()
        for alarm, count in held.items():
            self._say(
                f"[uwsgi-alarm] {alarm}: {count} more {'text' if count == 1 else 'texts'} held back "
                f"(alarm-burst is {self._options.burst})"
            )
        for alarm, count in self._commands.dropped().items():
            runs = "run" if count == 1 else "runs"
            self._say(f"[uwsgi-alarm] {alarm}: {count} {runs} of its command dropped, since others take long")

    def end(self) -> None:
        """The reactor is about to stop: what is raised from now on is raised at once."""
        for descriptor in self._descriptors:
            descriptor.stop()
        self._ends = True
        self._commands.end()
        self._raise()

    def _ring_all(self, named: Sequence[Named], text: str) -> None:
        for each in named:
            self.ring(each.alarm, text.encode("utf-8", "surrogateescape"))

    def _raise(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for alarm, text in waiting:
            try:
                self._made[alarm].ring(alarm, text, self)
            except Exception as error:  # a plugin may be anybody's, and must not end the reading of the log
                self._say(f"[uwsgi-alarm] {alarm} can not be raised: {type(error).__name__}: {error}")

    # ---- what a plugin may do

    def run(self, alarm: str, command: str, text: bytes) -> None:
        """As `uwsgid.alarms.plugins.Means` says."""
        self._commands.run(alarm, command, text)

    def say(self, text: bytes) -> None:
        """As `uwsgid.alarms.plugins.Means` says."""
        self._aloud(text.decode("utf-8", "surrogateescape"))
