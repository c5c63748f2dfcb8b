"""Vassals that mean no good, at a router of ours: whatever they do, others notice nothing.

One proper vassal lives behind the router all the time; each test ends by looking whether it still does, and
whether the router is the process that it was.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests.live.support import APPS, PATIENCE, talk, wait_until
from tests.live.tunnels import HOST, VASSAL, TunTapCase


class Hostile:
    """A hostile vassal that runs."""

    def __init__(self, case: HostileTests, what: str) -> None:
        self.process = subprocess.Popen(
            [*case.enemy.prefix, sys.executable, str(APPS / "hostile.py"), what, case.socket],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        case.addCleanup(self.leave)

    def said(self) -> Any:
        """Its next line."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "it ended before it said anything"
        return json.loads(line)

    def leave(self) -> None:
        """Have it go."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        self.process.kill()
        self.process.wait(10)


class HostileTests(TunTapCase):
    def setUp(self) -> None:
        super().setUp()
        self.enemy = self.net.space("E")
        self.instance = self.router()
        self.device()
        self.reach_each_other()
        self.before = self.stats()["pid"]

    def stats(self) -> dict[str, Any]:
        """The statistics of the router."""
        found: dict[str, Any] = json.loads(talk(self.path("stats"), b""))
        return found

    def assert_unharmed(self) -> None:
        """The proper vassal lives, and the router is who it was."""
        self.assertTrue(self.vassal.answers(HOST, wait=PATIENCE))
        self.assertTrue(self.host.answers(VASSAL, wait=PATIENCE))
        self.assertEqual(self.stats()["pid"], self.before)
        self.assertEqual(self.instance.seen("respawned uWSGI tuntap"), 0)
        self.assertEqual(self.instance.seen("Traceback"), 0, self.instance.log())

    def others(self) -> list[dict[str, Any]]:
        """The peers besides the proper vassal."""
        return [peer for peer in self.stats()["peers"] if peer["addr"] != VASSAL]

    def test_descriptors_that_are_no_device_of_ours(self) -> None:
        """Each is refused, with a reason, and closed."""
        enemy = Hostile(self, "descriptors")
        answers = enemy.said()
        for what, word in (
            ("file", "not a tun device"),
            ("pipe", "not a tun device"),
            ("other end", "not a tun device"),
            ("socket", "not a tun device"),
            ("unattached", "TUNGETIFF"),
            ("tap", "tap0 is not a tun device"),
            ("no virtio header", "plain0 has no virtio header"),
            ("another header", "12 bytes"),
            ("two", "one descriptor"),
            ("none", "one descriptor"),
            ("many", "one descriptor"),
        ):
            self.assertIn(word, answers[what], f"{what}: {answers[what]}")
        # the kernel says IFF_NO_PI of every device without a filter (IFF_NOFILTER is the same bit); what
        # comes from this one is no packet to the router
        self.assertEqual(answers["packet information"], "")
        self.assertTrue(enemy.said())
        enemy.leave()
        wait_until(lambda: not self.others(), "nobody else is left")
        self.assert_unharmed()

    def test_the_same_device_twice(self) -> None:
        """A device that is a peer's already is refused, dup or not."""
        first, second, third = Hostile(self, "twice").said()
        self.assertEqual(first, "")
        self.assertIn("is the device of", second)
        self.assertIn("is the device of", third)
        self.assert_unharmed()

    def test_an_owner_that_meddles(self) -> None:
        """A device set to blocking, with a tiny send buffer, another header, or down: its own trouble."""
        enemy = Hostile(self, "meddle")
        self.assertEqual(enemy.said(), "")
        self.assertEqual(enemy.said(), "blocking")
        wait_until(lambda: [peer["tx_packets"] > 0 for peer in self.others()] == [True], "it gets packets")
        self.assert_unharmed()
        self.assertEqual(enemy.said(), "played")
        self.host.answers("192.168.0.66", wait=0.2)
        self.assert_unharmed()
        enemy.leave()
        wait_until(lambda: not self.others(), "its peer is gone")

    def test_a_crowd_that_comes_and_goes(self) -> None:
        """500 peers at each door, each with a part of a frame: nothing is left of them."""
        self.assertEqual(Hostile(self, "crowd").said(), "left")
        wait_until(lambda: not self.others(), "all have left")
        self.assert_unharmed()

    def test_nonsense(self) -> None:
        """Frames and packets that are none are dropped, or end who sent them."""
        enemy = Hostile(self, "nonsense")
        self.assertEqual(enemy.said(), "said")
        self.assert_unharmed()
        wanted = {"version", "header", "length", "runt"}
        wait_until(lambda: wanted <= self.stats()["router"]["drops"].keys(), "each of them is dropped")
        enemy.leave()
        wait_until(lambda: not self.others(), "all have left")

    def test_a_peer_that_never_reads(self) -> None:
        """Packets to it are dropped once its queue is full."""
        self.assertEqual(Hostile(self, "deaf").said(), "deaf")
        wait_until(lambda: [peer["addr"] for peer in self.others()] == ["192.168.0.99"], "it has its address")
        self.host.run(
            sys.executable, "-c",
            "import socket\n"
            "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
            "for _ in range(2000): s.sendto(bytes(1400), ('192.168.0.99', 9))\n",
        )  # fmt: skip
        wait_until(lambda: self.others()[0]["drops"].get("full", 0) > 100, "packets are dropped")
        [peer] = self.others()
        self.assertLessEqual(peer["queue"], 256 << 10)
        self.assert_unharmed()
