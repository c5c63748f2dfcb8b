"""Tests of `uwsgid.languages.foreign.handover`."""

from __future__ import annotations

import os
import socket
from typing import Any
from unittest.mock import Mock

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import AppError
from uwsgid.languages.foreign.frames import frame
from uwsgid.languages.foreign.handover import ASKED, hand_over


class HandoverTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.client, self.served = socket.socketpair()
        self.ours, self.theirs = socket.socketpair()
        for end in (self.client, self.served, self.ours, self.theirs):
            self.addCleanup(end.close)

    def request(self, protocol: str = "uwsgi", **more: Any) -> Mock:
        """A request of the client that nothing is wrong with, but for what *more* says."""
        request = Mock()
        connection = request.reply._connection
        connection.fd = connection.watched_fd = self.served.fileno()
        connection.listener.protocol = protocol
        connection.decoder.idle = more.pop("idle", True)
        request.vars = more.pop("vars", {})
        request.body.at_end = more.pop("at_end", True)
        request.body.surplus = more.pop("surplus", b"")
        request.reply.sent, request.reply.started = more.pop("sent", False), more.pop("started", False)
        if more.pop("reactor", False):
            connection.watched_fd = -1
        return request

    def test_the_descriptor_travels_beside_the_answer(self) -> None:
        """Who gets it talks to the client, and the worker has nothing more to say."""
        for protocol in ("", "uwsgi", "http", "scgi", "kept"):
            request = self.request(protocol, vars={"HTTP_UPGRADE": "websocket"})
            hand_over(request, self.ours.fileno())
            data, fds, _, _ = socket.recv_fds(self.theirs, 100, 1)
            self.assertEqual(data, frame(b"a", b"\0"))
            os.write(fds[0], b"hello")
            os.close(fds[0])
            self.assertEqual(self.client.recv(100), b"hello")
            reply = request.reply
            self.assertEqual((reply.sent, reply.broken, reply.close), (True, True, True))

    def test_refusals(self) -> None:
        """Where something would be lost or mixed up, nothing is sent, and the reason is told."""
        for wrong, reason in (
            (self.request("fastcgi"), "its protocol"),
            (self.request("puwsgi"), "its protocol"),
            (self.request("kept", vars={"HTTP_HOST": "a"}), "its protocol"),
            (self.request(reactor=True), "its loop"),
            (self.request(sent=True), "has begun"),
            (self.request(started=True), "has begun"),
            (self.request(at_end=False), "not read to the end"),
            (self.request(idle=False), "sent more already"),
            (self.request(surplus=b"GET"), "sent more already"),
        ):
            with self.assertRaisesRegex(AppError, reason):
                hand_over(wrong, self.ours.fileno())
        self.theirs.setblocking(False)
        with self.assertRaises(BlockingIOError):
            self.theirs.recv(100)

    def test_the_question(self) -> None:
        """It is the call of connection_fd() without arguments."""
        self.assertEqual(ASKED, b"\x0d\0\0\0connection_fd")
