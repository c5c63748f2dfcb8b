"""Vassals that are woken by their sockets."""

from __future__ import annotations

import os
import signal
import socket
import stat
import tempfile

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.emperor.support import EmperorCase
from uwsgid.emperor.ondemand import Wakeup, address_of, bind, first_line, socket_in
from uwsgid.emperor.options import EmperorOptions
from uwsgid.errors import KernelError
from uwsgid.wire.vassal import ToEmperor, ToVassal


class Names(SynchronousTestCase):
    """Where the sockets are."""

    def setUp(self) -> None:
        self.folder = os.path.abspath(self.mktemp())
        os.mkdir(self.folder)
        self.lines: list[str] = []

    def address(self, **options: str) -> str:
        made = EmperorOptions(**options)  # type: ignore[arg-type]
        return self.successResultOf(address_of("a.ini", self.folder, made, None, self.lines.append))

    def test_first_line(self) -> None:
        """An address ends before the first control character."""
        self.assertEqual(
            [first_line(text) for text in (b"/s\n/t", b"", b"\n/s", b":80")], ["/s", "", "", ":80"]
        )

    def test_extension(self) -> None:
        """The file beside the vassal's has the address; none, or an empty one, is no address."""
        self.assertEqual(self.address(on_demand_extension=".socket"), "")
        with open(os.path.join(self.folder, "a.ini.socket"), "w") as file:
            file.write("/run/a.sock\nmore")
        self.assertEqual(self.address(on_demand_extension=".socket"), "/run/a.sock")

    def test_unreadable_extension(self) -> None:
        """One that can not be read is told."""
        os.mkdir(os.path.join(self.folder, "a.ini.socket"))
        self.assertEqual(self.address(on_demand_extension=".socket"), "")
        self.assertEqual(self.lines, ["[emperor] a.ini.socket: not a regular file; a.ini is not on demand"])

    def test_a_pipe(self) -> None:
        """For what is no file nobody waits."""
        os.mkfifo(os.path.join(self.folder, "a.ini.socket"))
        self.assertEqual(self.address(on_demand_extension=".socket"), "")
        self.assertEqual(len(self.lines), 1)

    def test_directory(self) -> None:
        """Sockets in a directory are called after their vassals."""
        self.assertEqual(self.address(on_demand_directory="/run/x"), "/run/x/a.socket")
        self.assertEqual(socket_in("/run", "/etc/vassals/my.app.ini"), "/run/my.app.socket")

    def test_the_first_option_decides(self) -> None:
        """There is no fall-through, as in uWSGI."""
        self.assertEqual(self.address(on_demand_extension=".socket", on_demand_directory="/run"), "")
        self.assertEqual(self.address(), "")


class Commands(TestCase):
    """emperor-on-demand-exec"""

    def setUp(self) -> None:
        # a reactor that runs leaves its own handlers behind
        for number in (signal.SIGINT, signal.SIGTERM):
            self.addCleanup(signal.signal, number, signal.getsignal(number))

    def ask(self, name: str, command: str) -> Deferred[str]:
        from twisted.internet import reactor

        options = EmperorOptions(on_demand_exec=command)
        return address_of(name, "/", options, reactor, lambda line: None)

    def test_output(self) -> Deferred[None]:
        """The first line of what the command prints is the address; the name is its last argument."""
        asked = self.ask("a.ini", "printf '/run/%s\\nmore'")
        return asked.addCallback(lambda found: self.assertEqual(found, "/run/a.ini"))

    def test_a_name_that_looks_like_a_command(self) -> Deferred[None]:
        """A name is never a command."""
        asked = self.ask('"; echo owned #', "echo")
        return asked.addCallback(lambda found: self.assertEqual(found, '"; echo owned #'))


class Binding(SynchronousTestCase):
    """The socket of a vassal."""

    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="uwsgid-")
        self.addCleanup(os.rmdir, self.folder)

    def test_unix(self) -> None:
        """A path is relative to the monitor's directory, everybody may connect, and a stale one goes."""
        path = os.path.join(self.folder, "a.sock")
        bind("a.sock", self.folder, 5).close()
        bound = bind(path, "/", 5)
        self.addCleanup(os.unlink, path)
        self.addCleanup(bound.close)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o666)
        socket.socket(socket.AF_UNIX).connect(path)

    def test_tcp(self) -> None:
        """An address with a colon is TCP."""
        bound = bind("127.0.0.1:0", "/", 5)
        self.addCleanup(bound.close)
        self.assertEqual(bound.family, socket.AF_INET)

    def test_a_file_in_the_way(self) -> None:
        """What is no socket is never removed, nor what a link leads to."""
        path = os.path.join(self.folder, "precious")
        link = os.path.join(self.folder, "link")
        with open(path, "w"):
            os.symlink(path, link)
        self.addCleanup(os.unlink, path)
        self.addCleanup(os.unlink, link)
        for name in (path, link):
            with self.assertRaisesRegex(KernelError, "it exists and is no socket"):
                bind(name, "/", 5)

    def test_impossible(self) -> None:
        """What can not be bound is an error with the address."""
        with self.assertRaisesRegex(KernelError, "none/a.sock"):
            bind(self.folder + "/none/a.sock", "/", 5)


