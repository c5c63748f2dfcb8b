"""Whole configurations, as people write them, and what becomes of them.

Beside each file of ``tests/corpus/configs`` stands ``NAME.expected``: for a valid one the lines it comes to,
for an invalid one the problems.  A ``.argv`` is a command line.  ``CONFIGS`` stands for the directory.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.config.case import FACTS
from uwsgid.config.index import Index
from uwsgid.config.reading import Reading, read
from uwsgid.config.section import declared_sections

CONFIGS = Path(__file__).parent.parent / "corpus" / "configs"
LOADERS = ("ini", "inherit", "include")


class CorpusTests(SynchronousTestCase):
    def reading(self, path: Path) -> Reading:
        facts = replace(FACTS, cwd=str(path.parent))
        argv = shlex.split(path.read_text()) if path.suffix == ".argv" else [path.name]
        names = Index(declared_sections())
        return read(argv, {"PORT": "8080", "HOME": "/root"}, facts=facts, options=names)

    def each(self, folder: str) -> list[tuple[Path, list[str]]]:
        found = [path for path in sorted((CONFIGS / folder).iterdir()) if path.is_file()]
        return [
            (
                path,
                path.with_suffix(".expected").read_text().replace("CONFIGS", os.fspath(CONFIGS)).splitlines(),
            )
            for path in found
            if path.suffix != ".expected"
        ]

    def test_valid(self) -> None:
        """Each valid configuration comes to its lines, without a problem or a warning."""
        cases = self.each("valid")
        self.assertGreaterEqual(len(cases), 11)
        for path, expected in cases:
            with self.subTest(config=path.name):
                reading = self.reading(path)
                self.assertEqual((reading.problems, reading.warnings), ((), ()))
                lines = [str(line) for line in reading.directives if line.name not in LOADERS]
                self.assertEqual(lines, expected)

    def test_invalid(self) -> None:
        """Each invalid configuration has its problems, and no other."""
        cases = self.each("invalid")
        self.assertGreaterEqual(len(cases), 10)
        for path, expected in cases:
            with self.subTest(config=path.name):
                self.assertEqual(list(self.reading(path).problems), expected)

    def test_every_option_is_known(self) -> None:
        """No name in the valid configurations is unknown, except placeholders."""
        names = Index(declared_sections())
        for path, _ in self.each("valid"):
            with self.subTest(config=path.name):
                reading = self.reading(path)
                placeholders = reading.used_placeholders | reading.set_placeholders
                unknown = {line.name for line in reading.directives if line.name not in names}
                self.assertEqual(unknown - placeholders, set())
