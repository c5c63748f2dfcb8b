"""What is remembered, for how long, and how much at most."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.tuntap.decision import HOST, Decision
from uwsgid.tuntap.memory import REMEMBERED, Memory

HERE, THERE = b"\x0a\x00\x00\x01", b"\x0a\x00\x00\x02"
ONE = Decision(HOST)


class Forgetting(SynchronousTestCase):
    """Decisions that depend on an address."""

    def test_only_what_depends(self) -> None:
        """What is new about one address makes void what depends on it, in every table, and nothing else."""
        memory = Memory()
        own: dict[bytes, Decision] = {}
        memory.keep_for(HERE, memory.from_host, b"a", ONE)
        memory.keep_for(THERE, memory.from_host, b"b", ONE)
        memory.keep_for(HERE, own, b"a", ONE)
        memory.forget(HERE)
        memory.forget(HERE)
        self.assertEqual((memory.from_host, own), ({b"b": ONE}, {}))

    def test_all(self) -> None:
        """All can be forgotten at once."""
        memory = Memory()
        own = {b"c": ONE}
        memory.keep_for(HERE, memory.from_host, b"a", ONE)
        memory.keep_for(HERE, memory.from_gateway, b"a", ONE)
        memory.forget_all([own])
        self.assertEqual((memory.from_host, memory.from_gateway, own), ({}, {}, {}))
        self.assertFalse(memory.is_full)


class Bounds(SynchronousTestCase):
    """How much is remembered."""

    def test_of_one_address(self) -> None:
        """An address with too many flows loses its own decisions, and no others."""
        memory = Memory()
        memory.keep_for(THERE, memory.from_host, b"other", ONE)
        for number in range(REMEMBERED + 1):
            memory.keep_for(HERE, memory.from_host, number.to_bytes(4, "big"), ONE)
        self.assertEqual(len(memory.from_host), 2)
        self.assertIn(b"other", memory.from_host)

    def test_a_decision_taken_anew(self) -> None:
        """A decision that replaces one under its key takes no more room than that."""
        memory = Memory(limit=3)
        for _ in range(10):
            memory.keep_for(HERE, memory.from_host, b"a", ONE)
        self.assertFalse(memory.is_full)

    def test_in_all(self) -> None:
        """A memory says when it is full, and is not any more when addresses were forgotten."""
        memory = Memory(limit=3)
        for number in range(3):
            self.assertFalse(memory.is_full)
            memory.keep_for(bytes((10, 0, 0, number)), memory.from_host, bytes((number,)), ONE)
        self.assertTrue(memory.is_full)
        memory.forget(bytes((10, 0, 0, 1)))
        self.assertFalse(memory.is_full)
