"""Network namespaces that a test makes for itself, and that go with it.

`Net` gives names with the pid in them, so that runs beside each other, and what a killed run left behind,
never meet.  Nothing outside of these namespaces is touched: no address, rule or route of the machine.
"""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Sequence
from typing import Final

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.live.daemon import PATIENCE, requires

_numbers: Final = itertools.count()


def run(*command: str, check: bool = True, seconds: float = PATIENCE) -> str:
    """What a program printed, on both of its streams.

    :raises AssertionError: it failed, with its words; not so without *check*.
    """
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(command)} exited {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


class Space:
    """One network namespace with its loopback up.

    :ivar name: as ``ip netns`` knows it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        run("ip", "netns", "add", name)

    @property
    def prefix(self) -> list[str]:
        """What stands before a command that is to run in here."""
        return ["ip", "netns", "exec", self.name]

    def run(self, *command: str, check: bool = True, seconds: float = PATIENCE) -> str:
        """Run a program in here; what it printed."""
        return run(*self.prefix, *command, check=check, seconds=seconds)

    def succeeds(self, *command: str, seconds: float = PATIENCE) -> bool:
        """Whether a program in here exits with 0."""
        done = subprocess.run([*self.prefix, *command], capture_output=True, timeout=seconds, check=False)
        return done.returncode == 0

    def answers(self, address: str, *, wait: float = 1.0) -> bool:
        """Whether one echo request to *address* is answered."""
        return self.succeeds("ping", "-n", "-c", "1", "-W", f"{wait:g}", address)

    def forward(self) -> None:
        """Be a router, as far as the kernel of this namespace is concerned."""
        self.run("sysctl", "-qw", "net.ipv4.ip_forward=1")

    def without_ipv6(self) -> None:
        """No IPv6 in here: uWSGI's own client ends at the first router solicitation of its interface."""
        self.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")

    def remove(self) -> None:
        """Take it away, with the interfaces in it."""
        run("ip", "netns", "del", self.name, check=False)


class Net:
    """The namespaces of one test.

    :raises SkipTest: they can not be made here.
    """

    def __init__(self, case: SynchronousTestCase) -> None:
        requires("root", "ip", "ping", "sysctl")
        if not os.path.exists("/dev/net/tun"):
            raise SkipTest("needs /dev/net/tun")
        self._case = case

    def space(self, name: str) -> Space:
        """A new namespace; *name* is a letter or two."""
        try:
            made = Space(f"uwsgid-{os.getpid()}-{next(_numbers)}{name}")
        except AssertionError as error:
            raise SkipTest(f"needs network namespaces: {error}") from None
        self._case.addCleanup(made.remove)
        made.run("ip", "link", "set", "lo", "up")
        return made

    def veth(self, one: Space, one_address: str, other: Space, other_address: str) -> None:
        """A cable between two namespaces; addresses with their bits, ``10.9.0.1/24``."""
        number = next(_numbers)
        run("ip", "link", "add", f"va{number}", "netns", one.name, "type", "veth",
            "peer", "name", f"vb{number}", "netns", other.name)  # fmt: skip
        for space, name, address in (
            (one, f"va{number}", one_address),
            (other, f"vb{number}", other_address),
        ):
            space.run("ip", "addr", "add", address, "dev", name)
            space.run("ip", "link", "set", name, "up")


def joined(*parts: Sequence[str]) -> list[str]:
    """Commands that execute each other, as one."""
    return [word for part in parts for word in part]
