"""Commands to an emperor."""

from __future__ import annotations

import os
import socket
import stat
import tempfile

from tests.emperor.support import EmperorCase
from uwsgid.emperor.commands import CommandSocket, bind_datagrams
from uwsgid.errors import KernelError
from uwsgid.wire.uwsgi import packet
from uwsgid.wire.vassal import ToVassal


class Commands(EmperorCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = tempfile.mkdtemp(prefix="uwsgid-")
        self.addCleanup(os.rmdir, self.folder)
        self.path = os.path.join(self.folder, "commands")

    def listen(self, config: str = "emperor-wait-for-command = true") -> None:
        self.begin(config)
        bound = bind_datagrams(self.path, None)
        self.addCleanup(os.unlink, self.path)
        self.addCleanup(bound.close)
        self.reactor.addReader(CommandSocket(bound.fileno(), self.emperor))
        self.monitor.put("a.ini")
        self.look()

    def command(self, **said: str) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            client.sendto(packet(0, said), self.path)
        self.poll()

    def test_spawn(self) -> None:
        """A vassal that waits starts when a command says so, once."""
        self.listen()
        self.assertEqual(self.names, [])
        self.command(cmd="spawn", vassal="b.ini")
        self.assertEqual(self.names, [])
        self.command(cmd="spawn", vassal="a.ini")
        self.command(command="spawn", vassal="a.ini")
        self.assertEqual(self.names, ["a.ini"])

    def test_ignored(self) -> None:
        """Some need not wait."""
        self.listen("emperor-wait-for-command = true\nemperor-wait-for-command-ignore = a.ini")
        self.assertEqual(self.names, ["a.ini"])

    def test_respawn_and_stop(self) -> None:
        """A vassal is reloaded and stopped; one that waits for commands stays away then."""
        self.listen()
        self.command(cmd="spawn", vassal="a.ini")
        vassal = self.birth()
        self.command(cmd="respawn", vassal="a.ini")
        self.command(cmd="stop", vassal="a.ini")
        self.assertEqual(vassal.heard(), bytes([ToVassal.RELOAD, ToVassal.STOP]))
        vassal.exit()
        self.run_for(5)
        self.assertEqual((self.names, self.emperor.empire.vassals), ([], {}))
        self.command(cmd="stop", vassal="a.ini")
        self.command(cmd="respawn", vassal="a.ini")

    def test_log(self) -> None:
        """A line for the log."""
        self.listen()
        self.command(cmd="log", vassal="a.ini", msg="hello")
        self.assertLogged("[emperor] a.ini: hello")

    def test_nonsense(self) -> None:
        """What is no command is told."""
        self.listen()
        self.command(cmd="sing")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            client.sendto(b"\0\0\0\0\xff\xff", self.path)
        self.poll()
        self.assertEqual(len(self.lines), 2)

    def test_mode(self) -> None:
        """Only the owner may write to the socket, unless chmod-socket says otherwise."""
        for mode, expected in ((None, 0o600), (0o666, 0o666)):
            bind_datagrams(self.path, mode).close()
            self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), expected)
        os.unlink(self.path)
        with self.assertRaisesRegex(KernelError, "emperor-command-socket"):
            bind_datagrams(self.folder + "/none/x", None)
