"""`uwsgid.tuntap.showing`: the statistics of a router, for people."""

from __future__ import annotations

import io
import os
import re
from typing import Any
from unittest import mock

from rich.console import RenderableType
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.tuntap import showing
from uwsgid.tuntap.showing import text_of


def peer(addr: str, rx: int = 0, **more: Any) -> dict[str, Any]:
    """What a document says of a peer."""
    rates = {"rx": rx, "tx": 125, "rx_packets": rx // 100, "tx_packets": 1}
    return {
        "addr": addr, "label": "fd: 9", "id": 4, "device": "", "uid": 33, "queue": 0, "denied_in": 1,
        "denied_out": 2, "dropped": 5, "rules": [], "rates": rates, **more,
    }  # fmt: skip


def document(*peers: dict[str, Any], **chains: list[dict[str, Any]]) -> dict[str, Any]:
    """A document."""
    return {
        "pid": 77,
        "peers": list(peers),
        "router": {
            "device": "emperor0",
            "socket": "/run/tuntap.sock",
            "denied_in": 7,
            "denied_out": 8,
            "drops": {"full": 3, "runt": 1},
            "rates": {"rx": 1_250_000_000, "tx": 12_500, "rx_packets": 100_000, "tx_packets": 10},
        },
        "chains": {"in": [], "out": [], "routes": [], **chains},
    }


def rules(said: dict[str, Any]) -> str:
    """The chains as text."""
    return text_of(showing.rules(said))


def top(said: dict[str, Any], room: int = 0, trouble: str = "") -> str:
    """The peers as text."""
    return text_of(showing.top(said, room, trouble))


class RulesTests(SynchronousTestCase):
    """Chains are shown with what each rule has counted."""

    def test_chains(self) -> None:
        """Each rule has a line, its counters before it and its place behind it."""
        said = document(
            peer("192.168.0.2", rules=[{"text": "out any 10.0.0.0/8 deny", "packets": 3, "bytes": 9}]),
            peer("192.168.0.3"),
            out=[
                {"text": "allow any 192.168.0.1", "packets": 12, "bytes": 34567, "origin": "site.ini:4"},
                {"text": "deny", "packets": 1, "bytes": 60, "origin": "site.ini:5"},
            ],
        )
        self.assertEqual(
            rules(said),
            "tuntap-router-firewall-in: no rules\n"
            "\n"
            "tuntap-router-firewall-out:\n"
            "packets  bytes  rule\n"
            "     12  34567  allow any 192.168.0.1  site.ini:4\n"
            "      1     60  deny                   site.ini:5\n"
            "\n"
            "tuntap-router-route: no rules\n"
            "\n"
            "tuntap-device-rule of 192.168.0.2:\n"
            "packets  bytes  rule\n"
            "      3      9  out any 10.0.0.0/8 deny\n",
        )


class TopTests(SynchronousTestCase):
    """Peers are shown, the busiest first."""

    def test_order(self) -> None:
        """Rates are in bits, and a peer without an address has its label."""
        text = top(
            document(peer("192.168.0.2", 100), peer("", 2_000_000, device="uwsgi0"), peer("10.0.0.9", 50))
        )
        lines = text.splitlines()
        self.assertEqual(lines[0], "emperor0 at /run/tuntap.sock (pid 77), 3 peers")
        self.assertEqual(lines[1], "in 100 kbit/s 10 packets/s, out 10.0 Gbit/s 100000 packets/s")
        self.assertEqual(lines[2], "denied in 7, out 8; dropped: full 3, runt 1")
        self.assertEqual([line.split()[0] for line in lines[5:]], ["fd:", "192.168.0.2", "10.0.0.9"])
        self.assertIn("uwsgi0", lines[5])
        self.assertIn("16.0 Mbit/s", lines[5])
        self.assertIn("1.0 kbit/s", lines[5])
        self.assertEqual(lines[6].split()[-3:], ["0", "3", "5"])

    def test_room(self) -> None:
        """On a terminal there are as many lines as it has room for, and the last says what is missing."""
        said = document(*(peer(f"10.0.0.{number}", number) for number in range(1, 100)))
        for room in (10, 24, 103):
            lines = top(said, room).splitlines()
            self.assertEqual(len(lines), room)
            self.assertEqual(lines[5].split()[0], "10.0.0.99")
            self.assertEqual(lines[-1], f"and {99 - room + 6} more")
        self.assertEqual(len(top(said, 1).splitlines()), 6)
        for room in (0, 104, 200):
            self.assertEqual(len(top(said, room).splitlines()), 104)
            self.assertNotIn("more", top(said, room))

    def test_trouble(self) -> None:
        """What is wrong stands above the peers, which are as they were."""
        text = top(document(peer("192.168.0.2")), trouble="no router answers")
        self.assertEqual(text.splitlines()[3], "no router answers")
        self.assertEqual(text.splitlines()[5].split()[0], "192.168.0.2")

    def test_nobody(self) -> None:
        """A router without peers has a table without rows."""
        said = document()
        said["router"]["drops"] = {}
        self.assertIn("dropped: nothing", top(said))
        self.assertEqual(len(top(said).splitlines()), 5)


class Terminal(io.StringIO):
    """Where a person reads."""

    def isatty(self) -> bool:
        return True


class WriteTests(SynchronousTestCase):
    """A terminal gets colours and lines that it has room for, anything else gets the text."""

    def setUp(self) -> None:
        rule = {"text": f"allow any [fd00::1]:4000 {'x' * 100} :smile: [bold]", "packets": 1, "bytes": 2}
        self.said = document(out=[rule])

    def test_file(self) -> None:
        """A file has lines of any length and nothing but text, and what looks like markup is none."""
        out = io.StringIO()
        showing.write(out, showing.rules(self.said))
        self.assertEqual(out.getvalue(), rules(self.said))
        self.assertIn(
            f"      1      2  allow any [fd00::1]:4000 {'x' * 100} :smile: [bold]\n", out.getvalue()
        )

    def shown_on(self, columns: int, shown: RenderableType) -> tuple[str, list[str]]:
        """What a terminal of so many columns gets, and its lines without the colours."""
        out = Terminal()
        with mock.patch.dict(os.environ, {"TERM": "xterm", "COLUMNS": str(columns), "LINES": "24"}):
            showing.write(out, shown)
        lines = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue()).splitlines()
        self.assertLessEqual(max(map(len, lines)), columns)
        return out.getvalue(), lines

    def test_terminal(self) -> None:
        """A terminal has colours, and long rules go on below; nothing of them is lost."""
        text, lines = self.shown_on(60, showing.rules(self.said))
        self.assertIn("\x1b[32mallow\x1b[0m", text)
        self.assertEqual("".join(lines).count("x"), 100)

    def test_narrow(self) -> None:
        """Where there is no room for all columns, there are fewer, and those are whole."""
        said = document(peer("fd00:1111:2222::3333", 2_000_000, device="uwsgi0", uid=65534))
        names = {}
        for columns in (60, 80, 200):
            _, lines = self.shown_on(columns, showing.top(said))
            names[columns] = lines[4].split()
            self.assertTrue(lines[5].startswith("fd00:1111:2222::3333"), lines)
            self.assertIn("16.0 Mbit/s", lines[5])
        self.assertEqual(names[60], ["peer", "in", "out", "dropped"])
        self.assertEqual(names[80], ["peer", "device", "in", "out", "denied", "dropped"])
        self.assertEqual(len(names[200]), 10)
