"""The project's own habits: what a newcomer finds at the top, and what a change brings along."""

from __future__ import annotations

import ast
import configparser
import re
import tomllib
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from tests.live.support import ROOT

#: The name of a fragment: the issue, the kind, and a number where there are several, maybe behind a letter.
FRAGMENT: Final = re.compile(r"(\d+)\.([a-z]+)(\.\d+)?\.rst")

#: What may be called in a bound of a slice: it gives the same twice.
HARMLESS: Final = {"len", "min", "max", "index", "find", "start", "end"}


def _harmless(call: ast.Call) -> bool:
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in HARMLESS


class HabitTests(SynchronousTestCase):
    def test_the_top_of_the_readme(self) -> None:
        """The first two commands of README.md serve the example and run the tests."""
        commands = re.findall(r"^    (make \w+)", (ROOT / "README.md").read_text(), re.MULTILINE)
        self.assertEqual(commands[:2], ["make run", "make test"])

    def test_fragments(self) -> None:
        """Each change has a kind that the news know, and a sentence where its kind shows one."""
        types = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["towncrier"]["type"]
        shown = {kind["directory"]: kind["showcontent"] for kind in types}
        for path in sorted((ROOT / "docs" / "changes").glob("*.rst")):
            name = FRAGMENT.fullmatch(path.name)
            assert name is not None, path.name
            self.assertIn(name[2], shown, path.name)
            if shown[name[2]]:
                self.assertRegex(path.read_text().rstrip(), r"(?s)^\S.*[.)]$", path.name)

    def test_bounds_of_slices(self) -> None:
        """In a module that is compiled no bound of a slice does anything: mypyc (2.4) does it twice.

        A write to a socket in such a place sent its bytes twice, in wheels only.
        """
        modules = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uwsgid"]["compiled"]
        found = []
        for module in modules:
            for node in ast.walk(ast.parse((ROOT / module).read_text())):
                if isinstance(node, ast.Slice):
                    for bound in (node.lower, node.upper):
                        calls = (
                            [part for part in ast.walk(bound) if isinstance(part, ast.Call)] if bound else []
                        )
                        found += [f"{module}:{call.lineno}" for call in calls if not _harmless(call)]
        self.assertEqual(found, [])

    def test_tox(self) -> None:
        """tox has an environment for each check, and one for the benchmarks."""
        tox = configparser.ConfigParser(interpolation=None)
        tox.read(ROOT / "tox.ini")
        for name in ("lint", "types", "floors", "py", "live", "docs", "bench"):
            self.assertTrue(tox.has_option(f"testenv:{name}", "commands"), name)

    def test_continuous_integration(self) -> None:
        """What the continuous integration runs is make test, where a skip is a failure."""
        script = (ROOT / ".ci" / "run").read_text()
        self.assertIn("export UWSGID_NO_SKIPS=1\n", script)
        self.assertIn("make test\n", script)

    def test_papers(self) -> None:
        """Licence, and what to know before one contributes or reports a weakness."""
        self.assertTrue((ROOT / "LICENSE").read_text().startswith("MIT License"))
        self.assertIn("make test", (ROOT / "CONTRIBUTING.md").read_text())
        self.assertIn("report", (ROOT / "SECURITY.md").read_text())
