"""The configurations and the tables of the manual say what is so."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
from pathlib import Path
from typing import Final
from unittest.mock import Mock

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.master.service import Master
from uwsgid.master.unixsignals import HEARD

ROOT: Final = Path(__file__).parent.parent
EXAMPLES: Final = ROOT / "examples"
DOCS: Final = ROOT / "docs"
MISTAKES: Final = "mistakes.ini"


def check(name: str) -> tuple[int, str]:
    """What ``uwsgid check`` says about an example."""
    command = [sys.executable, "-m", "uwsgid", "check", f"examples/{name}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    return done.returncode, (done.stdout + done.stderr).replace(f"{ROOT}/", "")


def column(page: str) -> list[str]:
    """The first column of every table of a page."""
    found = []
    for table in re.findall(r"^=+  =+\n(.*?)^=+  =+\n(?!.+\n=)", (DOCS / page).read_text(), re.M | re.S):
        found += [line.split("  ")[0] for line in table.splitlines() if line[:1] not in ("=", " ", "")]
    return found


class CheckTests(SynchronousTestCase):
    """uwsgid check and the examples."""

    def test_fine(self) -> None:
        """It has nothing to say about any of them, but for the one that is meant to be wrong."""
        names = sorted(path.name for path in EXAMPLES.glob("*.ini") if path.name != MISTAKES)
        self.assertIn("hello.ini", names)
        self.assertEqual([check(name) for name in names], [(0, f"examples/{name}: fine\n") for name in names])

    def test_mistakes(self) -> None:
        """What it says about that one is what the manual shows."""
        code, text = check(MISTAKES)
        self.assertEqual(code, 2)
        shown = "".join(f"    {line}\n" for line in text.splitlines())
        self.assertTrue(shown in (DOCS / "coming-from-uwsgi.rst").read_text(), shown)


class PageTests(SynchronousTestCase):
    """One source for what is shown."""

    def test_no_config_is_written_twice(self) -> None:
        """No page has a configuration of its own: all are taken from the examples, which are tested."""
        for page in DOCS.glob("*.rst"):
            self.assertNotIn("[uwsgi]\n", page.read_text().replace("other than [uwsgi]\n", ""), page.name)
            self.assertNotIn("code-block:: ini", page.read_text(), page.name)

    def test_every_example_is_shown(self) -> None:
        """Each file of examples/ is part of the manual, or served by one that is."""
        pages = "".join(page.read_text() for page in DOCS.glob("*.rst"))
        for path in EXAMPLES.rglob("*"):
            if path.is_file() and path.name != "hello.py" and path.suffix != ".pyc":
                self.assertTrue(f"../examples/{path.relative_to(EXAMPLES)}\n" in pages, path.name)

    def test_signals(self) -> None:
        """The manual lists the signals that the master hears, and no other."""
        names = {number.name.removeprefix("SIG") for number in HEARD}
        self.assertEqual({word for word in column("workers.rst") if re.fullmatch("[A-Z0-9]+", word)}, names)

    def test_letters(self) -> None:
        """The manual lists the letters of the FIFO, and no other."""
        letters = {match.group(1) for word in column("workers.rst") if (match := re.match(r"``(.)``$", word))}
        self.assertEqual(letters, set(Master.orders(Mock())))

    def test_unit(self) -> None:
        """The unit for systemd starts the example that stands beside it."""
        unit = configparser.ConfigParser(interpolation=None)
        unit.read(EXAMPLES / "shop.service")
        program, config = unit["Service"]["ExecStart"].split()
        self.assertEqual(Path(program).name, "uwsgid")
        self.assertTrue((EXAMPLES / Path(config).name).exists())
        self.assertEqual(unit["Unit"]["Requires"], "shop.socket")
