"""The loop with a Twisted reactor."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from tests.loops import loop_cases
from tests.loops.support import PATIENCE, hello, read_all, request
from uwsgid.families import loop_engines
from uwsgid.loops.reactor import Reactor


class ReactorTests(loop_cases.LoopCase):
    """All that holds of loops, and what only this one can do."""

    loop = "reactor"
    cores = 2

    def test_is_chosen_by_name(self) -> None:
        """The engine is known as reactor."""
        self.assertIs(loop_engines["reactor"], Reactor)

    def test_serves_several_at_a_time(self) -> None:
        """As many requests as there are cores are in progress together; one more waits for a core."""
        together = threading.Barrier(2, timeout=PATIENCE)

        def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            together.wait()
            return hello(environ, start_response)

        worker = self.run_worker(app)
        clients = [self.uwsgi(worker) for _ in range(4)]
        for client in clients:
            client.sendall(request())
        for client in clients:
            self.assertTrue(read_all(client).endswith(b"hello /"))

    def test_a_fresh_reactor(self) -> None:
        """A process whose reactor was made before a fork gets another one."""
        code = (
            "from twisted.internet import reactor as old\n"
            "from uwsgid.loops.reactor import fresh_reactor\n"
            "new = fresh_reactor()\n"
            "from twisted.internet import reactor\n"
            "assert new is reactor and new is not old, (old, new)\n"
            "new.callWhenRunning(new.stop)\n"
            "new.run(installSignalHandlers=False)\n"
        )
        done = subprocess.run([sys.executable, "-c", code], env={**os.environ}, timeout=60, check=False)
        self.assertEqual(done.returncode, 0)
