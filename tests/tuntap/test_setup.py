"""Tests of `uwsgid.tuntap.setup`."""

from __future__ import annotations

import functools
import socket
import stat

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError, KernelError
from uwsgid.host.kept import Kept
from uwsgid.stats import Stats
from uwsgid.supervise.gateways import Gateway
from uwsgid.testing import MemoryKernel
from uwsgid.testing.files import MemorySocket
from uwsgid.tuntap.opened import Opened
from uwsgid.tuntap.setup import LIVE, routers


class SetupTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.kernel = MemoryKernel(uid=0)
        self.kept = Kept(self.kernel)
        self.said: list[str] = []

    def open(self, config: str) -> list[Gateway]:
        """The gateways that a configuration asks for."""
        return list(routers(settings_of(config), self.kernel, self.said.append, self.kept))

    def opened(self, gateway: Gateway) -> Opened:
        """What a gateway works with."""
        work = gateway.run
        assert isinstance(work, functools.partial)
        found = work.args[0]
        assert isinstance(found, Opened)
        return found

    def test_nothing_is_asked_for(self) -> None:
        """An instance without routers opens nothing."""
        self.assertEqual(self.open(""), [])
        self.assertEqual(self.kernel.calls, [])

    def test_one_router(self) -> None:
        """Its device, its companion and then its socket are opened, and the log tells of it."""
        (gateway,) = self.open("tuntap-router = emperor0 /run/t.sock\nchmod-socket = 660\n")
        self.assertEqual(gateway.name, "uWSGI tuntap router 1")
        self.assertEqual(gateway.live, LIVE)
        opened = self.opened(gateway)
        self.assertEqual(self.kernel.devices(), {"emperor0": opened.device})
        facts = self.kernel.socket_facts(opened.devices)
        assert facts is not None
        self.assertEqual((facts.path, facts.kind), ("/run/t.sock.dev", socket.SOCK_SEQPACKET))
        self.assertEqual((opened.stats, opened.gateway), (-1, -1))
        self.assertIn(f"initialized tuntap device emperor0 (fd: {opened.device})", self.said)
        names = [call[0] for call in self.kernel.calls]
        self.assertLess(names.index("open_tun"), names.index("bind"))
        self.assertEqual(names.count("chmod"), 2)

    def test_owners(self) -> None:
        """chown-socket is for both sockets."""
        self.open("tuntap-router = emperor0 /run/t.sock\nchown-socket = www-data:adm\n")
        self.assertIn(("chown", "/run/t.sock", "33", "4"), self.kernel.calls)
        self.assertIn(("chown", "/run/t.sock.dev", "33", "4"), self.kernel.calls)

    def test_a_pattern_for_a_name(self) -> None:
        """The kernel may choose the number of a device; the log and the router know it by that name."""
        (gateway,) = self.open("tuntap-router = emperor%d /run/t.sock\n")
        self.assertEqual(self.opened(gateway).name, "emperor0")

    def test_everything_survives_a_reload(self) -> None:
        """The next image finds devices and sockets where they were, and opens none again."""
        config = (
            "tuntap-router = emperor0 /run/t.sock /run/stats 127.0.0.1:4000\n"
            "tuntap-router = emperor1 127.0.0.1:3000\n"
        )
        before = [self.opened(gateway) for gateway in self.open(config)]
        environ: dict[str, str] = {}
        self.kept.leave_behind(environ)
        self.kept = Kept.inherited(self.kernel, environ)
        self.kernel.calls.clear()
        after = [self.opened(gateway) for gateway in self.open(config)]
        self.assertEqual(
            [(one.device, one.streams, one.devices, one.stats, one.gateway) for one in after],
            [(one.device, one.streams, one.devices, one.stats, one.gateway) for one in before],
        )
        self.assertEqual([call for call in self.kernel.calls if call[0] in ("open_tun", "bind")], [])
        self.kept.close_unclaimed()
        self.assertEqual(self.kept.descriptors(), tuple(sorted(self.kept.descriptors())))

    def test_tcp_has_no_companion(self) -> None:
        """Descriptors can not be passed over TCP."""
        (gateway,) = self.open("tuntap-router = emperor0 127.0.0.1:3000\n")
        self.assertEqual(self.opened(gateway).devices, -1)

    def test_abstract_names(self) -> None:
        """An abstract socket has an abstract companion, and no file is touched."""
        (gateway,) = self.open("tuntap-router = emperor0 @t\n")
        facts = self.kernel.socket_facts(self.opened(gateway).devices)
        assert facts is not None
        self.assertEqual(facts.path.rstrip("\0"), "\0t.dev")
        (other,) = self.open("tuntap-router = emperor1 /run/t\nabstract-socket = true\n")
        facts = self.kernel.socket_facts(self.opened(other).streams)
        assert facts is not None
        self.assertTrue(facts.path.startswith("\0"))

    def test_statistics(self) -> None:
        """A router without an address of its own takes that of tuntap-router-stats."""
        (gateway,) = self.open(
            "tuntap-router = emperor0 /run/t.sock\ntuntap-router-stats = /run/all\nstats-http = true\n"
        )
        opened = self.opened(gateway)
        self.assertEqual((opened.stats_address, opened.stats_http), ("/run/all", True))
        self.assertFalse(opened.stats_minified)
        self.assertEqual(Stats.options[1].name, "stats-http")
        self.assertIn(f"*** tuntap stats server enabled on /run/all fd: {opened.stats} ***", self.said)

    def test_gateways(self) -> None:
        """A UDP gateway is bound; one of multicast joins its group."""
        (gateway,) = self.open("tuntap-router = emperor0 /run/t.sock - 239.1.2.3:4000\n")
        self.assertGreaterEqual(self.opened(gateway).gateway, 0)
        self.assertIn("*** tuntap gateway address enabled on 239.1.2.3:4000", self.said)
        found = self.kernel.descriptors[self.opened(gateway).gateway]
        assert isinstance(found, MemorySocket)
        self.assertEqual(
            found.options[socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP], bytes((239, 1, 2, 3, 0, 0, 0, 0))
        )
        self.assertGreaterEqual(
            self.opened(self.open("tuntap-router = emperor1 /run/u.sock - :4001\n")[0]).gateway, 0
        )
        (gateway,) = self.open("tuntap-router = emperor2 /run/v.sock - [fd00::1]:4000\n")
        bound = self.kernel.socket_facts(self.opened(gateway).gateway)
        assert bound is not None
        self.assertEqual(
            (bound.family, bound.kind, bound.host, bound.port),
            (socket.AF_INET6, socket.SOCK_DGRAM, "fd00::1", 4000),
        )

    def test_what_is_no_socket_stays(self) -> None:
        """A file in the place of the socket is somebody's; an old socket is removed."""
        self.kernel.write_file("/run/t.sock", b"precious")
        self.assertRaises(KernelError, self.open, "tuntap-router = emperor0 /run/t.sock\n")
        self.assertEqual(self.kernel.read_file("/run/t.sock"), b"precious")
        self.kernel.add_file("/run/u.sock", mode=stat.S_IFSOCK | 0o777)
        self.open("tuntap-router = emperor0 /run/u.sock\n")
        self.assertIn(("unlink", "/run/u.sock"), self.kernel.calls)

    def test_a_device_that_is_taken(self) -> None:
        """Somebody else's device ends the start with a line that names it, and leaves their sockets alone."""
        self.open("tuntap-router = emperor0 /run/t.sock\n")
        self.kept = Kept(self.kernel)
        self.kernel.calls.clear()
        error = self.assertRaises(KernelError, self.open, "tuntap-router = emperor0 /run/t.sock\n")
        self.assertIn("emperor0", str(error))
        self.assertEqual([call for call in self.kernel.calls if call[0] in ("unlink", "bind")], [])

    def test_a_port_that_is_taken(self) -> None:
        """Nothing is left open where a socket can not be bound."""
        self.open("tuntap-router = emperor0 127.0.0.1:3000\n")
        self.kept = Kept(self.kernel)
        before = self.kernel.open_descriptors()
        self.assertRaises(KernelError, self.open, "tuntap-router = emperor1 127.0.0.1:3000\n")
        self.assertEqual(self.kernel.open_descriptors(), before)

    def test_rules_are_read_at_the_start(self) -> None:
        """What can not be used of a policy ends the start; what is odd is said."""
        self.open("tuntap-router = emperor0 /run/t.sock\ntuntap-router-route = any any 10.0.0.1:1\n")
        self.assertIn("without a gateway", self.said[0])
        self.assertRaises(
            ConfigError,
            self.open,
            "tuntap-router = emperor1 /run/u\ntuntap-use-credentials = no.such:thing\n",
        )
