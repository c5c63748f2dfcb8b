"""One socket from its address."""

from __future__ import annotations

import errno
import socket
import stat

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import ConfigError, KernelError
from uwsgid.host.addresses import parse_address
from uwsgid.host.binding import Listener, bind_tcp, bind_unix
from uwsgid.host.socket_options import Sockets
from uwsgid.testing import MemoryKernel, MemorySocket


class Unix(SynchronousTestCase):
    """UNIX sockets."""

    def setUp(self) -> None:
        self.kernel = MemoryKernel(uid=0, cwd="/srv")
        self.said: list[str] = []

    def bind(self, text: str, sockets: Sockets | None = None) -> Listener:
        return bind_unix(self.kernel, 0, parse_address(text), sockets or Sockets(), self.said.append, False)

    def test_line_and_bookkeeping(self) -> None:
        """The line is uWSGI's, the path is absolute and the inode remembered."""
        listener = self.bind("shop.sock")
        self.assertEqual(self.said, ["uwsgi socket 0 bound to UNIX address shop.sock fd 3"])
        self.assertEqual(listener.path, "/srv/shop.sock")
        self.assertEqual(listener.inode, self.kernel.stat("/srv/shop.sock").inode)
        self.assertIn(listener.fd, self.kernel.nonblocking)

    def test_stale_socket_is_removed(self) -> None:
        """What an earlier server left is unlinked before the bind."""
        self.kernel.add_file("/run/shop.sock", mode=stat.S_IFSOCK | 0o755)
        self.bind("/run/shop.sock")
        self.assertEqual(self.kernel.names()[:2], ["unlink", "bind"])

    def test_file_stays(self) -> None:
        """A file that is no socket is never removed."""
        self.kernel.add_file("/etc/passwd", b"root")
        error = self.assertRaises(KernelError, self.bind, "/etc/passwd")
        self.assertIn("is not a socket", str(error))
        self.assertEqual(self.kernel.read_file("/etc/passwd"), b"root")
        self.assertEqual(self.kernel.descriptors, {})

    def test_chmod_and_chown(self) -> None:
        """chmod-socket and chown-socket follow the bind."""
        self.bind("/run/s", Sockets(chmod=0o666, chown="www-data:adm"))
        found = self.kernel.stat("/run/s")
        self.assertEqual((stat.S_IMODE(found.mode), found.uid, found.gid), (0o666, 33, 4))
        self.assertIn("chmod() socket to 666 for lazy and brave users", self.said)

    def test_chmod_644_is_not_announced(self) -> None:
        """Only 666 is for the lazy and brave."""
        self.bind("/run/s", Sockets(chmod=0o660))
        self.assertEqual(len(self.said), 1)

    def test_unknown_owner(self) -> None:
        """An owner that does not exist is an error, and the socket is closed again."""
        error = self.assertRaises(ConfigError, self.bind, "/run/s", Sockets(chown="ghost"))
        self.assertEqual(str(error), "unable to find user ghost")
        self.assertEqual(self.kernel.descriptors, {})

    def test_abstract_has_no_file(self) -> None:
        """Nothing is unlinked, chmodded or remembered for an abstract name."""
        listener = self.bind("@shop", Sockets(chmod=0o666))
        self.assertEqual((listener.path, listener.inode), ("", 0))
        self.assertEqual(self.kernel.names(), ["bind", "listen"])
        self.assertEqual(self.kernel.calls[0], ("bind", repr(b"\0shop\0")))

    def test_missing_directory(self) -> None:
        """A refused bind names the call, the reason and the address."""
        self.kernel.fail("bind", errno.ENOENT)
        error = self.assertRaises(KernelError, self.bind, "/nowhere/s")
        self.assertEqual(str(error), "bind(): No such file or directory [/nowhere/s]")


