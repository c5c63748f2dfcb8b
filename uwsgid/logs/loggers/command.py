"""``pipe``: a command of the shell that reads records on its standard input (uWSGI 2.0, plugins/logpipe).

What the command prints is thrown away: in the log it would come back to the command itself.  No error repeats
the command, in which passwords may be.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Final

from uwsgid.config.settings import Settings
from uwsgid.errors import ConfigError
from uwsgid.families import loggers
from uwsgid.logs.loggers.engine import Engine, NotKept, why

PAUSE: Final = 1.0  #: seconds between two starts
PATIENCE: Final = 5.0  #: seconds that a batch may wait for a command that does not read
FAREWELL: Final = 1.0  #: seconds that a command has to end in when there is nothing more to read


@loggers.member("pipe")
class Command(Engine):
    """Gives records to a command on its standard input, and starts it again when it ends.

    :param patience: seconds that a batch may wait for the command.
    :param clock: monotonic seconds.
    """

    SLOW = True

    def __init__(
        self, command: str, patience: float = PATIENCE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._command: Final = command
        self._patience: Final = patience
        self._clock: Final = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._descriptor = -1
        self._may_start = -1.0
        self._last = ""
        self._rest = b""

    @classmethod
    def check_argument(cls, argument: str, settings: Settings) -> None:
        """:raises ConfigError: there is no command."""
        if not argument.strip():
            raise ConfigError("pipe: expected pipe:COMMAND")

    @classmethod
    def from_argument(cls, argument: str, settings: Settings) -> Command:
        """What ``logger = pipe:COMMAND`` names.

        :raises ConfigError: there is no command.
        """
        cls.check_argument(argument, settings)
        return cls(argument)

    def write(self, records: Sequence[bytes]) -> None:
        """Have the command read *records*; whether it did anything with them nobody knows.

        :raises OSError: it ended a moment ago.
        :raises NotKept: it ended, or does not read.
        """
        self._start()
        data = b"".join((self._rest, *records))
        done = 0
        deadline = self._clock() + self._patience
        try:
            while done < len(data):
                done += self._put(data[done : done + 65536], deadline)
        except OSError as error:
            if isinstance(error, TimeoutError):
                kept, text = self._leave(data, done, records), "it does not read"
            else:
                kept, _ = _whole(records, done - len(self._rest))
                self._bury()
                text = self._last
            raise NotKept(f"the command: {text}", range(kept, len(records))) from None
        self._rest = b""

    def close(self) -> None:
        """Let the command read to the end, and end it where it goes on."""
        process, self._process = self._process, None
        if process is None:
            return
        os.close(self._descriptor)
        for number in (0, signal.SIGTERM, signal.SIGKILL):
            try:
                if number:
                    os.killpg(process.pid, number)
                process.wait(None if number == signal.SIGKILL else FAREWELL)
            except subprocess.TimeoutExpired:
                continue
            except ProcessLookupError:
                process.poll()
            return

    def _leave(self, data: bytes, done: int, records: Sequence[bytes]) -> int:
        """Remember the rest of what was written in part, and say how many of *records* are taken care of."""
        begun = len(self._rest)
        if done < begun:
            self._rest = data[done:begun]
            return 0
        kept, end = _whole(records, done - begun)
        if begun + end == done:
            self._rest = b""
            return kept
        self._rest = data[done : begun + end + len(records[kept])]
        return kept + 1

    def _put(self, data: bytes, deadline: float) -> int:
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:
            poll = select.poll()
            poll.register(self._descriptor, select.POLLOUT)
            if not poll.poll(max(0.0, deadline - self._clock()) * 1000):
                raise TimeoutError from None
            return 0

    def _start(self) -> None:
        if self._process is not None:
            if self._process.poll() is None:
                return
            self._bury()
        if self._clock() < self._may_start:
            raise OSError(f"the command: {self._last}")
        self._may_start = self._clock() + PAUSE
        reader, writer = os.pipe2(os.O_CLOEXEC)
        try:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", self._command],
                stdin=reader,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            os.close(writer)
            self._last = f"can not start /bin/sh: {why(error)}"
            raise OSError(f"the command: {self._last}") from None
        finally:
            os.close(reader)
        os.set_blocking(writer, False)
        self._descriptor = writer
        self._rest = b""

    def _bury(self) -> None:
        process, self._process = self._process, None
        assert process is not None
        os.close(self._descriptor)
        self._rest = b""
        try:
            process.wait(FAREWELL)
        except subprocess.TimeoutExpired:  # it has closed its standard input, and lives on
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        code = process.returncode
        self._last = f"it was ended by signal {-code}" if code < 0 else f"it ended with status {code}"


def _whole(records: Sequence[bytes], done: int) -> tuple[int, int]:
    """How many of *records* are in their first *done* bytes as a whole, and where the last of those ends."""
    count = end = 0
    while count < len(records) and end + len(records[count]) <= done:
        end += len(records[count])
        count += 1
    return count, end
