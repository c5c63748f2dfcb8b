from __future__ import annotations

import contextlib
import functools
import os
import select
import socket
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.tuntap.devices import FakeDevice, SteppedReactor
from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError
from uwsgid.host.kept import Kept
from uwsgid.supervise.gateways import Gateway
from uwsgid.testing import MemoryKernel
from uwsgid.tuntap import client as clients
from uwsgid.tuntap import devices as starting
from uwsgid.tuntap import handover as handovers
from uwsgid.tuntap import standin as standins
from uwsgid.tuntap.devices import LIVE, Early, devices
from uwsgid.tuntap.relief import Handed
from uwsgid.tuntap.wishes import Wishes
from uwsgid.wire.handover import Answer, Hello


class RealEnough(MemoryKernel):
    """A kernel whose tun devices have real descriptors, as what is sent over sockets needs."""

    def __init__(self, device: FakeDevice) -> None:
        super().__init__(uid=0)
        self.made: list[tuple[str, int]] = []
        self.closed: list[int] = []
        self._device = device

    def open_tun(self, name: str, flags: int) -> tuple[int, str]:
        self.made.append((name, flags))
        return os.dup(self._device.fd), name.replace("%d", "7")

    def set_blocking(self, fd: int, blocking: bool) -> None:
        os.set_blocking(fd, blocking)

    def close(self, fd: int) -> None:
        self.closed.append(fd)
        os.close(fd)


def answer_nothing(connection: socket.socket) -> str:
    raise ConnectionResetError("the router closed the connection")


def ask_nobody(*_: object) -> None:
    raise AssertionError("somebody was asked")


