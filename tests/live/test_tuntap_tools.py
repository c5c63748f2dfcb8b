"""``uwsgid tuntap …`` at a router that works: what it shows is what happens."""

from __future__ import annotations

import os
import signal
import sys

from tests.live.namespaces import run
from tests.live.support import PATIENCE, Daemon, requires, wait_until
from tests.live.tunnels import HOST, VASSAL, TunTapCase


class ToolTests(TunTapCase):
    """A router with a rule that denies, a vassal behind it, and somebody who looks."""

    def setUp(self) -> None:
        super().setUp()
        self.router("tuntap-router-firewall-out = deny any any udp dport 7777\n")
        self.device()
        self.reach_each_other()

    def look(self, *words: str) -> Daemon:
        """Run ``uwsgid tuntap``; with its second word comes the router's address."""
        command, *more = words
        return self.run_daemon([sys.executable, "-m", "uwsgid", "tuntap", command, self.path("stats"), *more])

    def send_what_is_denied(self) -> None:
        """One datagram to the port that the rule names."""
        program = f"import socket; socket.socket(2, 2).sendto(b'x' * 100, ({HOST!r}, 7777))"
        self.vassal.run(sys.executable, "-c", program)

    def test_capture_for_wireshark(self) -> None:
        """tshark opens a capture, and finds packets, their directions and what became of them."""
        requires("tshark")
        file = self.path("c.pcapng")
        capture = self.look("capture", "-w", file, f"host {VASSAL}", "icmp", "or", "denied")
        capture.wait_for("capturing what crosses emperor0")
        self.assertTrue(self.vassal.answers(HOST, wait=PATIENCE))
        self.send_what_is_denied()
        seen: list[list[str]] = []

        def three_came() -> bool:
            fields = ("_ws.col.Protocol", "frame.packet_flags_direction", "frame.comment", "ip.dst")
            words = [word for field in fields for word in ("-e", field)]
            text = run("tshark", "-r", file, "-T", "fields", *words, check=False)
            seen[:] = [line.split("\t") for line in text.splitlines() if line.count("\t") == 3]
            return len(seen) >= 3

        wait_until(three_came, "tshark reads three packets")
        capture.signal(signal.SIGINT)
        self.assertEqual(capture.wait(), 0, capture.log())
        capture.wait_for(r"^\d+ packets$")
        self.assertEqual(
            [tuple(fields) for fields in seen[:3]],
            [
                ("ICMP", "0x00000002", f"from {VASSAL}: to the host", HOST),
                ("ICMP", "0x00000001", f"to {VASSAL}", VASSAL),
                ("UDP", "0x00000002", f"from {VASSAL}: drop, denied, by 'deny any any udp dport 7777'", HOST),
            ],
        )

    def test_capture_for_people(self) -> None:
        """Without a file each packet is a line, and the capture ends after as many as are wanted."""
        capture = self.look("capture", "-c", "1", "denied")
        capture.wait_for("capturing what crosses emperor0")
        self.assertTrue(self.vassal.answers(HOST, wait=PATIENCE))
        self.send_what_is_denied()
        self.assertEqual(capture.wait(), 0, capture.log())
        capture.wait_for(
            rf"out {VASSAL}:\d+ > {HOST}:7777 udp, 128 bytes: from {VASSAL}: drop, denied, by 'deny"
        )
        capture.wait_for("^1 packets$")

    def test_filter_that_means_nothing(self) -> None:
        """A mistake in a filter is told at once."""
        capture = self.look("capture", "tpc")
        self.assertEqual(capture.wait(), 2)
        capture.wait_for("'tpc' means nothing in a filter")

    def test_rules_and_top(self) -> None:
        """Rules are shown with what they counted, and the vassal with what it sent."""
        self.send_what_is_denied()
        rules = self.look("rules")
        self.assertEqual(rules.wait(), 0, rules.log())
        rules.wait_for(r"^ +1 +128  deny any any udp dport 7777 +\S+r\.ini:\d+$")
        rules.wait_for("^tuntap-router-firewall-in: no rules$")
        top = self.look("top")
        self.assertEqual(top.wait(), 0, top.log())
        top.wait_for(r"^emperor0 at \S+ \(pid \d+\), 1 peers$")
        top.wait_for(rf"^{VASSAL} +uwsgi0 .* 1 +\d+$")

    def test_nobody_there(self) -> None:
        """Where no router is, that is what is said."""
        os.unlink(self.path("stats"))
        for command in ("top", "rules", "capture"):
            looked = self.look(command)
            self.assertEqual(looked.wait(), 1)
            looked.wait_for("No such file or directory")
