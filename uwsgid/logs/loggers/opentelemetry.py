"""``otlp``: records to a collector of OpenTelemetry, by the official SDK; something that uWSGI never had.

https://opentelemetry.io/docs/specs/otlp/#otlphttp is the protocol.  The exporter of the SDK is called for
each batch, in the thread that delivers, so that what it can not send is known.
"""

from __future__ import annotations

import logging
import os
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from uwsgid._version import __version__
from uwsgid.config.settings import Settings
from uwsgid.errors import ConfigError
from uwsgid.families import loggers
from uwsgid.logs.loggers.engine import Engine, borrow, text_of

PATH: Final = "/v1/logs"
TIMEOUT: Final = 5.0  #: seconds for a batch, tries included
ENGINE: Final = "otlp"
_HEADER: Final = "header."


@dataclass(frozen=True, slots=True)
class Wish:
    """``[URL][,compression=gzip][,header.NAME=VALUE]…[,ATTRIBUTE=VALUE]…``.

    :ivar attributes: of the resource, ``service.name`` for example.
    """

    endpoint: str
    compression: str
    headers: dict[str, str]
    attributes: dict[str, str]

    @classmethod
    def read(cls, argument: str) -> Wish:
        """:raises ConfigError: it can not be read."""
        url, _, rest = argument.partition(",")
        if url:
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.netloc:
                raise ConfigError("otlp: expected a URL such as http://127.0.0.1:4318")
            url = url.rstrip("/") + (PATH if parts.path in ("", "/") else "")
        headers: dict[str, str] = {}
        attributes: dict[str, str] = {}
        compression = ""
        for pair in filter(None, rest.split(",")):
            name, equals, value = pair.partition("=")
            if not equals or not name:
                raise ConfigError(f"otlp: expected name=value, got {name!r}")
            if name == "compression":
                compression = value
            elif name.startswith(_HEADER):
                headers[name.removeprefix(_HEADER)] = value
            else:
                attributes[name] = value
        if compression not in ("", "none", "gzip", "deflate"):
            raise ConfigError(f"otlp: expected compression=gzip, deflate or none, got {compression!r}")
        return cls(url, compression, headers, attributes)


def _exporter(wish: Wish) -> Any:
    made = borrow("opentelemetry.exporter.otlp.proto.http._log_exporter", "otlp", ENGINE)
    kinds = borrow("opentelemetry.exporter.otlp.proto.http", "otlp", ENGINE).Compression
    return made.OTLPLogExporter(
        endpoint=wish.endpoint or None,
        headers=wish.headers or None,
        timeout=TIMEOUT,
        compression=kinds(wish.compression) if wish.compression else None,
        session=_session(),
    )


def _session() -> Any:
    """A session of requests that has read its certificates already, before a jail hides them."""
    requests = borrow("requests", "otlp", ENGINE)
    context = ssl.create_default_context(cafile=_environment("CERTIFICATE"))
    if _environment("CERTIFICATE") is None:
        context.load_verify_locations(requests.certs.where())
    if client := _environment("CLIENT_CERTIFICATE"):
        context.load_cert_chain(client, _environment("CLIENT_KEY"))

    base: Any = requests.adapters.HTTPAdapter

    class Adapter(base):  # type: ignore[misc]
        def init_poolmanager(self, *arguments: Any, **words: Any) -> None:
            super().init_poolmanager(*arguments, **{**words, "ssl_context": context})

        def cert_verify(self, *_: Any) -> None:
            """Nothing: what requests does here is to look for files."""

        def build_connection_pool_key_attributes(self, request: Any, *_: Any) -> Any:
            return super().build_connection_pool_key_attributes(request, True, None)

    session = requests.Session()
    session.mount("https://", Adapter())
    return session


def _environment(name: str) -> str | None:
    """What one of the SDK's own variables about certificates says."""
    for prefix in ("OTEL_EXPORTER_OTLP_LOGS_", "OTEL_EXPORTER_OTLP_"):
        if value := os.environ.get(prefix + name):
            return value
    return None


