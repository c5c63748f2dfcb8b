"""Tests of `uwsgid.languages.python.api_connections`."""

from __future__ import annotations

import os
import socket
import time
from typing import Any

from tests.languages.python.serving import ServerCase
from uwsgid.config.settings import settings_of
from uwsgid.languages.python import api_connections as api


class ClientTests(ServerCase):
    def setUp(self) -> None:
        super().setUp()
        self.serve()
        self.ours, self.theirs = socket.socketpair()
        self.addCleanup(self.ours.close)
        self.addCleanup(self.theirs.close)
        self.reply: Any = self.begin(self.ours.fileno(), CONTENT_LENGTH="12").reply

    def test_content_length(self) -> None:
        """A number; 0 where there is none."""
        self.assertEqual(api.cl(), 12)
        self.begin(CONTENT_LENGTH="")
        self.assertEqual(api.cl(), 0)

    def test_add_var(self) -> None:
        """The variable is in the environ."""
        api.add_var(b"A", "b")
        self.assertEqual(self.serving.current[0].vars["A"], "b")

    def test_bytes_to_and_from_the_client(self) -> None:
        """Without a descriptor the client is meant."""
        self.assertEqual(api.connection_fd(), self.ours.fileno())
        self.assertEqual(api.send(b"hello"), 5)
        self.assertEqual(self.theirs.recv(10), b"hello")
        self.theirs.send(b"abcdef")
        self.assertEqual((api.recv(2), api.recv(self.ours.fileno(), 3), api.recv()), (b"ab", b"cde", b"f"))
        api.send(self.ours.fileno(), b"x")
        self.assertEqual(self.theirs.recv(10), b"x")

    def test_disconnect(self) -> None:
        """The client sees the end; an answer that has begun is finished, and the request goes on."""
        self.reply.started = True
        api.disconnect()
        self.assertEqual(self.theirs.recv(10), b"")
        self.assertEqual((self.reply.finished, self.reply.close, self.reply.broken), (1, True, True))
        api.disconnect()


class DeadlineTests(ServerCase):
    def deadline_after(self, seconds: int) -> float:
        api.set_user_harakiri(seconds)
        return self.board.deadline[4 * 2]

    def test_a_deadline_of_the_application(self) -> None:
        """It is written to the board, and 0 takes it away."""
        self.serve()
        self.assertApproximates(self.deadline_after(30), time.monotonic() + 30, 5)
        self.assertEqual(self.deadline_after(0), 0.0)

    def test_the_limit_of_the_configuration_stays(self) -> None:
        """The earlier one of both counts, from the start of the request."""
        self.settings = settings_of("harakiri = 20")
        self.serve()
        self.board.in_request[8] = 1
        self.board.started[8] = time.time() - 5
        self.assertApproximates(self.deadline_after(100), time.monotonic() + 15, 2)
        self.assertApproximates(self.deadline_after(3), time.monotonic() + 3, 2)
        self.assertApproximates(self.deadline_after(0), time.monotonic() + 15, 2)


class FileTests(ServerCase):
    def test_a_file_by_any_handle(self) -> None:
        """A name, a descriptor or a file; parts of it too."""
        path = self.write("data", "0123456789")
        with open(path, "rb") as file:
            for handle in (path, path.encode(), file, file.fileno()):
                self.assertEqual(b"".join(api.sendfile(handle)), b"0123456789")
        self.assertEqual(list(api.sendfile(path, 3, 2, 5)), [b"234", b"56"])
        self.assertEqual(list(api.sendfile(path, 0, 8, 100)), [b"89"])

    def test_the_rest_of_a_file_can_go_by_sendfile(self) -> None:
        """The wrapper shows descriptor and position then, and not for a part."""
        path = self.write("data", "0123456789")
        rest, part = api.sendfile(path, 0, 4), api.sendfile(path, 0, 4, 2)
        assert rest.file is not None
        self.assertEqual((rest.file.fileno(), rest.file.tell()), (rest.fd, 4))
        self.assertIsNone(part.file)
        rest.close()
        part.close()

    def test_it_closes_what_it_opened(self) -> None:
        """And nothing else."""
        path = self.write("data", "x")
        own = api.sendfile(path)
        fd = own.fd
        own.close()
        self.assertRaises(OSError, os.fstat, fd)
        with open(path, "rb") as file:
            api.sendfile(file).close()
            self.assertEqual(file.read(), b"x")


class ConnectTests(ServerCase):
    def exchange(self, address: str, listener: socket.socket) -> None:
        self.addCleanup(listener.close)
        listener.listen()
        fd = api.connect(address)
        peer, _ = listener.accept()
        with peer:
            api.send(fd, b"ping")
            self.assertEqual(peer.recv(10), b"ping")
            self.assertTrue(api.is_connected(fd))
        self.assertFalse(api.is_connected(fd))
        api.close(fd)
        self.assertRaises(OSError, os.fstat, fd)

    def test_tcp_and_unix(self) -> None:
        """The address is written as in the configuration."""
        tcp = socket.create_server(("127.0.0.1", 0))
        self.exchange(f"127.0.0.1:{tcp.getsockname()[1]}", tcp)
        unix = socket.socket(socket.AF_UNIX)
        path = os.path.relpath(self.folder / "s")
        unix.bind(path)
        self.exchange(path, unix)

    def test_abstract(self) -> None:
        """As the sockets of workers are bound, with a NUL behind the name."""
        abstract = socket.socket(socket.AF_UNIX)
        name = f"uwsgid-test-{os.getpid()}"
        abstract.bind(f"\0{name}\0".encode())
        self.exchange(f"@{name}", abstract)

    def test_nobody_there(self) -> None:
        """The answer is -1, and the log says why."""
        self.assertEqual(api.connect(os.path.relpath(self.folder / "none"), 1), -1)
        self.assertIn("No such file or directory", self.said[0])