class DevicesCase(SynchronousTestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="uwsgid-")
        self.addCleanup(folder.cleanup)
        self.path = str(Path(folder.name) / "t")
        device = FakeDevice()
        self.addCleanup(device.close)
        self.kernel = RealEnough(device)
        self.kept = Kept(self.kernel)
        self.said: list[str] = []
        self.addCleanup(self.close_kept)

    def close_kept(self) -> None:
        for fd in set(self.kept.descriptors()):
            os.close(fd)

    def open(self, config: str) -> list[Gateway]:
        """The gateways that a configuration asks for."""
        return list(devices(settings_of(config), self.kernel, self.said.append, self.kept))

    def work(self, gateway: Gateway) -> tuple[Wishes, int, Early]:
        """What a gateway works with."""
        work = gateway.run
        assert isinstance(work, functools.partial)
        _, wishes, fd, early = work.args
        return wishes, fd, early

    def router(self, *answers: Answer) -> list[Hello]:
        """A router that takes one device for each of *answers*; what it was told."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(self.path + ".dev")
        listener.listen()
        told: list[Hello] = []
        self.connections: list[socket.socket] = []

        def serve() -> None:
            for answer in answers:
                connection, _ = listener.accept()
                data, passed, _, _ = socket.recv_fds(connection, 5000, 4)
                for fd in passed:
                    os.close(fd)
                told.append(Hello.unpack(data))
                self.connections.append(connection)
                with contextlib.suppress(BrokenPipeError):
                    connection.send(answer.pack())

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()

        def end() -> None:
            thread.join(5)
            listener.close()
            for connection in self.connections:
                connection.close()

        self.addCleanup(end)
        return told


class DeviceTests(DevicesCase):
    def test_nothing_is_asked_for(self) -> None:
        """An instance without devices opens none."""
        self.assertEqual(self.open(""), [])
        self.assertEqual(self.kernel.made, [])

    def test_a_device_alone(self) -> None:
        """Without a socket the device is made and kept, without virtio headers, and nobody attends to it."""
        self.assertEqual(self.open("tuntap-device = uwsgi0"), [])
        self.assertEqual(self.kernel.made, [("uwsgi0", 0x1001)])
        [fd] = self.kept.descriptors()
        self.assertEqual(self.said, [f"initialized tuntap device uwsgi0 (fd: {fd})"])

    def test_a_pattern(self) -> None:
        """Where the kernel chooses the number, the name it chose counts from then on."""
        self.kernel.forks = [4711]
        [gateway] = self.open(f"tuntap-device = uwsgi%d {self.path}")
        self.assertEqual(gateway.name, "uWSGI tuntap device uwsgi7")

    def test_a_kept_device_is_not_made_again(self) -> None:
        """After a reload the device is there, with all that somebody gave its interface."""
        self.open("tuntap-device = uwsgi0")
        self.open("tuntap-device = uwsgi0")
        self.assertEqual(len(self.kernel.made), 1)
        self.assertEqual(len(self.said), 1)

    def test_a_line_that_got_a_socket(self) -> None:
        """A device that was made without virtio headers makes room for one that has them."""
        self.open("tuntap-device = uwsgi0")
        [bare] = self.kept.descriptors()
        self.kernel.forks = [4711]
        self.open(f"tuntap-device = uwsgi0 {self.path}")
        self.assertEqual(self.kernel.closed, [bare])
        self.assertEqual(self.kernel.made[-1], ("uwsgi0", 0x5001))


class AttachTests(DevicesCase):
    def test_a_router_of_ours_takes_it(self) -> None:
        """It is handed over before the hooks run, with the rules; the connection is kept."""
        told = self.router(Answer(True))
        [gateway] = self.open(
            f"tuntap-device = uwsgi0 {self.path}\ntuntap-device-rule = out 0.0.0.0 10.0.0.0/8 deny"
        )
        wishes, fd, early = self.work(gateway)
        self.assertEqual(told, [Hello("uwsgi0", ("out 0.0.0.0 10.0.0.0/8 deny",))])
        self.assertEqual(gateway.live, LIVE)
        self.assertFalse(early.relief.stands_in)
        pair = {early.relief.asks, early.relief.answers}
        self.assertEqual(set(self.kept.descriptors()), {fd, early.connection, *pair})
        self.assertEqual(self.kept.get(wishes.key), early.connection)
        self.assertEqual(self.said[1], f"tuntap device uwsgi0: handed over to the router at {self.path}")

    def test_a_connection_goes_on_over_a_reload(self) -> None:
        """A connection that lives is used again: the router never notices the reload."""
        told = self.router(Answer(True))
        line = f"tuntap-device = uwsgi0 {self.path}"
        first = self.work(self.open(line)[0])[2]
        second = self.work(self.open(line)[0])[2]
        self.assertEqual(first, second)
        self.assertEqual(len(told), 1)

    def test_a_connection_that_ended(self) -> None:
        """One that ended meanwhile is replaced."""
        told = self.router(Answer(True), Answer(True))
        line = f"tuntap-device = uwsgi0 {self.path}"
        self.open(line)
        self.connections[0].close()
        early = self.work(self.open(line)[0])[2]
        self.assertEqual(len(told), 2)
        self.assertIn(early.connection, self.kept.descriptors())
        self.assertEqual(len(self.kept.descriptors()), 4)

    def test_other_rules_need_another_connection(self) -> None:
        """What the router was told on a connection that is kept must still be true."""
        told = self.router(Answer(True), Answer(True))
        self.open(f"tuntap-device = uwsgi0 {self.path}")
        self.open(f"tuntap-device = uwsgi0 {self.path}\ntuntap-device-rule = in 0.0.0.0 0.0.0.0 deny")
        self.assertEqual([len(hello.rules) for hello in told], [0, 1])

    def test_a_refusal_does_not_stop_the_start(self) -> None:
        """A router may refuse who asks as root, and take the user that the instance becomes."""
        self.router(Answer(False, "you may not"))
        [gateway] = self.open(f"tuntap-device = uwsgi0 {self.path}")
        self.assertEqual(self.work(gateway)[2].connection, -1)
        self.assertIn("does not take it yet: you may not", self.said[1])

    def test_the_router_sees_the_later_user(self) -> None:
        """The boot goes to the router as the user that the instance will become."""
        self.kernel.users["nobody"] = 65534
        self.router(Answer(True))
        self.open(f"tuntap-device = uwsgi0 {self.path}\nuid = nobody\ngid = 65533")
        acted = [call for call in self.kernel.calls if call[0] == "act_as"]
        self.assertEqual(acted, [("act_as", "65534", "65533"), ("act_as", "0", str(self.kernel.gid))])

    def test_a_socket_for_root_alone(self) -> None:
        """Where that user may not reach the socket root goes there, as uWSGI's client does."""
        self.kernel.users["nobody"] = 65534
        told = self.router(Answer(True))
        offer, tries = handovers.offer, []

        def refused_once(*arguments: Any) -> Any:
            tries.append(arguments)
            if len(tries) == 1:
                raise PermissionError(13, "Permission denied")
            return offer(*arguments)

        self.patch(starting, "offer", refused_once)
        self.open(f"tuntap-device = uwsgi0 {self.path}\nuid = nobody")
        self.assertEqual(len(told), 1)
        self.assertEqual(self.kernel.calls[-1][0], "act_as")

    def test_a_router_that_hangs_up(self) -> None:
        """A router that leaves without an answer, or takes nobody, does not stop the start either."""
        self.router(Answer(True))
        self.patch(starting, "answer", answer_nothing)
        [gateway] = self.open(f"tuntap-device = uwsgi0 {self.path}")
        self.assertEqual(self.work(gateway)[2].connection, -1)

        def full(*arguments: Any) -> Any:
            raise BlockingIOError(11, "Resource temporarily unavailable")

        self.patch(starting, "offer", full)
        [gateway] = self.open(f"tuntap-device = uwsgi0 {self.path}")
        self.assertEqual(self.work(gateway)[2].connection, -1)
        self.assertIn("does not take it yet: [Errno 11]", self.said[-1])

    def test_an_ordinary_user_is_nobody_else(self) -> None:
        """Who is not root joins as whoever that is."""
        self.kernel.uid = 1000
        told = self.router(Answer(True))
        [gateway] = self.open(f"tuntap-device = uwsgi0 {self.path}\nuid = nobody")
        self.assertEqual(self.work(gateway)[0].user, (1000, self.kernel.gid))
        self.assertEqual(len(told), 1)

    def test_credentials_wait(self) -> None:
        """With credentials nobody is asked before privileges were dropped."""
        self.patch(starting, "offer", ask_nobody)
        self.patch(standins, "stand_in", ask_nobody)
        [gateway] = self.open(f"tuntap-device = uwsgi0 {self.path}\ntuntap-use-credentials = true")
        wishes, _, early = self.work(gateway)
        self.assertTrue(wishes.credentials)
        self.assertEqual((early.connection, early.relief.stands_in), (-1, False))

    def test_no_credentials_over_tcp(self) -> None:
        """Only UNIX sockets carry credentials, so a router on TCP is not told any and need not wait."""
        self.kernel.forks = [4711]
        [gateway] = self.open("tuntap-device = uwsgi0 127.0.0.1:3000\ntuntap-use-credentials = true")
        wishes, _, early = self.work(gateway)
        self.assertFalse(wishes.credentials)
        self.assertEqual(early.connection, -1)

    def test_frames_have_a_stand_in(self) -> None:
        """Where a device can not be handed over, a process passes its packets on for the time being."""
        self.kernel.forks = [os.getpid()]  # somebody who lives
        [gateway] = self.open(f"tuntap-device = uwsgi0 {self.path}")
        early = self.work(gateway)[2]
        self.assertEqual(early.connection, -1)
        self.assertTrue(early.relief.stands_in)

    def test_a_stand_in_goes_on_over_a_reload(self) -> None:
        """Where one was left behind nobody is asked, and it is relieved by the same pair as before."""
        self.kernel.forks = [os.getpid()]
        first = self.work(self.open(f"tuntap-device = uwsgi0 {self.path}")[0])[2]
        self.patch(starting, "offer", ask_nobody)
        for more in ("", "\ntuntap-use-credentials = true"):
            second = self.work(self.open(f"tuntap-device = uwsgi0 {self.path}{more}")[0])[2]
            self.assertEqual(second, first)

    def test_rules_that_tcp_can_not_carry(self) -> None:
        """A router on TCP gets frames for ever, so rules that frames can not carry stop the start."""
        with self.assertRaisesRegex(ConfigError, r"127\.0\.0\.1:3000 is on TCP"):
            self.open(
                "tuntap-device = uwsgi0 127.0.0.1:3000\n"
                "tuntap-device-rule = out 0.0.0.0 0.0.0.0 deny proto=tcp"
            )


