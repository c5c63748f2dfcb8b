"""Files before applications, over real sockets."""

from __future__ import annotations

import contextlib
import gzip
import os
import time
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from typing import Any
from unittest import mock

from tests.loops.support import Worker, WorkerCase, get, hello, read_answer_of, request, until
from uwsgid.request.offload import Offload
from uwsgid.static.answer import Answer
from uwsgid.static.answer import answer as real_answer
from uwsgid.static.serving import SMALL

#: More than is read into memory.
LARGE = bytes(range(256)) * (SMALL // 128)


def post(path: str) -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi".encode()


class Reply:
    """An answer, taken apart."""

    def __init__(self, data: bytes) -> None:
        head, _, self.body = data.partition(b"\r\n\r\n")
        first, _, fields = head.partition(b"\r\n")
        self.status = int(first.split()[1])
        self.headers: Message = BytesParser().parsebytes(fields + b"\r\n\r\n")


class StaticCase(WorkerCase):
    """A worker with a folder of files."""

    loop = "simple"

    def setUp(self) -> None:
        self.www = Path(os.path.realpath(self.mktemp()))
        (self.www / "sub").mkdir(parents=True)
        (self.www / "a.css").write_bytes(b"body {}")
        (self.www / "large.bin").write_bytes(LARGE)
        (self.www / "empty.txt").write_bytes(b"")
        (self.www / "sub" / "index.html").write_bytes(b"<p>sub")
        types = self.www / "types"
        types.write_text("text/css css\ntext/html html\ntext/plain txt\n")

    def static(self, config: str = "static-map = /s=@", **more: object) -> Worker:
        text = f"mimefile = {self.www}/types\n" + config.replace("@", str(self.www))
        return self.worker(config=text, loop=self.loop, **more)

    def over_http(self, worker: Worker, path: str, headers: str = "", method: str = "GET") -> Reply:
        data = get(path, headers=f"Connection: close\r\n{headers}").replace(b"GET", method.encode(), 1)
        return Reply(self.fetch(worker, data))

    def over_uwsgi(self, worker: Worker, path: str, **vars: str) -> Reply:
        return Reply(self.ask(worker, request(PATH_INFO=path, REQUEST_URI=path, **vars)))


class ServingTests(StaticCase):
    """What clients and the application get."""

    def test_small_and_large(self) -> None:
        """Files of every size arrive whole, over both protocols."""
        worker = self.static()
        for path, body in (("/s/a.css", b"body {}"), ("/s/large.bin", LARGE), ("/s/empty.txt", b"")):
            for said in (self.over_http(worker, path), self.over_uwsgi(worker, path)):
                self.assertEqual((said.status, said.body), (200, body))
                self.assertEqual(said.headers["Content-Length"], str(len(body)))
        self.assertEqual(self.over_http(worker, "/s/a.css").headers["Content-Type"], "text/css")
        self.assertNotIn("Content-Type", self.over_http(worker, "/s/large.bin").headers)

    def test_what_is_no_file_is_the_applications(self) -> None:
        """Other paths, other methods, and files that are not there reach the application."""
        worker = self.static()
        for path in ("/app", "/s/none", "/s/sub/", "/s/"):
            self.assertTrue(self.over_http(worker, path).body.endswith(path.encode()))
        said = Reply(self.fetch(worker, post("/s/a.css")))
        self.assertTrue(said.body.endswith(b"/s/a.css"))
        self.assertEqual(sum(worker.board.static_requests), 0)

    def test_head(self) -> None:
        """HEAD gets the length of the file and not a byte of it."""
        worker = self.static()
        for path, size in (("/s/a.css", 7), ("/s/large.bin", len(LARGE))):
            for said in (
                self.over_http(worker, path, method="HEAD"),
                self.over_uwsgi(worker, path, REQUEST_METHOD="HEAD"),
            ):
                self.assertEqual((said.status, said.headers["Content-Length"]), (200, str(size)))
                self.assertEqual(said.body, b"")

    def test_connections_are_kept(self) -> None:
        """Small, large, unmodified and missing files leave an HTTP connection usable."""
        worker = self.static()
        client = self.http(worker)
        head, body = read_answer_of(client, get("/s/large.bin"))
        self.assertEqual(body, LARGE)
        tag = next(line for line in head.decode().split("\r\n") if line.startswith("ETag")).partition(": ")[2]
        self.assertEqual(read_answer_of(client, get("/s/a.css"))[1], b"body {}")
        client.sendall(get("/s/large.bin", headers=f"If-None-Match: {tag}\r\n"))
        until(lambda: len(worker.served) == 3)
        self.assertTrue(client.recv(65536).startswith(b"HTTP/1.1 304 Not Modified\r\n"))
        self.assertTrue(read_answer_of(client, get("/app"))[1].endswith(b"/app"))

    def test_counters_and_the_log(self) -> None:
        """A file is counted as a static request, and its line has status, bytes and no application."""
        worker = self.static()
        self.over_http(worker, "/s/large.bin")
        self.over_http(worker, "/s/a.css", "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT\r\n")
        until(lambda: len(worker.served) == 2)
        large, unmodified = worker.served
        self.assertEqual((large.app_id, large.reply.status, large.reply.body_size), (-1, 200, len(LARGE)))
        self.assertEqual((unmodified.reply.status, unmodified.reply.body_size), (304, 0))
        self.assertEqual(sum(worker.board.static_requests), 2)

    def test_ranges(self) -> None:
        """Parts arrive as they are in the file, one or several, small or large."""
        worker = self.static("static-map = /s=@\nhonour-range = true")
        said = self.over_http(worker, "/s/a.css", "Range: bytes=1-3\r\n")
        self.assertEqual((said.status, said.body), (206, b"ody"))
        said = self.over_http(worker, "/s/large.bin", "Range: bytes=1000-\r\n")
        self.assertEqual((said.status, said.body), (206, LARGE[1000:]))
        said = self.over_http(worker, "/s/large.bin", "Range: bytes=0-99,-100\r\n")
        self.assertEqual((said.status, said.headers.get_content_type()), (206, "multipart/byteranges"))
        self.assertEqual(said.headers["Content-Length"], str(len(said.body)))
        boundary = said.headers.get_param("boundary")
        pieces = said.body.split(f"--{boundary}".encode())
        self.assertEqual(pieces[1].partition(b"\r\n\r\n")[2], LARGE[:100] + b"\r\n")
        self.assertEqual(pieces[2].partition(b"\r\n\r\n")[2], LARGE[-100:] + b"\r\n")
        said = self.over_http(worker, "/s/a.css", "Range: bytes=7-\r\n")
        self.assertEqual((said.status, said.headers["Content-Range"], said.body), (416, "bytes */7", b""))

    def test_indexes_and_lifetimes(self) -> None:
        """A directory is answered by its index, and rules see the path of that."""
        config = "static-map = /s=@\nstatic-index = index.html\nstatic-expires-path-info = index.html$ 60"
        worker = self.static(config)
        for path in ("/s/sub", "/s/sub/"):
            said = self.over_http(worker, path)
            self.assertEqual((said.body, said.headers["Content-Type"]), (b"<p>sub", "text/html"))
            self.assertIn("Expires", said.headers)
        self.assertNotIn("Expires", self.over_http(worker, "/s/a.css").headers)

    def test_compressed_twins(self) -> None:
        """A twin is sent to those who take it, with the type of the file and its own length."""
        (self.www / "a.css.gz").write_bytes(gzip.compress(b"body {}"))
        (self.www / "large.bin.br").write_bytes(b"brotli")
        worker = self.static("static-map = /s=@\nstatic-gzip-ext = .css\nstatic-gzip = large")
        accept = "Accept-Encoding: gzip, br\r\n"
        said = self.over_http(worker, "/s/a.css", accept)
        self.assertEqual(gzip.decompress(said.body), b"body {}")
        self.assertEqual(
            (said.headers["Content-Type"], said.headers["Vary"]), ("text/css", "Accept-Encoding")
        )
        self.assertEqual(said.headers["Content-Encoding"], "gzip")
        plain = self.over_http(worker, "/s/a.css")
        self.assertEqual((plain.body, plain.headers["Vary"]), (b"body {}", "Accept-Encoding"))
        self.assertNotEqual(plain.headers["ETag"], said.headers["ETag"])
        self.assertEqual(self.over_http(worker, "/s/large.bin", accept).body, b"brotli")
        self.assertNotIn("Vary", self.over_http(worker, "/s/empty.txt", accept).headers)

    def test_which_files_have_twins(self) -> None:
        """Directories, endings and expressions choose files, or all of them are asked for."""
        (self.www / "a.css.gz").write_bytes(b"small")
        for line, taken in (
            ("static-gzip-all = true", True),
            (f"static-gzip-dir = {self.www}/a", True),
            (f"static-gzip-prefix = {self.www}/b", False),
            ("static-gzip-suffix = .js", False),
            ("static-gzip = [.]css$", True),
            ("", False),
        ):
            worker = self.static(f"static-map = /s=@\n{line}")
            said = self.over_http(worker, "/s/a.css", "Accept-Encoding: gzip\r\n")
            self.assertEqual(said.body == b"small", taken, line)

    def test_the_front_end_sends(self) -> None:
        """Under file-serve-mode the front end hears the path, and the body is its affair."""
        worker = self.static("static-map = /s=@\nfile-serve-mode = x-sendfile")
        said = self.over_uwsgi(worker, "/s/a.css")
        self.assertEqual((said.headers["X-Sendfile"], said.body), (f"{self.www}/a.css", b""))

    def test_managed_script_names(self) -> None:
        """Under manage-script-name files are looked for by what is below the application's mountpoint."""
        worker = self.static("check-static = @\nmanage-script-name = true", app=None)
        worker.apps.add("/app", hello)
        self.assertEqual(self.over_http(worker, "/app/a.css").body, b"body {}")
        self.assertTrue(self.over_http(worker, "/app/app/a.css").body.endswith(b"/app/a.css"))

    def test_files_without_an_application(self) -> None:
        """A worker without an application serves files, and says that there is none for other paths."""
        worker = self.static(app=None)
        self.assertEqual(self.over_http(worker, "/s/a.css").body, b"body {}")
        self.assertEqual(self.over_http(worker, "/app").status, 500)

    def test_headers_of_the_configuration(self) -> None:
        """add-header and rem-header hold for files too."""
        worker = self.static("static-map = /s=@\nadd-header = X-Served: yes\nrem-header = ETag")
        said = self.over_http(worker, "/s/a.css")
        self.assertEqual((said.headers["X-Served"], said.headers["ETag"]), ("yes", None))

    def test_what_the_log_says_at_start(self) -> None:
        """Mountpoints and directories are listed, as by uWSGI."""
        worker = self.static("static-map = /s=@\ncheck-static = @/sub")
        self.assertEqual(
            worker.said,
            [
                f"[uwsgi-static] added mapping for /s => {self.www}",
                f"[uwsgi-static] added check for {self.www}/sub",
            ],
        )


class OffloadTests(StaticCase):
    """Large files, where threads send them."""

    def test_large_files_are_given_away(self) -> None:
        """A large file, or a large part of one, goes to a thread; what is small does not."""
        huge = os.urandom(1 << 20)
        (self.www / "huge.bin").write_bytes(huge)
        worker = self.static("static-map = /s=@\nhonour-range = true")
        worker.serving.offload = Offload(1, worker.serving)
        self.assertEqual(self.over_http(worker, "/s/huge.bin").body, huge)
        self.assertEqual(self.over_uwsgi(worker, "/s/huge.bin").body, huge)
        said = self.over_http(worker, "/s/huge.bin", "Range: bytes=1000-\r\n")
        self.assertEqual((said.status, said.body), (206, huge[1000:]))
        self.assertEqual(sum(worker.board.offloaded_requests), 3)
        said = self.over_http(worker, "/s/huge.bin", "Range: bytes=0-99999,-100000\r\n")
        self.assertEqual(said.status, 206)
        self.assertEqual(self.over_http(worker, "/s/a.css").body, b"body {}")
        self.assertEqual(self.over_http(worker, "/s/huge.bin", method="HEAD").body, b"")
        self.assertEqual((sum(worker.board.offloaded_requests), sum(worker.board.static_requests)), (3, 6))
        until(lambda: len(worker.logged) == 6)


class ThreadedTests(ServingTests):
    """The same in threads."""

    loop = "threads"


class ReactorTests(ServingTests):
    """The same under a reactor."""

    loop = "reactor"


class TroubleTests(StaticCase):
    """Files that change and clients that leave."""

    def shrink(self, name: str, size: int) -> contextlib.AbstractContextManager[object]:
        """Cut the file short between the look at it and its first byte."""
        path = self.www / name

        def answer(*args: Any) -> Answer:
            os.truncate(path, size)
            return real_answer(*args)

        return mock.patch("uwsgid.static.serving.answer", answer)

    def open_files(self) -> list[str]:
        """Files of the folder that the process has open."""
        targets = []
        for fd in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):
                targets.append(os.readlink(f"/proc/self/fd/{fd}"))
        return [target for target in targets if target.startswith(str(self.www))]

    def test_a_file_that_shrinks(self) -> None:
        """A file that becomes shorter than was said ends the connection, so that the client notices."""
        for name in ("a.css", "large.bin"):
            worker = self.static()
            with self.shrink(name, 3):
                said = Reply(self.fetch(worker, get(f"/s/{name}")))
            self.assertEqual(len(said.body), 3)
            self.assertGreater(int(said.headers["Content-Length"]), 3)
            self.assertTrue(self.over_http(worker, "/app").body.endswith(b"/app"))

    def test_a_file_that_vanishes(self) -> None:
        """A file that is removed or replaced while it is sent arrives as it was."""
        worker = self.static()

        def answer(*args: Any) -> Answer:
            (self.www / "large.bin").unlink()
            (self.www / "large.bin").write_text("new")
            return real_answer(*args)

        with mock.patch("uwsgid.static.serving.answer", answer):
            self.assertEqual(self.over_http(worker, "/s/large.bin").body, LARGE)
        self.assertEqual(self.over_http(worker, "/s/large.bin").body, b"new")

    def test_a_client_that_leaves(self) -> None:
        """A client that goes away costs the worker nothing but a line."""
        (self.www / "huge.bin").write_bytes(b"")
        os.truncate(self.www / "huge.bin", 64 << 20)
        worker = self.static()
        client = worker.http()
        client.sendall(get("/s/huge.bin"))
        client.recv(100)
        client.close()
        until(lambda: worker.served)
        self.assertTrue(self.over_http(worker, "/s/a.css").body)
        self.assertLess(worker.served[0].reply.body_size, 64 << 20)
        self.assertEqual(worker.served[0].reply.write_errors, 1)
        self.assertEqual(self.open_files(), [])

    def test_a_slow_client_is_given_up(self) -> None:
        """A client that takes nothing for socket-timeout is given up."""
        (self.www / "huge.bin").write_bytes(b"")
        os.truncate(self.www / "huge.bin", 64 << 20)
        worker = self.static("static-map = /s=@\nsocket-timeout = 1")
        client = self.http(worker)
        started = time.monotonic()
        client.sendall(get("/s/huge.bin"))
        until(lambda: worker.served)
        self.assertGreater(time.monotonic() - started, 0.9)
        self.assertIn("TIMEOUT !!!", worker.said[-1])
