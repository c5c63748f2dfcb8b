"""The statistics of a running instance, as the tools that people have read them."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.live.support import (
    PATIENCE,
    Daemon,
    LiveCase,
    connect,
    fetch,
    free_port,
    talk,
    uwsgi_fetch,
    wait_until,
)


class StatsTests(LiveCase):
    """The stats server."""

    def start(self, address: str, more: str = "") -> Daemon:
        return self.serve(self.probe_config(more=f"stats = {address}\n{more}"), workers=2)

    def read(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(talk(self.path("stats.sock"), b""))
        return document

    def test_document(self) -> None:
        """The document counts requests, exceptions and bytes, and knows who is busy with what."""
        daemon = self.start(self.path("stats.sock"))
        pids = {int(uwsgi_fetch(self.path("app.sock"), "/pid").body) for _ in range(20)}
        uwsgi_fetch(self.path("app.sock"), "/stream")
        # a request is counted once its client has the answer
        wait_until(lambda: sum(worker["requests"] for worker in self.read()["workers"]) == 21, "21 requests")
        wait_until(
            lambda: {worker["status"] for worker in self.read()["workers"]} == {"idle"}, "idle workers"
        )
        document = self.read()
        self.assertEqual(document["pid"], daemon.pid)
        self.assertEqual([worker["id"] for worker in document["workers"]], [1, 2])
        self.assertTrue(pids <= {worker["pid"] for worker in document["workers"]})
        self.assertGreater(sum(worker["tx"] for worker in document["workers"]), 20 * 60)
        self.assertEqual(document["sockets"][0]["name"], self.path("app.sock"))
        self.assertEqual(document["sockets"][0]["proto"], "uwsgi")
        self.assertEqual(document["workers"][0]["apps"][0]["mountpoint"], "")

    def test_busy_worker(self) -> None:
        """A worker that sits in a request is busy, and its core shows the request."""
        client = self.waiting(self.start(self.path("stats.sock")))

        def busy() -> list[dict[str, Any]]:
            return [worker for worker in self.read()["workers"] if worker["status"] == "busy"]

        (worker,) = wait_until(busy, "a busy worker")
        (core,) = worker["cores"]
        self.assertEqual(core["in_request"], 1)
        self.assertIn(f"REQUEST_URI=/until?{client.switch}", core["vars"])

    def test_http(self) -> None:
        """stats-http speaks HTTP."""
        port = free_port()
        self.start(f"127.0.0.1:{port}", "stats-http = true")
        answer = fetch(("127.0.0.1", port))
        self.assertEqual((answer.status, answer.header("Content-Type")), (200, "application/json"))
        self.assertEqual(len(json.loads(answer.body)["workers"]), 2)

    def test_slow_reader_stalls_nobody(self) -> None:
        """Clients that connect and read nothing do not keep others from their document."""
        self.start(self.path("stats.sock"))
        idle = [connect(self.path("stats.sock")) for _ in range(20)]
        try:
            # each of them has seconds before it is given up, all together longer than a test waits
            self.assertEqual(len(self.read()["workers"]), 2)
        finally:
            for client in idle:
                client.close()

    def test_connect_and_read(self) -> None:
        """uwsgid --connect-and-read prints the document."""
        self.start(self.path("stats.sock"))
        command = [sys.executable, "-m", "uwsgid", "--connect-and-read", self.path("stats.sock")]
        output = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=True).stdout
        self.assertEqual(len(json.loads(output)["workers"]), 2)

    def test_uwsgitop(self) -> None:
        """uwsgitop, as it is on PyPI, shows the workers."""
        port = free_port()
        self.start(f"127.0.0.1:{port}")
        pid = int(uwsgi_fetch(self.path("app.sock"), "/pid").body)
        uwsgitop = str(Path(sys.executable).with_name("uwsgitop"))
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, uwsgitop, "--frequency", "1", f"127.0.0.1:{port}"],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm", "LINES": "40", "COLUMNS": "160"},
        )
        os.close(theirs)
        try:
            shown = b""
            end = time.monotonic() + PATIENCE
            wanted = (str(pid).encode(), b"idle")
            while not all(text in shown for text in wanted) and time.monotonic() < end:
                if select.select([ours], [], [], 0.2)[0]:
                    shown += os.read(ours, 65536)
            for text in wanted:
                self.assertIn(text, shown)
        finally:
            process.kill()
            process.wait()
            os.close(ours)

    def test_the_module_agrees(self) -> None:
        """`import uwsgi` in the application tells the same."""
        daemon = self.start(self.path("stats.sock"))
        told = json.loads(uwsgi_fetch(self.path("app.sock"), "/uwsgi").body)
        self.assertEqual(told["masterpid"], daemon.pid)
        self.assertEqual((told["numproc"], told["workers"]), (2, [1, 2]))
        self.assertIn(told["worker_id"], (1, 2))
        self.assertEqual(told["opt"]["processes"], {"bytes": "2"})
        daemon.wait_for("said by uwsgi.log")
