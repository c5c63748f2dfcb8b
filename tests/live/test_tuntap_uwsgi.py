"""uWSGI's own router and its vassals, with ours on the other side."""

from __future__ import annotations

from tests.live.support import PATIENCE, wait_until
from tests.live.tunnels import HOST, OTHER, VASSAL, TunTapCase, kill_gateway, uid_of


class BesideUwsgiTests(TunTapCase):
    """uWSGI's own router and client, with ours on the other side."""

    def test_our_vassal_at_its_router(self) -> None:
        """A vassal of ours lives behind uWSGI's router, with IPv6 on its interface."""
        router = self.router(server="uwsgi")
        vassal = self.device()
        vassal.wait_for("tuntap device uwsgi0: frames to the router")
        self.reach_each_other()
        self.carries_much()
        self.carries_much(reverse=True)
        [peer] = self.peers()
        self.assertEqual(peer["addr"], VASSAL)
        # the C client would end its instance here
        kill_gateway(router, "tuntap router 1")
        vassal.wait_for("tuntap device uwsgi0: frames to the router", count=2)
        wait_until(lambda: self.host.answers(VASSAL), "the vassal is found again")

    def test_its_vassal_at_our_router(self) -> None:
        """A vassal of uWSGI lives behind a router of ours."""
        self.router()
        self.device(server="uwsgi")
        self.reach_each_other()
        self.carries_much()
        self.carries_much(reverse=True)
        [peer] = self.peers()
        self.assertEqual(peer["addr"], VASSAL)

    def test_our_credentials_for_its_router(self) -> None:
        """uWSGI's router takes our credentials, and tells whose they are."""
        self.router("tuntap-use-credentials = true", server="uwsgi")
        self.device("tuntap-use-credentials = true")
        self.reach_each_other()
        [peer] = self.peers()
        self.assertEqual(peer["uid"], uid_of("nobody"))
        self.assertGreater(peer["pid"], 0)

    def test_its_credentials_for_our_router(self) -> None:
        """Our router takes those of uWSGI's client."""
        self.router("tuntap-use-credentials = true")
        self.device("tuntap-use-credentials = true", server="uwsgi")
        self.reach_each_other()
        [peer] = self.peers()
        self.assertEqual(peer["uid"], uid_of("nobody"))

    def test_our_rules_for_its_router(self) -> None:
        """uWSGI's router applies what our vassal asks of it, with the masks as they were meant."""
        self.router(server="uwsgi")
        self.device(
            "tuntap-device-rule = out 192.168.0.0/24 192.168.0.1 allow\n"
            "tuntap-device-rule = out 192.168.0.0/24 10.77.0.0/16 deny"
        )
        self.host.run("ip", "addr", "add", "10.77.1.1/32", "dev", "lo")
        self.host.run("ip", "addr", "add", "10.78.1.1/32", "dev", "lo")
        self.reach_each_other()
        self.assertTrue(self.vassal.answers("10.78.1.1", wait=PATIENCE))
        self.assertFalse(self.vassal.answers("10.77.1.1", wait=0.3))

    def test_hooks_reach_its_router(self) -> None:
        """A ping in a hook is answered, although the process that attends to the device is not born yet."""
        self.router(server="uwsgi")
        vassal = self.start(
            self.vassal,
            f"tuntap-device = uwsgi0 {self.socket}\n"
            f"exec-as-root = ip addr add {VASSAL}/24 dev uwsgi0\n"
            "exec-as-root = ip link set uwsgi0 up\n"
            f"exec-as-root = ping -n -c 1 -W 30 {HOST}\n",
            "v",
            "uwsgid",
        )
        vassal.wait_for("tuntap device uwsgi0: frames to the router")
        self.reach_each_other()
        self.assertEqual(len(self.peers()), 1)

    def test_side_by_side(self) -> None:
        """A vassal of uWSGI and one of ours share a router of ours, and reach each other."""
        self.router()
        self.host.forward()
        other = self.net.space("W")
        self.device(server="uwsgi")
        self.device(space=other, address=OTHER, name="w")
        self.reach_each_other()
        self.reach_each_other(OTHER, other)
        wait_until(lambda: other.answers(VASSAL), "ours answers uWSGI's")
        wait_until(lambda: self.vassal.answers(OTHER), "uWSGI's answers ours")
