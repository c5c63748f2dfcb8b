"""Vassals that are rows of a database: the monitors ``pg://`` and ``mongodb://``.

The database is asked anew at each look, in a thread, since it may take its time.  A row has the name of the
vassal, its configuration and when that was changed; under a tyrant also the owner; and maybe a socket on
which the vassal is had on demand.  A database that does not answer changes nothing.

The clients are packages that a site has to have; without them the monitor is refused when the instance
starts.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from typing import Any, Final

from uwsgid.emperor.monitors.monitor import Circumstances, Look, Monitor
from uwsgid.emperor.names import is_vassal
from uwsgid.emperor.sighting import Sighting
from uwsgid.errors import ConfigError
from uwsgid.families import imperial_monitors

#: What uWSGI asks (plugins/emperor_pg).
QUERY: Final = "SELECT name,config,EXTRACT(epoch FROM ts) FROM vassals"
_TIMEOUT: Final = 10  #: seconds that a database may take to answer


def client(scheme: str, *modules: str, package: str = "") -> Any:
    """The first of *modules* that can be imported.

    :param package: that they are installed with, where that is not the name of the first.
    :raises ConfigError: none of them can.
    """
    for name in modules:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise ConfigError(
        f"emperor: {scheme}:// needs the Python package {package or modules[0]}, which is not installed"
    )


class Table(Monitor):
    """What all databases have in common."""

    waits = True
    supplies = True

    def rows(self) -> Iterable[Sequence[Any]]:
        """Name, configuration, seconds of the last change, uid, gid, socket; the last three are optional."""
        raise NotImplementedError

    def look(self) -> Look:
        try:
            rows = list(self.rows())
        except Exception as error:  # whatever a client library raises
            self.complain(f"{self.text}: {str(error).strip()}; its vassals stay as they are")
            return None
        self.content()
        found: dict[str, Sighting] = {}
        for row in rows:
            sighting = self._sighting(row)
            if sighting is not None:
                found.setdefault(sighting.name, sighting)
        return found

    def _sighting(self, row: Sequence[Any]) -> Sighting | None:
        options, say = self.circumstances.options, self.circumstances.say
        if len(row) < 3:
            return None
        name = str(row[0])
        if not is_vassal(name, options.extensions):
            return None
        try:
            changed = int(float(row[2] or 0))
            uid, gid = (int(value) if value is not None else -1 for value in (*row[3:5], -1, -1)[:2])
        except ValueError as error:
            say(f"[emperor] {self.text}: {name}: {error}")
            return None
        if options.is_tyrant and (uid < 0 or gid < 0):
            say(f"missing uid and gid for vassal {name}")
            return None
        config = row[1].encode("utf-8") if isinstance(row[1], str) else bytes(row[1] or b"")
        socket = str(row[5] or "") if len(row) > 5 else ""
        mark = (changed, hashlib.sha256(config).hexdigest())
        return Sighting(name, changed, mark, max(uid, 0), max(gid, 0), config or None, socket)


@imperial_monitors.member("pg")
class Postgres(Table):
    """Rows of a PostgreSQL query: ``pg://host=db dbname=vassals;SELECT …``."""

    def __init__(self, text: str, circumstances: Circumstances) -> None:
        """:raises ConfigError: no client is installed."""
        super().__init__(f"pg://{text}", circumstances)
        self._client = client("pg", "psycopg", "psycopg2")
        self._about, _, query = text.partition(";")
        self._query = query.strip() or QUERY

    def rows(self) -> Iterable[Sequence[Any]]:
        connection = self._client.connect(self._about, connect_timeout=_TIMEOUT)
        try:
            cursor = connection.cursor()
            cursor.execute(self._query)
            return list(cursor.fetchall())
        finally:
            connection.close()


@imperial_monitors.member("mongodb", "mongodb2")
class Mongo(Table):
    """Documents of a MongoDB collection: ``mongodb://host:port,database.collection,{"enabled": 1}``, or with
    names, ``mongodb2://addr=host:port,collection=database.collection,json={…}``."""

    def __init__(self, text: str, circumstances: Circumstances) -> None:
        """:raises ConfigError: no client is installed, or the source can not be read."""
        super().__init__(f"mongodb://{text}", circumstances)
        words = mongo_words(text)
        self._address = words.get("addr") or "127.0.0.1:27017"
        self._database, _, self._collection = (words.get("collection") or "uwsgi.emperor.vassals").partition(
            "."
        )
        self._login = {
            key: words[word]
            for word, key in (("username", "username"), ("password", "password"))
            if word in words
        }
        if "replica" in words:
            self._login["replicaSet"] = words["replica"]
        try:
            self._filter = json.loads(words.get("json") or "{}")
        except ValueError as error:
            raise ConfigError(f"emperor: {self.text}: the filter is no JSON: {error}") from None
        self._client = client("mongodb", "pymongo")

    def rows(self) -> Iterable[Sequence[Any]]:
        connection = self._client.MongoClient(
            f"mongodb://{self._address}", serverSelectionTimeoutMS=_TIMEOUT * 1000, **self._login
        )
        try:
            found: Iterable[Mapping[str, Any]] = connection[self._database][self._collection].find(
                self._filter
            )
            return [
                (
                    document.get("name", ""),
                    document.get("config") or "",
                    _seconds(document.get("ts")),
                    document.get("uid"),
                    document.get("gid"),
                    document.get("socket"),
                )
                for document in found
            ]
        finally:
            connection.close()


def mongo_words(text: str) -> dict[str, str]:
    """The parts of a MongoDB source, in either way to write it.  Pure.

    :raises ConfigError: a part without a name among others with names.
    """
    if "=" not in text.partition(",")[0].partition("{")[0]:
        parts = text.split(",", 2)
        return {key: part for key, part in zip(("addr", "collection", "json"), parts, strict=False) if part}
    words: dict[str, str] = {}
    left = text
    while left:
        name, equals, left = left.partition("=")
        if not equals:
            raise ConfigError(f"emperor: mongodb2://{text}: expected key=value, got {name!r}")
        if name == "json":
            words[name], left = left, ""
        else:
            words[name], _, left = left.partition(",")
    return words


def _seconds(value: Any) -> float:
    """A date of MongoDB, or a number of milliseconds, as unix seconds."""
    if value is None:
        return 0.0
    if hasattr(value, "timestamp"):
        return float((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp())
    return float(value) / 1000
