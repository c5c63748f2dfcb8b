"""Datagrams."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence

from tests.logs.loggers.receivers import PeerCase
from uwsgid.logs.courier import Courier
from uwsgid.logs.grievances import Grievances
from uwsgid.logs.loggers.addresses import Address
from uwsgid.logs.loggers.engine import Engine, NotKept
from uwsgid.logs.loggers.sending import DatagramEngine, Sender
from uwsgid.logs.pipeline import Pipeline


class Plain(DatagramEngine):
    """Sends records as they are."""

    def packets(self, record: bytes) -> tuple[bytes]:
        return (record,)


class Original(Engine):
    """The original log: what it was left with."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []

    def write(self, records: Sequence[bytes]) -> None:
        self.kept.extend(records)


class SenderTests(PeerCase):
    def engine(self, address: Address, patience: float | None = None) -> Plain:
        made = Plain(Sender(address.settle(), patience))
        self.addCleanup(made.close)
        return made

    def test_opens_late(self) -> None:
        """There is no socket before the first record."""
        peer, port = self.udp()
        engine = self.engine(Address("x", host="127.0.0.1", port=port))
        self.assertIsNone(engine.sender.socket)
        self.assertFalse(engine.SLOW)
        engine.write([b"one", b"two"])
        self.assertEqual([peer.recv(99), peer.recv(99)], [b"one", b"two"])

    def test_udp_refused(self) -> None:
        """Over UDP it is told that nobody listens, and every packet is sent all the same."""
        peer, port = self.udp()
        peer.close()
        engine = self.engine(Address("log:1", host="127.0.0.1", port=port))
        engine.write([b"one"])
        error = self.assertRaises(NotKept, engine.write, [b"two", b"three"])
        self.assertIn("can not send to log:1: Connection refused", str(error))
        again = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(again.close)
        again.settimeout(30)
        again.bind(("127.0.0.1", port))
        self.assertRaises(NotKept, engine.write, [b"four"])
        engine.write([b"five"])
        self.assertEqual([again.recv(99), again.recv(99)], [b"four", b"five"])

    def test_unix_comes_and_goes(self) -> None:
        """A UNIX peer that is away is told, and found again when it is back."""
        address = Address("log", path=self.path("log"))
        engine = self.engine(address)
        self.assertTrue(engine.SLOW)
        error = self.assertRaises(NotKept, engine.write, [b"one", b"two"])
        self.assertEqual(error.positions, (0, 1))
        self.assertIn("No such file", str(error))
        first = self.unix("log")
        engine.write([b"three"])
        self.assertEqual(first.recv(99), b"three")
        first.close()
        os.unlink(self.path("log"))
        second = self.unix("log")
        engine.write([b"four"])
        self.assertEqual(second.recv(99), b"four")

    def test_reader_hangs(self) -> None:
        """Nobody waits for a reader that does not read for longer than the patience of one record."""
        peer = self.unix("log")
        engine = self.engine(Address("log", path=self.path("log")), patience=0.05)
        records = [b"%d" % number for number in range(5000)]
        start = time.monotonic()
        error = self.assertRaises(NotKept, engine.write, records)
        self.assertLess(time.monotonic() - start, 10)
        self.assertIn("its reader is too slow", str(error))
        sent = len(records) - len(error.positions)
        self.assertEqual(error.positions, tuple(range(sent, len(records))))
        self.assertEqual([peer.recv(99) for _ in range(sent)], records[:sent])
        engine.write([b"again"])
        self.assertEqual(peer.recv(99), b"again")

    def test_too_long(self) -> None:
        """A record that no datagram can hold is the only one that is not sent."""
        peer, port = self.udp()
        engine = self.engine(Address("x", host="127.0.0.1", port=port))
        error = self.assertRaises(NotKept, engine.write, [b"one", b"x" * 70000, b"three"])
        self.assertEqual(error.positions, (1,))
        self.assertIn("too long", str(error))
        self.assertEqual([peer.recv(99), peer.recv(99)], [b"one", b"three"])

    def test_only_what_was_lost_goes_elsewhere(self) -> None:
        """The original log gets the records that were not sent, and no others."""
        _, port = self.udp()
        engine = self.engine(Address("x", host="127.0.0.1", port=port))
        original = Original()
        kept = original.kept
        Pipeline(original, [engine]).accept([b"one", b"x" * 70000, b"three"])
        self.assertEqual(kept, [b"x" * 70000])
        kept.clear()
        courier = Courier(engine, original, label="logger x", limit=1 << 20, grievances=Grievances())
        courier.start()
        courier.write([b"y" * 70000, b"two"])
        courier.close()
        self.assertEqual(kept, [b"y" * 70000])

    def test_unknown_name(self) -> None:
        """An engine whose peer has no address yet may wait for it, so it is a slow one."""

        def refuse(*_: object, **__: object) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "nobody knows it")

        self.patch(socket, "getaddrinfo", refuse)
        engine = self.engine(Address("x", host="nobody.invalid", port=9))
        self.assertTrue(engine.SLOW)
        error = self.assertRaises(NotKept, engine.write, [b"one"])
        self.assertIn("can not resolve nobody.invalid: nobody knows it", str(error))
