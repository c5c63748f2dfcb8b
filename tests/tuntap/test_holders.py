"""Who owns an address, and who may come to own it."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.tuntap.access import Access, Credentials, read_grant
from uwsgid.tuntap.holders import Holders
from uwsgid.tuntap.options import TAKEOVER
from uwsgid.tuntap.peer import MAX_ADDRESSES, Peer
from uwsgid.tuntap.policy import Policy
from uwsgid.wire.ip import read_address

BLUE, RED, BLUE6, LINK = map(read_address, ("192.168.0.2", "192.168.0.3", "fd00::2", "fe80::2"))


class Claims(SynchronousTestCase):
    """One address, one owner."""

    def test_who_is_reached(self) -> None:
        """An owner is reached by its addresses until it leaves."""
        holders, blue = Holders(), Peer(1)
        self.assertIsNone(holders.of(BLUE))
        for address in (BLUE, BLUE6, LINK):
            self.assertIsNone(holders.claim(blue, address, Policy()))
            self.assertIs(holders.of(address), blue)
        self.assertEqual((list(blue.addresses), list(blue.neighbours)), ([BLUE, BLUE6], [LINK]))
        self.assertEqual(holders.release(blue), [BLUE, BLUE6, LINK])
        self.assertEqual(holders.release(blue), [])
        self.assertIsNone(holders.of(BLUE))

    def test_who_has_to_leave(self) -> None:
        """Of two with one address the second has to leave, and the first with ``takeover``."""
        for collision, first_stays in (("refuse", True), (TAKEOVER, False)):
            holders, first, second = Holders(), Peer(1), Peer(2)
            policy = Policy(collision=collision)
            holders.claim(first, BLUE, policy)
            loser = holders.claim(second, BLUE, policy)
            self.assertIs(loser, second if first_stays else first)
            stays = first if first_stays else second
            holders.release(first if loser is first else second)
            self.assertIs(holders.of(BLUE), stays)

    def test_claiming_again(self) -> None:
        """Who owns an address does not collide with itself."""
        holders, blue = Holders(), Peer(1)
        holders.claim(blue, BLUE, Policy())
        self.assertIsNone(holders.claim(blue, BLUE, Policy()))
        self.assertEqual(list(blue.addresses), [BLUE])


class Objections(SynchronousTestCase):
    """What speaks against an address that a packet comes from."""

    def objection(self, peer: Peer, text: str, policy: Policy | None = None) -> str:
        return Holders().objection(peer, read_address(text), policy or Policy())

    def test_somebody_new(self) -> None:
        """Who has no address yet may have any that is one; the rest says nothing about it."""
        for text in ("192.168.0.2", "fd00::2"):
            self.assertEqual(self.objection(Peer(1), text), "")
        for text in ("0.0.0.0", "::", "127.0.0.1", "fe80::1", "224.0.0.1", "ff02::1"):
            self.assertEqual(self.objection(Peer(1), text), "unattached")

    def test_somebody_known(self) -> None:
        """Who has an address may have one of the other version, and a link-local one."""
        peer = Peer(1)
        peer.addresses[BLUE] = None
        for text, expected in (
            ("fd00::2", ""),
            ("fe80::1", ""),
            ("192.168.0.3", "spoofed"),
            ("127.0.0.1", "spoofed"),
            ("0.0.0.0", "unattached"),
        ):
            self.assertEqual(self.objection(peer, text), expected, text)

    def test_access(self) -> None:
        """Lines of ``tuntap-router-allow`` forbid all else, and allow several to users that they name."""
        policy = Policy(access=Access(map(read_grant, ("uid=1000 10.0.0.0/8", "192.168.0.0/24"))))
        user, anybody = Peer(1, uid=1000), Peer(2)
        self.assertEqual(self.objection(user, "10.0.0.1", policy), "")
        self.assertEqual(self.objection(anybody, "10.0.0.1", policy), "spoofed")
        self.assertEqual(self.objection(anybody, "192.168.0.3", policy), "")
        user.addresses[BLUE] = anybody.addresses[BLUE] = None
        self.assertEqual(self.objection(user, "10.0.0.1", policy), "")
        self.assertEqual(self.objection(anybody, "192.168.0.3", policy), "spoofed")
        for number in range(2, MAX_ADDRESSES + 1):
            user.addresses[bytes((10, 0, 0, number))] = None
        self.assertEqual(self.objection(user, "10.0.0.1", policy), "spoofed")

    def test_assigned(self) -> None:
        """Where credentials tell the addresses, packets do not."""
        policy = Policy(credentials=Credentials(True, lambda pid, uid, gid: "192.168.0.2"))
        peer = Peer(1)
        self.assertEqual(self.objection(peer, "192.168.0.3", policy), "spoofed")
        peer.addresses[BLUE] = None
        self.assertEqual(self.objection(peer, "fd00::2", policy), "spoofed")

    def test_an_address_of_somebody_else(self) -> None:
        """Who is at home here only loses the packet; who is new is told of the collision."""
        holders, blue, red = Holders(), Peer(1), Peer(2)
        holders.claim(blue, BLUE6, Policy())
        self.assertEqual(holders.objection(red, BLUE6, Policy()), "")
        holders.claim(red, RED, Policy())
        self.assertEqual(holders.objection(red, BLUE6, Policy()), "spoofed")
        self.assertEqual(holders.objection(red, BLUE6, Policy(collision=TAKEOVER)), "")
