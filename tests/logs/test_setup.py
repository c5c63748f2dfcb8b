"""The log of an instance from boot to reload, in processes whose descriptors are free to move."""

from __future__ import annotations

import os
import select
import socket
import threading
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.logs.elsewhere import ElsewhereCase
from uwsgid.host.messages import Messages
from uwsgid.logs.setup import BATCH, PATIENCE, LogPipe, Logs


class LogsTests(ElsewhereCase):
    def test_logto_takes_descriptors_1_and_2(self) -> None:
        """What anybody prints goes to the file."""

        def task() -> None:
            Logs.open(self.settings(f"logto = {self.path}"))
            os.write(1, b"out\n")
            os.write(2, b"err\n")

        self.elsewhere(task)
        self.assertEqual(self.kept(), "out\nerr\n")

    def test_log_master_reads_what_children_write(self) -> None:
        """With log-master nothing reaches the file before the master has read it; all of it does."""

        def task() -> None:
            logs = Logs.open(self.settings(f"logto = {self.path}", "log-master = true"))
            if (pid := os.fork()) == 0:
                logs.leave()
                for number in range(2 * BATCH):
                    os.write(2, b"line %d\n" % number)
                os._exit(0)
            assert logs.pipe is not None
            select.select([logs.pipe.reader], [], [])
            logs.take(1)
            while os.waitpid(pid, os.WNOHANG) == (0, 0):
                logs.take()
            logs.drain()
            os.write(1, b"the last\n")
            logs.close()

        self.elsewhere(task)
        expected = "".join(f"line {number}\n" for number in range(2 * BATCH)) + "the last\n"
        self.assertEqual(self.kept(), expected)

    def test_without_a_file_the_master_writes_where_the_log_went_before(self) -> None:
        """log-master alone returns the lines to the descriptor that was there."""

        def task() -> None:
            logs = Logs.open(self.settings("log-master = true"))
            os.write(2, b"hello\n")
            logs.write(b"from the master\n")

        self.elsewhere(task)
        self.assertEqual(self.kept("stderr"), "hello\nfrom the master\n")

    def test_whoever_hears(self) -> None:
        """Every record is given to whoever wants to hear it, unless it is written unheard; not in a child."""

        def task() -> None:
            logs = Logs.open(self.settings(f"logto = {self.path}", "log-master = true"))
            heard: list[bytes] = []
            logs.hear = heard.extend
            os.write(2, b"one\n")
            os.write(2, b"two\n")
            logs.write(b"of the master\n")
            os.write(2, b"three\n")
            logs.write_unheard(b"unheard\n")
            assert heard == [b"one\n", b"two\n", b"of the master\n", b"three\n"], heard
            logs.leave()
            assert logs.hear is None

        self.elsewhere(task)
        self.assertEqual(self.kept(), "one\ntwo\nof the master\nthree\nunheard\n")

    def test_restore_before_a_reload(self) -> None:
        """What is in the pipe is written first; later lines go to the file, which no reload empties."""

        def task() -> None:
            logs = Logs.open(self.settings(f"logto = {self.path}", "log-master = true"))
            os.write(2, b"in the pipe\n")
            logs.restore()
            os.write(2, b"direct\n")
            os.rename(self.path, self.path + ".1")
            Logs.open(self.settings(f"logto = {self.path}"), again=True)
            os.write(2, b"after\n")
            with open(self.path, "w") as file:
                file.write("kept\n")
            Logs.open(self.settings(f"logto = {self.path}", "log-reopen", "log-truncate"), again=True)
            os.write(2, b"new\n")

        self.elsewhere(task)
        self.assertEqual(self.kept("site.log.1"), "in the pipe\ndirect\nafter\n")
        self.assertEqual(self.kept(), "kept\nnew\n")

    def test_logto2_comes_later(self) -> None:
        """Lines before the change stay in the first file, later ones go to the second."""

        def task() -> None:
            logs = Logs.open(
                self.settings(f"logto = {self.path}", f"logto2 = {self.path}2", "log-master = true")
            )
            os.write(2, b"first\n")
            logs.open_late()
            os.write(2, b"second\n")
            logs.drain()

        self.elsewhere(task)
        self.assertEqual((self.kept(), self.kept("site.log2")), ("first\n", "second\n"))

    def test_requests_have_a_pipe_of_their_own(self) -> None:
        """Where they are routed, lines of requests come in by another descriptor and go to their loggers."""

        def task() -> None:
            logs = Logs.open(
                self.settings(
                    f"logto = {self.path}",
                    f"req-logger = file:{self.path}.requests",
                    "log-encoder = prefix A",
                )
            )
            assert list(logs.registered()) == ["[log-encoder] registered prefix A"]
            os.write(logs.request_writer, b"a request\n")
            os.write(2, b"a line\n")
            if (pid := os.fork()) == 0:
                writer = logs.request_writer
                logs.leave()
                os.write(writer, b"of a child\n")
                os._exit(0)
            os.waitpid(pid, 0)
            logs.close()

        self.elsewhere(task)
        self.assertEqual(self.kept(), "Aa line\n")
        self.assertEqual(self.kept("site.log.requests"), "a request\nof a child\n")

    def test_streams(self) -> None:
        """The log and the lines of requests are bytes instead of records, each where it is asked for."""
        for wanted in ((), ("log-master-stream",), ("log-master-req-stream",)):

            def task(wanted: tuple[str, ...] = wanted) -> None:
                logs = Logs.open(
                    self.settings(f"logto = {self.path}", f"req-logger = file:{self.path}.requests", *wanted)
                )
                pipes = {"log-master-stream": 2, "log-master-req-stream": logs.request_writer}
                for name, descriptor in pipes.items():
                    with socket.socket(fileno=os.dup(descriptor)) as end:
                        is_stream = end.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_STREAM
                    assert is_stream == (name in wanted), (name, wanted)
                os.write(logs.request_writer, b"half a ")
                os.write(logs.request_writer, b"request\n")
                logs.close()

            self.elsewhere(task)
            self.assertEqual(Path(f"{self.path}.requests").read_bytes(), b"half a request\n")
            os.unlink(f"{self.path}.requests")

    def test_logto2_behind_encoders(self) -> None:
        """The second file takes the place of the first behind what stands there."""

        def task() -> None:
            logs = Logs.open(
                self.settings(f"logto = {self.path}", f"logto2 = {self.path}2", "log-encoder = prefix A")
            )
            os.write(2, b"first\n")
            logs.open_late()
            os.write(2, b"second\n")
            logs.close()

        self.elsewhere(task)
        self.assertEqual((self.kept(), self.kept("site.log2")), ("Afirst\n", "Asecond\n"))

    def test_standard_output_survives_a_reload(self) -> None:
        """stdio is what the instance was started with, also after it has executed itself."""
        output = os.path.join(self.folder, "stdout")

        def task() -> None:
            out = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(out, 1)
            for again in (False, True):
                logs = Logs.open(self.settings(f"logto = {self.path}", "logger = stdio"), again=again)
                logs.begin()
                os.write(2, b"again\n" if again else b"once\n")
                logs.restore()
            os.write(2, b"direct\n")

        self.elsewhere(task)
        self.assertEqual((self.kept("stdout"), self.kept()), ("once\nagain\n", "direct\n"))

    def test_a_dead_master_hurts_nobody(self) -> None:
        """Once the master's end is closed a write fails at once instead of waiting."""

        def task() -> None:
            logs = Logs.open(self.settings("log-master = true"))
            logs.leave()
            try:
                os.write(2, b"lost\n")
            except BrokenPipeError:
                return
            raise AssertionError("the write should fail")

        self.elsewhere(task)


