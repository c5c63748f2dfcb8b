"""The loop with threads."""

from __future__ import annotations

import select
import threading
from collections.abc import Callable, Iterable
from typing import Any
from unittest import mock

from tests.loops import loop_cases
from tests.loops.support import PATIENCE, hello, read_all, request, until
from uwsgid.families import loop_engines
from uwsgid.loops import limits
from uwsgid.loops.threads import Threads


class ThreadsTests(loop_cases.GateCase):
    """The same of the loop with threads, and what only it can do."""

    loop = "threads"
    cores = 3

    def test_serves_several_at_a_time(self) -> None:
        """As many requests as there are threads are in progress together, each on its own core."""
        together = threading.Barrier(3, timeout=PATIENCE)
        cores = []

        def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            cores.append((environ["uwsgi.core"], environ["wsgi.multithread"]))
            together.wait()
            return hello(environ, start_response)

        worker = self.run_worker(app)
        clients = [self.uwsgi(worker) for _ in range(3)]
        for client in clients:
            client.sendall(request())
        for client in clients:
            self.assertTrue(read_all(client).endswith(b"hello /"))
        self.assertEqual(sorted(cores), [(0, True), (1, True), (2, True)])
        until(lambda: worker.board.requests[0] == 3)
        self.assertFalse(worker.board.is_busy(0))

    def test_a_request_for_each_thread_is_in_hand(self) -> None:
        """Of clients that connect and wait as many are accepted as there are threads, and no more."""
        with mock.patch.object(limits, "MOMENT", PATIENCE):
            worker = self.run_worker()
        waiting = [self.uwsgi(worker) for _ in range(3)]
        late = self.uwsgi(worker)
        late.sendall(request(PATH_INFO="/late"))
        self.assertEqual(select.select([late], [], [], 0.2)[0], [])
        waiting[1].sendall(request())
        self.assertTrue(read_all(waiting[1]).endswith(b"hello /"))
        self.assertTrue(read_all(late).endswith(b"/late"))
        for client in (waiting[0], waiting[2]):
            client.sendall(request())
            self.assertTrue(read_all(client).endswith(b"hello /"))

    def test_is_chosen_by_name(self) -> None:
        """The engine is known as threads."""
        self.assertIs(loop_engines["threads"], Threads)
