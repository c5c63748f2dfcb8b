"""What a worker is working on."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.supervise.board import Board, RequestKind
from uwsgid.supervise.snapshot import describe_request, request_vars
from uwsgid.wire.fastcgi_records import pairs

VARS = {"REQUEST_METHOD": "GET", "REQUEST_URI": "/shop?a=1", "REMOTE_ADDR": "10.0.0.1"}


def block(found: dict[str, str]) -> bytes:
    out = b""
    for pair in found.items():
        for text in pair:
            out += len(text).to_bytes(2, "little") + text.encode()
    return out


class Snapshots(SynchronousTestCase):
    def setUp(self) -> None:
        self.board = Board(slots=1, cores=2, snapshot=256)

    def keep(self, data: bytes, kind: RequestKind, core: int = 1) -> None:
        self.board.snapshot_of(0, core)[: len(data)] = data
        self.board.request_kind[core] = kind
        self.board.request_size[core] = len(data)
        self.board.in_request[core] += 1

    def test_uwsgi(self) -> None:
        """A block of uwsgi variables is read back."""
        self.keep(block(VARS), RequestKind.UWSGI)
        self.assertEqual(request_vars(self.board, 0, 1), VARS)
        self.assertEqual(describe_request(self.board, 0, 1), "GET /shop?a=1 of 10.0.0.1")

    def test_http(self) -> None:
        """So is the head of an HTTP request."""
        self.keep(b"\nGET /shop HTTP/1.1\r\nHost: a\r\n\r\n", RequestKind.HTTP)
        self.assertEqual(describe_request(self.board, 0, 1), "GET /shop")

    def test_fastcgi_and_scgi(self) -> None:
        """And the variables of the other protocols, also where the last of them is cut."""
        nul = "".join(f"{name}\0{value}\0" for name, value in VARS.items()).encode()
        for kind, data in ((RequestKind.FASTCGI, pairs(VARS.items())), (RequestKind.SCGI, nul)):
            self.board = Board(slots=1, cores=2, snapshot=256)
            self.keep(data, kind)
            self.assertEqual(request_vars(self.board, 0, 1), VARS, kind)
            self.keep(data[:-3], kind, core=0)
            self.assertEqual(describe_request(self.board, 0, 0)[:13], "GET /shop?a=1", kind)

    def test_idle(self) -> None:
        """A request that is over is not told, though its bytes are still there."""
        self.keep(block(VARS), RequestKind.UWSGI)
        self.board.in_request[1] += 1
        self.assertEqual(request_vars(self.board, 0, 1), {})
        self.assertEqual(describe_request(self.board, 0, 1), "(unknown)")

    def test_other_core(self) -> None:
        """Each core has its own."""
        self.keep(block(VARS), RequestKind.UWSGI)
        self.assertEqual(request_vars(self.board, 0, 0), {})

    def test_garbage(self) -> None:
        """Bytes that are no request are no reason to fail."""
        for kind in RequestKind:
            self.board = Board(slots=1, cores=2, snapshot=256)
            self.keep(b"\xff" * 40, kind)
            self.assertEqual(request_vars(self.board, 0, 1), {}, kind)

    def test_cut(self) -> None:
        """Of a head that was longer than the snapshot, what is there is told."""
        self.keep(block(VARS)[:-20], RequestKind.UWSGI)
        self.assertEqual(request_vars(self.board, 0, 1)["REQUEST_URI"], "/shop?a=1")
        self.keep(b"192.0.2.7\nGET /shop HTTP/1.1\r\nHost: a\r\nCoo", RequestKind.HTTP, core=0)
        self.assertEqual(describe_request(self.board, 0, 0), "GET /shop of 192.0.2.7")

    def test_a_request_that_changes_under_the_reader(self) -> None:
        """Bytes that belong to another request than was asked about are thrown away."""
        self.keep(block(VARS), RequestKind.UWSGI)
        whole = self.board.snapshot_of

        def changing(seat: int, core: int) -> memoryview:
            self.board.in_request[1] += 2
            return whole(seat, core)

        self.patch(self.board, "snapshot_of", changing)
        self.assertEqual(request_vars(self.board, 0, 1), {})