class PipeTests(SynchronousTestCase):
    def pipe(self, bufsize: int = 64, stream: bool = False) -> LogPipe:
        made = LogPipe(bufsize, stream)
        self.addCleanup(made.close)
        return made

    def test_one_write_is_one_record(self) -> None:
        """Records keep their borders, several lines in one write stay one record."""
        pipe = self.pipe()
        os.write(pipe.writer, b"one\ntwo\n")
        os.write(pipe.writer, b"three")
        self.assertEqual(pipe.read(10), [b"one\ntwo\n", b"three"])
        self.assertEqual(pipe.read(10), [])

    def test_a_long_record_is_cut_and_ends_its_line(self) -> None:
        """A record beyond log-master-bufsize is cut to it, its newline included."""
        pipe = self.pipe(bufsize=8)
        os.write(pipe.writer, b"12345678")
        os.write(pipe.writer, b"123456789")
        self.assertEqual(pipe.read(10), [b"12345678", b"1234567\n"])

    def test_many_records(self) -> None:
        """Many come in their order and cut alike, with the help of the system or without."""
        records = [b"%d" % number * number for number in range(1, 60)]
        expected = [record if len(record) <= 40 else record[:39] + b"\n" for record in records]
        for helped in (True, False):
            pipe = self.pipe(bufsize=40)
            if not helped:
                self.patch(Messages, "take", lambda *_: os.close(-1))
            for record in records:
                os.write(pipe.writer, record)
            found: list[bytes] = []
            sizes = []
            while batch := pipe.read(25):
                found += batch
                sizes.append(len(batch))
            self.assertEqual(found, expected)
            self.assertEqual(sizes, [25, 25, 9])

    def test_many_long_records(self) -> None:
        """Where records may be so long that few of them have room at once a batch is as large as ever."""
        pipe = self.pipe(bufsize=1 << 19)
        for _ in range(30):
            os.write(pipe.writer, b"x" * 3000)
        self.assertEqual([len(pipe.read(25)), len(pipe.read(25))], [25, 5])

    def test_a_stream_has_no_borders(self) -> None:
        """With log-master-stream bytes come in the order they were written, cut at the buffer's size."""
        pipe = self.pipe(bufsize=4, stream=True)
        os.write(pipe.writer, b"one\n")
        os.write(pipe.writer, b"two\n!")
        self.assertEqual(pipe.read(10), [b"one\n", b"two\n", b"!"])

    def test_a_full_pipe_holds_a_writer_for_a_moment_only(self) -> None:
        """A writer gives up when nobody reads."""
        pipe = self.pipe()
        with self.assertRaises(BlockingIOError):
            while True:
                os.write(pipe.writer, b"x" * 60)

    def test_a_patient_writer(self) -> None:
        """Where somebody promises to read, a writer waits for him, and then no longer than before."""
        pipe = self.pipe()
        pipe.hold_writers(0)
        fill = b"x" * 60
        writer = threading.Thread(target=lambda: [os.write(pipe.writer, fill) for _ in range(5000)])
        writer.start()
        writer.join(3 * PATIENCE)
        self.assertTrue(writer.is_alive())
        records = 0
        while records < 5000:
            select.select([pipe.reader], [], [], 30)
            records += len(pipe.read(BATCH))
        writer.join()
        pipe.hold_writers(PATIENCE)
        with self.assertRaises(BlockingIOError):
            while True:
                os.write(pipe.writer, fill)
