"""The language Ruby: applications of Rack, behind the bridge."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, ClassVar, Final

from uwsgid.families import languages
from uwsgid.languages.foreign.language import Foreign, Plan
from uwsgid.languages.ruby.options import AS_RUBY_LIKES, ENDINGS, SCRIPT, RubyApps
from uwsgid.request.mount_options import Mounting
from uwsgid.supervise.memory import MemoryLimits
from uwsgid.supervise.processes import Processes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from uwsgid.config.settings import Settings
    from uwsgid.host import Listener

#: ``modifier1`` of Rack.
MODIFIER: Final = 7


@languages.member("ruby")
class Ruby(Foreign):
    """Applications of Rack."""

    endings: ClassVar[tuple[str, ...]] = ENDINGS

    def plan(self, settings: Settings) -> Plan | None:
        """What *settings* want of Ruby; None for nothing."""
        chosen = settings[RubyApps]
        targets = [("", file) for file in (chosen.rack, chosen.rails) if file]
        targets += [(point, app) for point, app in settings[Mounting].mounts if app.endswith(ENDINGS)]
        if not (targets or chosen.requires or chosen.shared_requires):
            return None
        option = next(
            (
                name
                for name, used in (("rack", chosen.rack), ("rails", chosen.rails), ("mount", targets))
                if used
            ),
            "rb-require",
        )
        return Plan(
            language="Ruby",
            word="RACK app",
            tag="uwsgi-ruby",
            modifier1=MODIFIER,
            command=("ruby", SCRIPT),
            option=option,
            configuration=_configuration(settings, self._household.listeners if self._household else ()),
            targets=targets,
            unable="--- ruby application not found ---",
        )


def _configuration(settings: Settings, listeners: Sequence[Listener]) -> list[tuple[str, str]]:
    """Names and values for the script, which says what they mean.

    ``host`` and ``port`` stand in for what a front end does not send; that of HTTP is never asked, for there
    the decoder knows both.
    """
    from uwsgid._version import __version__
    from uwsgid.languages.foreign.calls import Calls

    chosen, processes, limits = settings[RubyApps], settings[Processes], settings[MemoryLimits]
    ports = [listener.port for listener in listeners if listener.port and listener.protocol != "http"]
    pairs = [
        *(("lib", path) for path in chosen.libs),
        *(("shared", path) for path in chosen.shared_requires),
        *(("require", path) for path in chosen.requires),
        ("threads", str(processes.threads)),
        ("processes", str(processes.processes)),
        ("host", socket.gethostname()),
        ("port", str(ports[0] if ports else 80)),
        ("server", __version__),
        ("evil-rss", str(limits.evil_rss)),
        ("evil-as", str(limits.evil_as)),
        *Calls().facts(),
    ]
    if chosen.gc_freq != AS_RUBY_LIKES:
        pairs.append(("gc", str(chosen.gc_freq)))
    return pairs
