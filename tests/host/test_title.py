"""What ps shows."""

from __future__ import annotations

import builtins
import os
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.host.title import TitleArea, find_area, fit, parse_area

SCRIPT = """
import os, sys
from uwsgid.host.kernel import Kernel
kernel = Kernel()
kernel.set_process_title(sys.argv[1])
print(open("/proc/self/cmdline", "rb").read().rstrip(b"\\0").decode())
print(open("/proc/self/comm").read().strip())
print(os.environ["SHOP"], os.popen("echo $SHOP").read().strip(), flush=True)
if os.fork() == 0:
    kernel.set_process_title("uWSGI worker 1")
    print(open("/proc/self/cmdline", "rb").read().rstrip(b"\\0").decode(), flush=True)
    os._exit(0)
os.wait()
"""


class Area(SynchronousTestCase):
    """Where the title goes."""

    def test_own_area(self) -> None:
        """This very process has an area with room for more than its arguments."""
        area = find_area()
        assert area is not None
        self.assertGreater(area.room, area.arguments)

    def test_found_once(self) -> None:
        """Whoever is forked need not look again, as in a jail without ``/proc``."""
        area = find_area()
        self.patch(builtins, "open", None)
        self.assertIs(find_area(), area)

    def test_command_names_with_brackets(self) -> None:
        """A command called ``a) R (b`` does not shift the fields."""
        with open("/proc/self/stat", encoding="ascii") as stat:
            line = stat.read()
        after = line.rpartition(")")[2]
        self.assertEqual(parse_area("1 (a) R (b)" + after), parse_area(line))

    def test_unexpected(self) -> None:
        """A short line, or one without addresses, gives no area."""
        self.assertIsNone(parse_area("1 (x) S 1 2 3"))
        self.assertIsNone(parse_area("1 (x) " + "0 " * 50))


class Fit(SynchronousTestCase):
    """What is written."""

    area = TitleArea(0, 8, 16)

    def test_short(self) -> None:
        """A title within the arguments is filled with NULs and touches nothing else."""
        self.assertEqual(fit("worker", self.area), (b"worker\0\0", False))

    def test_long(self) -> None:
        """A longer one reaches into the environment and never beyond."""
        self.assertEqual(fit("worker 12", self.area), (b"worker 12".ljust(16, b"\0"), True))
        self.assertEqual(fit("x" * 99, self.area), (b"x" * 15 + b"\0", True))

    def test_no_environment(self) -> None:
        """Without room behind the arguments a long title is cut."""
        self.assertEqual(fit("x" * 99, TitleArea(0, 8, 8)), (b"x" * 7 + b"\0", False))


class Real(SynchronousTestCase):
    """A process that changes its title."""

    def shown(self, title: str) -> list[str]:
        return subprocess.run(
            [sys.executable, "-c", SCRIPT, title],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "SHOP": "open", "PADDING": "x" * 3000},
            timeout=60,
        ).stdout.splitlines()

    def test_short_title(self) -> None:
        """ps shows the title, the command its first 15 bytes, and a forked child its own."""
        self.assertEqual(
            self.shown("uWSGI master is here"),
            ["uWSGI master is here", "uWSGI master is", "open open", "uWSGI worker 1"],
        )

    def test_long_title(self) -> None:
        """A title longer than all arguments shows whole, and the environment survives."""
        title = "uWSGI " + "master " * 200 + "end"
        shown = self.shown(title)
        self.assertEqual(shown[0], title)
        self.assertEqual(shown[2:], ["open open", "uWSGI worker 1"])
