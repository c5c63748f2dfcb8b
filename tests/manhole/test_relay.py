"""The way to the prompt of a worker; a real worker is in the live tests."""

from __future__ import annotations

import socket

from twisted.internet.testing import MemoryReactor
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.manhole.console import ClientGone
from uwsgid.manhole.record import Record
from uwsgid.manhole.relay import MOST, NoPrompt, Relay, no_worker
from uwsgid.manhole.verdict import CUT, UNREACHABLE


class RelayTests(SynchronousTestCase):
    """The test is the client and the worker."""

    def setUp(self) -> None:
        self.reactor = MemoryReactor()
        self.said: list[str] = []
        self.sent = b""
        self.closed = 0
        self.takes = True
        self.worker = socket.socket()
        self.relay = self.make()

    def make(self) -> Relay:
        record = Record(self.said.append, "ssh:here", " for worker 2")
        record.login("alice")
        return Relay(self.reactor, self.reach, record, self.send, self.close)

    def reach(self) -> socket.socket:
        ours, self.worker = socket.socketpair()
        self.worker.settimeout(30)
        self.addCleanup(ours.close)
        self.addCleanup(self.worker.close)
        return ours

    def send(self, data: bytes) -> None:
        if not self.takes:
            raise ClientGone("the client does not read")
        self.sent += data

    def close(self) -> None:
        self.closed += 1

    def assertOver(self, why: str, code: int = 0) -> None:
        """The relay is through, which was told once."""
        self.assertEqual((self.relay.is_over, self.relay.exit_code, self.closed), (True, code, 1))
        self.assertRegex(self.said[-1], rf"manhole session \d+ for worker 2: over \({why}\)")
        self.assertEqual((self.reactor.getReaders(), self.reactor.getWriters()), ([], []))
        self.relay.end("once more")
        self.relay.dismiss("once more")
        self.relay.receive(b"too late")
        self.relay.end_of_input()
        self.assertEqual(self.closed, 1)

    def test_a_terminal(self) -> None:
        """Its size goes first, then keys and what is drawn; the end of the session is its end."""
        self.relay.open_terminal(100)
        self.assertEqual(self.worker.recv(100), b"\x1b[8;24;100t")
        self.assertEqual(self.reactor.getReaders(), [self.relay])
        self.assertEqual(self.relay.logPrefix(), "manhole")
        self.assertGreaterEqual(self.relay.fileno(), 0)
        self.worker.sendall(b">>> ")
        self.relay.doRead()
        self.relay.doRead()
        self.relay.receive(b"1\r\x03")
        self.relay.open_terminal(40)
        self.assertEqual(self.worker.recv(100), b"1\r\x03\x1b[8;24;40t")
        self.assertEqual(self.sent, b">>> ")
        self.worker.close()
        self.relay.doRead()
        self.assertOver("left")
        self.relay.resume()
        self.assertOver("left")

    def test_a_pipe(self) -> None:
        """Lines go in, answers come out, and the verdict is the exit code."""
        for verdict, code in ((b"\x000", 0), (b"\x001", 1)):
            self.closed, self.sent = 0, b""
            self.relay = self.make()
            self.relay.open_pipe()
            self.relay.receive(b"thing\n")
            self.relay.end_of_input()
            self.assertEqual(self.worker.recv(100), b"\0thing\n")
            self.assertEqual(self.worker.recv(100), b"")
            self.worker.sendall(b"6\n" + verdict)
            self.relay.doRead()
            self.worker.close()
            self.relay.doRead()
            self.assertEqual(self.sent, b"6\n")
            self.assertOver("left", code)

    def test_a_command(self) -> None:
        """It is sent, and nothing after it."""
        self.relay.run_command("threads()")
        self.assertEqual(self.worker.recv(100), b"\0threads()\n")
        self.assertEqual(self.worker.recv(100), b"")

    def test_a_worker_that_dies(self) -> None:
        """A pipe without a verdict is told so, after all that was said."""
        self.relay.run_command("import os; os._exit(1)")
        self.worker.sendall(b"half")
        self.relay.doRead()
        self.worker.close()
        self.relay.doRead()
        self.assertEqual(self.sent, b"half*** the connection ended before the last answer ***\n")
        self.assertOver("the connection ended before the last answer", CUT)

    def test_no_prompt(self) -> None:
        """Where the worker can not be reached, the client is told why, and logged out."""
        self.patch(self.relay, "_reach", lambda: no_worker(2, ""))
        self.relay.open_terminal(80)
        self.assertEqual(self.sent, b"\r\n*** worker 2 has no prompt; add manhole-workers = true ***\r\n")
        self.assertOver("worker 2 has no prompt; add manhole-workers = true", UNREACHABLE)
        self.assertEqual(self.relay.fileno(), -1)
        self.relay.doRead()
        self.relay.doWrite()
        self.assertRaises(NoPrompt, no_worker, 2, "")

    def test_a_worker_that_does_not_read(self) -> None:
        """What it has no room for waits, in order, and not without end."""
        self.relay.open_pipe()
        text = bytes(range(256)) * 4096 * 4
        self.relay.receive(text)
        self.relay.end_of_input()
        self.assertEqual(self.reactor.getWriters(), [self.relay])
        self.worker.settimeout(0)
        got = b""
        while True:
            try:
                piece = self.worker.recv(1 << 20)
            except BlockingIOError:
                self.relay.doWrite()
                continue
            if not piece:
                break
            got += piece
        self.assertEqual(got, b"\0" + text)
        self.assertEqual(self.reactor.getWriters(), [])
        self.relay.end("enough")
        self.closed = 0
        self.relay = self.make()
        self.relay.open_pipe()
        self.relay.receive(b"x" * (MOST + (8 << 20)))
        self.assertIn(b"the worker does not read", self.sent)
        self.assertOver("the worker does not read", 1)

    def test_a_worker_that_says_goodbye(self) -> None:
        """What it said before it hung up is shown, also where we had more for it."""
        self.relay.open_terminal(80)
        self.worker.sendall(b"*** the worker ends ***\r\n")
        self.worker.close()
        self.relay.receive(b"thing\r")
        self.relay.doRead()
        self.assertEqual(self.sent, b"*** the worker ends ***\r\n")
        self.relay.doRead()
        self.assertOver("left")

    def test_a_client_that_does_not_read(self) -> None:
        """The worker is not read from while he rests, and his session ends where he is gone."""
        self.relay.open_terminal(80)
        self.relay.pause()
        self.assertEqual(self.reactor.getReaders(), [])
        self.relay.resume()
        self.assertEqual(self.reactor.getReaders(), [self.relay])
        self.takes = False
        self.worker.sendall(b"text")
        self.relay.doRead()
        self.assertOver("it does not read what is sent")

    def test_hung_up(self) -> None:
        """The worker hears that the client left, or that the instance ends."""
        self.relay.open_terminal(80)
        self.relay.end("hung up")
        self.worker.recv(100)
        self.assertEqual(self.worker.recv(100), b"")
        self.assertOver("hung up")
        self.closed = 0
        self.relay = self.make()
        self.relay.open_terminal(80)
        self.relay.connectionLost(None)
        self.assertOver("the instance ends")
