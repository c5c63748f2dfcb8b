"""How the log of an instance is opened at boot, kept by the master, and handed on at a reload.

`Logs` is opened before anything else is done, so that every later line and all children find descriptors 1
and 2 where they belong.  It knows no Twisted; `uwsgid.logs.intake` reads its pipe in the master.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from uwsgid.config.settings import Settings
from uwsgid.host.messages import Messages
from uwsgid.logs.files import DescriptorLogger, open_destination
from uwsgid.logs.options import LogFile, LogMaster
from uwsgid.logs.outlet_options import LogOutlets, RequestOutlets, WorkerOutlets
from uwsgid.logs.pipeline import Pipeline
from uwsgid.logs.writing import writer

if TYPE_CHECKING:
    from uwsgid.logs.outlets import Outlets

STANDARD: Final = (1, 2)  #: the descriptors that carry the log
BATCH: Final = 128  #: records taken at a time, so that a talkative worker does not hold the reactor
PATIENCE: Final = 0.1  #: seconds that a writer waits while the pipe is full
ROOM: Final = 1 << 21  #: bytes of memory for records that are read at once
FEW: Final = 16  #: records read one by one before many are read at once, which takes memory of its own


class LogPipe:
    """A socket pair: everybody writes to one end, the master reads the other.

    :param bufsize: bytes that one record can have; a longer one is cut and ends with a newline all the same.
    :param stream: bytes instead of records; *bufsize* limits what is read at a time.
    :ivar reader: the master's descriptor, non-blocking.  No child may keep it: that nobody reads any more
        is how writers notice that the master is gone.
    :ivar writer: everybody's descriptor; a write waits ``PATIENCE`` seconds at most, unless told otherwise.
    """

    def __init__(self, bufsize: int, stream: bool = False) -> None:
        kind = socket.SOCK_STREAM if stream else socket.SOCK_SEQPACKET
        mine, theirs = socket.socketpair(socket.AF_UNIX, kind)
        mine.setblocking(False)
        self.reader: Final = mine.detach()
        self.writer: Final = theirs.detach()
        self.hold_writers(PATIENCE)
        self._bufsize = bufsize
        self._stream = stream
        self._by_many = not stream
        self._messages: Messages | None = None

    def hold_writers(self, seconds: float) -> None:
        """Have those who write to a full pipe wait *seconds* from now on, or for ever where that is 0."""
        whole = int(seconds)
        with socket.socket(fileno=os.dup(self.writer)) as writer:
            timeout = struct.pack("ll", whole, int((seconds - whole) * 1e6))
            writer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeout)

    # hot path, watched by bench-logs
    def read(self, most: int) -> list[bytes]:
        """The records that are there now, *most* of them at the most; an empty list where there are none."""
        records: list[bytes] = []
        size = self._bufsize if self._stream else self._bufsize + 1
        few = min(most, FEW) if self._by_many else most
        try:
            while len(records) < few:
                records.append(os.read(self.reader, size))
            while self._by_many and len(records) < most and (many := self._read_many(most - len(records))):
                records += many
            while not self._by_many and len(records) < most:
                records.append(os.read(self.reader, size))
        except BlockingIOError:
            pass
        # as long as the master holds the writing end there is no end of file, only empty records
        for index, record in enumerate(records):
            if len(record) > self._bufsize:
                records[index] = record[: self._bufsize - 1] + b"\n"
        return records

    def _read_many(self, most: int) -> list[bytes]:
        try:
            if self._messages is None:
                room = max(1, min(BATCH, ROOM // (self._bufsize + 1)))
                self._messages = Messages(self._bufsize + 1, room)
            return self._messages.take(self.reader, most)
        except OSError:
            self._by_many = False
            return []

    def close(self) -> None:
        """Close both ends."""
        os.close(self.reader)
        os.close(self.writer)


class Logs:
    """The log of an instance.

    :ivar pipe: where ``log-master`` is on.
    :ivar pipeline: what the master does with a record.
    :ivar request_pipe: where lines of requests have a way of their own.
    :ivar requests: what the master does with those.
    :ivar read_elsewhere: a thread reads the pipes.
    :ivar hear: is given every record of the log before it is delivered, by whoever reads it; None for nobody.
    """

    def __init__(self, settings: Settings, pipeline: Pipeline, original: DescriptorLogger) -> None:
        self._settings = settings
        self._original = original
        self._again = False
        self._outlets: Outlets | None = None
        self._stdout: int | None = None
        self._say = writer(2)
        self.pipeline = pipeline
        self.pipe: LogPipe | None = None
        self.requests: Pipeline | None = None
        self.request_pipe: LogPipe | None = None
        self.read_elsewhere = False
        self.hear: Callable[[Sequence[bytes]], None] | None = None

    @classmethod
    def open(
        cls,
        settings: Settings,
        *,
        target: str = "",
        owner: tuple[int, int] | None = None,
        again: bool = False,
    ) -> Logs:
        """Open ``logto`` and, with ``log-master``, the pipe; descriptors 1 and 2 lead there afterwards.

        :param target: what ``daemonize`` names; goes before ``logto``.
        :param owner: uid and gid for ``logfile-chown``.
        :param again: this process has executed itself for a reload: what descriptor 2 is already leads to the
            log file, which may not be ours to open any more.  ``log-reopen`` opens it nevertheless.
        :raises KernelError: the file can not be opened.
        :raises ConfigError: a logger can not use its argument.
        """
        target = target or settings[LogFile].to
        original: DescriptorLogger
        if target:
            kept = os.dup(2) if again and not settings[LogFile].reopen else None
            followers = () if settings[LogMaster].enabled else STANDARD
            original = open_destination(
                target, settings, owner=owner, followers=followers, descriptor=kept, again=again
            )
        else:
            original = DescriptorLogger(os.dup(2))
        logs = cls(settings, Pipeline(original), original)
        logs._again = again
        if settings[LogMaster].enabled:
            if settings[LogOutlets].any or settings[RequestOutlets].any:
                logs._fit(owner)
            logs._lay_pipe()
        # what is needed later is imported now, as a jail may hide it
        if settings[WorkerOutlets].any:
            import uwsgid.logs.workers
        if settings[LogOutlets].threaded:
            import uwsgid.logs.threaded  # noqa: F401
        return logs

    def open_late(self, owner: tuple[int, int] | None = None) -> None:
        """``logto2``, once the privileges were dropped.

        :raises KernelError: the file can not be opened.
        """
        target = self._settings[LogFile].to2
        if not target:
            return
        followers = () if self.pipe is not None else STANDARD
        late = open_destination(target, self._settings, owner=owner, followers=followers, again=self._again)
        self.drain()
        if self._outlets is not None:
            self._outlets.original.logger = late
        else:
            self.pipeline = Pipeline(late)
        self._original.close()
        self._original = late

    @property
    def threaded(self) -> bool:
        """Whether a thread of the master is to read the pipes."""
        return self._settings[LogOutlets].threaded

    @property
    def request_writer(self) -> int:
        """The descriptor that lines of requests are written to."""
        return 2 if self.request_pipe is None else self.request_pipe.writer

    def registered(self) -> Iterator[str]:
        """Lines about the encoders, for the start."""
        if self._outlets is not None:
            from uwsgid.logs.outlets import registered

            yield from registered(self._settings)

    @property
    def troubles(self) -> Mapping[str, int]:
        """How many records were dropped, lost, left unencoded or written elsewhere, by whose they were."""
        return self._outlets.grievances.totals if self._outlets is not None else {}

    def begin(self) -> None:
        """Have the threads of slow loggers; for the master, once the last process was forked from it."""
        if self._outlets is not None:
            self._outlets.start()

    def take(self, most: int = BATCH) -> int:
        """Write *most* records of those that are in the pipe by now, and say how many it were."""
        records = self.pipe.read(most) if self.pipe is not None else []
        if records:
            if self.hear is not None:
                self.hear(records)
            self.pipeline.accept(records)
        return len(records)

    def take_requests(self, most: int = BATCH) -> int:
        """The same for lines of requests."""
        records = self.request_pipe.read(most) if self.request_pipe is not None else []
        if records and self.requests is not None:
            self.requests.accept(records)
        return len(records)

    def drain(self) -> None:
        """Write everything that is in the pipes by now: before the end, and before a reload executes.

        Where a thread reads them that is its work.
        """
        if self.read_elsewhere:
            return
        while self.take() == BATCH:
            pass
        while self.take_requests() == BATCH:
            pass

    @contextlib.contextmanager
    def patient(self) -> Iterator[None]:
        """Have everybody wait until their records are taken, which whoever enters this has to do.

        He must not write to descriptors 1 and 2 meanwhile: he would wait for himself.
        """
        pipes = [pipe for pipe in (self.pipe, self.request_pipe) if pipe is not None]
        for pipe in pipes:
            pipe.hold_writers(0)
        try:
            yield
        finally:
            for pipe in pipes:
                pipe.hold_writers(PATIENCE)

    def restore(self) -> None:
        """Drain, and let descriptors 1 and 2 lead to the log itself: before this process executes itself."""
        self.finish()
        for descriptor in STANDARD:
            os.dup2(self._original.descriptor, descriptor)
        if self._stdout is not None:
            os.dup2(self._stdout, 1)

    def finish(self) -> None:
        """Drain, and give slow loggers a moment to take what waits for them."""
        self.drain()
        if self._outlets is not None:
            self._outlets.finish()

    def write(self, data: bytes) -> None:
        """What the master itself says goes straight to the loggers, after what is in the pipe already."""
        if self.read_elsewhere:
            self._say(data)
            return
        self.drain()
        if self.hear is not None:
            self.hear((data,))
        self.pipeline.accept((data,))

    def write_unheard(self, data: bytes) -> None:
        """The same for what `hear` is not to be given, also where a thread reads."""
        self.drain()
        self.pipeline.accept((data,))

    def leave(self) -> None:
        """What a newborn calls: only the master reads, and its writers must notice when it is gone."""
        for pipe in (self.pipe, self.request_pipe):
            if pipe is not None:
                os.close(pipe.reader)
        self.pipe = self.request_pipe = None
        self.hear = None
        if self._outlets is not None:
            self._outlets.forget()

    def close(self) -> None:
        """Drain, then close everything that is not descriptor 1 or 2."""
        self.finish()
        if self.pipe is not None:
            self.restore()
            self.pipe.close()
            self.pipe = None
        if self.request_pipe is not None:
            self.request_pipe.close()
            self.request_pipe = None
        self.pipeline.close()

    def _fit(self, owner: tuple[int, int] | None) -> None:
        from uwsgid.logs.outlets import fit

        if any(wish.engine == "stdio" for wish in self._settings[LogOutlets].loggers):
            self._stdout = os.dup(1)  # a reload is to find it again
        self._outlets = fit(self._settings, self._original, owner)
        self.pipeline, self.requests = self._outlets.records, self._outlets.requests

    def _lay_pipe(self) -> None:
        options = self._settings[LogMaster]
        self.pipe = LogPipe(options.bufsize, options.stream)
        self._say = writer(self.pipe.writer)
        for descriptor in STANDARD:
            os.dup2(self.pipe.writer, descriptor)
        if self.requests is not None:
            self.request_pipe = LogPipe(options.bufsize, self._settings[RequestOutlets].stream)
