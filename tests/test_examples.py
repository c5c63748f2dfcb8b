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


#: Imports what ``uwsgid check`` needs once, and gives each file a process of its own, one after the other.
_CHECKS: Final = r"""
import os, sys
from uwsgid.__main__ import main
from uwsgid.door import catalog, service
catalog.load()
os.dup2(1, 2)
for name in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        sys.argv[1:] = ["check", name]
        main()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.write(1, f"{code}\0".encode())
"""


def check(*names: str) -> list[tuple[int, str]]:
    """The exit code of ``uwsgid check`` for each of some examples, and what it says."""
    command = [sys.executable, "-c", _CHECKS, *(f"examples/{name}" for name in names)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=300)
    answers = [re.match(r"(?s)(.*?)(-?\d+)$", answer) for answer in done.stdout.split("\0")[:-1]]
    return [(int(found[2]), found[1].replace(f"{ROOT}/", "")) for found in answers if found]


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
        self.assertEqual(check(*names), [(0, f"examples/{name}: fine\n") for name in names])

    def test_mistakes(self) -> None:
        """What it says about that one is what the manual shows."""
        ((code, text),) = check(MISTAKES)
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
