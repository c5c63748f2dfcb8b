"""The options of the engine ``rsyslog``, apart from it, as it is imported when a configuration names it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from uwsgid.config.kinds import Count, Flag
from uwsgid.config.section import Section, flag, option, section
from uwsgid.config.settings import Settings

LEAST: Final = 64  #: bytes of a packet that leave room for a message behind an ordinary header
MOST: Final = 65507  #: bytes that a UDP datagram can have


@section("Logging")
class RsyslogPackets(Section):
    """How long packets to rsyslog are, and what becomes of longer records."""

    size: Count = option("rsyslog-packet-size", default=1024, help="bytes of a packet to rsyslog")
    split: Flag = flag(
        "rsyslog-split-messages", default=False, help="send a longer record in pieces, in place of cutting it"
    )

    def check(self, settings: Settings) -> Iterable[str]:
        """A size that has no room for a message, or that no datagram has."""
        if not LEAST <= self.size <= MOST:
            text = f"expected {LEAST} to {MOST} bytes, got {self.size}"
            yield settings.problem(RsyslogPackets, "size", text)
