"""`uwsgid.tuntap.showing`: the statistics of a router, for people."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.tuntap.showing import rules, table, top


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

    def test_height(self) -> None:
        """On a terminal there are as many lines as it has room for."""
        said = document(*(peer(f"10.0.0.{number}", number) for number in range(1, 100)))
        for height in (10, 24):
            text = top(said, height)
            self.assertEqual(len(text.splitlines()), height)
            self.assertIn("10.0.0.99", text)
        self.assertEqual(len(top(said, 1).splitlines()), 5)
        self.assertEqual(len(top(said).splitlines()), 104)

    def test_nobody(self) -> None:
        """A router without peers has a table without rows."""
        said = document()
        said["router"]["drops"] = {}
        self.assertIn("dropped: nothing", top(said))
        self.assertEqual(len(top(said).splitlines()), 5)


class TableTests(SynchronousTestCase):
    """Columns are as wide as what stands in them."""

    def test_sides(self) -> None:
        """Numbers stand to the right, and no line ends with blanks."""
        self.assertEqual(table([("a", "b"), ("11", "x"), ("1", "")], "><"), " a  b\n11  x\n 1\n")
