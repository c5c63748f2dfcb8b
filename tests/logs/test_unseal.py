"""uwsgid unseal."""

from __future__ import annotations

import gzip
import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.logs.encoders.compression import gzip as gzip_encoder
from uwsgid.logs.encoders.sealing import aead
from uwsgid.logs.unseal import USAGE, main, unseal

SECRET: Final = "8f1d7ac03be6925418f0c47d6b2ea9135fd8037b91e64c2ab07f15d3894ee260"


class UnsealTests(SynchronousTestCase):
    """The command."""

    def setUp(self) -> None:
        path = Path(self.mktemp())
        path.write_text(SECRET)
        path.chmod(0o600)
        self.key = str(path)
        self.seal = aead(f"key-file={path}")

    def run_it(self, sealed: bytes, *argv: str) -> tuple[int, bytes, str]:
        path = Path(self.mktemp())
        path.write_bytes(sealed)
        out, err = io.BytesIO(), io.StringIO()
        with path.open("rb") as source:
            code = unseal(argv, source, out, err)
        return code, out.getvalue(), err.getvalue()

    def test_whole(self) -> None:
        """All records, and nothing else."""
        self.assertEqual(self.run_it(self.seal(b"a\n") + self.seal(b"b\n"), self.key), (0, b"a\nb\n", ""))

    def test_damaged(self) -> None:
        """What is wrong goes to standard error, and into the exit code."""
        code, out, err = self.run_it(self.seal(b"a\n") + b"xyz", self.key)
        self.assertEqual((code, out), (1, b"a\n"))
        self.assertRegex(err, r"^bytes \d+ to \d+ are no sealed records, or damaged ones\n$")

    def test_no_key(self) -> None:
        """A key that can not be used is told."""
        code, out, err = self.run_it(b"", "/nowhere/key")
        self.assertEqual((code, out), (2, b""))
        self.assertIn("'/nowhere/key' can not be read", err)

    def test_usage(self) -> None:
        """Without a key file, and when it is asked for, it says how it is used."""
        self.assertEqual(self.run_it(b""), (2, b"", USAGE))
        self.assertEqual(self.run_it(b"", "--help"), (0, USAGE.encode(), ""))

    def test_program(self) -> None:
        """``uwsgid unseal`` reads standard input, and what was compressed is unpacked behind it."""
        lines = [b"line %d\n" % at for at in range(1000)]
        squeeze = gzip_encoder("")
        sealed = b"".join(self.seal(squeeze(line)) for line in lines)
        command = [sys.executable, "-m", "uwsgid", "unseal", self.key]
        done = subprocess.run(command, input=sealed, capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(gzip.decompress(done.stdout), b"".join(lines))

    def test_follow(self) -> None:
        """What comes is given out before the end is there, and an interrupt ends it quietly."""
        command = [sys.executable, "-m", "uwsgid", "unseal", self.key]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdin is not None and process.stdout is not None and process.stderr is not None
            process.stdin.write(self.seal(b"now\n"))
            process.stdin.flush()
            self.assertEqual(process.stdout.readline(), b"now\n")
            process.send_signal(signal.SIGINT)
            self.assertEqual((process.wait(60), process.stderr.read()), (130, b""))

    def test_reader_gone(self) -> None:
        """When nobody reads any more it ends quietly."""
        command = [sys.executable, "-m", "uwsgid", "unseal", self.key]
        read, write = os.pipe()
        os.close(read)
        sealed = self.seal(b"a\n")
        done = subprocess.run(command, input=sealed, stdout=write, stderr=subprocess.PIPE, timeout=60)
        os.close(write)
        self.assertEqual((done.returncode, done.stderr), (1, b""))

    def test_main_is_the_command(self) -> None:
        """What the door calls takes the words behind ``unseal``."""
        self.patch(sys, "stderr", io.StringIO())
        self.patch(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
        self.patch(sys, "stdout", io.TextIOWrapper(io.BytesIO()))
        self.assertEqual(main([]), 2)
