"""How many connections wait."""

from __future__ import annotations

import os
import socket
import struct

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.host.backlog import UNKNOWN, answer, question, queue_length


class Messages(SynchronousTestCase):
    """The talk with the kernel."""

    def test_question(self) -> None:
        """The question is one netlink message that names its length and the inode."""
        message = question(4711)
        self.assertEqual(struct.unpack_from("=I", message)[0], len(message))
        self.assertEqual(struct.unpack_from("=I", message, 24)[0], 4711)

    def test_refusal(self) -> None:
        """An error from the kernel means that nothing is known."""
        self.assertEqual(answer(struct.pack("=IHHIIi", 20, 2, 0, 1, 0, -2)), UNKNOWN)

    def test_attributes(self) -> None:
        """The queue is found behind other attributes, whatever their length."""
        head = struct.pack("=IHHII", 16 + 16 + 8 + 12, 20, 0, 1, 0) + bytes(16)
        other = struct.pack("=HH", 5, 0) + b"x" + bytes(3)
        queue = struct.pack("=HHII", 12, 4, 3, 100)
        self.assertEqual(answer(head + other + queue), (3, 100))
        self.assertEqual(answer(head + other), UNKNOWN)

    @settings(deadline=None, max_examples=100)
    @given(st.binary(max_size=40))
    def test_any_attributes(self, junk: bytes) -> None:
        """No answer makes the reader spin or fail."""
        head = struct.pack("=IHHII", 32 + len(junk), 20, 0, 1, 0) + bytes(16)
        try:
            self.assertEqual(len(answer(head + junk)), 2)
        except struct.error:
            pass  # an attribute that is cut off; queue_length makes (0, 0) of it


class Real(SynchronousTestCase):
    """On Linux."""

    def test_each_family(self) -> None:
        """Connections that nobody accepted are counted for TCP over both IPs and for UNIX sockets."""
        for family, address in (
            (socket.AF_INET, ("127.0.0.1", 0)),
            (socket.AF_INET6, ("::1", 0)),
            (socket.AF_UNIX, f"\0uwsgid-backlog-{os.getpid()}"),
        ):
            with socket.socket(family) as listener, socket.socket(family) as client:
                listener.bind(address)
                listener.listen(7)
                self.assertEqual(queue_length(listener.fileno()), (0, 7))
                client.connect(listener.getsockname())
                self.assertEqual(queue_length(listener.fileno()), (1, 7))

    def test_no_socket(self) -> None:
        """What is no socket, or is closed, has no queue."""
        with open("/dev/null", "rb") as file:
            self.assertEqual(queue_length(file.fileno()), UNKNOWN)
        self.assertEqual(queue_length(2**20), UNKNOWN)
