"""Static files for clients that take their time."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
from typing import Final

from tests.live.sites import LARGE, StaticCase
from tests.live.support import SPAWNED, connect, fetch, wait_until

FILE_APP: Final = """
import os
def application(environ, start_response):
    start_response("200 OK", [("Content-Length", str(os.path.getsize("@")))])
    return environ["wsgi.file_wrapper"](open("@", "rb"))
"""


class SlowTests(StaticCase):
    """Clients that take their time, and workers that have to leave meanwhile."""

    def config(self, more: str = "static-map = /s=@/www") -> str:
        # no client is given up, however long it has to wait for its turn
        return super().config(f"socket-timeout = 60\n{more}")

    def slow(self, address: tuple[str, int], path: str = "/s/large.bin") -> socket.socket:
        """A client that asked and took the first bytes of the answer."""
        client = connect(address)
        self.addCleanup(client.close)
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        self.assertEqual(client.recv(12), b"HTTP/1.1 200")
        return client

    def rest(self, client: socket.socket) -> bytes:
        """The digest of the body, which is all that comes until the end."""
        return hashlib.sha256(self.body(client)).digest()

    def body(self, client: socket.socket) -> bytes:
        pieces = []
        while piece := client.recv(1 << 20):
            pieces.append(piece)
        return b"".join(pieces).partition(b"\r\n\r\n")[2]

    def test_one_worker_and_many_slow_clients(self) -> None:
        """With offload threads one worker serves others while ten clients take their time; a reactor too."""
        digest = self.large()
        for loop in ("simple", "reactor"):
            daemon, address = self.alone(
                f"static-map = /s=@/www\noffload-threads = 1\nloop = {loop}", name=f"{loop}.ini"
            )
            clients = [self.slow(address) for _ in range(10)]
            self.assertEqual(fetch(address, "/app").body, b"app GET /app")
            self.assertEqual(daemon.seen("/s/large.bin"), 0)
            for client in clients:
                self.assertEqual(self.rest(client), digest)
            line = rf"GET /s/large.bin => generated {LARGE} bytes in \d+ msecs via offload"
            daemon.wait_for(line, count=10)
            self.assertEqual(daemon.seen("spawned 1 offload threads for uWSGI worker 1"), loop == "simple")

    def test_a_stop_waits(self) -> None:
        """A stop and a reload let a transfer come to its end."""
        digest = self.large()
        daemon, address = self.alone("static-map = /s=@/www\noffload-threads = 1")
        before = self.slow(address)
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for(SPAWNED, count=2)
        wait_until(lambda: fetch(address, "/app").status == 200, "an answer of the new worker")
        after = self.slow(address)
        daemon.process.send_signal(signal.SIGTERM)
        rests = [self.rest(before), self.rest(after)]
        self.assertEqual(rests, [digest, digest], daemon.log())
        wait_until(lambda: daemon.process.poll() is not None, "the end of the instance")
        self.assertEqual(daemon.survivors(), [])

    def test_mercy_ends(self) -> None:
        """A client that goes on taking its time is left alone when the mercy is over."""
        self.large()
        more = "static-map = /s=@/www\noffload-threads = 1\nworker-reload-mercy = 2"
        daemon, address = self.alone(more)
        self.slow(address)
        daemon.process.send_signal(signal.SIGTERM)
        wait_until(lambda: daemon.process.poll() is not None, "the end of the instance")
        self.assertEqual(daemon.survivors(), [])

    def test_a_file_that_is_replaced(self) -> None:
        """A file that is replaced, or removed, in the middle of its transfer arrives as it was."""
        digest = self.large()
        for threads in (0, 1):
            _, address = self.alone(
                f"static-map = /s=@/www\noffload-threads = {threads}", name=f"{threads}.ini"
            )
            client = self.slow(address)
            (self.www / "other").write_bytes(b"new")
            os.rename(self.www / "large.bin", self.www / "kept.bin")
            os.rename(self.www / "other", self.www / "large.bin")
            self.assertEqual(self.rest(client), digest)
            self.assertEqual(fetch(address, "/s/large.bin").body, b"new")
            os.rename(self.www / "kept.bin", self.www / "large.bin")

    def test_a_file_that_is_cut(self) -> None:
        """A file that is cut in the middle of its transfer ends the connection, and no worker dies of it."""
        for threads in (0, 1):
            self.large()
            daemon, address = self.alone(
                f"static-map = /s=@/www\noffload-threads = {threads}", name=f"{threads}.ini"
            )
            client = self.slow(address)
            os.truncate(self.www / "large.bin", LARGE - 1)
            self.assertEqual(len(self.body(client)), LARGE - 1)
            self.assertEqual(fetch(address, "/app").status, 200)
            daemon.wait_for(rf"GET /s/large.bin => generated {LARGE - 1} bytes")

    def test_threads_that_serve(self) -> None:
        """The same with several cores, and what file_wrapper sends goes the same way."""
        digest = self.large()
        (self.folder / "app.py").write_text(FILE_APP.replace("@", str(self.www / "large.bin")))
        daemon, address = self.alone("offload-threads = 2\nthreads = 2")
        clients = [self.slow(address, "/any") for _ in range(6)]
        for client in clients:
            self.assertEqual(self.rest(client), digest)
        daemon.wait_for(rf"GET /any => generated {LARGE} bytes in \d+ msecs via offload", count=6)
