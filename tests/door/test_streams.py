"""Whole lines, whatever the environment says."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

PROGRAM = """
import sys
from uwsgid.door.streams import own_standard_streams

sys.stdout = None
own_standard_streams()
print("a", "b")
assert (sys.stdout.name, sys.stdout.fileno(), sys.stderr.errors) == ("<stdout>", 1, "backslashreplace")
print("half", end="")
"""

#: Fills the log, prints while it is full, and once more after somebody has read it.
FULL = """
import os, sys
from uwsgid.door.streams import own_standard_streams

own_standard_streams()
taken = 0
try:
    while True:
        os.write(1, b"x" * 1000)
        taken += 1
except BlockingIOError:
    pass
print("lost")
print("lost as well")
os.write(2, b"%d\\n" % taken)
sys.stdin.read()
print("kept")
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

    def test_a_full_log(self) -> None:
        """What is printed while nobody reads the log is dropped and counted, and raises nothing."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(ours.close)
        ours.settimeout(30)
        theirs.setblocking(False)
        child = subprocess.Popen(
            [sys.executable, "-c", FULL],
            stdin=subprocess.PIPE,
            stdout=theirs.fileno(),
            stderr=subprocess.PIPE,
        )
        self.addCleanup(child.wait, 30)
        self.addCleanup(child.kill)
        theirs.close()
        assert child.stdin is not None and child.stderr is not None
        self.addCleanup(child.stderr.close)
        for _ in range(int(child.stderr.readline())):
            self.assertEqual(ours.recv(4096), b"x" * 1000)
        child.stdin.close()
        note = b"[pid: %d] 2 records lost: the log took no more\n" % child.pid
        self.assertEqual([ours.recv(4096), ours.recv(4096)], [note, b"kept\n"])
        self.assertEqual((child.wait(30), child.stderr.read()), (0, b""))
