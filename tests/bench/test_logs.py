"""The benchmark of logs: what it counts, and that this tree can take part in all of it."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.bench.logs import CASES, CHATTER, Costs, FileEnd, Lines, bars_of, unpacked
from uwsgid.config.settings import settings_of
from uwsgid.door import catalog


class CaseTests(SynchronousTestCase):
    """The ways of lines."""

    def test_configurations(self) -> None:
        """uwsgid has nothing against the configurations that it gets."""
        catalog.load()
        for case in CASES:
            settings_of(CHATTER + case.config.replace("{port}", "514"))

    def test_counting(self) -> None:
        """A file end counts what arrived since its begin, also out of gzip members between plain lines."""
        path = Path(self.mktemp())
        path.write_bytes(b"before round-1\n")
        for packed in (False, True):
            end = FileEnd(path, packed)
            end.begin()
            lines = [b"round-1 a\n", b"round-2 b\n", b"round-1 c\n"]
            path.write_bytes(b"".join(map(gzip.compress, lines)) if packed else b"".join(lines))
            self.assertEqual(end.finish(b"round-1")[0], 2)

    def test_unpacking(self) -> None:
        """What stands between gzip members is left out."""
        self.assertEqual(
            unpacked(b"plain\n" + gzip.compress(b"one") + b"x" + gzip.compress(b"two")), b"onetwo"
        )


class BarTests(SynchronousTestCase):
    """The promises."""

    def test_bars(self) -> None:
        """Lines per second, lines lost, and the median of pairs of rounds with and without a line."""
        lines = Lines([100_000.0, 300_000.0, 250_000.0], [1.0], [1.0], refused=1, vanished=2)
        costs = Costs()
        costs.cpu["logged"] += [11.0, 20.0, 24.0]
        costs.cpu["silent"] += [10.0, 10.0, 20.0]
        found = {bar.name[:3]: (bar.value, bar.holds) for bar in bars_of({"a": lines}, costs)[1:]}
        self.assertEqual(found, {"(a)": (3, False), "(d)": (1.2, False)})
        self.assertTrue(bars_of({"a": lines}, costs)[0].holds)


class ChatterTests(SynchronousTestCase):
    """The application."""

    def test_lines(self) -> None:
        """It writes lines of one length to descriptor 2, and answers how many it was."""
        from tests.bench.apps import chatter

        kept = os.dup(2)
        self.addCleanup(os.close, kept)
        path = self.mktemp()
        with open(path, "wb") as file:
            os.dup2(file.fileno(), 2)
        try:
            answer = chatter.application({"QUERY_STRING": "3&round-1"}, lambda status, headers: None)
        finally:
            os.dup2(kept, 2)
        self.assertEqual(list(answer), [b"3"])
        lines = Path(path).read_bytes().splitlines(keepends=True)
        self.assertEqual([len(line) for line in lines], [chatter.WIDTH] * 3)
        self.assertTrue(lines[2].startswith(b"round-1 00000002 x"))
