"""What was lost, told in few lines."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.logs.grievances import Grievances


class GrievanceTests(SynchronousTestCase):
    def test_one_line_for_each_kind(self) -> None:
        """Many failures of one kind are one line, with the last reason; each is told once."""
        grievances = Grievances()
        grievances.note("logger shop", 3, "dropped: full")
        grievances.note("logger shop", 2, "lost: too late")
        grievances.note("logger shop", 4, "dropped: still full")
        grievances.note("log-encoder json", 1, "left unencoded: why not")
        grievances.note("logger late", 0, "its records go to the original log: no folder")
        self.assertEqual(
            grievances.tell(),
            [
                b"[logger shop] 7 records dropped: still full\n",
                b"[logger shop] 2 records lost: too late\n",
                b"[log-encoder json] 1 record left unencoded: why not\n",
                b"[logger late] its records go to the original log: no folder\n",
            ],
        )
        self.assertEqual(grievances.tell(), [])
        self.assertEqual(grievances.totals, {"logger shop": 9, "log-encoder json": 1, "logger late": 0})
