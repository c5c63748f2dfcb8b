"""Runs the tests as `make test` does: trial, with a count of what was skipped.

trial calls a run with skipped tests a success, and that is right on a machine without root or nginx.  Where
everything has to be there (``UWSGID_NO_SKIPS=1``), a skip is a test that nobody ran: it fails the run and its
reason is printed.  The last line is always ``N passed, N failed, N skipped``.

``python -m tests.run --jobs 2 tests --without tests.live`` runs all but some, in two processes at a time.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final
from unittest import TestCase, TestSuite

from twisted.trial.reporter import TreeReporter
from twisted.trial.runner import TestLoader, TrialRunner

from tests.spread import groups_of, run_groups

#: Tests that take longer than this are listed at the end, slowest first.
SLOW_SECONDS: Final = 5.0


class CountingReporter(TreeReporter):
    """trial's tree, and how long each test took."""

    #: the reporter of the run, for `main` to read
    last: CountingReporter | None = None

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.seconds: dict[str, float] = {}
        self._began = 0.0
        type(self).last = self

    def startTest(self, method: Any) -> None:
        self._began = time.monotonic()
        super().startTest(method)

    def stopTest(self, method: Any) -> None:
        super().stopTest(method)
        self.seconds[method.id()] = time.monotonic() - self._began


def tests_of(suite: TestSuite, without: Sequence[str]) -> Iterator[TestCase]:
    """The tests in a suite of suites, except those whose dotted names lie below one of ``without``."""
    for member in suite:
        if isinstance(member, TestSuite):
            yield from tests_of(member, without)
        elif not any(f"{member.id()}.".startswith(f"{name}.") for name in without):
            yield member


def main(arguments: Sequence[str]) -> int:
    """Run tests, given by dotted names of packages, modules, classes or methods.

    :param arguments: how many processes run them at a time, behind ``--jobs``; the names; behind
        ``--without``, names of what is left out.
    :returns: 0 where all passed, and nothing was skipped if ``UWSGID_NO_SKIPS`` is 1; otherwise 1.
    """
    words = list(arguments)
    jobs = int(words[1]) if words[:1] == ["--jobs"] else 1
    if jobs > 1:
        del words[:2]
    cut = words.index("--without") if "--without" in words else len(words)
    names, without = words[:cut] or ["tests"], words[cut + 1 :]
    suite = TestSuite(tests_of(TestLoader().loadByNames(names, recurse=True), without))
    if jobs > 1:
        verdicts = run_groups(groups_of(tests_of(suite, ())), names, without, jobs)
        return _conclude(names, verdicts["passed"], verdicts["failed"], verdicts["skipped"])
    return _run(suite, names)


def _run(suite: TestSuite, names: Sequence[str]) -> int:
    TrialRunner(CountingReporter).run(suite)
    reporter = CountingReporter.last
    if reporter is None:
        return _conclude(names, 0, 1, 0)
    slow = sorted(((taken, name) for name, taken in reporter.seconds.items()), reverse=True)
    for taken, name in slow:
        if taken > SLOW_SECONDS:
            print(f"slow: {taken:.1f} s  {name}")
    failed = len(reporter.failures) + len(reporter.errors) + len(reporter.unexpectedSuccesses)
    skipped = len(reporter.skips)
    refused = skipped if os.environ.get("UWSGID_NO_SKIPS") == "1" else 0
    for test, reason in reporter.skips if refused else ():
        print(f"skipped, and UWSGID_NO_SKIPS=1 forbids it: {test.id()}: {reason}")
    return _conclude(names, reporter.successes, failed + refused, skipped - refused)


def _conclude(names: Sequence[str], passed: int, failed: int, skipped: int) -> int:
    """Say how it went; the exit code."""
    if not passed + failed + skipped:
        print(f"no test was run for {' '.join(names)}")
        failed = 1
    sys.stderr.flush()
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
