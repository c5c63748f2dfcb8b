"""How long to rest before a child that died is born again.  Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """At once for a child that had served; ever later for one that dies before it is ready.

    :ivar first: seconds after the second death in a row without having been ready.
    :ivar most: seconds, never more.
    """

    first: float = 0.25
    most: float = 8.0

    def after(self, deaths: int) -> float:
        """Seconds to rest after *deaths* in a row (1 for the first) of a child that was not ready."""
        if deaths <= 1:
            return 0.0
        return min(self.most, self.first * 2.0 ** (min(deaths, 32) - 2))
