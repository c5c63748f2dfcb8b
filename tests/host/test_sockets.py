"""From a configuration to listeners."""

from __future__ import annotations

import os
import socket
import tempfile

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import ConfigError
from uwsgid.host.addresses import Family, parse_address
from uwsgid.host.binding import Listener
from uwsgid.host.kernel import Kernel
from uwsgid.host.socket_options import SocketMapping, Sockets, SocketSpec
from uwsgid.host.sockets import (
    bind_shared,
    bind_sockets,
    close_leftovers,
    inheritance,
    prepare_reload,
    settle_stdin,
    vacuum,
)
from uwsgid.testing import MemoryKernel


def specs(*texts: str, protocol: str = "") -> tuple[SocketSpec, ...]:
    return tuple(SocketSpec(parse_address(text), protocol) for text in texts)


class Case(SynchronousTestCase):
    """A pretended machine."""

    def setUp(self) -> None:
        self.kernel = MemoryKernel(uid=0)
        self.said: list[str] = []
        self.environ: dict[str, str] = {}

    def bind(self, sockets: Sockets, processes: int = 0) -> tuple[Listener, ...]:
        inherited = inheritance(self.kernel, sockets, self.environ, self.said.append)
        shared = bind_shared(
            self.kernel, sockets, socket_timeout=4, inherited=inherited, say=self.said.append
        )
        return bind_sockets(
            self.kernel,
            sockets,
            shared,
            socket_timeout=4,
            inherited=inherited,
            processes=processes,
            say=self.said.append,
        )


class Binding(Case):
    """Sockets that nobody opened before."""

    def test_numbers_and_protocols(self) -> None:
        """Sockets are numbered as written; those without a protocol take the default."""
        listeners = self.bind(
            Sockets(specs=(*specs("/run/a"), *specs(":80", protocol="http")), protocol="uwsgi")
        )
        self.assertEqual(
            [(item.index, item.name, item.protocol) for item in listeners],
            [(0, "/run/a", "uwsgi"), (1, ":80", "http")],
        )

    def test_defer_accept(self) -> None:
        """TCP_DEFER_ACCEPT takes socket-timeout, unless it is switched off."""
        first, *_ = self.bind(Sockets(specs=specs(":80")))
        second, *_ = self.bind(Sockets(specs=specs(":81"), no_defer_accept=True))
        option = (socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT)
        options = [getattr(self.kernel.descriptors[item.fd], "options", {}) for item in (first, second)]
        self.assertEqual(options[0][option], 4)
        self.assertNotIn(option, options[1])

    def test_shared(self) -> None:
        """A shared socket is bound once and serves under the number of its line."""
        listeners = self.bind(Sockets(specs=specs("/run/a", "=0"), shared=specs("127.0.0.1:80")))
        self.assertEqual(
            self.said,
            [
                "uwsgi shared socket 0 bound to TCP address 127.0.0.1:80 fd 3",
                "uwsgi socket 0 bound to UNIX address /run/a fd 4",
                "uwsgi socket 1 mapped to shared socket 0 (127.0.0.1:80) fd 3",
            ],
        )
        self.assertTrue(listeners[1].shared)
        self.assertEqual((listeners[1].fd, listeners[1].protocol), (3, "uwsgi"))

    def test_unknown_shared(self) -> None:
        """A shared socket that does not exist is an error in uWSGI's words."""
        error = self.assertRaises(ConfigError, self.bind, Sockets(specs=specs("=3")))
        self.assertEqual(str(error), "unable to use shared socket 3")

    def test_abstract_option(self) -> None:
        """abstract-socket turns paths into abstract names."""
        listener, *_ = self.bind(Sockets(specs=specs("/run/a"), abstract=True))
        self.assertEqual((listener.family, listener.path), (Family.ABSTRACT, ""))
        self.assertEqual(self.said[0], "setting abstract socket mode (warning: only Linux supports this)")

    def test_autoip(self) -> None:
        """A pattern is bound on the interface that matches."""
        listener, *_ = self.bind(Sockets(specs=specs("10.*:80")))
        self.assertEqual(listener.name, "10.0.0.5:80")
        self.assertEqual(self.said[0], "[uwsgi-autoip] found 10.0.0.5 for 10.* on interface eth0")
        error = self.assertRaises(ConfigError, self.bind, Sockets(specs=specs("172.*:80")))
        self.assertIn("unable to find a valid socket address", str(error))

    def test_backlog_limit(self) -> None:
        """A backlog above net.core.somaxconn is refused in uWSGI's words."""
        error = self.assertRaises(ConfigError, self.bind, Sockets(specs=specs("/a"), listen=5000))
        self.assertEqual(
            str(error), "Listen queue size is greater than the system max net.core.somaxconn (4096)."
        )

    def test_same_twice(self) -> None:
        """Two lines for one file are refused before the second takes the file from the first."""
        error = self.assertRaises(ConfigError, self.bind, Sockets(specs=specs("/run/a", "/run/a")))
        self.assertIn("/run/a", str(error))
        self.assertEqual(self.kernel.names().count("unlink"), 0)


