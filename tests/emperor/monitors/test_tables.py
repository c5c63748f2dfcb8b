"""Vassals that are rows, with databases that are no databases."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.emperor.monitors.monitor import Circumstances
from uwsgid.emperor.monitors.tables import QUERY, Mongo, Postgres, mongo_words
from uwsgid.emperor.options import EmperorOptions
from uwsgid.errors import ConfigError


class TableCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.lines: list[str] = []

    def circumstances(self, **options: object) -> Circumstances:
        made = EmperorOptions(**options)  # type: ignore[arg-type]
        return Circumstances(made, "/", self.lines.append, lambda: 0.0)

    def pretend(self, name: str, **members: object) -> None:
        """Let a package be installed."""
        module = ModuleType(name)
        for key, value in members.items():
            setattr(module, key, value)
        self.patch_module(name, module)

    def patch_module(self, name: str, module: ModuleType | None) -> None:
        before = sys.modules.get(name)

        def restore() -> None:
            if before is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = before

        self.addCleanup(restore)
        sys.modules[name] = module  # type: ignore[assignment]


class Cursor:
    def __init__(self, rows: Sequence[Sequence[Any]], asked: list[str]) -> None:
        self._rows, self._asked = rows, asked

    def execute(self, query: str) -> None:
        self._asked.append(query)

    def fetchall(self) -> Sequence[Sequence[Any]]:
        return self._rows


class Connection:
    def __init__(self, case: Databases) -> None:
        self._case = case

    def cursor(self) -> Cursor:
        return Cursor(self._case.rows, self._case.asked)

    def close(self) -> None:
        self._case.asked.append("close")


class Databases(TableCase):
    """``pg://``"""

    rows: Sequence[Sequence[Any]] = ()

    def setUp(self) -> None:
        super().setUp()
        self.asked: list[str] = []
        self.broken = False
        self.pretend("psycopg", connect=self.connect)

    def connect(self, about: str, connect_timeout: int) -> Connection:
        if self.broken:
            raise RuntimeError("connection refused\n")
        self.asked.append(about)
        return Connection(self)

    def look(self, text: str = "dbname=x", **options: object) -> dict[str, Any]:
        found = Postgres(text, self.circumstances(**options)).look()
        assert found is not None
        return dict(found)

    def test_question(self) -> None:
        """The query is uWSGI's, unless there is another one behind a semicolon."""
        self.look()
        self.look("host=db dbname=y;SELECT 1, 2, 3")
        self.assertEqual(
            self.asked, ["dbname=x", QUERY, "close", "host=db dbname=y", "SELECT 1, 2, 3", "close"]
        )

    def test_rows(self) -> None:
        """Name, configuration, time, owner and socket; an empty socket is none."""
        self.rows = [
            ("a.ini", "[uwsgi]", 1000.7, 5, 6, ""),
            ("b.ini", b"[uwsgi]", "2000", None, None, "/run/b"),
            ("c.ini", None, 3),
            ("d.txt", "x", 4),
            ("e.ini", "x"),
        ]
        found = self.look()
        self.assertEqual(sorted(found), ["a.ini", "b.ini", "c.ini"])
        first = found["a.ini"]
        self.assertEqual(
            (first.modified, first.uid, first.gid, first.config, first.socket), (1000, 5, 6, b"[uwsgi]", "")
        )
        self.assertEqual((found["b.ini"].socket, found["c.ini"].config), ("/run/b", None))

    def test_marks(self) -> None:
        """A later time, or another text, is a change."""
        marks = set()
        for row in (("a.ini", "x", 1), ("a.ini", "x", 2), ("a.ini", "y", 2), ("a.ini", "x", 1)):
            self.rows = [row]
            marks.add(self.look()["a.ini"].mark)
        self.assertEqual(len(marks), 3)

    def test_tyrant(self) -> None:
        """A tyrant passes over rows without an owner."""
        self.rows = [("a.ini", "x", 1), ("b.ini", "x", 1, 5, 6)]
        self.assertEqual(list(self.look(tyrant=True)), ["b.ini"])
        self.assertEqual(self.lines, ["missing uid and gid for vassal a.ini"])

    def test_broken(self) -> None:
        """A database that does not answer changes nothing, and is told once."""
        self.broken = True
        monitor = Postgres("dbname=x", self.circumstances())
        self.assertIsNone(monitor.look())
        self.assertIsNone(monitor.look())
        self.assertEqual(len(self.lines), 1)
        self.broken = False
        self.assertEqual(monitor.look(), {})

    def test_a_bad_row(self) -> None:
        """A row whose numbers are none is told, the others count."""
        self.rows = [("a.ini", "x", "soon"), ("b.ini", "x", 1)]
        self.assertEqual(list(self.look()), ["b.ini"])
        self.assertIn("a.ini", self.lines[0])

    def test_no_client(self) -> None:
        """Without a client the monitor is refused, with the package that is missing."""
        for name in ("psycopg", "psycopg2"):
            self.patch_module(name, None)
        with self.assertRaisesRegex(ConfigError, "pg:// needs the Python package psycopg"):
            Postgres("dbname=x", self.circumstances())


