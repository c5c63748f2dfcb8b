"""`uwsgid.wire.http_variables`: names, joined values, hosts.  What requests make of them is in the corpus."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import PeerError
from uwsgid.wire import http_variables
from uwsgid.wire.http_variables import HOSTS, KNOWN, add_underscored, joined, learn_host, variable


class LearningTests(SynchronousTestCase):
    """What is remembered from one request to the next."""

    def setUp(self) -> None:
        known, hosts = dict(KNOWN), set(HOSTS)
        self.addCleanup(KNOWN.update, known)
        self.addCleanup(KNOWN.clear)
        self.addCleanup(HOSTS.update, hosts)
        self.addCleanup(HOSTS.clear)

    def test_names_are_learnt_up_to_a_limit(self) -> None:
        """Peers that invent header names do not fill the memory."""
        for number in range(1500):
            self.assertEqual(variable(b"X-%d" % number), f"HTTP_X_{number}")
        variable(b"x" * 41)
        self.assertLessEqual(len(KNOWN), http_variables._MAX_KNOWN_NAMES)
        self.assertNotIn(b"x" * 41, KNOWN)

    def test_hosts_are_learnt_up_to_a_limit(self) -> None:
        """Nor do those that invent hosts; a bad one is never learnt."""
        for number in range(1500):
            learn_host(f"{number}.example")
        self.assertLessEqual(len(HOSTS), http_variables._MAX_HOSTS)
        self.assertRaises(PeerError, learn_host, "a b")
        self.assertNotIn("a b", HOSTS)


class ValueTests(SynchronousTestCase):
    """One variable of several fields."""

    def test_joined(self) -> None:
        """Values are joined, except those that decide where a request ends or goes."""
        self.assertEqual(joined("HTTP_ACCEPT", "a", "b"), "a, b")
        self.assertEqual(joined("HTTP_COOKIE", "a", "b"), "a; b")
        self.assertRaises(PeerError, joined, "CONTENT_LENGTH", "5", "5")
        self.assertRaises(PeerError, joined, "HTTP_HOST", "a", "a")

    def test_underscores(self) -> None:
        """A name with an underscore imitates neither another field nor the length of a body."""
        vars: dict[str, Any] = {"HTTP_X_A": "1"}
        add_underscored(
            [(b"x_a", b"2"), (b"x_b", b"3 "), (b"X_B", b"4"), (b"content_length", b"5"), (b"x-c", b"6")], vars
        )
        self.assertEqual(vars, {"HTTP_X_A": "1", "HTTP_X_B": "3, 4"})
