"""A peer sends and receives no faster than it may."""

from __future__ import annotations

import ipaddress

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.tuntap.shaper import LEAST_BURST, Bucket, Limits, read_amount, read_limit


def packed(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


class AmountTests(SynchronousTestCase):
    def test_units(self) -> None:
        """A number is bytes; k, m and g are powers of a thousand, and bit makes bits."""
        for text, amount in (
            ("1500", 1500),
            ("64k", 64_000),
            ("2m", 2_000_000),
            ("1g", 1_000_000_000),
            ("10mbit", 1_250_000),
            ("10Mbit/s", 1_250_000),
            ("8bit", 1),
            ("64kbyte", 64_000),
            ("1.5m", 1_500_000),
        ):
            self.assertEqual(read_amount(text), amount, text)

    def test_refused(self) -> None:
        """Other units, signs and blanks are errors."""
        for text in ("", "fast", "10mb", "10 m", "-1", "1e6", "10mbps", "1.k", "٣"):
            error = self.assertRaises(ValueError, read_amount, text)
            self.assertIn(repr(text), str(error))


class LimitTests(SynchronousTestCase):
    def test_words(self) -> None:
        """A limit has an address or net, a rate, maybe a burst, and maybe a direction."""
        limit = read_limit("192.168.0.0/24 10mbit 1m", "shop.ini:3")
        self.assertEqual((limit.rate, limit.burst, limit.origin), (1_250_000, 1_000_000, "shop.ini:3"))
        self.assertEqual((limit.inward, limit.outward), (True, True))
        self.assertTrue(limit.network.holds(packed("192.168.0.9")))
        limit = read_limit("fd00::2 1g out")
        self.assertEqual((limit.inward, limit.outward), (False, True))
        limit = read_limit("any 1m 2m in")
        self.assertEqual((limit.inward, limit.outward, limit.burst), (True, False, 2_000_000))

    def test_default_burst(self) -> None:
        """Without a burst it is a tenth of a second, but never less than the largest packet."""
        self.assertEqual(read_limit("any 1g").burst, 100_000_000)
        self.assertEqual(read_limit("any 8kbit").burst, LEAST_BURST)

    def test_doubts(self) -> None:
        """A net without bits that has an address is worth a warning."""
        self.assertEqual(len(read_limit("10.0.0.1/0 1m").doubts), 1)
        self.assertEqual(read_limit("10.0.0.1 1m").doubts, ())

    def test_refused(self) -> None:
        """Missing and extra words, bad addresses and rates, and rates of nothing are errors."""
        for text, said in (
            ("", "must be <address or net> <rate> [burst] [in|out]"),
            ("10.0.0.1", "must be <address or net> <rate> [burst]"),
            ("10.0.0.1 in", "must be <address or net>"),
            ("10.0.0.1 1m 1m 1m", "must be <address or net>"),
            ("10.0.0.1 1m both", "such as 10mbit, got 'both'"),
            ("shop 1m", "'shop' is not"),
            ("10.0.0.0/33 1m", "got 33"),
            ("10.0.0.1 fast", "got 'fast'"),
            ("10.0.0.1 0", "a rate of 0"),
            ("10.0.0.1 1m 0", "a burst of 0"),
        ):
            self.assertIn(said, str(self.assertRaises(ValueError, read_limit, text)), text)

    def test_buckets(self) -> None:
        """The first limit that holds the address counts, for each direction by itself."""
        limits = Limits(
            [
                read_limit("10.0.0.2 1k out"),
                read_limit("10.0.0.0/24 2k"),
                read_limit("any 3k"),
                read_limit(":: 4k"),
            ]
        )
        self.assertEqual(len(limits), 4)

        def rates(address: str) -> tuple[float | None, ...]:
            return tuple(bucket.rate if bucket else None for bucket in limits.buckets(packed(address)))

        self.assertEqual(rates("10.0.0.2"), (2000, 1000))
        self.assertEqual(rates("10.0.0.3"), (2000, 2000))
        self.assertEqual(rates("fd00::1"), (3000, 3000))
        self.assertEqual(Limits().buckets(packed("10.0.0.2")), (None, None))

    def test_each_peer_has_its_own(self) -> None:
        """A limit of a net is one for each peer in it."""
        limits = Limits([read_limit("10.0.0.0/24 1k 1k")])
        first, _ = limits.buckets(packed("10.0.0.2"))
        second, _ = limits.buckets(packed("10.0.0.3"))
        assert first is not None and second is not None
        self.assertTrue(first.take(1000, 0))
        self.assertFalse(first.take(1000, 0))
        self.assertTrue(second.take(1000, 0))


class BucketTests(SynchronousTestCase):
    def test_burst_then_rate(self) -> None:
        """The burst passes at once, then as much as the rate allows."""
        bucket = Bucket(1000, 3000)
        self.assertEqual([bucket.take(1000, 5) for _ in range(4)], [True, True, True, False])
        self.assertFalse(bucket.take(1000, 5.9))
        self.assertTrue(bucket.take(1000, 6))
        self.assertFalse(bucket.take(1000, 6))

    def test_no_more_than_the_burst(self) -> None:
        """Silence saves up no more than the burst."""
        bucket = Bucket(1000, 3000)
        bucket.take(3000, 0)
        self.assertEqual([bucket.take(1000, 1000) for _ in range(4)], [True, True, True, False])

    def test_a_packet_larger_than_the_burst(self) -> None:
        """It passes when the bucket is full, and its bytes are owed."""
        bucket = Bucket(1000, 100)
        self.assertTrue(bucket.take(2100, 0))
        self.assertFalse(bucket.take(1, 1.9))
        self.assertTrue(bucket.take(1, 2.1))

    @given(
        st.integers(100, 100_000),
        st.integers(100, 10_000),
        st.lists(st.tuples(st.integers(20, 20_000), st.integers(0, 100)), max_size=50),
    )
    @settings(deadline=None, max_examples=150)
    def test_never_faster(self, rate: int, burst: int, packets: list[tuple[int, int]]) -> None:
        """At any time no more passed than the burst, the rate times the time, and one packet."""
        bucket, now, passed, largest = Bucket(rate, burst), 0.0, 0, 0
        for size, pause in packets:
            now += pause / 100
            if bucket.take(size, now):
                passed += size
                largest = max(largest, size)
            self.assertLessEqual(passed, burst + rate * now + largest + 1e-6)
