"""Tests of `uwsgid.languages.python.tracebacks`."""

from __future__ import annotations

import os
import threading

from tests.languages.python.support import AppTestCase, run_python
from uwsgid.languages.python.tracebacks import dump_stacks, stacks


class StackTests(AppTestCase):
    def test_every_thread_is_there(self) -> None:
        """By name, the caller first, and with the line where it waits."""
        stop, running = threading.Event(), threading.Event()

        def wait_for_the_test() -> None:
            running.set()
            stop.wait()

        thread = threading.Thread(target=wait_for_the_test, name="stuck")
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(stop.set)
        running.wait()
        found = stacks()
        self.assertIn(threading.current_thread().name, next(iter(found)))
        self.assertIn("wait_for_the_test", "\n".join(found[f"stuck (tid: {thread.native_id})"]))

    def test_the_dump_has_a_frame(self) -> None:
        """So that its lines can be found in a log of many processes."""
        dump_stacks(self.said.append)
        self.assertRegex(self.said[0], rf"^\*\*\* backtrace of {os.getpid()}: \d+ threads? \*\*\*$")
        self.assertEqual(self.said[-1], "*** end of backtrace ***")

    def test_a_log_that_fails_is_no_disaster(self) -> None:
        """A handler of a signal must not raise."""
        said: list[str] = []

        def say(text: str) -> None:
            if not said:
                said.append("failed")
                raise OSError("no log")
            said.append(text)

        dump_stacks(say)
        self.assertEqual(said, ["failed", "*** unable to write a backtrace: OSError('no log') ***"])

    def test_in_a_signal_handler(self) -> None:
        """It shows where the process was."""
        out = run_python("""
            import os, signal
            from uwsgid.languages.python.tracebacks import dump_stacks
            signal.signal(signal.SIGUSR2, lambda *_: dump_stacks(print))
            def busy():
                os.kill(os.getpid(), signal.SIGUSR2)
            busy()
        """)
        self.assertIn("in busy", out)