class AttendTests(DevicesCase):
    """The process that keeps a device attached."""

    def test_it_goes_on_with_what_the_boot_has(self) -> None:
        """A connection of the boot is watched; another reading of the configuration may change the rules."""
        life = FakeLife(f"tuntap-device = uwsgi0 {self.path}")
        self.router(Answer(True), Answer(True))
        [gateway] = self.open(f"tuntap-device = uwsgi0 {self.path}")
        work = gateway.run
        assert isinstance(work, functools.partial)
        held = os.dup(work.args[3].connection)  # as the process has it that was forked from this one
        self.assertEqual(work.func(*work.args[:3], Early(work.args[3].relief, held), life), 30)
        life.reactor.start()
        self.assertEqual(len(life.reactor.readers), 1)
        life.config += "\ntuntap-device-rule = in 0.0.0.0 0.0.0.0 deny"
        life.hang_up()
        self.assertEqual(life.adopted, 1)
        self.assertEqual(len(life.reactor.readers), 1)
        life.config = "tuntap-device-rule = nonsense"
        life.hang_up()
        self.assertEqual(life.adopted, 1)
        self.assertIn("the rules stay as they are", life.said[-1])
        life.reactor.end()
        self.assertEqual(life.reactor.readers, [])

    def test_it_relieves_the_stand_in(self) -> None:
        """The stand-in is asked for its link, which goes on as it is; the next one gets it at the end."""
        life = FakeLife(f"tuntap-device = uwsgi0 {self.path}")
        self.kernel.forks = [os.getpid()]
        [gateway] = self.open(f"tuntap-device = uwsgi0 {self.path}")
        wishes, device, early = self.work(gateway)
        link, router = socket.socketpair()
        self.addCleanup(router.close)

        def leave() -> None:
            if select.select([early.relief.answers], [], [], 10)[0]:
                early.relief.asked()
                early.relief.give(wishes.mark, Handed(link, True))
                link.close()

        leaving = threading.Thread(target=leave, daemon=True)
        self.addCleanup(leaving.join, 10)
        life.while_running = [leaving.start, life.reactor.start, life.reactor.end]
        self.patch(clients, "set_offload", lambda fd, on: None)
        behind: list[tuple[Any, ...]] = []
        self.patch(starting, "leave_behind", lambda *arguments: behind.append(arguments))
        assert isinstance(gateway.run, functools.partial)
        gateway.run.func(*gateway.run.args, life)
        self.assertEqual(life.said, [f"tuntap device uwsgi0: frames to the router at {self.path}"])
        [(_, told, fd, relief, handed, master)] = behind
        self.assertEqual((told, fd, relief, master), (wishes, device, early.relief, 4711))
        self.assertEqual(life.reactor.readers, [])
        handed.link.send(b"hello")
        self.assertEqual(router.recv(10), b"hello")
        handed.link.close()

    def test_a_link_that_needs_nobody(self) -> None:
        """Nobody stays behind for a connection that the master holds, nor where there is none."""
        self.patch(starting, "leave_behind", ask_nobody)
        self.router(Answer(True))
        line = f"tuntap-device = uwsgi0 {self.path}"
        [gateway] = self.open(line)
        _, _, early = self.work(gateway)
        assert isinstance(gateway.run, functools.partial)
        for connection in (os.dup(early.connection), -1):
            life = FakeLife(line)
            life.while_running = [life.reactor.start, life.reactor.end]
            if connection < 0:
                os.unlink(self.path + ".dev")
            gateway.run.func(*gateway.run.args[:3], Early(early.relief, connection), life)
            self.assertEqual(life.reactor.readers, [])


