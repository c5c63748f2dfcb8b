"""``mongodblog``: each record is a document of MongoDB, by pymongo (plugins/mongodblog/mongodblog_plugin.cc).

A document has the fields ``node``, ``ts`` and ``msg``.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from uwsgid.config.settings import Settings
from uwsgid.errors import ConfigError
from uwsgid.families import loggers
from uwsgid.logs.loggers.addresses import read_host_port
from uwsgid.logs.loggers.engine import Engine, NotKept, borrow, whole_text_of

PORT: Final = 27017
TIMEOUT: Final = 3000  #: milliseconds, for finding a server and for each step


@dataclass(frozen=True, slots=True)
class Wish:
    """``[ADDRESS[,DATABASE.COLLECTION[,NODE]]]``; the address may be a ``mongodb://`` URI."""

    uri: str
    database: str
    collection: str
    node: str

    @classmethod
    def read(cls, argument: str) -> Wish:
        """:raises ConfigError: it can not be read."""
        address, _, rest = argument.partition(",")
        namespace, _, node = rest.partition(",")
        database, _, collection = (namespace or "uwsgi.logs").partition(".")
        if not database or not collection:
            raise ConfigError(f"mongodblog: expected DATABASE.COLLECTION, got {namespace!r}")
        if address.startswith(("mongodb://", "mongodb+srv://")):
            uri = address
        elif "@" in address:
            raise ConfigError("mongodblog: a user and a password need mongodb:// before them")
        else:
            host, port = read_host_port(address or "127.0.0.1", "mongodblog", PORT)
            uri = f"mongodb://[{host}]:{port}" if ":" in host else f"mongodb://{host}:{port}"
        return cls(uri, database, collection, node or socket.gethostname())


def _now() -> datetime:
    return datetime.now(UTC)


@loggers.member("mongodblog")
class MongoDB(Engine):
    """Inserts records into a collection of MongoDB.

    :param clock: the time in UTC.
    """

    SLOW = True

    def __init__(self, wish: Wish, clock: Callable[[], datetime] = _now) -> None:
        self._wish: Final = wish
        self._clock: Final = clock
        self._pymongo: Final[Any] = borrow("pymongo", "mongodb", "mongodblog")
        self._client: Any = None
        self._make().close()  # finds mistakes of the URI, and imports what it needs; it connects to nobody

    @classmethod
    def check_argument(cls, argument: str, settings: Settings) -> None:
        """:raises ConfigError: it can not be read, or pymongo is missing."""
        Wish.read(argument)
        borrow("pymongo", "mongodb", "mongodblog")

    @classmethod
    def from_argument(cls, argument: str, settings: Settings) -> MongoDB:
        """What ``logger = mongodblog:…`` names.

        :raises ConfigError: it can not be read, or pymongo is missing.
        """
        return cls(Wish.read(argument))

    def write(self, records: Sequence[bytes]) -> None:
        """Insert *records* at once.

        :raises OSError: the server is away, or did not take them.
        """
        if not records:
            return
        now = self._clock()
        documents = [{"node": self._wish.node, "ts": now, "msg": whole_text_of(record)} for record in records]
        if self._client is None:
            self._client = self._make()
        collection = self._client[self._wish.database][self._wish.collection]
        try:
            collection.insert_many(documents, ordered=False)
        except self._pymongo.errors.BulkWriteError as error:
            failed = error.details.get("writeErrors") or [{"index": at} for at in range(len(records))]
            text = str(failed[0].get("errmsg", error))
            raise NotKept(f"mongodb: {text}", sorted(each["index"] for each in failed)) from None
        except self._pymongo.errors.PyMongoError as error:
            raise OSError(f"mongodb: {str(error).partition(', Timeout:')[0]}") from None

    def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _make(self) -> Any:
        try:
            return self._pymongo.MongoClient(
                self._wish.uri,
                connect=False,
                appname="uwsgid",
                serverSelectionTimeoutMS=TIMEOUT,
                connectTimeoutMS=TIMEOUT,
                socketTimeoutMS=TIMEOUT,
            )
        except self._pymongo.errors.PyMongoError as error:
            raise ConfigError(f"mongodblog: the address can not be used: {error}") from None
