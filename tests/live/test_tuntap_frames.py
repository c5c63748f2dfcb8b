"""Vassals that send their packets to the router as frames over a connection."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.live.support import Daemon, wait_until
from tests.live.tunnels import VASSAL, TunTapCase, kill_gateway, reload_by_exec


class FramesTests(TunTapCase):
    """A vassal of ours sends its packets as frames, where the device can not be handed over."""

    def attached(self, *, stay_root: bool = False) -> tuple[Daemon, Daemon]:
        router = self.router()
        os.unlink(self.socket + ".dev")
        vassal = self.device(stay_root=stay_root)
        vassal.wait_for("tuntap device uwsgi0: frames to the router")
        return router, vassal

    def test_over_a_unix_socket(self) -> None:
        """Both sides answer each other, and megabytes arrive whole in both directions."""
        self.attached()
        self.reach_each_other()
        self.carries_much()
        self.carries_much(reverse=True)

    def test_ipv6(self) -> None:
        """Frames carry IPv6 as well."""
        self.attached()
        self.give_ipv6()
        self.reach_each_other()

    def test_over_tcp(self) -> None:
        """So it is with a router on another host."""
        self.net.veth(self.host, "10.9.0.1/24", self.vassal, "10.9.0.2/24")
        self.router(socket="10.9.0.1:3000")
        vassal = self.device(socket="10.9.0.1:3000")
        vassal.wait_for("tuntap device uwsgi0: frames to the router")
        self.reach_each_other()
        self.carries_much()
        self.carries_much(reverse=True)

    def test_a_reload_is_not_noticed(self) -> None:
        """A reload that replaces the process image loses no packet: a stand-in holds the stream meanwhile."""
        _, vassal = self.attached(stay_root=True)
        self.reach_each_other()
        before, [peer] = self.vassal.run("ip", "-o", "addr", "show", "uwsgi0"), self.peers()
        with self.nothing_lost():
            for count in (2, 3):
                reload_by_exec(vassal)
                vassal.wait_for("tuntap device uwsgi0: frames to the router", count=count)
        self.assertEqual(self.vassal.run("ip", "-o", "addr", "show", "uwsgi0"), before)
        # the same connection as before, and nothing that came while nobody held it
        self.assertEqual([(one["id"], one["pid"]) for one in self.peers()], [(peer["id"], peer["pid"])])
        self.assertEqual(vassal.seen("tuntap server disconnected"), 0)
        vassal.signal(signal.SIGINT)
        self.assertEqual(vassal.wait(), 0, vassal.log())
        self.assertEqual(vassal.survivors(), [])
        wait_until(lambda: not self.peers(), "the router forgets the vassal")

    def test_a_reload_to_another_router(self) -> None:
        """What a stand-in holds for a router that the new configuration does not name is given up."""
        _, vassal = self.attached(stay_root=True)
        self.reach_each_other()
        os.symlink(self.socket, self.path("other.sock"))
        [config] = [Path(word) for word in vassal.command if word.endswith(".ini")]
        config.write_text(config.read_text().replace(self.socket, self.path("other.sock")))
        reload_by_exec(vassal)
        vassal.wait_for("tuntap device uwsgi0: frames to the router at .*other.sock")
        wait_until(lambda: self.host.answers(VASSAL), "the vassal answers again")
        self.assertEqual(len(self.peers()), 1)

    def test_a_killed_router_comes_back(self) -> None:
        """Peers with frames come back to a router that was killed, too."""
        router, vassal = self.attached()
        self.reach_each_other()
        kill_gateway(router, "tuntap router 1")
        vassal.wait_for("tuntap device uwsgi0: frames to the router", count=2)
        wait_until(lambda: self.host.answers(VASSAL), "the vassal is found again")

    def test_the_exit_of_a_vassal_removes_its_peer(self) -> None:
        """A vassal that was killed is no peer any more."""
        _, vassal = self.attached()
        self.reach_each_other()
        os.kill(vassal.pid, signal.SIGKILL)
        wait_until(lambda: not self.peers(), "the router forgets the vassal")
