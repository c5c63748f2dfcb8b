"""The engine ``zeromq``."""

from __future__ import annotations

import sys

import zmq

from tests.logs.loggers.receivers import PATIENCE, PeerCase
from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError
from uwsgid.families import loggers
from uwsgid.logs.loggers.engine import NotKept
from uwsgid.logs.loggers.zeromq import ZeroMQ

SETTINGS = settings_of("")


class ZeroMQTests(PeerCase):
    def setUp(self) -> None:
        super().setUp()
        self.context = zmq.Context()
        self.addCleanup(self.context.destroy, 0)

    def puller(self, endpoint: str) -> zmq.Socket[bytes]:
        made = self.context.socket(zmq.PULL)
        made.setsockopt(zmq.RCVTIMEO, int(PATIENCE * 1000))
        made.bind(endpoint)
        return made

    def engine(self, endpoint: str) -> ZeroMQ:
        made = ZeroMQ.from_argument(endpoint, SETTINGS)
        self.addCleanup(made.close)
        return made

    def test_member(self) -> None:
        """It has both names of uWSGI, and may wait in the end."""
        self.assertIs(loggers["zeromq"], ZeroMQ)
        self.assertIs(loggers["zmq"], ZeroMQ)
        self.assertTrue(ZeroMQ.SLOW)

    def test_pushes(self) -> None:
        """Each record is a message, as it is; there is no context before the first."""
        endpoint = f"ipc://{self.path('log')}"
        peer, engine = self.puller(endpoint), self.engine(endpoint)
        self.assertIsNone(engine._context)
        engine.write([b"one\n", b"two"])
        self.assertEqual([peer.recv(), peer.recv()], [b"one\n", b"two"])

    def test_peer_comes_late(self) -> None:
        """What is pushed before the peer is there reaches it."""
        endpoint = f"ipc://{self.path('log')}"
        engine = self.engine(endpoint)
        engine.write([b"one", b"two"])
        peer = self.puller(endpoint)
        self.assertEqual([peer.recv(), peer.recv()], [b"one", b"two"])

    def test_full(self) -> None:
        """What ZeroMQ does not take any more is told, and nobody waits."""
        engine = self.engine(f"ipc://{self.path('nobody')}")
        records = [b"%d" % number for number in range(3000)]
        error = self.assertRaises(NotKept, engine.write, records)
        self.assertEqual(error.positions, tuple(range(1000, 3000)))
        self.assertIn("its peer does not take them", str(error))

    def test_mistakes(self) -> None:
        """What is no endpoint, and pyzmq missing, is found when the configuration is checked."""
        for argument in ("", "127.0.0.1:9191", "tcp://127.0.0.1", "udp://x:1"):
            with self.assertRaises(ConfigError, msg=argument):
                ZeroMQ.check_argument(argument, SETTINGS)
        self.patch(sys, "modules", {**sys.modules, "zmq": None})
        text = str(self.assertRaises(ConfigError, ZeroMQ.check_argument, "tcp://127.0.0.1:9191", SETTINGS))
        self.assertIn("pip install 'uwsgid[zeromq]'", text)

    def test_refused_by_the_library(self) -> None:
        """An address that only the library can judge makes records go elsewhere."""
        error = self.assertRaises(NotKept, self.engine("ws://nothing").write, [b"one"])
        self.assertEqual(error.positions, (0,))
