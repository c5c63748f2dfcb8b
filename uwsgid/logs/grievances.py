"""What was lost or could not be done on the way of the log, counted until somebody has the time to say so.

A logger that fails does so for every record, and must not fill the log with the news.  Whoever fails notes it
here, from any thread; about once a second it becomes one line for each kind of failure.
"""

from __future__ import annotations

import threading

from uwsgid.logs.lines import encode


class Grievances:
    """Counts by who failed and how.

    :ivar totals: how many records it were since the start, by label.
    """

    def __init__(self) -> None:
        self.totals: dict[str, int] = {}
        self._new: dict[tuple[str, str], tuple[int, str]] = {}
        self._lock = threading.Lock()

    def note(self, label: str, count: int, what: str) -> None:
        """*count* records had bad luck; 0 where something happened that is to be told before any had.

        :param label: whose they were, for example ``logger shop``.
        :param what: what became of them and, after a colon, why; of different reasons the last one is told.
        """
        key = label, what.partition(":")[0]
        with self._lock:
            self.totals[label] = self.totals.get(label, 0) + count
            self._new[key] = self._new.get(key, (0, ""))[0] + count, what

    def tell(self) -> list[bytes]:
        """A line for each kind of failure since the last call."""
        if not self._new:
            return []
        with self._lock:
            found, self._new = self._new, {}
        lines = []
        for (label, _), (count, what) in found.items():
            records = f"{count} {'record' if count == 1 else 'records'} " if count else ""
            lines.append(encode(f"[{label}] {records}{what}\n"))
        return lines
