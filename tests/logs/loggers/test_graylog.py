"""The engine ``graylog2``."""

from __future__ import annotations

import random
import socket

from tests.logs.loggers.gelf import GelfReceiver
from tests.logs.loggers.receivers import PeerCase
from uwsgid import __version__
from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError
from uwsgid.families import loggers
from uwsgid.logs.loggers.addresses import Address
from uwsgid.logs.loggers.engine import NotKept
from uwsgid.logs.loggers.graylog import Graylog, chunks

SETTINGS = settings_of("")


class GraylogTests(PeerCase):
    def setUp(self) -> None:
        super().setUp()
        peer, self.port = self.udp()
        self.receiver = GelfReceiver(peer)
        address = Address("x", host="127.0.0.1", port=self.port)
        self.engine = Graylog(address, "web1", clock=lambda: 1378195872.25)
        self.addCleanup(self.engine.close)

    def test_member(self) -> None:
        """It is registered by its name in uWSGI."""
        self.assertIs(loggers["graylog2"], Graylog)

    def test_message(self) -> None:
        """A line is a message with all that the format wants, and the record as it is."""
        self.engine.write([b"line\n"])
        self.assertEqual(
            self.receiver.receive(),
            {
                "version": "1.1",
                "host": "web1",
                "short_message": "line",
                "full_message": "line\n",
                "timestamp": 1378195872.25,
                "level": 5,
                "_facility": f"uWSGI-{__version__}",
            },
        )

    def test_several_lines(self) -> None:
        """The short message is the first line, and the full one is there as well."""
        self.engine.write([b"Traceback:\n  more\n"])
        message = self.receiver.receive()
        self.assertEqual(
            (message["short_message"], message["full_message"]), ("Traceback:", "Traceback:\n  more\n")
        )

    def test_empty(self) -> None:
        """The short message is never empty, which Graylog would refuse."""
        self.engine.write([b"\n", b"\n\xff\n"])
        self.assertEqual(self.receiver.receive()["short_message"], "-")
        self.assertEqual(self.receiver.receive()["full_message"], "\n\N{REPLACEMENT CHARACTER}\n")

    def test_chunks(self) -> None:
        """What does not fit into a datagram comes in chunks, and whole."""
        text = "".join(random.choices("0123456789abcdef", k=60000))
        self.engine.write([text.encode(), b"after\n"])
        message = self.receiver.receive()
        self.assertEqual((message["full_message"], message["short_message"]), (text, text[:128]))
        self.assertEqual(self.receiver.chunked, 1)
        self.assertEqual(self.receiver.receive()["short_message"], "after")

    def test_too_many_chunks(self) -> None:
        """More chunks than a message can have are not sent, and others are."""
        self.assertEqual(len(chunks(b"x" * 128 * 1408, bytes(8))), 128)
        self.assertRaises(OSError, chunks, b"x" * (128 * 1408 + 1), bytes(8))
        noise = random.randbytes(300_000).hex().encode()
        error = self.assertRaises(NotKept, self.engine.write, [noise, b"after\n"])
        self.assertEqual(error.positions, (0,))
        self.assertEqual(self.receiver.receive()["short_message"], "after")

    def test_argument(self) -> None:
        """The host is this one's name, the port that of Graylog, where not given."""
        self.assertEqual(Graylog._read("log:1,web1")[1], "web1")
        address, host = Graylog._read("log.example")
        self.assertEqual((address.host, address.port, host), ("log.example", 12201, socket.gethostname()))
        with self.assertRaises(ConfigError):
            Graylog.check_argument("log:x", SETTINGS)
        engine = Graylog.from_argument(f"127.0.0.1:{self.port},me", SETTINGS)
        self.addCleanup(engine.close)
        engine.write([b"x"])
        self.assertEqual(self.receiver.receive()["host"], "me")
