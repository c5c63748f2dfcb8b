"""Vassals that are reported, with servers that are no servers."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

from tests.emperor.monitors.test_tables import TableCase
from uwsgid.emperor.monitors.messages import Amqp, ZeroMQ
from uwsgid.emperor.monitors.monitor import Monitor
from uwsgid.emperor.sighting import Sighting
from uwsgid.errors import ConfigError
from uwsgid.testing import MemoryReactor


class Again(Exception):
    """No message is there."""


class BindFailed(Exception):
    """The endpoint is in use."""


class Reports:
    """A court that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def touch(self, monitor: Monitor, sighting: Sighting) -> None:
        self.told.append(sighting)

    def dismiss(self, monitor: Monitor, name: str) -> None:
        self.told.append(name)


class ZeroMQs(TableCase):
    """``zmq://``"""

    def setUp(self) -> None:
        super().setUp()
        self.messages: list[list[bytes]] = []
        self.reads, writes = os.pipe()
        self.addCleanup(os.close, self.reads)
        self.addCleanup(os.close, writes)
        self.bound: list[str] = []
        case = self

        class Socket:
            def bind(self, endpoint: str) -> None:
                if endpoint == "busy":
                    raise BindFailed("Address already in use")
                case.bound.append(endpoint)

            def getsockopt(self, option: int) -> int:
                return case.reads

            def recv_multipart(self, flags: int) -> list[bytes]:
                if not case.messages:
                    raise Again
                return case.messages.pop(0)

            def close(self, linger: int) -> None:
                case.bound.append("closed")

        context = SimpleNamespace(socket=lambda kind: Socket())
        self.pretend(
            "zmq", Context=SimpleNamespace(instance=lambda: context), PULL=7, FD=14, NOBLOCK=1, Again=Again,
            ZMQError=BindFailed,
        )  # fmt: skip
        self.reports, self.reactor = Reports(), MemoryReactor()
        self.monitor = ZeroMQ("tcp://127.0.0.1:5252", self.circumstances())
        self.addCleanup(self.monitor.stop)

    def hear(self, *messages: list[bytes]) -> list[Any]:
        self.messages += messages
        self.monitor.doRead()
        told, self.reports.told = self.reports.told, []
        return told

    def test_messages(self) -> None:
        """All that are there are acted upon, in their order."""
        self.monitor.start(self.reports, self.reactor)
        told = self.hear(
            [b"touch", b"a.ini"],
            [b"touch", b"b.ini", b"[uwsgi]", b"5", b"6", b"/run/b"],
            [b"destroy", b"a.ini"],
        )
        self.assertEqual((told[0].name, told[0].config, told[0].uid), ("a.ini", None, 0))
        self.assertEqual(
            (told[1].config, told[1].uid, told[1].gid, told[1].socket), (b"[uwsgi]", 5, 6, "/run/b")
        )
        self.assertEqual(told[2], "a.ini")

    def test_nonsense(self) -> None:
        """What is no message is told, and nothing is done."""
        self.monitor.start(self.reports, self.reactor)
        told = self.hear(
            [b"touch"], [b"destro", b"a.ini"], [b"touch", b"a.ini", b"", b"x"], [b"touch", b"a" * 300]
        )
        self.assertEqual((told, len(self.lines)), ([], 4))

    def test_life(self) -> None:
        """It is bound at the start and closed at the end."""
        self.monitor.start(self.reports, self.reactor)
        self.assertEqual(self.reactor.readers, [self.monitor])
        self.monitor.stop()
        self.assertEqual((self.bound, self.reactor.readers), (["tcp://127.0.0.1:5252", "closed"], []))

    def test_busy(self) -> None:
        """An endpoint that can not be bound is an error with its name."""
        monitor = ZeroMQ("busy", self.circumstances())
        self.addCleanup(monitor.stop)
        with self.assertRaisesRegex(ConfigError, "zmq://busy: Address already in use"):
            monitor.start(self.reports, self.reactor)

    def test_no_client(self) -> None:
        """Without the package the monitor is refused."""
        self.patch_module("zmq", None)
        with self.assertRaisesRegex(ConfigError, "needs the Python package pyzmq"):
            ZeroMQ("tcp://127.0.0.1:1", self.circumstances())


class Amqps(TableCase):
    """``amqp://``"""

    def setUp(self) -> None:
        super().setUp()
        self.pretend("pika")
        self.monitor = Amqp("", self.circumstances())
        self.reports = Reports()
        self.monitor.court = self.reports

    def test_with_a_key(self) -> None:
        """The key is the vassal, the message its configuration; an empty one ends it."""
        self.monitor.heard("a.ini", b"[uwsgi]")
        self.monitor.heard("a.ini", b"")
        self.assertEqual(self.reports.told[0].config, b"[uwsgi]")
        self.assertEqual(self.reports.told[1], "a.ini")

    def test_without_a_key(self) -> None:
        """The message is a path or a URL; a path that leads nowhere ends its vassal."""
        path = os.path.abspath(self.mktemp())
        self.monitor.heard("", path.encode())
        with open(path, "w"):
            self.monitor.heard("", path.encode())
        self.monitor.heard("", b"http://127.0.0.1/a.ini")
        self.assertEqual(self.reports.told[0], path)
        self.assertEqual([each.name for each in self.reports.told[1:]], [path, "http://127.0.0.1/a.ini"])

    def test_long(self) -> None:
        """A path of 255 bytes and more is none."""
        self.monitor.heard("", b"x" * 255)
        self.assertEqual((self.reports.told, len(self.lines)), ([], 1))

    def test_over(self) -> None:
        """After the end nothing is heard any more."""
        self.monitor.stop()
        self.monitor.heard("a.ini", b"x")
        self.assertEqual(self.reports.told, [])

    def test_address(self) -> None:
        """A port is a number."""
        with self.assertRaisesRegex(ConfigError, "expected host:port"):
            Amqp("host:port", self.circumstances())

    def test_listening(self) -> None:
        """What the server sends is heard in the reactor's thread; a lost server is tried again."""
        attempts: list[int] = []
        case = self

        class Channel:
            def exchange_declare(self, name: str, exchange_type: str) -> None:
                pass

            def queue_declare(self, name: str, exclusive: bool) -> Any:
                return SimpleNamespace(method=SimpleNamespace(queue="q"))

            def queue_bind(self, queue: str, exchange: str) -> None:
                pass

            def consume(self, queue: str, auto_ack: bool, inactivity_timeout: float) -> Any:
                yield SimpleNamespace(routing_key="a.ini"), None, b"x"
                yield None, None, None
                case.monitor.stop()
                yield None, None, None

        def connect(parameters: object) -> Any:
            attempts.append(1)
            if len(attempts) == 1:
                raise OSError("connection refused")
            return SimpleNamespace(channel=Channel, close=lambda: None)

        self.pretend(
            "pika", ConnectionParameters=lambda *words: words, PlainCredentials=lambda *words: words,
            BlockingConnection=connect,
        )  # fmt: skip
        self.monitor = Amqp("", self.circumstances())
        self.monitor._over.wait = lambda seconds: False  # type: ignore[method-assign, assignment, misc]
        reactor = SimpleNamespace(callFromThread=lambda call, *words: call(*words))
        self.monitor.start(self.reports, reactor)
        assert self.monitor._thread is not None
        self.monitor._thread.join(10)
        self.assertEqual([each.name for each in self.reports.told], ["a.ini"])
        self.assertEqual(len(self.lines), 2)
