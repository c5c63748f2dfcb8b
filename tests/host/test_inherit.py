"""Sockets that somebody else opened."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.host.addresses import Family
from uwsgid.host.inherit import VARIABLE, Giver, find_inherited, leave_behind, local_address, parse_variable
from uwsgid.interfaces import SocketFacts
from uwsgid.testing import MemoryKernel

SCRIPT = """
import json, os
from uwsgid.host.kernel import Kernel
from uwsgid.host.inherit import find_inherited
found = find_inherited(Kernel(), os.environ, lambda line: None)
print(json.dumps([[i.fd, str(i.address), i.giver.value, i.configured, i.inode] for i in found]))
"""


class Finding(SynchronousTestCase):
    """Who gave what."""

    def setUp(self) -> None:
        self.kernel = MemoryKernel()
        self.said: list[str] = []

    def givers(self, environ: dict[str, str], skip_zero: bool = False) -> list[tuple[int, Giver]]:
        found = find_inherited(self.kernel, environ, self.said.append, skip_zero=skip_zero)
        return [(item.fd, item.giver) for item in found]

    def test_only_listening_streams(self) -> None:
        """Connections, datagram sockets and files are none of ours."""
        self.kernel.add_listener(5, socket.AF_INET, ("0.0.0.0", 80), listening=False)
        self.kernel.add_listener(6, socket.AF_INET, ("0.0.0.0", 80), kind=socket.SOCK_DGRAM)
        self.kernel.add_listener(7, socket.AF_NETLINK, ("", 0))
        self.kernel.open("/dev/null", os.O_RDONLY)
        self.assertEqual(self.givers({VARIABLE: "5 0 :80\n6 0 :80\n7 0 x\n3 0 y\n99 0 z"}), [])

    def test_systemd_needs_our_pid(self) -> None:
        """Sockets that were meant for another process are only found, not announced."""
        self.kernel.add_listener(3, socket.AF_INET, ("0.0.0.0", 80))
        self.assertEqual(self.givers({"LISTEN_PID": "1", "LISTEN_FDS": "1"}), [(3, Giver.UNKNOWN)])
        self.assertEqual(self.said, [])

    def test_systemd_hides_zero(self) -> None:
        """Under systemd descriptor 0 is not examined."""
        self.kernel.add_listener(0, socket.AF_INET, ("0.0.0.0", 79))
        self.kernel.add_listener(3, socket.AF_INET, ("0.0.0.0", 80))
        environ = {"LISTEN_PID": "4711", "LISTEN_FDS": "1"}
        self.assertEqual(self.givers(environ), [(3, Giver.SYSTEMD)])
        self.assertEqual(self.said, ["- SystemD socket activation detected -"])
        self.assertEqual(self.givers({}), [(0, Giver.INETD), (3, Giver.UNKNOWN)])
        self.assertEqual(self.givers({}, skip_zero=True), [(3, Giver.UNKNOWN)])

    def test_upstart(self) -> None:
        """Upstart's bridge names its job."""
        self.kernel.add_listener(4, socket.AF_INET, ("0.0.0.0", 80))
        environ = {"UPSTART_EVENTS": "socket", "UPSTART_FDS": "4", "UPSTART_JOB": "shop"}
        self.assertEqual(self.givers(environ), [(4, Giver.UPSTART)])
        self.assertEqual(self.said, ["- Upstart socket bridge detected (job: shop) -"])

    def test_hidden_proc(self) -> None:
        """In a jail without /proc the named sockets are found all the same."""
        self.kernel.add_listener(4, socket.AF_INET, ("0.0.0.0", 80))
        self.kernel.fail("open_descriptors", 2)
        self.assertEqual(self.givers({VARIABLE: "4 0 :80"}), [(4, Giver.RELOAD)])


class Variable(SynchronousTestCase):
    """What one self tells the next."""

    def test_nonsense(self) -> None:
        """Lines that are none are left out; an address may hold spaces."""
        self.assertEqual(
            parse_variable("x\n3 4 /run/a b\n3 /run\n-1 2 x\n\n5 0 :80"), [(3, 4, "/run/a b"), (5, 0, ":80")]
        )

    def test_round_trip(self) -> None:
        """What is left behind is read again, and survives the exec."""
        kernel = MemoryKernel()
        kernel.add_listener(3, socket.AF_INET, ("0.0.0.0", 80))
        kernel.set_inheritable(3, False)
        environ: dict[str, str] = {}
        leave_behind(kernel, [(3, 0, ":80")], environ)
        self.assertEqual(parse_variable(environ[VARIABLE]), [(3, 0, ":80")])
        self.assertIn(3, kernel.inheritable)


class Local(SynchronousTestCase):
    """getsockname as an address."""

    def test_abstract(self) -> None:
        """An abstract name keeps its trailing NUL in mind."""
        for path, padded in (("\0shop", False), ("\0shop\0", True)):
            address = local_address(SocketFacts(socket.AF_UNIX, socket.SOCK_STREAM, True, path=path))
            assert address is not None
            self.assertEqual((address.family, address.text), (Family.ABSTRACT, "@shop"))
            self.assertEqual((address.padded, address.sockaddr()), (padded, path.encode()))

    def test_other_families(self) -> None:
        """Families that uWSGI never serves are no address."""
        self.assertIsNone(local_address(SocketFacts(socket.AF_NETLINK, socket.SOCK_RAW, False)))


class Real(SynchronousTestCase):
    """Across a real exec."""

    def test_exec(self) -> None:
        """A new program finds the listening socket, what it was for, and its inode."""
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            listener.set_inheritable(True)
            port = listener.getsockname()[1]
            told = f"{listener.fileno()} 12 127.0.0.1:0"
            output = subprocess.run(
                [sys.executable, "-c", SCRIPT],
                pass_fds=[listener.fileno()],
                stdin=subprocess.DEVNULL,
                env={**os.environ, VARIABLE: told},
                capture_output=True,
                check=True,
                timeout=60,
            ).stdout
            self.assertEqual(
                json.loads(output),
                [[listener.fileno(), f"127.0.0.1:{port}", "reload", "127.0.0.1:0", 12]],
            )
