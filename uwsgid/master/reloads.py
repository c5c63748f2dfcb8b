"""What a reload comes to: new workers under the same master, a new process image, or an end.

New workers are enough while the files of the configuration are those that were read.  Where they changed, or
an emperor sends a text, a helper reads it first, one at a time, so that a configuration that can not be used
disturbs nobody.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from uwsgid.logs.options import LogFile
from uwsgid.master.reexec import Reexec, Sources
from uwsgid.supervise.processes import Endings

if TYPE_CHECKING:
    from uwsgid.master.departure import Departure
    from uwsgid.master.gateways import Gateways
    from uwsgid.master.inheritance import Inheritance
    from uwsgid.master.liaison import Liaison
    from uwsgid.master.workforce import Workforce


class Reloads:
    """Decides about the reloads of one instance."""

    def __init__(
        self,
        inheritance: Inheritance,
        workforce: Workforce,
        gateways: Gateways,
        liaison: Liaison,
        reexec: Reexec,
        departure: Departure,
    ) -> None:
        self._paths: Final = inheritance.sources
        self._cwd: Final = inheritance.cwd
        self._take_config: Final = inheritance.take_config
        self._house: Final = inheritance.household
        self._ends: Final = self._house.settings[Endings].exit_on_reload
        self._reopens: Final = self._house.settings[LogFile].reopen
        self._logs: Final = inheritance.logs
        self._say: Final = inheritance.say
        self._workforce: Final = workforce
        self._gateways: Final = gateways
        self._liaison: Final = liaison
        self._reexec: Final = reexec
        self._departure: Final = departure
        self._sources = Sources(self._paths)
        self._checking = False  # a helper process reads the changed configuration
        self._then: Callable[[], None] | None = None  # what was ordered meanwhile

    def reload(self) -> None:
        """A new generation; a new process image where the files of the configuration changed."""
        if self._workforce.stopping:
            return
        self._say("...gracefully killing workers...")
        if self._ends:
            self._say("uWSGI: GAME OVER (insert coin)")
            self._departure.stop()
        elif self._checking:
            self._then = self._then or self.reload
        elif self._sources.changed() and self._gateways.take_changes():
            self._sources = Sources(self._paths)
            self._say("the configuration changed: the gateways take it over")
            if self._house.listeners:
                self._renew()
        elif self._sources.changed():
            self._checking = True
            self._sources = Sources(self._paths)
            self._reexec.check(self.judge)
        else:
            self._renew()

    def _renew(self) -> None:
        if self._reopens:
            self._logs.pipeline.reopen()
        self._workforce.reload()

    def judge(self, usable: bool, lines: list[str]) -> None:
        """Go on with what the helper found out about the changed configuration.

        :param lines: what it had to say.
        """
        then, self._checking, self._then = self._then, False, None
        if self._workforce.stopping:
            return
        if usable:
            self._say("the configuration changed: starting anew with it")
            self.start_anew()
            return
        for line in lines:
            self._say(line)
        self._say("*** the changed configuration can not be used; the instance goes on with the old one ***")
        if self._liaison.sends_config:
            self._liaison.inbox.discard()
            self._liaison.stay()
        if then is not None:
            then()

    def start_anew(self) -> None:
        """A new process image, once the workers have finished what they have in hand."""
        if not self._workforce.stopping:
            self._departure.start_anew()

    def reload_for_emperor(self) -> None:
        """Reload, with the configuration that the emperor sends where it is the one who has it.

        In a jail the files of the configuration are out of reach, and with a configuration that is sent the
        directory where the instance was started: the emperor starts this vassal again, from outside.
        """
        sent = self._liaison.sends_config
        hidden = self._sources.out_of_reach or (sent and not os.path.isdir(self._cwd))
        if hidden and not self._workforce.stopping:
            self._say(
                "the configuration is out of reach in this jail: leaving, for the emperor to start us anew"
            )
            self._departure.stop()
        elif not sent:
            self.reload()
        elif self._checking:
            self._then = self.reload_for_emperor
        elif not self._workforce.stopping:
            self._say("...gracefully killing workers...")
            self._checking = True
            self._liaison.inbox.wait(self._check_sent)

    def _check_sent(self, text: bytes | None) -> None:
        """Have the text that the emperor sent read; where none came, the next image asks for it."""
        if text is None:
            self._checking, self._then = False, None
            self.start_anew()
            return
        if self._take_config is not None:
            self._take_config(text)
        self._reexec.check(self.judge, text)

    def reload_brutally(self) -> None:
        """End the workers at once and start anew.  An instance that is about to stop does not start anew."""
        if self._workforce.stopping:
            if self._departure.is_anew:
                self._workforce.stop(gracefully=False)
            return
        self._say("...brutally killing workers...")
        if self._ends:
            self._say("uWSGI: GAME OVER (insert coin)")
            self._departure.stop_brutally()
            return
        obstacle = self._reexec.obstacle()
        if obstacle:
            self._say(f"{obstacle}; the workers start anew, the configuration stays")
            self._workforce.replace_workers(brutally=True)
            return
        self._departure.start_anew(gracefully=False)
