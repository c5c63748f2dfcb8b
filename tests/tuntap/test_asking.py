"""`uwsgid.tuntap.asking`: questions to a running router."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import PeerError
from uwsgid.host.addresses import AddressError
from uwsgid.tuntap import asking
from uwsgid.tuntap.asking import TRIES, Unreachable, capture, document
from uwsgid.wire import pcapng

DOCUMENT = {"version": "1", "peers": [], "router": {}, "chains": {}}
HEAD = pcapng.section("uwsgid") + pcapng.interface("emperor0")


class FakeRouter:
    """Answers one connection after the other with what it is told to say.

    :ivar heard: what the clients said.
    """

    def __init__(self, listener: socket.socket, answers: list[bytes], *, listens: bool) -> None:
        self.heard: list[bytes] = []
        self._listener = listener
        self._answers = answers
        self._listens = listens
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def join(self) -> None:
        """Wait until all is said."""
        self._thread.join(10)

    def _serve(self) -> None:
        for answer in self._answers:
            connection, _ = self._listener.accept()
            with connection:
                said = b""
                while self._listens and not said.endswith(b"\n"):
                    said += connection.recv(4096)
                self.heard.append(said)
                try:
                    # in pieces, for nothing says that an answer comes at once
                    connection.sendall(answer[:2])
                    connection.sendall(answer[2:])
                except BrokenPipeError:
                    pass


class AskingTests(SynchronousTestCase):
    """Questions reach a router, and its answers are told apart."""

    @contextmanager
    def router(
        self, *answers: bytes, listens: bool = False, kind: str = "unix"
    ) -> Iterator[tuple[str, FakeRouter]]:
        """A router, and where it is."""
        if kind == "tcp":
            listener = socket.create_server(("127.0.0.1", 0))
            address = f"127.0.0.1:{listener.getsockname()[1]}"
        else:
            listener = socket.socket(socket.AF_UNIX)
            address = os.path.relpath(self.mktemp())
            listener.bind(address)
            listener.listen()
        with listener:
            router = FakeRouter(listener, list(answers), listens=listens)
            router.start()
            yield address, router
            router.join()

    def test_document(self) -> None:
        """The document comes to whoever says nothing, over any kind of socket."""
        said = json.dumps(DOCUMENT).encode()
        for kind in ("unix", "tcp"):
            with self.router(said, kind=kind) as (address, _):
                self.assertEqual(document(address), DOCUMENT)

    def test_abstract(self) -> None:
        """An abstract name is found, with a NUL behind it or without."""
        said = json.dumps(DOCUMENT).encode()
        name = f"@uwsgid-test-{os.getpid()}-{id(self)}"
        for padding in ("", "\0"):
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind("\0" + name[1:] + padding)
                listener.listen()
                router = FakeRouter(listener, [said], listens=False)
                router.start()
                self.assertEqual(document(name), DOCUMENT)
                router.join()

    def test_behind_http(self) -> None:
        """With ``stats-http`` there is a head before the document."""
        with self.router(b"HTTP/1.0 200 OK\r\nA: b\r\n\r\n" + json.dumps(DOCUMENT).encode()) as (address, _):
            self.assertEqual(document(address), DOCUMENT)

    def test_no_router(self) -> None:
        """What answers otherwise is no router."""
        for said in (b"", b"hello", b"[]", b'{"workers": []}', b"\xff"):
            with self.router(said) as (address, _):
                with self.assertRaises(PeerError) as caught:
                    document(address)
                self.assertIn(address, str(caught.exception))

    def test_nobody(self) -> None:
        """Nobody at an address, and no address at all, are errors that say so."""
        path = self.mktemp()
        with self.assertRaises(Unreachable) as caught:
            document(path)
        self.assertIn(f"no router answers at {path}: No such file or directory; ", str(caught.exception))
        with self.assertRaises(Unreachable) as caught:
            capture(f"@nobody-{os.getpid()}")
        self.assertIn("Connection refused", str(caught.exception))
        with self.assertRaises(AddressError):
            document("")

    def test_silence(self) -> None:
        """A router that takes the connection and says nothing is not waited for any longer than that."""
        self.patch(asking, "PATIENCE", 0.05)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            for ask in (document, capture):
                with self.assertRaises(Unreachable) as caught:
                    ask(f"127.0.0.1:{listener.getsockname()[1]}")
                self.assertIn("timed out", str(caught.exception))

    def test_capture(self) -> None:
        """A capture begins with what the router said first, and ends where it ends."""
        with self.router(HEAD + b"more", listens=True) as (address, router):
            stream = capture(address, "tcp port 80")
            data = b""
            while piece := stream.read():
                data += piece
            stream.close()
        self.assertEqual(data, HEAD + b"more")
        self.assertEqual(router.heard, [b"capture tcp port 80\n"])

    def test_again(self) -> None:
        """Where the document comes instead, the capture is asked for again."""
        with self.router(b'{"version"', b"HTTP/1.0 200", HEAD, listens=True) as (address, router):
            stream = capture(address)
            self.assertEqual(stream.read()[:4], HEAD[:4])
            stream.close()
        self.assertEqual(router.heard, [b"capture \n"] * 3)

    def test_no_captures(self) -> None:
        """Who has nothing but documents serves no captures."""
        with self.router(*[b'{"version"'] * TRIES, listens=True) as (address, _):
            with self.assertRaises(PeerError) as caught:
                capture(address)
            self.assertIn("no captures", str(caught.exception))

    def test_refused(self) -> None:
        """What the router complains of is passed on."""
        for said, words in (
            (b"'tpc' means nothing in a filter\nmore", "'tpc' means nothing in a filter"),
            (b"", "nothing"),
            (b"x", "x"),
        ):
            with self.router(said, listens=True) as (address, _):
                with self.assertRaises(PeerError) as caught:
                    capture(address, "tpc")
                self.assertEqual(str(caught.exception).removeprefix(f"{address}: ").endswith(words), True)
