"""The options of the stats server."""

from __future__ import annotations

from collections.abc import Iterable

from uwsgid.config.kinds import Flag, Text
from uwsgid.config.section import Section, flag, option, section
from uwsgid.config.settings import Settings
from uwsgid.host.addresses import AddressError, parse_address


@section("Statistics")
class Stats(Section):
    """A socket that tells everybody who connects how the instance does."""

    address: Text = option(
        "stats",
        "stats-server",
        default="",
        implies=("master",),
        help="serve the numbers of the instance as JSON on this address",
    )
    http: Flag = flag(
        "stats-http",
        default=False,
        implies=("master",),
        help="wait for an HTTP request, and put an HTTP head before the JSON",
    )
    minified: Flag = flag(
        "stats-minified", "stats-min", default=False, implies=("master",), help="leave out all blanks"
    )
    no_cores: Flag = flag("stats-no-cores", default=False, help="leave out the cores of workers")
    no_metrics: Flag = flag(
        "stats-no-metrics",
        default=False,
        help="leave out the metrics",
        note="there are no metrics yet, so nothing changes",
    )

    def check(self, settings: Settings) -> Iterable[str]:
        """An address that is none is noticed before anything is started."""
        if self.address:
            try:
                parse_address(self.address)
            except AddressError as error:
                yield settings.problem(Stats, "address", str(error))