class Tcp(SynchronousTestCase):
    """TCP sockets."""

    def setUp(self) -> None:
        self.kernel = MemoryKernel()
        self.said: list[str] = []

    def bind(self, text: str, sockets: Sockets | None = None, defer: int = 0) -> MemorySocket:
        listener = bind_tcp(
            self.kernel, 2, parse_address(text), sockets or Sockets(), defer, self.said.append, False
        )
        made = self.kernel.descriptors[listener.fd]
        assert isinstance(made, MemorySocket)
        return made

    def test_lines(self) -> None:
        """IPv4 and IPv6 have uWSGI's lines."""
        self.bind("127.0.0.1:3031")
        self.bind("[::1]:3031")
        self.assertEqual(
            self.said,
            [
                "uwsgi socket 2 bound to TCP address 127.0.0.1:3031 fd 3",
                "uwsgi socket 2 bound to TCP6 address [::1]:3031 fd 4",
            ],
        )

    def test_automatic_port(self) -> None:
        """The port that the kernel chose is printed with a remark."""
        self.bind("127.0.0.1:0")
        self.assertEqual(
            self.said, ["uwsgi socket 2 bound to TCP address 127.0.0.1:40001 (port auto-assigned) fd 3"]
        )

    def test_plain_options(self) -> None:
        """Without options there is SO_REUSEADDR and nothing else."""
        self.assertEqual(self.bind(":3031").options, {(socket.SOL_SOCKET, socket.SO_REUSEADDR): 1})

    def test_every_option(self) -> None:
        """Each option sets its socket option."""
        made = self.bind(
            ":3031",
            Sockets(
                listen=77, keepalive=True, nodelay=True, reuse_port=True, freebind=True,
                sndbuf=1000, rcvbuf=2000, send_timeout=3, fast_open=5,
            ),
            defer=4,
        )  # fmt: skip
        tcp, sol = socket.IPPROTO_TCP, socket.SOL_SOCKET
        self.assertEqual(made.backlog, 77)
        self.assertEqual(made.options[tcp, socket.TCP_DEFER_ACCEPT], 4)
        self.assertEqual(made.options[tcp, socket.TCP_FASTOPEN], 5)
        self.assertEqual(made.options[tcp, socket.TCP_NODELAY], 1)
        self.assertEqual(made.options[sol, socket.SO_KEEPALIVE], 1)
        self.assertEqual(made.options[sol, socket.SO_REUSEPORT], 1)
        self.assertEqual(made.options[sol, socket.SO_SNDBUF], 1000)
        self.assertEqual(made.options[sol, socket.SO_RCVBUF], 2000)
        self.assertEqual(made.options[socket.IPPROTO_IP, 15], 1)
        timeout = made.options[sol, socket.SO_SNDTIMEO]
        assert isinstance(timeout, bytes)
        self.assertEqual(timeout[0], 3)

    def test_address_in_use(self) -> None:
        """A busy address brings uWSGI's hint, then the error, and no descriptor stays open."""
        self.bind(":3031")
        error = self.assertRaises(KernelError, self.bind, ":3031")
        self.assertEqual(str(error), "bind(): Address already in use [:3031]")
        self.assertEqual(
            self.said[-1], "probably another instance of uWSGI is running on the same address (:3031)."
        )
        self.assertEqual(list(self.kernel.descriptors), [3])

    def test_names_are_resolved(self) -> None:
        """A host name is printed as written and bound as its address."""
        self.bind("localhost:3031")
        self.assertEqual(self.kernel.calls[0], ("bind", "127.0.0.1:3031"))
        self.assertIn("localhost:3031", self.said[0])

    def test_unknown_name(self) -> None:
        """A host that does not resolve is named."""
        error = self.assertRaises(KernelError, self.bind, "ghost.example:3031")
        self.assertIn("unable to resolve 'ghost.example'", str(error))

    def test_reuse_port_unsupported(self) -> None:
        """A kernel without SO_REUSEPORT is a warning, as in uWSGI."""

        class Old(MemoryKernel):
            def setsockopt(self, fd: int, level: int, name: int, value: int | bytes) -> None:
                if name == socket.SO_REUSEPORT:
                    raise OSError(errno.ENOPROTOOPT, "Protocol not available")
                super().setsockopt(fd, level, name, value)

        self.kernel = Old()
        self.bind(":3031", Sockets(reuse_port=True))
        self.assertEqual(self.said[0], "!!! your system does not support SO_REUSEPORT !!!")
