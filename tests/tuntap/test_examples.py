"""The configurations of the manual's chapter about the router, as far as no instance is needed for them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from twisted.trial.unittest import SkipTest, SynchronousTestCase

EXAMPLES: Final = Path(__file__).parents[2] / "examples"


def commands(name: str) -> list[str]:
    """What an example runs as root."""
    lines = (EXAMPLES / name).read_text(encoding="utf-8").splitlines()
    return [line.removeprefix("exec-as-root = ") for line in lines if line.startswith("exec-as-root = ")]


class AgainTests(SynchronousTestCase):
    """An instance that stays root runs its commands at each reload, and so does one that is started again."""

    def run_twice(self, name: str, device: str, *look: str) -> str:
        """Run the commands of an example twice in a network namespace of their own; what *look* says then."""
        if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "ip", "nft", "sysctl"))):
            raise SkipTest("needs root, iproute2, nftables and procps")
        lines = [f"ip tuntap add {device} mode tun", *commands(name) * 2, " ".join(look)]
        shell = ["unshare", "--net", "sh", "-ec", "\n".join(lines)]
        done = subprocess.run(shell, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def test_router(self) -> None:
        """Each address and each rule of the router is there once."""
        seen = self.run_twice(
            "router.ini", "emperor0", "nft list ruleset; ip -o -4 address show dev emperor0"
        )
        self.assertEqual(seen.count("masquerade"), 1, seen)
        self.assertEqual(seen.count("inet 192.168.0.1/24"), 1, seen)

    def test_vassal(self) -> None:
        """Each address and each route of the vassal is there once."""
        seen = self.run_twice(
            "vassal.ini", "uwsgi0", "ip route show default; ip -o -4 address show dev uwsgi0"
        )
        self.assertEqual(seen.count("default via 192.168.0.1"), 1, seen)
        self.assertEqual(seen.count("inet 192.168.0.2/24"), 1, seen)
