"""Runs tests in several processes at a time, each of which takes the next group when it is done with one.

A package of tests is a group.  The live tests are one for each module: most of their time they wait for the
processes they started.
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from queue import Empty, SimpleQueue
from typing import Final
from unittest import TestCase

#: The package whose modules are groups of their own.
_APART: Final = "tests.live"
_VERDICT: Final = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$")


def group_of(test: str) -> str:
    """The group that a test belongs to, by its dotted name."""
    return ".".join(test.split(".")[: 3 if test.startswith(f"{_APART}.") else 2])


def groups_of(tests: Iterable[TestCase]) -> list[str]:
    """The groups of *tests*, those with many tests first: so no process is left alone with a long one."""
    return [group for group, _ in Counter(group_of(test.id()) for test in tests).most_common()]


def run_groups(
    groups: Sequence[str], names: Sequence[str], without: Sequence[str], jobs: int
) -> Counter[str]:
    """Run *groups*, at most *jobs* at a time, and print what each said when it is over.

    :param names: what was asked for; of a group only what lies below one of these is run.
    :param without: names that are left out.
    :returns: how many tests ``passed``, ``failed`` and ``skipped``.
    """
    waiting: SimpleQueue[str] = SimpleQueue()
    for group in groups:
        waiting.put(group)
    verdicts: Counter[str] = Counter()
    printing = threading.Lock()

    def work() -> None:
        while True:
            try:
                group = waiting.get_nowait()
            except Empty:
                return
            parts = [name for name in names if name.startswith(f"{group}.")] or [group]
            command = [sys.executable, "-m", "tests.run", *parts, "--without", *without]
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            said = done.stdout.decode(errors="replace")
            with printing:
                sys.stdout.write(said)
                sys.stdout.flush()
                verdicts.update(_counts(group, said, done.returncode))

    threads = [threading.Thread(target=work) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return verdicts


def _counts(group: str, said: str, status: int) -> dict[str, int]:
    """What a process counted; one that ended without a word of it, or otherwise than it said, has failed."""
    last = said.rstrip().rpartition("\n")[2]
    found = _VERDICT.match(last)
    if found is None or bool(int(found[2])) != bool(status):
        print(f"the tests of {group} ended with status {status}, and said at last: {last}")
        return {"failed": 1}
    return dict(zip(("passed", "failed", "skipped"), map(int, found.groups()), strict=True))