class Waking(EmperorCase):
    """The life of such a vassal."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = tempfile.mkdtemp(prefix="uwsgid-")
        self.addCleanup(os.rmdir, self.folder)
        self.addCleanup(self.unlink)

    def unlink(self) -> None:
        for name in os.listdir(self.folder):
            os.unlink(os.path.join(self.folder, name))

    def sleeping(self) -> None:
        """An emperor with one vassal that sleeps."""
        self.begin(f"emperor-on-demand-directory = {self.folder}")
        self.monitor.put("a.ini")
        self.look()

    def knock(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.connect(os.path.join(self.folder, "a.socket"))
        self.addCleanup(client.close)
        self.poll()
        return client

    def test_asleep(self) -> None:
        """Nobody runs until somebody connects; then the vassal gets the socket."""
        self.sleeping()
        found = self.emperor.empire.vassals["a.ini"]
        self.assertEqual((self.names, found.pid, found.on_demand), ([], -1, f"{self.folder}/a.socket"))
        self.knock()
        self.assertEqual(self.names, ["a.ini"])
        order = self.nest.orders[0]
        self.assertTrue(order.start.has_socket)
        self.assertEqual(len(order.descriptors), 2)
        self.birth()
        self.knock()
        self.assertEqual(self.names, [])

    def test_back_to_sleep(self) -> None:
        """One that is idle ends, and its socket wakes it again; nobody is refused meanwhile."""
        self.sleeping()
        self.knock()
        vassal = self.birth()
        vassal.say(ToEmperor.IDLE)
        self.assertEqual(vassal.heard(), bytes([ToVassal.STOP]))
        vassal.exit()
        self.assertLogged('back to "on demand" mode')
        found = self.emperor.empire.vassals["a.ini"]
        # who knocked first was never accepted here, so the vassal wakes again
        self.assertEqual((self.names, found.pid, found.cursed), (["a.ini"], -1, 0))

    def test_changed_while_asleep(self) -> None:
        """A change while nobody runs is only noted."""
        self.sleeping()
        self.monitor.put("a.ini", 9)
        self.look()
        self.assertEqual(self.names, [])
        self.assertEqual(self.emperor.empire.vassals["a.ini"].sighting.mark, 9)

    def test_removed_while_asleep(self) -> None:
        """It is forgotten at once, and its socket is closed."""
        self.sleeping()
        self.monitor.remove("a.ini")
        self.look()
        self.assertEqual(self.emperor.empire.vassals, {})
        with self.assertRaises(ConnectionRefusedError):
            self.knock()

    def test_a_death(self) -> None:
        """One that dies by itself is had again, asleep."""
        self.sleeping()
        self.knock().close()
        self.birth().exit(1)
        self.run_for(2)
        self.assertEqual(self.emperor.empire.vassals["a.ini"].pid, -1)

    def loyal_one(self) -> None:
        """A vassal that served whoever woke it, and ends by itself while somebody waits."""
        self.sleeping()
        first = self.knock()
        vassal = self.birth()
        vassal.say(ToEmperor.LOYAL)
        first.close()
        self.second = self.knock()
        vassal.exit()

    def test_successor(self) -> None:
        """Who waits in the queue of one that ends, as a jailed one does to reload, wakes its successor."""
        self.loyal_one()
        self.assertEqual(self.names, ["a.ini"])
        self.assertEqual(len(self.nest.orders[0].descriptors), 2)
        self.second.setblocking(False)
        self.assertRaises(BlockingIOError, self.second.recv, 1)

    def test_successor_elsewhere(self) -> None:
        """A socket whose file was removed is bound anew, and who waited at the old one hears of it."""
        self.patch(Wakeup, "is_found", False)
        self.loyal_one()
        self.assertEqual(self.names, [])
        self.assertRaises(ConnectionResetError, self.second.recv, 1)
        self.knock()
        self.assertEqual(self.names, ["a.ini"])

    def test_no_successor(self) -> None:
        """Nobody waits for one that is not wanted any more."""
        self.sleeping()
        waiting = self.knock()
        vassal = self.birth()
        self.monitor.remove("a.ini")
        self.look()
        vassal.exit()
        self.assertEqual(self.emperor.empire.vassals, {})
        self.assertRaises(ConnectionResetError, waiting.recv, 1)

    def test_found(self) -> None:
        """A socket is found as long as its file is there; an address of the network always is."""
        path = os.path.join(self.folder, "x")
        for address, there in (("127.0.0.1:0", True), ("@uwsgid-found", True), (path, True)):
            wakeup = Wakeup(None, address, bind(address, self.folder, 1))
            self.addCleanup(wakeup._socket.close)
            self.assertIs(wakeup.is_found, there, address)
        os.unlink(path)
        self.assertFalse(wakeup.is_found)

    def test_no_socket(self) -> None:
        """One whose socket can not be bound is tried at each look, and told once."""
        self.begin(f"emperor-on-demand-directory = {self.folder}/none")
        self.monitor.put("a.ini")
        self.look()
        self.look()
        self.assertEqual((self.emperor.empire.vassals, len(self.lines)), ({}, 1))
        self.assertLogged("can not be on demand")

    def test_ragnarok(self) -> None:
        """At the end a sleeper goes without a word."""
        self.sleeping()
        self.emperor.end()
        self.assertEqual(self.ends, 1)

    def test_from_the_monitor(self) -> None:
        """A source may know the socket itself; another one is another vassal."""
        self.begin()
        self.monitor.put("a.ini", socket=f"{self.folder}/b.socket")
        self.look()
        self.assertEqual(self.emperor.empire.vassals["a.ini"].on_demand, f"{self.folder}/b.socket")
        self.monitor.put("a.ini", socket="")
        self.look()
        self.look()
        self.assertEqual(self.names, ["a.ini"])
