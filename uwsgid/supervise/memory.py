"""How much memory a worker may use: options only; the worker and the watchdog read them."""

from __future__ import annotations

from uwsgid.config.kinds import Megabytes
from uwsgid.config.section import Section, option, section


@section("Recycling")
class MemoryLimits(Section):
    """Replaces workers that have grown too large.  Sizes are given in megabytes and kept in bytes."""

    reload_on_as: Megabytes = option(
        "reload-on-as", default=0, help="replace a worker whose address space is larger, after its request"
    )
    reload_on_rss: Megabytes = option(
        "reload-on-rss", default=0, help="replace a worker whose resident memory is larger, after its request"
    )
    evil_as: Megabytes = option(
        "evil-reload-on-as", default=0, help="kill a worker whose address space is larger, at once"
    )
    evil_rss: Megabytes = option(
        "evil-reload-on-rss", default=0, help="kill a worker whose resident memory is larger, at once"
    )

    @property
    def any(self) -> bool:
        """Whether sizes have to be looked at."""
        return bool(self.reload_on_as or self.reload_on_rss or self.evil_as or self.evil_rss)