class Mapping(Case):
    """map-socket."""

    def test_workers(self) -> None:
        """A mapped socket serves its workers, the others serve all."""
        one, two = self.bind(
            Sockets(specs=specs("/a", "/b"), mappings=(SocketMapping(0, frozenset({1, 3})),)), processes=3
        )
        self.assertEqual([worker for worker in (1, 2, 3) if one.serves(worker)], [1, 3])
        self.assertTrue(two.serves(2))
        self.assertIn("mapped socket 0 (/a) to worker 3", self.said)

    def test_unknown(self) -> None:
        """A socket or a worker that does not exist is an error."""
        for mapping, part in (
            (SocketMapping(5, frozenset({1})), "there is no socket 5"),
            (SocketMapping(0, frozenset({9})), "invalid worker num: 9"),
        ):
            kernel_error = self.assertRaises(
                ConfigError, self.bind, Sockets(specs=specs("@a"), mappings=(mapping,)), 3
            )
            self.assertIn(part, str(kernel_error))
            self.kernel = MemoryKernel()


class Inheriting(Case):
    """Sockets that are open already."""

    def test_reload(self) -> None:
        """After a reload every socket is found again, a port chosen by the kernel too."""
        sockets = Sockets(specs=specs("/run/a", "127.0.0.1:0", "[::1]:80", "@x"))
        before = self.bind(sockets)
        environ: dict[str, str] = {}
        lines = prepare_reload(self.kernel, before, environ)
        self.assertEqual(lines[0], "found fd 3 mapped to socket 0 (/run/a)")
        self.assertLessEqual({3, 4, 5, 6}, self.kernel.inheritable)
        self.environ, self.said = environ, []
        self.kernel.calls.clear()
        after = self.bind(sockets)
        self.assertEqual(
            self.said,
            [
                "uwsgi socket 0 inherited UNIX address /run/a fd 3",
                "uwsgi socket 1 inherited INET address 127.0.0.1:40001 fd 4",
                "uwsgi socket 2 inherited INET6 address [::1]:80 fd 5",
                "uwsgi socket 3 inherited UNIX address @x fd 6",
            ],
        )
        self.assertNotIn("bind", self.kernel.names())
        self.assertEqual(
            [(i.fd, i.inode, i.port, i.configured) for i in after],
            [(i.fd, i.inode, i.port, i.configured) for i in before],
        )
        self.assertEqual(self.kernel.inheritable, set())

    def test_zero_address_matches_any_as_in_1_9_16(self) -> None:
        """An open socket on 0.0.0.0 answers for ``:port``, whoever opened it."""
        self.kernel.add_listener(9, socket.AF_INET, ("0.0.0.0", 3031))
        listener, *_ = self.bind(Sockets(specs=specs(":3031")))
        self.assertEqual((listener.fd, listener.inherited, listener.inode), (9, True, 0))

    def test_leftovers(self) -> None:
        """What the new configuration no longer names is closed, except under safe-fd."""
        before = self.bind(Sockets(specs=specs("/a", "/b", "/c")))
        prepare_reload(self.kernel, before, self.environ)
        sockets = Sockets(specs=specs("/b"), safe_fd=(5,))
        inherited = inheritance(self.kernel, sockets, self.environ, self.said.append)
        after = bind_sockets(
            self.kernel, sockets, socket_timeout=4, inherited=inherited, say=self.said.append
        )
        close_leftovers(self.kernel, inherited, after, sockets.safe_fd)
        self.assertEqual(sorted(self.kernel.descriptors), [4, 5])

    def test_systemd(self) -> None:
        """systemd's sockets answer for their addresses; the rest is added behind."""
        self.kernel.add_listener(3, socket.AF_INET, ("0.0.0.0", 80))
        self.kernel.add_listener(4, socket.AF_UNIX, "/run/shop")
        self.environ = {"LISTEN_PID": "4711", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "http:shop"}
        listeners = self.bind(Sockets(specs=specs("/run/shop")))
        self.assertEqual(
            self.said,
            [
                "- SystemD socket activation detected -",
                "uwsgi socket 0 inherited UNIX address /run/shop fd 4",
                "uwsgi socket 1 inherited INET address 0.0.0.0:80 fd 3",
            ],
        )
        self.assertEqual([item.protocol for item in listeners], ["uwsgi", "http"])

    def test_inetd(self) -> None:
        """A socket as descriptor 0 is taken, unless skip-zero is set."""
        self.kernel.add_listener(0, socket.AF_UNIX, "/run/x")
        listener, *_ = self.bind(Sockets())
        self.assertEqual(self.said, ["uwsgi socket 0 inherited UNIX address /run/x fd 0"])
        self.assertEqual(listener.fd, 0)
        self.assertEqual(self.bind(Sockets(skip_zero=True)), ())

    def test_by_number(self) -> None:
        """``fd://N`` takes an inherited descriptor, and refuses what is none."""
        self.kernel.add_listener(7, socket.AF_INET, ("127.0.0.1", 80))
        listener, *_ = self.bind(Sockets(specs=specs("fd://7")))
        self.assertEqual((listener.fd, listener.name), (7, "127.0.0.1:80"))
        error = self.assertRaises(ConfigError, self.bind, Sockets(specs=specs("3031")))
        self.assertIn("write :3031", str(error))


