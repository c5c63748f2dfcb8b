"""The engine ``mongodblog``."""

from __future__ import annotations

import socket
import sys
import time
from datetime import UTC, datetime

from tests.logs.loggers.mongod import Mongod
from tests.logs.loggers.receivers import PATIENCE, PeerCase
from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError
from uwsgid.families import loggers
from uwsgid.logs.loggers import mongodb
from uwsgid.logs.loggers.engine import NotKept
from uwsgid.logs.loggers.mongodb import MongoDB, Wish

SETTINGS = settings_of("")
NOW = datetime(2013, 9, 3, 8, 11, 12, 250000, UTC)


class MongoTests(PeerCase):
    def mongod(self, port: int = 0) -> Mongod:
        made = Mongod(port)
        self.addCleanup(made.close)
        return made

    def engine(self, argument: str) -> MongoDB:
        made = MongoDB(Wish.read(argument), clock=lambda: NOW)
        self.addCleanup(made.close)
        return made

    def test_member(self) -> None:
        """It is registered by its name in uWSGI, and may wait."""
        self.assertIs(loggers["mongodblog"], MongoDB)
        self.assertTrue(MongoDB.SLOW)

    def test_documents(self) -> None:
        """A record is a document with the node, the time in UTC, and the text."""
        server = self.mongod()
        engine = self.engine(f"127.0.0.1:{server.port},shop.log,web1")
        engine.write([b"one\n", b"two"])
        self.assertEqual([(base, where) for base, where, _ in server.inserted], [("shop", "log")] * 2)
        documents = [document for _, _, document in server.inserted]
        self.assertEqual([document["msg"] for document in documents], ["one\n", "two"])
        self.assertEqual(documents[0]["node"], "web1")
        self.assertEqual(documents[0]["ts"].replace(tzinfo=UTC), NOW)
        self.assertEqual(list(documents[0]), ["_id", "node", "ts", "msg"])
        engine.write([])

    def test_refused(self) -> None:
        """A document that the server refuses is the only one that goes elsewhere."""
        server = self.mongod()
        server.refuse = "bad"
        error = self.assertRaises(
            NotKept, self.engine(f"127.0.0.1:{server.port}").write, [b"one", b"bad", b"two"]
        )
        self.assertEqual((error.positions, str(error)), ((1,), "mongodb: Document failed validation"))
        self.assertEqual([document["msg"] for _, _, document in server.inserted], ["one", "two"])

    def test_away(self) -> None:
        """A server that is away is told after a while, and found when it comes."""
        self.patch(mongodb, "TIMEOUT", 300)
        port = self.away()
        engine = self.engine(f"127.0.0.1:{port}")
        text = str(self.assertRaises(OSError, engine.write, [b"one"]))
        self.assertIn("Connection refused", text)
        self.assertLess(len(text), 200)
        server = self.mongod(port)
        end = time.monotonic() + PATIENCE
        while True:  # pymongo looks for a server twice a second
            try:
                engine.write([b"two"])
                break
            except OSError:
                self.assertLess(time.monotonic(), end)
        self.assertEqual({document["msg"] for _, _, document in server.inserted}, {"two"})

    def test_argument(self) -> None:
        """All of it may be left out; the address may be a URI."""
        self.assertEqual(
            Wish.read(""), Wish("mongodb://127.0.0.1:27017", "uwsgi", "logs", socket.gethostname())
        )
        self.assertEqual(Wish.read("[::1]:1,a.b.c,n"), Wish("mongodb://[::1]:1", "a", "b.c", "n"))
        self.assertEqual(Wish.read("mongodb://u:p@h/?tls=true,a.b").uri, "mongodb://u:p@h/?tls=true")

    def test_mistakes(self) -> None:
        """An address or a collection that is none, and pymongo missing."""
        for argument in ("host:x", "host,nodot"):
            with self.assertRaises(ConfigError, msg=argument):
                MongoDB.check_argument(argument, SETTINGS)
        self.assertRaises(ConfigError, MongoDB.from_argument, "mongodb://u:p@@/", SETTINGS)
        text = str(self.assertRaises(ConfigError, MongoDB.check_argument, "u:secret@host", SETTINGS))
        self.assertNotIn("secret", text)
        self.patch(sys, "modules", {**sys.modules, "pymongo": None})
        text = str(self.assertRaises(ConfigError, MongoDB.check_argument, "", SETTINGS))
        self.assertIn("pip install 'uwsgid[mongodb]'", text)
