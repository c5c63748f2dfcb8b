"""`uwsgid.tuntap.turning`: offload is on wherever it may be."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import KernelError
from uwsgid.tuntap.chain import Chain
from uwsgid.tuntap.policy import Policy
from uwsgid.tuntap.rules import read_route
from uwsgid.tuntap.turning import Turning

HOST = 3
ROUTED = Policy(routes=Chain((read_route("any any 127.0.0.1:9"),)))


class TurningTests(SynchronousTestCase):
    """A router with the device 3, and peers with the devices 4 and 5."""

    def setUp(self) -> None:
        self.turned: list[tuple[int, bool]] = []
        self.said: list[str] = []
        self.refused: set[int] = set()

    def turn(self, device: int, on: bool) -> int:
        """The kernel's switch."""
        if device in self.refused:
            raise KernelError(f"TUNSETOFFLOAD: no [{device}]")
        self.turned.append((device, on))
        return 0

    def turning(self, *, gateway: bool = False) -> Turning:
        """The switches, none of which was touched before."""
        return Turning(HOST, gateway, self.turn, lambda: (4, 5), self.said.append)

    def follows(self, turning: Turning, policy: Policy, *turned: tuple[int, bool]) -> None:
        """With this policy these are turned, and nothing the next time."""
        turning.follow(policy)
        turning.follow(policy)
        self.assertEqual(self.turned, list(turned))
        self.turned.clear()

    def test_streams(self) -> None:
        """While a peer is behind a stream, the host cuts for it; peers do so if they may send to it."""
        turning = self.turning()
        self.follows(turning, Policy(), (HOST, True), (4, True), (5, True))
        turning.framed.add(7)
        self.follows(turning, Policy(), (HOST, False))
        self.follows(turning, Policy(switch_local=True), (4, False), (5, False))
        turning.framed.discard(7)
        self.follows(turning, Policy(switch_local=True), (HOST, True), (4, True), (5, True))

    def test_routes(self) -> None:
        """Datagrams have no place for large packets; routes without a gateway send none."""
        self.follows(self.turning(), ROUTED, (HOST, True), (4, True), (5, True))
        self.follows(self.turning(gateway=True), ROUTED, (HOST, False), (4, False), (5, False))

    def test_who_comes(self) -> None:
        """A new device is turned as the others are; one that can not be is its peer's trouble."""
        turning = self.turning(gateway=True)
        turning.begin(6, ROUTED)
        turning.begin(7, Policy())
        self.assertEqual(self.turned, [(6, False), (7, True)])
        self.refused.add(8)
        self.assertRaises(KernelError, turning.begin, 8, Policy())

    def test_one_that_can_not_be_turned(self) -> None:
        """What the kernel refuses for one device is told, and does not concern the others."""
        self.refused = {HOST, 4}
        self.follows(self.turning(), Policy(), (5, True))
        self.assertEqual(self.said, [f"TUNSETOFFLOAD: no [{device}]" for device in (HOST, 4)])
