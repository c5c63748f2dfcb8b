"""The engine ``pipe``."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.logs.loggers.receivers import PATIENCE, PeerCase
from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError
from uwsgid.families import loggers
from uwsgid.logs.loggers import command
from uwsgid.logs.loggers.command import PAUSE, Command
from uwsgid.logs.loggers.engine import NotKept

SETTINGS = settings_of("")


class CommandTests(PeerCase):
    def setUp(self) -> None:
        super().setUp()
        self.now = 100.0
        self.out = Path(self.path("out"))

    def engine(self, text: str, clock: Callable[[], float] | None = None, patience: float = 5) -> Command:
        made = Command(text, patience, clock or (lambda: self.now))
        self.addCleanup(made.close)
        return made

    def await_text(self, text: str) -> None:
        end = time.monotonic() + PATIENCE
        while not (self.out.exists() and self.out.read_text() == text):
            self.assertLess(time.monotonic(), end, self.out.exists() and self.out.read_text())
            time.sleep(0.01)

    def test_member(self) -> None:
        """It is registered by its name in uWSGI, and may wait."""
        self.assertIs(loggers["pipe"], Command)
        self.assertTrue(Command.SLOW)
        self.assertRaises(ConfigError, Command.from_argument, " ", SETTINGS)
        self.assertIsInstance(Command.from_argument("cat", SETTINGS), Command)

    def test_reads(self) -> None:
        """The command of the shell starts with the first record, and reads records as they are."""
        engine = self.engine(f"tr a-z A-Z > {self.out}")
        self.assertFalse(self.out.exists())
        engine.write([b"one\n", b"two"])
        engine.write([b"three\n"])
        engine.close()
        self.assertEqual(self.out.read_text(), "ONE\nTWOTHREE\n")

    def test_starts_again(self) -> None:
        """A command that ends is told about, and started again after a pause."""
        engine = self.engine(f"head -n 1 >> {self.out}")
        engine.write([b"one\n"])
        self.await_text("one\n")
        process = engine._process
        assert process is not None
        process.wait(PATIENCE)
        text = str(self.assertRaises(OSError, engine.write, [b"lost\n"]))
        self.assertIn("it ended with status 0", text)
        self.now += PAUSE
        engine.write([b"two\n"])
        self.await_text("one\ntwo\n")

    def test_dies_while_written_to(self) -> None:
        """Records that it did not take before it died are told."""
        engine = self.engine("read line; kill -9 $$")
        records = [b"x" * 5000 + b"\n"] * 100
        error = self.assertRaises(NotKept, engine.write, records)
        self.assertIn("it was ended by signal 9", str(error))
        self.assertEqual(error.positions[-1], 99)

    def test_missing(self) -> None:
        """A command that is not there ends with the status that the shell gives it."""
        engine = self.engine("/no/such/program")
        try:
            engine.write([b"one\n"])
        except NotKept:
            pass
        else:
            assert engine._process is not None
            engine._process.wait(PATIENCE)
        self.assertIn("status 127", str(self.assertRaises(OSError, engine.write, [b"two\n"])))

    def test_hangs(self) -> None:
        """One that does not read is not waited for longer than the patience; no record is torn."""
        engine = self.engine(f"read go < {self.path('go')}; cat > {self.out}", time.monotonic, 0.1)
        os.mkfifo(self.path("go"))
        records = [b"%d " % number + b"x" * 1000 + b"\n" for number in range(200)]
        error = self.assertRaises(NotKept, engine.write, records)
        self.assertIn("it does not read", str(error))
        self.assertRaises(NotKept, engine.write, [b"not now\n"])
        Path(self.path("go")).write_text("go\n")
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                engine.write([b"after\n"])
            except NotKept:
                continue
            break
        engine.close()
        kept = [record for at, record in enumerate(records) if at not in error.positions]
        self.assertEqual(self.out.read_bytes(), b"".join(kept) + b"after\n")

    def test_does_not_listen(self) -> None:
        """One that closes its input and lives on is ended as well."""
        self.patch(command, "FAREWELL", 0.1)
        engine = self.engine("exec 0<&-; exec sleep 60")
        reason = ""
        end = time.monotonic() + PATIENCE
        while not reason and time.monotonic() < end:
            try:
                engine.write([b"x\n"])
            except NotKept as error:
                reason = str(error)
        self.assertEqual(reason, "the command: it was ended by signal 9")

    def test_no_shell(self) -> None:
        """Where there is no shell, in a jail for example, that is the reason."""

        def refuse(*_: object, **__: object) -> None:
            raise FileNotFoundError(2, "No such file or directory")

        self.patch(subprocess, "Popen", refuse)
        text = str(self.assertRaises(OSError, self.engine("cat").write, [b"one"]))
        self.assertEqual(text, "the command: can not start /bin/sh: No such file or directory")

    def test_long_rest(self) -> None:
        """The rest of a record that was written in part goes first, and counts as taken care of."""
        engine = self.engine(f"read go < {self.path('go')}; cat > {self.out}", time.monotonic, 0.05)
        os.mkfifo(self.path("go"))
        long = b"x" * 300_000 + b"\n"
        error = self.assertRaises(NotKept, engine.write, [long, b"two\n"])
        self.assertEqual(error.positions, (1,))
        error = self.assertRaises(NotKept, engine.write, [b"three\n"])
        self.assertEqual(error.positions, (0,))
        Path(self.path("go")).write_text("go\n")
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                engine.write([b"four\n"])
            except NotKept:
                continue
            break
        engine.close()
        self.assertEqual(self.out.read_bytes(), long + b"four\n")

    def test_ignores_its_end(self) -> None:
        """One that goes on after its input has ended is ended."""
        engine = self.engine(f"echo $$ > {self.out}; exec sleep 60")
        engine.write([b"x"])
        end = time.monotonic() + PATIENCE
        while not (self.out.exists() and self.out.read_text().endswith("\n")):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)
        process = engine._process
        assert process is not None
        self.patch(command, "FAREWELL", 0.1)
        engine.close()
        # on a busy machine it may not come to die of the first one in time
        self.assertIn(process.returncode, (-signal.SIGTERM, -signal.SIGKILL))
