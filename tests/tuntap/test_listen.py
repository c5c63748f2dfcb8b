"""Tests of `uwsgid.tuntap.listen`."""

from __future__ import annotations

import array
import errno
import os
import socket
import struct
import threading

from tests.descriptors import open_descriptors
from tests.tuntap.devices import is_open
from tests.tuntap.routers import BLUE, HOST, RouterCase, packet
from uwsgid.errors import KernelError, PeerError
from uwsgid.host.tun import DeviceFacts
from uwsgid.tuntap import closing, listen
from uwsgid.tuntap.access import Credentials
from uwsgid.tuntap.listen import (
    HELLO_TAKES,
    MOST_SILENT,
    STRANGER,
    CredentialsGuest,
    caller_of,
    examine,
)
from uwsgid.tuntap.peer import MAX_ADDRESSES
from uwsgid.tuntap.policy import Policy
from uwsgid.wire.handover import Answer, Hello
from uwsgid.wire.tunframe import HELLO, frame


class DeviceDoorTests(RouterCase):
    def offer(self, data: bytes, *descriptors: int) -> socket.socket:
        """A connection to the companion socket on which a record was sent."""
        client = self.connect("t.dev", socket.SOCK_SEQPACKET)
        self.reactor.turn()
        passed = array.array("i", descriptors).tobytes()
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, passed)] if descriptors else []
        client.sendmsg([data], control)
        self.reactor.advance(2)
        self.reactor.turn()
        return client

    def assert_refused(self, client: socket.socket, why: str) -> None:
        """The answer says no, the connection is closed, and the router goes on."""
        answer = Answer.unpack(client.recv(4096))
        self.assertFalse(answer.ok)
        self.assertIn(why, answer.why)
        self.assertEqual(client.recv(10), b"")
        self.assertEqual(self.router.peers, {})

    def test_what_is_no_device_is_refused(self) -> None:
        """A file, a pipe and a socket are told apart from tun devices."""
        self.make_router()
        reader, writer = os.pipe()
        file = os.open("/dev/null", os.O_RDWR)
        other = socket.socketpair()
        self.addCleanup(os.close, reader)
        self.addCleanup(os.close, writer)
        self.addCleanup(os.close, file)
        for end in other:
            self.addCleanup(end.close)
        for fd in (reader, writer, file, other[0].fileno()):
            self.assert_refused(self.offer(Hello("uwsgi0").pack(), fd), "not a tun device")

    def test_a_device_is_taken(self) -> None:
        """What the kernel knows as a tun device becomes a peer, with the user who handed it over."""
        self.make_router()
        self.patch(listen, "examine", lambda fd: DeviceFacts("uwsgi0", 0x5001))
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(ours.close)
        self.addCleanup(theirs.close)
        client = self.offer(Hello("uwsgi0", ("out any any deny",), (BLUE,)).pack(), theirs.fileno())
        self.assertEqual(Answer.unpack(client.recv(4096)), Answer(True))
        (peer,) = self.router.peers.values()
        self.assertEqual((peer.device, peer.uid, peer.pid), ("uwsgi0", os.getuid(), os.getpid()))
        self.assertEqual(list(peer.addresses), [socket.inet_aton(BLUE)])
        ours.send(bytes(10) + packet(BLUE, HOST))
        self.reactor.turn()
        self.assertEqual((self.host.written(), peer.denied_out), ([], 1))
        self.reactor.advance(HELLO_TAKES + 1)
        self.assertEqual(len(self.router.peers), 1)

    def test_the_device_of_another_peer_is_refused(self) -> None:
        """One open file is the device of one peer; when that peer has left, it may come again."""
        self.make_router()
        self.patch(listen, "examine", lambda fd: DeviceFacts("uwsgi0", 0x5001))
        device, connection = self.device_peer(BLUE)
        client = self.offer(Hello("uwsgi0").pack(), device.fd)
        answer = Answer.unpack(client.recv(4096))
        self.assertIn("the device of 192.168.0.2", answer.why)
        self.assertEqual(len(self.router.peers), 1)
        self.assertTrue(is_open(self.device_links()[0].device))
        for reader in self.reactor.readers[:]:
            if reader in (self.device_links()[0], self.device_links()[0]._lifeline):
                self.reactor.removeReader(reader)  # the reactor has not come to it yet
        connection.close()
        again = self.offer(Hello("uwsgi0").pack(), device.fd)
        self.assertEqual(Answer.unpack(again.recv(4096)), Answer(True))
        self.assertEqual([peer.number for peer in self.router.peers.values()], [2])

    def test_the_device_of_the_router_is_refused(self) -> None:
        """The router's own device is nobody's."""
        self.make_router()
        self.patch(listen, "examine", lambda fd: DeviceFacts("emperor0", 0x5001))
        self.assert_refused(self.offer(Hello("uwsgi0").pack(), self.host.fd), "of the router itself")

    def test_nonsense_is_refused(self) -> None:
        """Records that are none, rules that are none, no descriptor, several descriptors."""
        self.make_router()
        self.patch(listen, "examine", lambda fd: DeviceFacts("uwsgi0", 0x5001))
        fd = self.host.fd
        self.assert_refused(self.offer(b"\xc1", fd), "")
        self.assert_refused(self.offer(b"x" * 5000, fd), "4096 bytes")
        self.assert_refused(self.offer(Hello("uwsgi0").pack()), "one descriptor")
        self.assert_refused(self.offer(Hello("uwsgi0").pack(), fd, 0), "one descriptor")
        self.assert_refused(self.offer(Hello("uwsgi0").pack(), *[0] * 100), "one descriptor")
        device = socket.socketpair()
        for end in device:
            self.addCleanup(end.close)
        bad_rule = Hello("uwsgi0", ("sideways any any allow",)).pack()
        self.assert_refused(self.offer(bad_rule, device[0].fileno()), "'sideways'")
        bad_address = Hello("uwsgi0", (), ("tomorrow",)).pack()
        self.assert_refused(self.offer(bad_address, device[0].fileno()), "'tomorrow'")

    def test_an_address_that_is_taken(self) -> None:
        """A vassal that asks for the address of another one hears why it does not get it."""
        self.make_router()
        self.patch(listen, "examine", lambda fd: DeviceFacts("uwsgi0", 0x5001))
        self.stream_peer(BLUE)
        device = socket.socketpair()
        for end in device:
            self.addCleanup(end.close)
        client = self.offer(Hello("uwsgi0", (), (BLUE,)).pack(), device[0].fileno())
        self.assertIn("collision", Answer.unpack(client.recv(4096)).why)
        self.assertEqual(len(self.router.peers), 1)

    def test_more_addresses_than_a_peer_may_have(self) -> None:
        """The first sixteen count."""
        self.make_router()
        self.patch(listen, "examine", lambda fd: DeviceFacts("uwsgi0", 0x5001))
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(ours.close)
        self.addCleanup(theirs.close)
        addresses = tuple(f"10.0.0.{number}" for number in range(1, 21))
        self.offer(Hello("uwsgi0", (), addresses).pack(), theirs.fileno())
        (peer,) = self.router.peers.values()
        self.assertEqual(
            list(peer.addresses), [socket.inet_aton(address) for address in addresses[:MAX_ADDRESSES]]
        )

    def test_a_device_is_nobody_elses(self) -> None:
        """What a router executes does not inherit the devices that it was given."""
        self.make_router()
        self.patch(listen, "examine", lambda fd: DeviceFacts("uwsgi0", 0x5001))
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(ours.close)
        self.addCleanup(theirs.close)
        self.offer(Hello("uwsgi0").pack(), theirs.fileno())
        self.assertFalse(os.get_inheritable(self.device_links()[0].device))

    def test_more_descriptors_than_fit(self) -> None:
        """They are refused, and none of them stays open."""
        self.make_router()
        ends = socket.socketpair()
        for end in ends:
            self.addCleanup(end.close)
        before = len(open_descriptors())
        client = self.offer(Hello("uwsgi0").pack(), *[ends[0].fileno()] * 20)
        self.assert_refused(client, "one descriptor")
        client.close()
        self.assertEqual(len(open_descriptors()), before)

    def test_silence_is_ended(self) -> None:
        """A connection that says nothing is closed after a while; one that leaves is forgotten."""
        self.make_router()
        silent = self.connect("t.dev", socket.SOCK_SEQPACKET)
        gone = self.connect("t.dev", socket.SOCK_SEQPACKET)
        gone.close()
        self.reactor.turn(2)
        self.reactor.advance(HELLO_TAKES)
        self.assertEqual(silent.recv(10), b"")
        self.assertIn("said nothing", "\n".join(self.lines))
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_there_is_room_for_so_many_silent_ones(self) -> None:
        """Those that say nothing can not use up the descriptors of the router."""
        self.make_router()
        clients = []
        for _ in range(MOST_SILENT + 5):
            clients.append(self.connect("t.dev", socket.SOCK_SEQPACKET))
            self.reactor.turn()
        self.assertEqual([client.recv(1) for client in clients[MOST_SILENT:]], [b""] * 5)
        for client in clients:
            client.close()
        self.reactor.turn()
        self.offer(b"", 0)
        self.assertRaises(BlockingIOError, self.connect("t.dev", socket.SOCK_SEQPACKET).recv, 1)

    def test_descriptors_are_closed_elsewhere(self) -> None:
        """Closing what somebody passed may take long; the guest is answered, and nobody waits."""
        go = threading.Event()
        self.addCleanup(go.set)
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)

        def close(fd: int) -> None:
            go.wait(10)
            os.close(fd)

        self.patch(closing, "close_now", close)
        self.patch(listen, "strange_closer", closing.Closer())
        self.make_router()
        self.assert_refused(self.offer(Hello("uwsgi0").pack(), writer), "not a tun device")
        os.close(writer)
        os.set_blocking(reader, False)
        self.assertRaises(BlockingIOError, os.read, reader, 1)
        os.set_blocking(reader, True)
        go.set()
        self.assertEqual(os.read(reader, 1), b"")

    def test_a_broken_connection(self) -> None:
        """A guest whose connection the poller complains about is forgotten."""
        self.make_router()
        client = self.connect("t.dev", socket.SOCK_SEQPACKET)
        self.reactor.turn()
        (guest,) = [reader for reader in self.reactor.readers if reader.logPrefix() == "tuntap guest"]
        self.reactor.hang_up(guest)
        self.assertEqual(client.recv(1), b"")

    def test_examine_without_proc(self) -> None:
        """In a jail without /proc the device itself is asked."""
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        self.addCleanup(os.close, writer)
        self.assertRaises(PeerError, examine, reader)
        asked: list[int] = []

        def refuse(fd: int) -> DeviceFacts:
            asked.append(fd)
            raise KernelError("TUNGETIFF: Inappropriate ioctl for device [not a tun device]")

        def missing(*_args: object, **_more: object) -> object:
            raise FileNotFoundError(errno.ENOENT, "no /proc")

        self.patch(listen, "identify", refuse)
        listen.open = missing  # type: ignore[attr-defined]
        self.addCleanup(lambda: delattr(listen, "open"))
        self.assertRaises(PeerError, examine, reader)
        self.assertEqual(asked, [reader])


