"""The HTTP gateway at boot: its options and its sockets."""

from __future__ import annotations

import os
import socket

from tests.gateways.binding import BindingCase
from uwsgid.config.settings import settings_of
from uwsgid.door.binding import with_a_way_for_gateways
from uwsgid.errors import ConfigError, ConfigProblems
from uwsgid.gateways.http import gateways, limits_of, own_socket, terms_of
from uwsgid.gateways.http_options import Http
from uwsgid.host import Kernel, Listener, Sockets
from uwsgid.host.addresses import Family


class Setting(BindingCase):
    def test_none(self) -> None:
        """Without the option there is no gateway."""
        self.assertEqual(list(gateways(settings_of(""), Kernel(), self.lines.append, self.kept)), [])

    def test_processes(self) -> None:
        """There are as many as http-processes says, and they have all sockets."""
        settings = settings_of("http = 127.0.0.1:0\nhttprouter = web.sock\nhttp-workers = 2")
        made = gateways(settings, Kernel(), self.lines.append, self.kept)
        self.assertEqual([one.name for one in made], ["uWSGI http 1", "uWSGI http 2"])
        self.assertEqual({one.workers for one in made}, {"uwsgi"})
        self.assertRegex(self.lines[0], r"^uWSGI http bound on 127.0.0.1:[1-9]\d* fd \d+$")
        self.assertRegex(self.lines[1], r"^uWSGI http bound on web.sock fd \d+$")

    def test_ports(self) -> None:
        """Each address whose port the kernel chooses gets one of its own."""
        settings = settings_of("http = 127.0.0.1:0\nhttp = 127.0.0.1:0\nhttp-stats = 127.0.0.1:0")
        gateways(settings, Kernel(), self.lines.append, self.kept)
        self.assertEqual(len(self.kept.descriptors()), 3)
        self.assertNotEqual(*[line.split()[4] for line in self.lines[:2]])
        self.assertRegex(self.lines[2], r"^\*\*\* http stats server enabled on 127.0.0.1:0 fd: \d+ \*\*\*$")

    def test_reload(self) -> None:
        """A reload finds the sockets, and a port that the kernel chose stays."""
        settings = settings_of("http = 127.0.0.1:0\nhttp-to = app.sock")
        for _ in range(2):
            (made,) = gateways(settings, Kernel(), self.lines.append, self.kept)
            self.assertEqual(made.workers, "")
        self.assertEqual(len(self.kept.descriptors()), 1)
        self.assertEqual(self.lines[0], self.lines[1])

    def test_shared(self) -> None:
        """``=0`` is the first shared socket."""
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            sock.listen()
            port = sock.getsockname()[1]
            name = f"127.0.0.1:{port}"
            fd = os.dup(sock.fileno())
            self.kept.shared = {0: Listener(0, name, name, fd, Family.INET, port=port)}
            gateways(settings_of("http = =0"), Kernel(), self.lines.append, self.kept)
            self.assertEqual(self.lines, [f"uWSGI http bound on {name} fd {fd}"])
            self.assertRaises(
                ConfigError, gateways, settings_of("http = =1"), Kernel(), self.lines.append, self.kept
            )

    def test_bad(self) -> None:
        """What can not be an address, a number or a modifier is refused with its place."""
        for config in (
            "http =",
            "http = :8080\nhttp-modifier1 = 256",
            "http = :8080\nhttp-buffer-size = 100000",
            "http = :8080\nhttp-timeout = 0",
            "http = :8080\nhttp-var = nothing",
            "http-to = app.sock",
        ):
            self.assertRaises(ConfigProblems, settings_of, config)
        for config in (
            "http = :8080\nhttp-to = 127.0.0.1:0",
            "http = 5",
            "http = *.1:80",
            "http = web.sock\nhttp-to-https = web.sock",
        ):
            self.assertRaises(
                ConfigError, gateways, settings_of(config), Kernel(), self.lines.append, self.kept
            )

    def test_terms(self) -> None:
        """What the options say arrives, and what is not said follows http-timeout."""
        settings = settings_of(
            "http = :8080\nhttp-timeout = 7\nhttp-keepalive = 1\nhttp-auto-chunked = true\n"
            "http-modifier1 = 5\nhttp-modifier2 = 2\nhttp-manage-expect = 100\nlimit-post = 9"
        )
        terms = terms_of(settings, is_own=True)
        self.assertEqual(
            (terms.timeout, terms.headers_timeout, terms.connect_timeout, terms.idle_timeout), (7, 7, 7, 7)
        )
        self.assertEqual((terms.keep_alive, terms.auto_chunked), (True, True))
        self.assertEqual((terms.modifier1, terms.modifier2, terms.expect_limit), (5, 2, 100))
        self.assertEqual((terms.limit_post, terms.most_packet), (9, 4096))
        self.assertEqual(terms_of(settings, is_own=False).limit_post, 0)
        self.assertEqual(terms_of(settings_of("http-keepalive = 9"), is_own=True).idle_timeout, 9)
        self.assertEqual(limits_of(settings_of("http-buffer-size = 999")).buffer_size, 999)
        self.assertEqual(settings_of("http-manage-expect")[Http].expect_limit, 0)

    def test_the_way_to_the_workers(self) -> None:
        """Where no socket speaks uwsgi there is one more, whose name nobody can guess."""
        for config, count in (("", 1), ("http-socket = :80", 2), ("socket = a.sock", 1)):
            sockets = with_a_way_for_gateways(settings_of(config)[Sockets], "kept")
            self.assertEqual(len(sockets.specs), count, config)
            speaks = {"http-socket = :80": "uwsgi", "": "kept"}.get(config, "")
            self.assertEqual(sockets.specs[-1].protocol, speaks)
        names = {
            with_a_way_for_gateways(settings_of("")[Sockets], "kept").specs[0].address.text for _ in range(3)
        }
        self.assertEqual(len(names), 3)

    def test_own_socket(self) -> None:
        """The workers are reached by the first socket that speaks uwsgi."""
        http = Listener(0, ":80", ":80", 3, Family.INET, protocol="http")
        uwsgi = Listener(1, "a.sock", "a.sock", 4, Family.UNIX, protocol="uwsgi")
        self.assertIs(own_socket([http, uwsgi]), uwsgi)
        self.assertIs(own_socket([http]), None)
