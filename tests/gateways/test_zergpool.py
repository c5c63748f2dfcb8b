"""A pool of sockets that zergs get."""

from __future__ import annotations

import os
import socket

from tests.gateways.binding import BindingCase
from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigProblems
from uwsgid.gateways import zergpool
from uwsgid.gateways.zergpool import ZergPools, pools, serve
from uwsgid.host import Kernel
from uwsgid.supervise.board import Board
from uwsgid.supervise.gateways import GatewayLife
from uwsgid.supervise.household import Household
from uwsgid.testing import MemoryKernel, MemoryReactor
from uwsgid.wire.zerg import unpack


class PoolTests(BindingCase):
    def test_syntax(self) -> None:
        """A line is a path and addresses; both names of the option mean the same."""
        found = settings_of("zergpool = a:127.0.0.1:3031,b.sock\nzerg-pool = c: :9090")[ZergPools].pools
        self.assertEqual(
            [(pool.path, [str(address) for address in pool.addresses]) for pool in found],
            [("a", ["127.0.0.1:3031", "b.sock"]), ("c", [":9090"])],
        )

    def test_bad_syntax(self) -> None:
        """Anything else is refused with the place."""
        for text in ("a", "a:", ":127.0.0.1:3031", "a:x,,y", "a:" + ",".join(["x"] * 300)):
            error = self.assertRaises(ConfigProblems, settings_of, f"zergpool = {text}")
            self.assertIn("zergpool", str(error))

    def test_opened_at_boot(self) -> None:
        """The sockets are bound at boot, kept across a reload, and told of in uWSGI's words."""
        settings = settings_of("zergpool = s:127.0.0.1:0,b.sock")
        (gateway,) = pools(settings, Kernel(), self.lines.append, self.kept)
        self.assertEqual(gateway.name, "uWSGI zergpool 1")
        self.assertRegex(self.lines[0], r"^zergpool s bound to TCP socket 127.0.0.1:0 \(fd: \d+\)$")
        self.assertRegex(self.lines[1], r"^zergpool s bound to UNIX socket b.sock \(fd: \d+\)$")
        before = self.kept.descriptors()
        pools(settings, Kernel(), self.lines.append, self.kept)
        self.assertEqual(self.kept.descriptors(), before)
        self.assertEqual(self.lines[:2], self.lines[2:])

    def test_none(self) -> None:
        """Without the option there is no gateway."""
        self.assertEqual(list(pools(settings_of(""), Kernel(), self.lines.append, self.kept)), [])

    def test_serves(self) -> None:
        """Whoever connects gets all sockets of the pool; the file stays for the next life."""
        settings = settings_of("zergpool = s:127.0.0.1:0,b.sock")
        pool = settings[ZergPools].pools[0]
        server, descriptors = zergpool._open(pool, settings, Kernel(), self.lines.append, self.kept)
        reactor = MemoryReactor()

        house = Household(settings, MemoryKernel(), print, Board(1), (), 1, 0.0)
        life = GatewayLife(reactor, house, self.lines.append, 1, "uWSGI zergpool 1")
        life.end(7)
        self.assertEqual(serve(server, descriptors, life), 7)
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect("s")
            reactor.poll()
            message, fds, _, _ = socket.recv_fds(asking, 100, 8)
        self.assertEqual((unpack(message), len(fds)), (2, 2))
        for fd in fds:
            os.close(fd)
        self.assertTrue(os.path.exists("s"))