class Afterwards(Case):
    """Standard input and vacuum."""

    def test_stdin(self) -> None:
        """Standard input becomes /dev/null, unless it is a socket or wanted."""
        settle_stdin(self.kernel, Sockets(honour_stdin=True), ())
        self.assertEqual(self.kernel.calls, [])
        settle_stdin(self.kernel, Sockets(), ())
        self.assertEqual(self.kernel.names(), ["open", "dup2", "close"])

    def test_vacuum(self) -> None:
        """Files of our sockets are removed; one that somebody replaced is left with a warning."""
        listeners = self.bind(Sockets(specs=specs("/run/a", "/run/b", "/run/c", ":80", "@x")))
        del self.kernel.files["/run/c"]
        self.kernel.add_file("/run/b")
        self.said.clear()
        vacuum(self.kernel, listeners, self.said.append)
        self.assertEqual(
            self.said,
            [
                "VACUUM: unix socket /run/a removed.",
                "VACUUM WARNING: unix socket /run/b changed inode. Skip removal",
            ],
        )
        self.assertNotIn("/run/a", self.kernel.files)


class Real(SynchronousTestCase):
    """The same on Linux."""

    def test_real_sockets_accept(self) -> None:
        """IPv4, IPv6, UNIX and abstract sockets accept connections, and do not block."""
        kernel = Kernel()
        path = os.path.join(self.mktemp_short(), "a")
        sockets = Sockets(
            specs=specs("127.0.0.1:0", "[::1]:0", path, f"@uwsgid-test-{os.getpid()}"), chmod=0o600
        )
        said: list[str] = []
        listeners = bind_sockets(kernel, sockets, socket_timeout=0, say=said.append)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        for listener in listeners:
            with listener.socket() as listening:
                self.assertRaises(BlockingIOError, listening.accept)
                with socket.socket(listening.family) as client:
                    client.connect(listening.getsockname())
                    self.assertEqual(kernel.queue_length(listener.fd), (1, 100))
                    accepted, _ = listening.accept()
                    accepted.close()
        vacuum(kernel, listeners, said.append)
        self.assertFalse(os.path.exists(path))

    def mktemp_short(self) -> str:
        folder = tempfile.mkdtemp(prefix="uwsgid")
        self.addCleanup(os.rmdir, folder)
        return folder
