from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.tuntap.devices import FakeDevice, SteppedReactor, packet
from tests.tuntap.test_wishes import wishes
from uwsgid.errors import KernelError
from uwsgid.host.addresses import parse_address
from uwsgid.tuntap import client as clients
from uwsgid.tuntap.client import FIRST_REST, LONGEST_REST, STEADY, Client, connect_stream
from uwsgid.tuntap.handover import Attachment
from uwsgid.tuntap.relay import Relay
from uwsgid.wire.handover import Answer, Hello
from uwsgid.wire.tunframe import frame

YES = Answer(True)


class ClientCase(SynchronousTestCase):
    """A client in front of sockets where a router would be."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="uwsgid-")
        self.addCleanup(folder.cleanup)
        self.path = str(Path(folder.name) / "t")
        self.reactor = SteppedReactor()
        self.device = FakeDevice()
        self.addCleanup(self.device.close)
        self.said: list[str] = []
        self.offloads: list[bool] = []
        self.calls: list[str] = []
        self.patch(clients, "set_offload", lambda fd, on: self.offloads.append(on))
        self.patch(clients, "call_neighbour", self.calls.append)
        self.wishes = wishes(router=self.path)
        self.client = Client(self.reactor, self.said.append, self.wishes, self.device.fd)
        self.addCleanup(self.client.stop)

    def listen(self, kind: int, suffix: str = "") -> socket.socket:
        """Be a router, for vassals with frames or for those with devices."""
        listener = socket.socket(socket.AF_UNIX, kind)
        self.addCleanup(listener.close)
        listener.bind(self.path + suffix)
        listener.listen()
        listener.setblocking(False)
        return listener

    def streams(self) -> socket.socket:
        return self.listen(socket.SOCK_STREAM)

    def companion(self) -> socket.socket:
        return self.listen(socket.SOCK_SEQPACKET, ".dev")

    def taken(self, companion: socket.socket, answer: Answer = YES) -> tuple[socket.socket, Hello]:
        """What a router does with a device."""
        connection, _ = companion.accept()
        self.addCleanup(connection.close)
        data, passed, _, _ = socket.recv_fds(connection, 5000, 4)
        for fd in passed:
            self.assertTrue(os.path.samestat(os.fstat(fd), os.fstat(self.device.fd)))
            os.close(fd)
        connection.send(answer.pack())
        self.reactor.turn()
        return connection, Hello.unpack(data)

    def resting(self) -> float:
        """How long the client rests."""
        [call] = self.reactor.getDelayedCalls()
        return call.getTime() - self.reactor.seconds()


class HandOverTests(ClientCase):
    def test_a_router_of_ours(self) -> None:
        """Where there is a companion the device goes there, and no packet through this process."""
        self.streams()
        companion = self.companion()
        self.client.start()
        _, hello = self.taken(companion)
        self.assertEqual(hello.device, "uwsgi0")
        self.assertIsInstance(self.client.link, Attachment)
        self.assertEqual(self.said, [f"tuntap device uwsgi0: handed over to the router at {self.path}"])
        self.assertNotIn(self.device.fd, [reader.fileno() for reader in self.reactor.readers])
        self.assertEqual(self.offloads, [], "that is up to the router")

    def test_the_router_hears_from_us(self) -> None:
        """Each time it is attached, a device sends something: routers know peers by their packets."""
        companion = self.companion()
        self.client.start()
        self.assertEqual(self.calls, [])
        self.taken(companion)
        self.assertEqual(self.calls, ["uwsgi0"])

    def test_one_that_was_taken_at_boot(self) -> None:
        """A connection that was made at boot is only watched, and replaced when it ends."""
        companion = self.companion()
        ours, router = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.client.start(ours)
        self.assertEqual(self.said, [])
        self.assertEqual(self.calls, ["uwsgi0"])
        router.close()
        self.reactor.turn()
        self.reactor.advance(FIRST_REST)
        self.taken(companion)
        self.assertEqual(len(self.said), 2)

    def test_a_refusal(self) -> None:
        """A router that does not want the device is asked again later, and its reason is told once."""
        companion = self.companion()
        self.client.start()
        for _ in range(3):
            self.taken(companion, Answer(False, "you may not"))
            self.reactor.advance(self.resting())
        self.assertEqual(len(self.said), 1)
        self.assertIn(
            "tuntap server disconnected... the router refuses the device: you may not", self.said[0]
        )


class FramesTests(ClientCase):
    def test_a_router_without_a_companion(self) -> None:
        """uWSGI's own router gets frames; the device has its offload off, for frames have no place for it."""
        streams = self.streams()
        self.client.start()
        router, _ = streams.accept()
        self.assertIsInstance(self.client.link, Relay)
        self.assertEqual(self.said, [f"tuntap device uwsgi0: frames to the router at {self.path}"])
        self.assertEqual(self.offloads, [False])
        self.device.hold(packet())
        self.reactor.turn()
        self.assertEqual(router.recv(1000), frame(packet()))
        router.close()

    def test_rules_and_credentials_come_first(self) -> None:
        """The rules of the configuration are sent before the first packet."""
        streams = self.streams()
        asked = wishes("out 0.0.0.0 10.0.0.0/8 deny", router=self.path)
        client = Client(self.reactor, self.said.append, asked, self.device.fd)
        self.addCleanup(client.stop)
        client.start()
        router, _ = streams.accept()
        self.assertEqual(router.recv(1000), asked.records())
        router.close()

    def test_rules_that_frames_can_not_carry(self) -> None:
        """A rule that can not be told whole is not told at all, and the device stays alone."""
        streams = self.streams()
        asked = wishes("out 0.0.0.0 0.0.0.0 deny proto=tcp", router=self.path)
        client = Client(self.reactor, self.said.append, asked, self.device.fd)
        self.addCleanup(client.stop)
        client.start()
        router, _ = streams.accept()
        self.assertEqual(router.recv(1000), b"")
        router.close()
        self.assertIs(client.link, None)
        self.assertIn("need a router that takes devices over", self.said[0])

    def test_a_device_that_is_none(self) -> None:
        """What the kernel refuses is told, and tried again."""

        def refuse(fd: int, on: bool) -> None:
            raise KernelError("TUNSETOFFLOAD: no")

        self.patch(clients, "set_offload", refuse)
        self.streams()
        self.client.start()
        self.assertIn("TUNSETOFFLOAD: no", self.said[0])
        self.assertGreater(self.resting(), 0)

    def test_over_tcp(self) -> None:
        """A router on TCP never has a companion."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            client = Client(
                self.reactor, self.said.append, wishes(router=f"127.0.0.1:{port}"), self.device.fd
            )
            self.addCleanup(client.stop)
            client.start()
            router, _ = listener.accept()
            self.device.hold(packet())
            self.reactor.turn()
            self.assertEqual(router.recv(1000), frame(packet()))
            router.close()


class BackOffTests(ClientCase):
    def test_rests_grow(self) -> None:
        """A router that is away is tried again after 0.1 s, and then ever more seldom, up to 5 s."""
        self.client.start()
        rests: list[float] = []
        for _ in range(9):
            rests.append(self.resting())
            self.reactor.advance(rests[-1])
        self.assertAlmostEqual(rests[0], FIRST_REST)
        self.assertAlmostEqual(rests[1], 2 * FIRST_REST)
        self.assertEqual(rests[-1], LONGEST_REST)
        self.assertEqual(len(self.said), 1, "the same line again and again")

    def test_a_router_that_drops_everybody(self) -> None:
        """Rests grow as well where each connection is taken and closed at once, as after a collision."""
        streams = self.streams()
        self.client.start()
        for _ in range(4):
            router, _ = streams.accept()
            router.close()
            self.reactor.turn()
            self.reactor.advance(self.resting())
        self.assertGreater(self.client._rest, FIRST_REST * 8)

    def test_a_steady_connection_is_missed_at_once(self) -> None:
        """After one that held, the first rest is short again."""
        streams = self.streams()
        self.client._rest = LONGEST_REST
        self.client.start()
        router, _ = streams.accept()
        self.reactor.advance(STEADY)
        router.close()
        self.reactor.turn()
        self.assertAlmostEqual(self.resting(), FIRST_REST)

    def test_stopping_ends_a_rest(self) -> None:
        """A client that was stopped does nothing more."""
        self.client.start()
        self.client.stop()
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class WishTests(ClientCase):
    def test_other_rules(self) -> None:
        """With other rules the device is attached anew; the router sees the old connection end."""
        companion = self.companion()
        self.client.start()
        first, _ = self.taken(companion)
        fresh = wishes("out 0.0.0.0 10.0.0.0/8 deny", router=self.path)
        self.client.wish(fresh)
        self.assertEqual(first.recv(10), b"")
        _, hello = self.taken(companion)
        self.assertEqual(hello.rules, ("out 0.0.0.0 10.0.0.0/8 deny",))

    def test_the_same_rules(self) -> None:
        """Without a change nothing is touched."""
        companion = self.companion()
        self.client.start()
        self.taken(companion)
        link: Any = self.client.link
        self.client.wish(wishes(router=self.path))
        self.assertIs(self.client.link, link)


class HandOnTests(ClientCase):
    def test_frames(self) -> None:
        """A stream goes on in another client, and the router sees no other connection."""
        streams = self.streams()
        self.client.start()
        router, _ = streams.accept()
        self.addCleanup(router.close)
        handed = self.client.hand_on()
        self.assertEqual(self.reactor.readers, [])
        assert handed is not None
        other = Client(self.reactor, self.said.append, self.wishes, self.device.fd)
        self.addCleanup(other.stop)
        other.resume(handed)
        self.assertEqual(self.said, [f"tuntap device uwsgi0: frames to the router at {self.path}"] * 2)
        self.device.hold(packet())
        self.reactor.turn()
        self.assertEqual(router.recv(1000), frame(packet()))
        router.close()
        self.reactor.turn()
        self.assertAlmostEqual(self.resting(), FIRST_REST)

    def test_a_device(self) -> None:
        """So does the connection of a hand-over that the router has answered."""
        companion = self.companion()
        self.client.start()
        router, _ = self.taken(companion)
        handed = self.client.hand_on()
        assert handed is not None
        self.assertFalse(handed.frames)
        other = Client(self.reactor, self.said.append, self.wishes, self.device.fd)
        self.addCleanup(other.stop)
        other.resume(handed)
        router.setblocking(False)
        self.assertRaises(BlockingIOError, router.recv, 1)
        router.close()
        self.reactor.turn()
        self.assertIn("the router closed the connection", self.said[-1])

    def test_nothing_to_go_on_with(self) -> None:
        """There is nothing during a rest, before the router answers, and where the master has it as well."""
        self.client.start()
        self.assertIsNone(self.client.hand_on())
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.companion()
        self.client.start()
        self.assertIsNone(self.client.hand_on())
        ours, router = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(router.close)
        self.client.start(ours)
        self.assertIsNone(self.client.hand_on())
        self.assertEqual((self.client.link, self.reactor.readers), (None, []))


class ConnectTests(SynchronousTestCase):
    def test_a_router_that_falls_silent_is_missed(self) -> None:
        """Over TCP packets leave at once, and the kernel asks whether the other host is still there."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            stream = connect_stream(parse_address(f"127.0.0.1:{listener.getsockname()[1]}"))
            self.assertTrue(stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            self.assertTrue(stream.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
            self.assertEqual(stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT), 25_000)
            stream.close()

    def test_nobody(self) -> None:
        """Where nobody listens there is an error with its errno."""
        self.assertRaises(FileNotFoundError, connect_stream, parse_address("/nonexistent/socket"))
