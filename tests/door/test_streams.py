"""Whole lines, whatever the environment says."""

from __future__ import annotations

import os
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

PROGRAM = """
import sys
from uwsgid.door.streams import own_standard_streams

sys.stdout = None
own_standard_streams()
print("a", "b")
print("half", end="")
"""


class OwnStandardStreamsTests(SynchronousTestCase):
    """What a worker prints."""

    def test_whole_lines(self) -> None:
        """Each line is one write, also where the environment asks for unbuffered output."""
        ours, theirs = os.pipe2(os.O_DIRECT)  # each read is what one write wrote
        with open(ours, "rb", buffering=0) as reader:
            with open(theirs, "wb", buffering=0) as writer:
                subprocess.run(
                    [sys.executable, "-c", PROGRAM],
                    env={**os.environ, "PYTHONUNBUFFERED": "1"},
                    stdout=writer,
                    timeout=30,
                    check=True,
                )
            pieces = [reader.read(4096) for _ in range(3)]
        self.assertEqual(pieces, [b"a b\n", b"half", b""])
