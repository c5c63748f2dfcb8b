"""Loggers in a worker, in processes whose descriptors are free to move."""

from __future__ import annotations

import atexit
import os
from types import SimpleNamespace

from tests.logs.elsewhere import ElsewhereCase
from uwsgid.logs.workers import WorkerLogs


class WorkerLogTests(ElsewhereCase):
    def test_what_a_worker_prints(self) -> None:
        """It goes to the worker's loggers until the end, then to where it went before."""

        def task() -> None:
            house = SimpleNamespace(request_log=2)
            settings = self.settings(f"worker-logger = file:{self.path}", "worker-log-encoder = prefix W:")
            logs = WorkerLogs(settings, house)
            os.write(1, b"out\n")
            os.write(2, b"err\n")
            if (pid := os.fork()) == 0:  # as an application does
                os.write(2, b"of a child\n")
                atexit._run_exitfuncs()
                os._exit(0)
            os.waitpid(pid, 0)
            os.write(2, b"more\n")
            logs.end()
            logs.end()
            os.write(2, b"after\n")
            assert house.request_log == 2

        self.elsewhere(task)
        self.assertEqual(self.kept(), "W:out\nW:err\nW:of a child\nW:more\n")
        self.assertEqual(self.kept("stderr"), "after\n")

    def test_lines_of_requests(self) -> None:
        """Only they leave by the loggers for them, and those nobody has a logger for go on encoded."""

        def task() -> None:
            house = SimpleNamespace(request_log=2)
            logs = WorkerLogs(self.settings(f"worker-logger-req = file:{self.path}"), house)
            os.write(house.request_log, b"a request\n")
            os.write(2, b"a line\n")
            logs.end()
            house = SimpleNamespace(request_log=2)
            logs = WorkerLogs(self.settings("worker-log-req-encoder = prefix R:"), house)
            os.write(house.request_log, b"another\n")
            logs.end()

        self.elsewhere(task)
        self.assertEqual((self.kept(), self.kept("stderr")), ("a request\n", "a line\nR:another\n"))

    def test_a_talkative_worker(self) -> None:
        """What it could write, however much that is at once, is in the file once, in order."""

        def insist(line: bytes) -> None:
            while True:
                try:
                    os.write(1, line)
                    return
                except BlockingIOError:  # a busy machine
                    continue

        def task() -> None:
            house = SimpleNamespace(request_log=2)
            logs = WorkerLogs(self.settings(f"worker-logger = file:{self.path}"), house)
            for number in range(5000):
                insist(b"%d\n" % number)
            logs.end()

        self.elsewhere(task)
        self.assertEqual(self.kept(), "".join(f"{number}\n" for number in range(5000)))
