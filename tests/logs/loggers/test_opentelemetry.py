"""The engine ``otlp``."""

from __future__ import annotations

import os
import sys
from typing import Any
from unittest.mock import patch

from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter

from tests.logs.loggers.receivers import PeerCase
from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError
from uwsgid.families import loggers
from uwsgid.logs.loggers import opentelemetry
from uwsgid.logs.loggers.opentelemetry import OpenTelemetry, Wish

SETTINGS = settings_of("")


class OpenTelemetryTests(PeerCase):
    def test_member(self) -> None:
        """It is registered, and may wait."""
        self.assertIs(loggers["otlp"], OpenTelemetry)
        self.assertTrue(OpenTelemetry.SLOW)

    def test_exports(self) -> None:
        """A record is a log record of the SDK, with resource, scope, level and a time of its own."""
        exporter = InMemoryLogRecordExporter()
        wish = Wish.read("http://127.0.0.1:4318,service.name=shop,deployment.environment=prod")
        engine = OpenTelemetry(wish, exporter, clock=lambda: 1378195872_000000001)
        engine.write([b"one\n", b"\xff"])
        found: Any = exporter.get_finished_logs()
        self.assertEqual([each.log_record.body for each in found], ["one", "\N{REPLACEMENT CHARACTER}"])
        self.assertEqual(
            [each.log_record.timestamp for each in found], [1378195872000000001, 1378195872000000002]
        )
        self.assertEqual(found[0].log_record.severity_text, "INFO")
        attributes = found[0].resource.attributes
        self.assertEqual((attributes["service.name"], attributes["deployment.environment"]), ("shop", "prod"))
        self.assertEqual(found[0].instrumentation_scope.name, "uwsgid")
        engine.close()
        text = str(self.assertRaises(OSError, engine.write, [b"late"]))
        self.assertEqual(text, "http://127.0.0.1:4318/v1/logs: it did not take them")

    def test_argument(self) -> None:
        """The path of the protocol is added to a bare URL; headers and attributes are told apart."""
        wish = Wish.read("https://otel.example,compression=gzip,header.authorization=Bearer x,a.b=c")
        self.assertEqual(
            wish,
            Wish(
                "https://otel.example/v1/logs",
                "gzip",
                {"authorization": "Bearer x"},
                {"a.b": "c"},
            ),
        )
        self.assertEqual(Wish.read("http://h:1/own").endpoint, "http://h:1/own")
        self.assertEqual(Wish.read("").endpoint, "")
        engine = OpenTelemetry.from_argument("http://127.0.0.1:4318,compression=gzip", SETTINGS)
        engine.close()

    def test_environment(self) -> None:
        """The name of the service is uwsgi, unless the SDK's own variables say another."""
        for variables, expected in (
            ({}, "uwsgi"),
            ({"OTEL_SERVICE_NAME": "shop"}, "shop"),
            ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=shop"}, "shop"),
        ):
            with patch.dict(os.environ, variables):
                engine = OpenTelemetry(Wish.read("http://a"), InMemoryLogRecordExporter())
            self.assertEqual(engine._resource.attributes["service.name"], expected)

    def test_certificates(self) -> None:
        """Certificates are read when it is made; a server with another one is no one to talk to."""
        server, bodies, certificate = self.tls_server()
        argument = f"https://127.0.0.1:{server.port}"
        with patch.dict(os.environ, {"OTEL_EXPORTER_OTLP_CERTIFICATE": certificate}):
            engine = OpenTelemetry.from_argument(argument, SETTINGS)
        self.addCleanup(engine.close)
        os.unlink(certificate)
        engine.write([b"one"])
        engine.write([b"two"])
        self.assertEqual([b"one" in bodies[0], b"two" in bodies[1], len(bodies)], [True, True, 2])
        server.hang_up()
        self.patch(opentelemetry, "TIMEOUT", 0.5)
        stranger = OpenTelemetry.from_argument(argument, SETTINGS)
        self.addCleanup(stranger.close)
        text = str(self.assertRaises(OSError, stranger.write, [b"three"]))
        self.assertIn("Failed to export", text)
        self.assertEqual(len(bodies), 2)

    def test_mistakes(self) -> None:
        """What is no URL or no attribute, and the SDK missing."""
        for argument in ("127.0.0.1:4318", "http://a,b", "http://a,=b", "http://a,compression=zip"):
            with self.assertRaises(ConfigError, msg=argument):
                OpenTelemetry.check_argument(argument, SETTINGS)
        self.patch(sys, "modules", {**sys.modules, "opentelemetry.sdk._logs": None})
        text = str(self.assertRaises(ConfigError, OpenTelemetry.check_argument, "http://a", SETTINGS))
        self.assertIn("pip install 'uwsgid[otlp]'", text)
