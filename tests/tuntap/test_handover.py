from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.tuntap.devices import SteppedReactor
from uwsgid.errors import PeerError
from uwsgid.host.addresses import parse_address
from uwsgid.tuntap.handover import Attachment, answer, companion_of, lives, offer
from uwsgid.wire.handover import Answer, Hello

HELLO = Hello("uwsgi0", ("out 0.0.0.0 10.0.0.0/8 deny",), ("192.168.0.2",))


class CompanionTests(SynchronousTestCase):
    def test_beside_a_path(self) -> None:
        """The companion of a path is the path with .dev behind it."""
        companion = companion_of(parse_address("/run/tuntap.sock"))
        assert companion is not None
        self.assertEqual(companion.sockaddr(), "/run/tuntap.sock.dev")

    def test_beside_an_abstract_name(self) -> None:
        """An abstract name gets it too, before the NUL that pads uWSGI's names."""
        companion = companion_of(parse_address("@tuntap"))
        assert companion is not None
        self.assertEqual(companion.sockaddr(), b"\0tuntap.dev\0")

    def test_tcp_has_none(self) -> None:
        """No descriptor travels over TCP."""
        self.assertIs(companion_of(parse_address("127.0.0.1:3000")), None)


class OfferTests(SynchronousTestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="uwsgid-")
        self.addCleanup(folder.cleanup)
        self.path = str(Path(folder.name) / "t.dev")
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(self.listener.close)
        self.companion = parse_address(self.path)
        self.mine, self.other = os.pipe()
        for fd in (self.mine, self.other):
            self.addCleanup(os.close, fd)

    def listen(self) -> None:
        self.listener.bind(self.path)
        self.listener.listen()

    def test_the_descriptor_goes_with_the_hello(self) -> None:
        """One record, one descriptor, which is the very file that was offered."""
        self.listen()
        connection = offer(self.companion, self.mine, HELLO, 1)
        assert connection is not None
        router, _ = self.listener.accept()
        data, passed, _, _ = socket.recv_fds(router, 5000, 4)
        self.assertEqual(Hello.unpack(data), HELLO)
        self.assertEqual(len(passed), 1)
        self.assertTrue(os.path.samestat(os.fstat(passed[0]), os.fstat(self.mine)))
        os.close(passed[0])
        router.send(Answer(True).pack())
        self.assertEqual(answer(connection), "")
        router.close()
        connection.close()

    def test_nobody_has_a_companion(self) -> None:
        """No socket, a file, a socket nobody listens at, one of streams: the router does not know devices."""
        self.assertIs(offer(self.companion, self.mine, HELLO, 1), None)
        Path(self.path).write_text("a file")
        self.assertIs(offer(self.companion, self.mine, HELLO, 1), None)
        os.unlink(self.path)
        self.listener.bind(self.path)
        self.assertIs(offer(self.companion, self.mine, HELLO, 1), None)
        os.unlink(self.path)
        with socket.socket(socket.AF_UNIX) as streams:
            streams.bind(self.path)
            streams.listen()
            self.assertIs(offer(self.companion, self.mine, HELLO, 1), None)

    def test_a_router_that_takes_nobody(self) -> None:
        """A router whose queue is full is there, only busy: that is an error and not a C router."""
        self.listener.bind(self.path)
        self.listener.listen(0)
        waiting: list[socket.socket] = []
        with self.assertRaises(OSError):
            for _ in range(10):
                made = offer(self.companion, self.mine, HELLO, 0.05)
                assert made is not None
                waiting.append(made)
        for one in waiting:
            one.close()


class AnswerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.ours, self.router = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(self.ours.close)
        self.addCleanup(self.router.close)

    def test_a_refusal_has_its_reason(self) -> None:
        """Why a router refuses is what it says."""
        self.router.send(Answer(False, "you may not").pack())
        self.assertEqual(answer(self.ours), "you may not")

    def test_a_router_that_hangs_up(self) -> None:
        """A router that leaves without a word has not taken anything."""
        self.router.close()
        self.assertRaises(ConnectionResetError, answer, self.ours)

    def test_nonsense(self) -> None:
        """What is no answer is an error of the peer."""
        self.router.send(b"what?")
        self.assertRaises(PeerError, answer, self.ours)

    def test_life(self) -> None:
        """A connection lives while the other end is held, whatever was said."""
        self.assertTrue(lives(self.ours))
        self.router.send(b"something")
        self.assertTrue(lives(self.ours))
        self.ours.recv(100)
        self.router.close()
        self.assertFalse(lives(self.ours))


class AttachmentTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = SteppedReactor()
        self.happened: list[str] = []
        self.ours, self.router = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(self.router.close)

    def attach(self, *, answered: bool = False) -> Attachment:
        attachment = Attachment(
            self.reactor,
            self.ours,
            lambda: self.happened.append("taken"),
            self.happened.append,
            answered=answered,
        )
        attachment.start()
        self.addCleanup(attachment.stop)
        return attachment

    def test_taken_and_lost(self) -> None:
        """The router takes the device, and is lost one day."""
        self.attach()
        self.reactor.turn()
        self.assertEqual(self.happened, [])
        self.router.send(Answer(True).pack())
        self.reactor.turn()
        self.assertEqual(self.happened, ["taken"])
        self.router.close()
        self.reactor.turn(2)
        self.assertEqual(self.happened, ["taken", "the router closed the connection"])
        self.assertEqual(self.reactor.readers, [])

    def test_refused(self) -> None:
        """A refusal is the end, with its reason."""
        self.attach()
        self.router.send(Answer(False, "no room").pack())
        self.reactor.turn()
        self.assertEqual(self.happened, ["the router refuses the device: no room"])

    def test_nonsense(self) -> None:
        """So is an answer that is none."""
        self.attach()
        self.router.send(b"what?")
        self.reactor.turn()
        self.assertEqual(len(self.happened), 1)

    def test_one_that_was_taken_before(self) -> None:
        """A connection that was made at boot has its answer already; more words change nothing."""
        self.attach(answered=True)
        self.router.send(b"what?")
        self.reactor.turn(2)
        self.assertEqual(self.happened, [])
        self.reactor.hang_up(self.reactor.readers[0])
        self.assertEqual(self.happened, ["the router closed the connection"])

    def test_stopping_tells_the_router(self) -> None:
        """The router hears of the end although somebody else, the master, has the connection too."""
        kept = self.ours.dup()
        self.attach().stop()
        self.assertEqual(self.router.recv(10), b"")
        self.assertEqual(self.happened, [])
        kept.close()

    def test_leaving_does_not(self) -> None:
        """A process that only ends leaves the connection to whoever else has it."""
        kept = self.ours.dup()
        self.attach().leave()
        self.router.setblocking(False)
        self.assertRaises(BlockingIOError, self.router.recv, 10)
        self.assertEqual(self.happened, [])
        kept.close()
