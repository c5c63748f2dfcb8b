"""What a benchmark prints last: bars for people, and a line of JSON for programs."""

from __future__ import annotations

import contextlib
import io
import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.bench.verdict import Bar, report, table


class ReportTests(SynchronousTestCase):
    def report(self, *bars: Bar) -> tuple[int, list[str], dict[str, Any]]:
        """The status, the lines before the last, and the last as JSON."""
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            status = report("requests", {"a": {"uwsgid": 1}}, bars)
        *lines, last = printed.getvalue().splitlines()
        return status, lines, json.loads(last)

    def test_last_line(self) -> None:
        """It names the benchmark, has all figures, and says of each bar whether it holds."""
        status, lines, told = self.report(Bar("time", 1.5, 2.0), Bar("rate", 1.5, 2.0, at_least=True))
        self.assertEqual(status, 1)
        self.assertEqual((told["bench"], told["figures"]), ("requests", {"a": {"uwsgid": 1}}))
        self.assertEqual(
            told["bars"],
            [
                {"name": "time", "value": 1.5, "bar": 2.0, "holds": True},
                {"name": "rate", "value": 1.5, "bar": 2.0, "holds": False},
            ],
        )
        self.assertEqual([line.split()[0] for line in lines if line], ["holds", "BROKEN"])

    def test_status(self) -> None:
        """A benchmark whose bars all hold, those met exactly included, ends with 0."""
        self.assertEqual(self.report(Bar("time", 2.0, 2.0), Bar("rate", 2.0, 2.0, at_least=True))[0], 0)

    def test_table(self) -> None:
        """A table has a rule under its head and columns of one width, so that Markdown can quote it."""
        self.assertEqual(
            table(["load", "rate"], [["hello", "1"]]).splitlines(),
            ["| load  | rate |", "| ----- | ---- |", "| hello | 1    |"],
        )
