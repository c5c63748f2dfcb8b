"""The benchmark of protocols: what it promises, and that this tree can take part in all of it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.bench.harness import Contestant
from tests.bench.load import Samples
from tests.bench.protocols import CASES, SLOW, bars_of, command, known
from uwsgid.config.settings import settings_of


class CaseTests(SynchronousTestCase):
    """The loads."""

    def test_all_take_part(self) -> None:
        """No case is left out: this tree has every option that they need."""
        self.assertEqual([case.key for case in (*CASES, SLOW) if not known(case)], [])

    def test_keys(self) -> None:
        """Each case has a letter of its own."""
        keys = [case.key for case in (*CASES, SLOW)]
        self.assertEqual(len(set(keys)), len(keys))

    def test_configurations(self) -> None:
        """uwsgid has nothing against the configurations that it gets."""
        for number, case in enumerate(CASES):
            entry = case.entries[-1]
            self.assertEqual(entry.server, "uwsgid")
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                address = 3000 + number if entry.direct else str(folder / "app.sock")
                servers = {"uwsgid": Contestant("uwsgid", ("uwsgid",))}
                *_, path = command(entry, servers, folder, address, folder)
                settings_of(Path(path).read_text().removeprefix("[uwsgi]\n"))


class BarTests(SynchronousTestCase):
    """The promises."""

    def test_bars(self) -> None:
        """The last contestant of a case is compared with the first, by rate or by time."""
        found = {}
        for case in CASES:
            samples = {entry.name: Samples([100.0], [50.0], [1.0]) for entry in case.entries}
            samples[case.entries[-1].name] = Samples([200.0], [75.0], [1.0])
            for bar in bars_of(case, samples):
                found[case.key] = (bar.value, bar.at_least)
        self.assertEqual(
            found,
            {
                "f": (1.5, False),
                "g": (2.0, True),
                "p": (1.5, False),
                "P": (2.0, True),
                "r": (1.5, False),
                "R": (2.0, True),
                "T": (2.0, True),
            },
        )
