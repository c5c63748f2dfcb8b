"""Who gets a request."""

from __future__ import annotations

import socket

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.gateways.http_upstream import Node, Nodes, packet_of
from uwsgid.wire.uwsgi import packet, write_vars


def node(name: str) -> Node:
    return Node(name, socket.AF_UNIX, name)


class NodesTests(SynchronousTestCase):
    def test_turns(self) -> None:
        """Instances get requests in turn."""
        nodes = Nodes([node("a"), node("b"), node("c")])
        self.assertEqual([nodes.choose(0.0).name for _ in range(5)], ["a", "b", "c", "a", "b"])

    def test_rest(self) -> None:
        """One that failed rests for the grace time; that it does is news once."""
        nodes = Nodes([node("a"), node("b")], grace=10.0)
        first = nodes.choose(100.0)
        self.assertEqual([nodes.failed(first, 100.0), nodes.failed(first, 101.0)], [True, False])
        self.assertEqual({nodes.choose(105.0).name for _ in range(4)}, {"b"})
        self.assertEqual({nodes.choose(112.0).name for _ in range(4)}, {"a", "b"})

    def test_all_rest(self) -> None:
        """Where all rest, one is asked all the same."""
        nodes = Nodes([node("a"), node("b")])
        for one in nodes.all:
            nodes.failed(one, 0.0)
        self.assertEqual({nodes.choose(1.0).name for _ in range(4)}, {"a", "b"})

    def test_alone(self) -> None:
        """The only one never rests."""
        nodes = Nodes([node("a")])
        self.assertFalse(nodes.failed(nodes.choose(0.0), 0.0))
        self.assertEqual(nodes.all[0].rests_until, 0.0)

    def test_fallbacks(self) -> None:
        """Fallbacks come after the first failure, then others."""
        nodes = Nodes([node("a"), node("b")], [node("x")])
        self.assertEqual([nodes.choose(0.0, tried).name for tried in (0, 1, 2)], ["a", "x", "b"])
        self.assertFalse(nodes.failed(nodes.fallbacks[0], 0.0))

    def test_packet(self) -> None:
        """A packet has what is known of the request and of the connection; one that is too large is none."""
        one, two = {"A": "b"}, {"C": "d"}
        self.assertEqual(packet_of(5, 1, write_vars(one), write_vars(two)), packet(5, {**one, **two}, 1))
        self.assertEqual(packet_of(0, 0, b"x" * 65535, b"y"), b"")
