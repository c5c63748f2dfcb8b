"""``loki``: records in batches to Grafana Loki, by its HTTP API; something that uWSGI never had.

https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs is the format.
"""

from __future__ import annotations

import gzip
import json
import re
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from uwsgid._version import __version__
from uwsgid.config.settings import Settings
from uwsgid.errors import ConfigError
from uwsgid.families import loggers
from uwsgid.logs.loggers.engine import Engine, text_of, why
from uwsgid.logs.loggers.posting import Poster

PATH: Final = "/loki/api/v1/push"
TENANT: Final = "tenant"
LEVEL: Final = 3  #: of gzip; those above take twice the time for a sixth of the bytes
_LABEL: Final = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")


def read_labels(text: str) -> dict[str, str]:
    """``name=value,name=value``.

    :raises ConfigError: it is something else.
    """
    found = {}
    for pair in filter(None, text.split(",")):
        name, equals, value = pair.partition("=")
        if not equals or not _LABEL.fullmatch(name):
            raise ConfigError(f"loki: expected label=value, got {pair!r}")
        found[name] = value
    return found


@loggers.member("loki")
class Loki(Engine):
    """Pushes records to Grafana Loki, with labels.

    :param labels: of the stream; ``job`` and ``host`` are there in any case.
    :param tenant: whose it is, where the server has several.
    :param clock: nanoseconds of unix time.
    """

    SLOW = True

    def __init__(
        self,
        poster: Poster,
        labels: Mapping[str, str],
        tenant: str = "",
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        poster.prepare()
        self._poster: Final = poster
        self._labels: Final = {"job": "uwsgi", "host": socket.gethostname(), **labels}
        self._headers: Final = {
            "Content-Type": "application/json",
            "Content-Encoding": "gzip",
            "User-Agent": f"uwsgid/{__version__}",
            **({"X-Scope-OrgID": tenant} if tenant else {}),
        }
        self._clock: Final = clock

    @staticmethod
    def _read(argument: str) -> tuple[Poster, dict[str, str], str]:
        url, _, rest = argument.partition(",")
        labels = read_labels(rest)
        return Poster(url, PATH, "loki"), labels, labels.pop(TENANT, "")

    @classmethod
    def check_argument(cls, argument: str, settings: Settings) -> None:
        """:raises ConfigError: it has no URL, or a label that is none."""
        cls._read(argument)

    @classmethod
    def from_argument(cls, argument: str, settings: Settings) -> Loki:
        """What ``logger = loki:URL[,tenant=NAME][,LABEL=VALUE]…`` names.

        :raises ConfigError: it has no URL, or a label that is none.
        """
        return cls(*cls._read(argument))

    def write(self, records: Sequence[bytes]) -> None:
        """Push *records* in one request, compressed, a nanosecond apart so that they stay in order.

        :raises OSError: the server did not take them.
        """
        now = self._clock()
        values = [[str(now + number), text_of(record)] for number, record in enumerate(records)]
        body = json.dumps({"streams": [{"stream": self._labels, "values": values}]})
        try:
            status, said = self._poster.post(gzip.compress(body.encode(), LEVEL, mtime=0), self._headers)
        except OSError as error:
            raise OSError(f"{self._poster.place}: {why(error)}") from None
        if not 200 <= status < 300:
            raise OSError(f"{self._poster.place} answered {status} {said}".rstrip())

    def close(self) -> None:
        """Close the connection."""
        self._poster.close()