class Mongos(TableCase):
    """``mongodb://``"""

    documents: Sequence[dict[str, Any]] = ()

    def setUp(self) -> None:
        super().setUp()
        self.asked: list[Any] = []
        case = self

        class Client(dict[str, Any]):
            def __init__(self, address: str, **more: Any) -> None:
                case.asked.append((address, more))

            def __missing__(self, name: str) -> Any:
                case.asked.append(name)
                return self

            def find(self, wanted: Any) -> Any:
                case.asked.append(wanted)
                return case.documents

            def close(self) -> None:
                case.asked.append("close")

        self.pretend("pymongo", MongoClient=Client)

    def look(self, text: str) -> dict[str, Any]:
        found = Mongo(text, self.circumstances()).look()
        assert found is not None
        return dict(found)

    def test_sources(self) -> None:
        """Both ways to write it, and what is meant by nothing."""
        for text, expected in (
            ("", {}),
            ("h:1", {"addr": "h:1"}),
            ('h:1,a.b,{"x": 1, "y": 2}', {"addr": "h:1", "collection": "a.b", "json": '{"x": 1, "y": 2}'}),
            (
                'addr=h:1,collection=a.b,json={"x": 1, "y": "="}',
                {"addr": "h:1", "collection": "a.b", "json": '{"x": 1, "y": "="}'},
            ),
        ):
            self.assertEqual(mongo_words(text), expected, text)
        with self.assertRaisesRegex(ConfigError, "expected key=value"):
            mongo_words("addr=h:1,collection")

    def test_documents(self) -> None:
        """Dates are milliseconds or datetimes."""
        self.documents = [
            {"name": "a.ini", "config": "x", "ts": 5000, "uid": 1, "gid": 2, "socket": ""},
            {"name": "b.ini", "config": "y", "ts": datetime.datetime(1970, 1, 1, 0, 0, 9)},
            {"name": "c.ini"},
        ]
        found = self.look("")
        self.assertEqual([found[name].modified for name in ("a.ini", "b.ini", "c.ini")], [5, 9, 0])
        self.assertEqual(
            self.asked,
            [
                ("mongodb://127.0.0.1:27017", {"serverSelectionTimeoutMS": 10000}),
                "uwsgi", "emperor.vassals", {}, "close",
            ],
        )  # fmt: skip

    def test_login(self) -> None:
        """Replica and user are those of uWSGI 2.1."""
        self.look("addr=h:1,username=u,password=p,replica=r")
        self.assertEqual(
            self.asked[0][1],
            {"serverSelectionTimeoutMS": 10000, "username": "u", "password": "p", "replicaSet": "r"},
        )

    def test_bad_filter(self) -> None:
        """A filter that is no JSON is an error at the start."""
        with self.assertRaisesRegex(ConfigError, "the filter is no JSON"):
            Mongo("h:1,a.b,{", self.circumstances())