def _service_name() -> dict[str, str]:
    """The name of the service where neither the configuration nor the environment has one."""
    attributes = os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    if os.environ.get("OTEL_SERVICE_NAME") or "service.name=" in attributes:
        return {}
    return {"service.name": "uwsgi"}


class _Complaints(logging.Handler):
    """Keeps the last thing that the SDK complains of.

    It has no other handlers: in the log it would come back to the SDK.
    """

    last = ""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR:
            self.last = record.getMessage().partition("\n")[0][:200]


#: What the SDK says of its failures in this process.
_complaints: Final = _Complaints()


def _listen() -> None:
    said = logging.getLogger("opentelemetry")
    if _complaints not in said.handlers:
        said.addHandler(_complaints)
        said.propagate = False


@loggers.member("otlp")
class OpenTelemetry(Engine):
    """Exports records to a collector of OpenTelemetry by OTLP over HTTP.

    :param exporter: one of the SDK; that for OTLP over HTTP where not given.
    :param clock: nanoseconds of unix time.
    """

    SLOW = True

    def __init__(self, wish: Wish, exporter: Any = None, clock: Callable[[], int] = time.time_ns) -> None:
        _listen()
        self._place: Final = wish.endpoint.partition("?")[0].rpartition("@")[2] or "the collector"
        self._sdk: Final[Any] = borrow("opentelemetry.sdk._logs", "otlp", ENGINE)
        self._export: Final[Any] = borrow("opentelemetry.sdk._logs.export", "otlp", ENGINE)
        self._api: Final[Any] = borrow("opentelemetry._logs", "otlp", ENGINE)
        resources = borrow("opentelemetry.sdk.resources", "otlp", ENGINE)
        scopes = borrow("opentelemetry.sdk.util.instrumentation", "otlp", ENGINE)
        self._resource: Final[Any] = resources.Resource.create({**_service_name(), **wish.attributes})
        self._scope: Final[Any] = scopes.InstrumentationScope("uwsgid", __version__)
        self._exporter: Final[Any] = exporter if exporter is not None else _exporter(wish)
        self._clock: Final = clock

    @classmethod
    def check_argument(cls, argument: str, settings: Settings) -> None:
        """:raises ConfigError: it can not be read, or the SDK is missing."""
        Wish.read(argument)
        for module in ("opentelemetry.sdk._logs", "opentelemetry.exporter.otlp.proto.http"):
            borrow(module, "otlp", ENGINE)

    @classmethod
    def from_argument(cls, argument: str, settings: Settings) -> OpenTelemetry:
        """What ``logger = otlp:URL…`` names; without a URL the environment does, as everywhere in the SDK.

        :raises ConfigError: it can not be read, or the SDK is missing.
        """
        cls.check_argument(argument, settings)
        return cls(Wish.read(argument))

    def write(self, records: Sequence[bytes]) -> None:
        """Export *records* in one request, a nanosecond apart so that they stay in order.

        :raises OSError: the collector did not take them.
        """
        now = self._clock()
        batch = [self._log_record(now + number, record) for number, record in enumerate(records)]
        _complaints.last = ""
        result = self._exporter.export(batch)
        if result is not self._export.LogRecordExportResult.SUCCESS:
            raise OSError(f"{self._place}: {_complaints.last or 'it did not take them'}")

    def close(self) -> None:
        """End the exporter."""
        self._exporter.shutdown()

    def _log_record(self, moment: int, record: bytes) -> Any:
        return self._sdk.ReadableLogRecord(
            self._api.LogRecord(
                timestamp=moment,
                observed_timestamp=moment,
                severity_number=self._api.SeverityNumber.INFO,
                severity_text="INFO",
                body=text_of(record),
            ),
            self._resource,
            self._scope,
        )