class LivedReactor(SteppedReactor):
    """One that starts and ends when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self._starts: list[Any] = []
        self._ends: list[Any] = []

    def callWhenRunning(self, call: Any) -> None:
        self._starts.append(call)

    def addSystemEventTrigger(self, phase: str, event: str, call: Any) -> None:
        assert (phase, event) == ("before", "shutdown")
        self._ends.append(call)

    def start(self) -> None:
        for call in self._starts:
            call()

    def end(self) -> None:
        for call in self._ends:
            call()


class FakeLife:
    """What `GatewayLife` offers, with a reactor that is stepped."""

    name = "uWSGI tuntap device uwsgi0"

    def __init__(self, config: str) -> None:
        self.config = config
        self.reactor = LivedReactor()
        self.said: list[str] = []
        self.say = self.said.append
        self.adopted = 0
        self.settings = settings_of(config)
        self.hang_up: Any = None
        self.household = SimpleNamespace(kernel=MemoryKernel(), master_pid=4711)
        self.while_running: list[Callable[[], None]] = []

    def on_hangup(self, call: Any) -> None:
        self.hang_up = call

    def read_settings(self) -> Any:
        return settings_of(self.config)

    def adopt(self, settings: Any) -> None:
        self.adopted += 1

    def run(self) -> int:
        for call in self.while_running:
            call()
        return 30
