"""A worker behind a balancer that speaks the PROXY protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tests.loops.support import WorkerCase, get, read_answer, until
from tests.wire.test_proxyprotocol import GOOD
from uwsgid.supervise.snapshot import request_vars

Environ = dict[str, Any]
KEYS = ("REMOTE_ADDR", "REMOTE_PORT", "SERVER_ADDR", "SERVER_PORT")


class ProxiedTests(WorkerCase):
    """HTTP behind a header."""

    loop = "simple"

    def test_clients(self) -> None:
        """Application, log and whoever looks at requests see the client, on all requests of a connection."""
        shown: list[str] = []

        def app(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
            start_response("200 OK", [])
            shown.append(request_vars(worker.board, 0, 0)["REMOTE_ADDR"])
            return [" ".join(environ.get(key, "-") for key in KEYS).encode()]

        worker = self.worker(app, config="enable-proxy-protocol = true", loop=self.loop)
        for data, told in GOOD.values():
            client = self.http(worker)
            for first in (data, b""):
                client.sendall(first + get())
                expected = {"REMOTE_ADDR": "127.0.0.1", "SERVER_PORT": str(worker.address[1]), **told}
                self.assertEqual(
                    read_answer(client)[1].decode().split(" "), [expected.get(key, "-") for key in KEYS]
                )
                self.assertEqual(shown[-1], expected["REMOTE_ADDR"])

    def test_without_a_header(self) -> None:
        """A client without a header is refused, and the log says by which option."""
        worker = self.worker(config="enable-proxy-protocol = true", loop=self.loop)
        self.assertTrue(self.fetch(worker, get()).startswith(b"HTTP/1.1 400 "))
        until(lambda: worker.said)
        self.assertIn("no PROXY header before 'GET / HTTP/1.1", worker.said[0])
        self.assertIn("enable-proxy-protocol", worker.said[0])


class ReactorTests(ProxiedTests):
    """The same in the reactor."""

    loop = "reactor"