class StreamDoorTests(RouterCase):
    def test_500_peers_come_and_go(self) -> None:
        """Nothing of them is left, and whoever comes after them is served."""
        self.make_router()
        before = len(open_descriptors())
        for _ in range(10):
            clients = [self.connect() for _ in range(50)]
            self.reactor.turn()
            self.assertEqual(len(self.router.peers), 50)
            for number, client in enumerate(clients):
                if number % 2:
                    client.send(frame(packet(BLUE, HOST))[: number + 1])
                client.close()
            self.reactor.turn(2)
        self.assertEqual(self.router.peers, {})
        self.assertEqual(len(open_descriptors()), before)
        self.stream_peer(BLUE)
        self.assertEqual(self.peer(BLUE).uid, os.getuid())

    def test_without_descriptors(self) -> None:
        """When descriptors run out, accepting rests for a second, with a line, and packets flow on."""
        self.make_router()
        client = self.stream_peer(BLUE)
        door = self.router._doors._doors[0]
        accept = door._listener

        class Exhausted:
            def accept(self) -> None:
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

            def fileno(self) -> int:
                return accept.fileno()

            def close(self) -> None:
                accept.close()

        door._listener = Exhausted()  # type: ignore[assignment]
        self.reactor.advance(2)
        self.reactor.turn()
        self.assertNotIn(door, self.reactor.readers)
        self.assertIn("Too many open files", "\n".join(self.lines))
        client.send(frame(packet(BLUE, HOST)))
        self.reactor.turn()
        self.assertEqual(self.host.written(), [packet(BLUE, HOST)])
        door._listener = accept
        self.reactor.advance(1)
        self.assertIn(door, self.reactor.readers)
        self.stream_peer("192.168.0.9")

    def test_an_accept_that_fails(self) -> None:
        """A connection that was reset before it was accepted costs nobody anything; the line is said once."""
        self.make_router()
        door = self.router._doors._doors[0]
        self.reactor.advance(2)

        class Reset:
            def accept(self) -> None:
                raise OSError(errno.ECONNABORTED, os.strerror(errno.ECONNABORTED))

        listener, door._listener = door._listener, Reset()  # type: ignore[assignment]
        door.doRead()
        door._listener = listener
        self.assertEqual(len([line for line in self.lines if "accept()" in line]), 1)
        self.stream_peer(BLUE)

    def test_credentials(self) -> None:
        """With the handshake, a peer is whom the kernel says it is, and its packets follow."""
        self.make_router(Policy(credentials=Credentials(required=True)))
        client = self.connect()
        self.reactor.turn(2)
        self.assertEqual(self.router.peers, {})
        mine = struct.pack("3i", os.getpid(), os.getuid(), os.getgid())
        client.sendmsg([HELLO], [(socket.SOL_SOCKET, 2, mine)])
        client.send(frame(packet(BLUE, HOST)))
        self.reactor.turn(2)
        self.assertEqual(self.host.written(), [packet(BLUE, HOST)])
        self.assertEqual(self.peer(BLUE).pid, os.getpid())

    def test_credentials_that_are_none(self) -> None:
        """Wrong text, packets first, silence before the end: closed, and never a peer."""
        self.make_router(Policy(credentials=Credentials(required=True)))
        for said in (b"uwsgi-tunnel", frame(packet(BLUE, HOST)), b"uwsgi", b""):
            client = self.connect()
            self.reactor.turn()
            if said:
                client.send(said)
            else:
                client.shutdown(socket.SHUT_WR)
            self.reactor.turn()
            self.assertRaises((ConnectionResetError, BlockingIOError), self._read_end, client)
            self.assertEqual(self.router.peers, {})

    def _read_end(self, client: socket.socket) -> None:
        if client.recv(1) == b"":
            raise ConnectionResetError

    def test_words_before_they_were_asked_for(self) -> None:
        """Who speaks before the kernel was asked to vouch is not taken for nobody, a user like others."""
        router = self.make_router(Policy(credentials=Credentials(required=True)))
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        theirs.setblocking(False)
        ours.send(HELLO)
        CredentialsGuest(theirs, router).start()
        ours.send(frame(packet(BLUE, HOST)))
        self.reactor.turn()
        self.assertEqual((router.peers, self.host.written()), ({}, []))
        self.assertIn("a client without credentials", self.lines[-1])

    def test_frames_do_not_wait_for_more(self) -> None:
        """A stream over TCP sends each frame at once, and finds out when its peer is gone."""
        self.make_router()
        welcomed: list[socket.socket] = []
        reception = self.router
        self.patch(reception, "welcome_stream", lambda connection, who: welcomed.append(connection))
        with (
            socket.create_server(("127.0.0.1", 0)) as server,
            socket.create_connection(server.getsockname()),
        ):
            accepted, _ = server.accept()
            self.addCleanup(accepted.close)
            listen.Doors(reception, server, None)._enter_stream(accepted)
        self.assertEqual(welcomed, [accepted])
        for level, name in (
            (socket.IPPROTO_TCP, socket.TCP_NODELAY),
            (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
        ):
            self.assertTrue(accepted.getsockopt(level, name))

    def test_credentials_over_tcp(self) -> None:
        """TCP carries none, so nobody comes in that way."""
        self.make_router(Policy(credentials=Credentials(required=True)))
        with socket.create_server(("127.0.0.1", 0)) as server:
            client = socket.create_connection(server.getsockname())
            self.addCleanup(client.close)
            connection, _ = server.accept()
            self.addCleanup(connection.close)
            self.assertEqual(caller_of(connection), STRANGER)
            self.assertRaises(PeerError, self.router._doors._enter_stream, connection)

    def test_an_address_for_each_user(self) -> None:
        """A map gives the address; who is not in it is closed, with a line."""
        assigned = {os.getuid(): BLUE}
        policy = Policy(credentials=Credentials(assign=lambda pid, uid, gid: assigned.get(uid)))
        self.make_router(policy)
        self.stream_peer()
        self.assertEqual(list(self.peer(BLUE).addresses), [socket.inet_aton(BLUE)])
        assigned.clear()
        self.reactor.advance(2)
        client = self.stream_peer()
        self.assertEqual(client.recv(1), b"")
        self.assertIn("there is no address for uid", "\n".join(self.lines))
        self.assertEqual(len(self.router.peers), 1)
        assigned[os.getuid()] = "tomorrow"
        self.assertEqual(self.stream_peer().recv(1), b"")


class GuestTests(RouterCase):
    def test_a_guest_has_to_hear(self) -> None:
        """Who waits behind a door without a way to hear what is said can not be made."""
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        self.addCleanup(theirs.close)
        with self.assertRaises(TypeError):
            listen._Guest(ours, self.make_router())  # type: ignore[abstract]
