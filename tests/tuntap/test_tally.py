"""The tally: every drop is counted once, and with whom it concerns."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.tuntap.packets import udp
from tests.tuntap.switches import BLUE, WORLD, Bench, policy_for


class Losing(SynchronousTestCase):
    """Packets that could not be delivered."""

    def test_on_the_way_to_a_peer(self) -> None:
        """A packet for which a queue had no room was not sent, and is counted as dropped."""
        bench = Bench()
        blue = bench.peer(BLUE)
        packet = udp(WORLD, BLUE)
        bench.inward(packet)
        bench.inward(packet)
        bench.switch.lose(blue, "full", len(packet))
        self.assertEqual((blue.tx_packets, blue.tx_bytes), (1, len(packet)))
        self.assertEqual((blue.dropped, blue.drops, bench.switch.drops), (1, {"full": 1}, {"full": 1}))

    def test_on_the_way_to_the_host(self) -> None:
        """A packet that the host did not take is counted against its sender, and nobody's against nobody."""
        bench = Bench()
        blue = bench.peer(BLUE)
        bench.out(blue, udp(BLUE, WORLD))
        bench.switch.lose(blue, "invalid")
        bench.switch.lose(None, "target")
        self.assertEqual((blue.rx_packets, blue.tx_packets, blue.invalid), (1, 0, 1))
        self.assertEqual(bench.switch.drops, {"invalid": 1, "target": 1})

    def test_what_nobody_could_be_asked_about(self) -> None:
        """A packet that is refused before it is judged is counted as dropped, and not as seen."""
        bench = Bench()
        blue = bench.peer(BLUE)
        packet = udp(BLUE, WORLD)
        bench.switch.refuse(blue, packet, 0, len(packet), "invalid")
        bench.switch.refuse(None, packet, 0, len(packet), "target")
        self.assertEqual((blue.rx_packets, blue.invalid, blue.dropped), (0, 1, 1))
        self.assertEqual(bench.switch.drops, {"invalid": 1, "target": 1})


class Denials(SynchronousTestCase):
    """Packets that met a rule."""

    def test_by_direction(self) -> None:
        """A denial is no other drop: it is counted towards or from whom it concerns, and with the switch."""
        bench = Bench(policy_for(("deny any any udp",), ("deny any 8.8.8.8 udp",)))
        blue = bench.peer(BLUE)
        bench.out(blue, udp(BLUE, WORLD))
        bench.inward(udp(WORLD, BLUE))
        bench.inward(udp(WORLD, BLUE))
        bench.inward(udp(WORLD, "192.168.0.99"))
        switch = bench.switch
        self.assertEqual((blue.denied_out, blue.denied_in, blue.dropped), (1, 2, 0))
        self.assertEqual((switch.denied_out, switch.denied_in, switch.unknown_dst), (1, 3, 0))
        self.assertEqual((blue.drops, switch.drops), ({"denied": 3}, {"denied": 4}))
