"""Every mistake in a line of the router stops the start, with place and reason."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigProblems
from uwsgid.tuntap.options import (
    DeviceSpec,
    RouterSpec,
    TunTapDevice,
    TunTapRouter,
    read_device,
    read_device_name,
    read_router,
)


class RouterTests(SynchronousTestCase):
    def test_fields(self) -> None:
        """Two to four words by their place, and a dash or empty quotes where there are no stats."""
        for text, spec in (
            ("emperor0 /run/t.sock", RouterSpec("emperor0", "/run/t.sock")),
            ("emperor0\t/run/t.sock  127.0.0.1:1", RouterSpec("emperor0", "/run/t.sock", "127.0.0.1:1")),
            ("emperor0 :3000 - 10.0.0.1:4000", RouterSpec("emperor0", ":3000", "", "10.0.0.1:4000")),
            ('emperor0 [::1]:3000 "" :4000', RouterSpec("emperor0", "[::1]:3000", "", ":4000")),
            ('emperor0 "/run/a b.sock"', RouterSpec("emperor0", "/run/a b.sock")),
            ("tun%d @tuntap", RouterSpec("tun%d", "@tuntap")),
        ):
            self.assertEqual(read_router(text), spec)

    def test_refused(self) -> None:
        """Too few and too many words, bad names and bad addresses are errors."""
        for text, said in (
            ("", "invalid tuntap router syntax, must be <device> <socket> [stats] [gateway]"),
            ("emperor0", "invalid tuntap router syntax"),
            ("emperor0 /a /b 10.0.0.1:1 more", "invalid tuntap router syntax"),
            ('emperor0 "/a', "No closing quotation"),
            ("a-name-of-16-chs /a", "has 16"),
            ("emperor0 fd://3", "neither a UNIX nor a TCP socket"),
            ("emperor0 10.0.0.1:x", "10.0.0.1:x"),
            ("emperor0 /a fd://3", "neither a UNIX nor a TCP socket"),
            ("emperor0 /a - 10.0.0.1", "the gateway must be in the form addr:port"),
            ("emperor0 /a - shop:1", "'shop' is not"),
            ("emperor0 /a - :0", "from 1 to 65535"),
        ):
            self.assertIn(said, str(self.assertRaises(ValueError, read_router, text)), text)


class DeviceTests(SynchronousTestCase):
    def test_fields(self) -> None:
        """A device, maybe with a socket."""
        self.assertEqual(read_device("uwsgi0"), DeviceSpec("uwsgi0"))
        self.assertEqual(read_device("uwsgi0 /run/t.sock"), DeviceSpec("uwsgi0", "/run/t.sock"))
        self.assertEqual(read_device("uwsgi0 10.0.0.1:3000").socket, "10.0.0.1:3000")

    def test_refused(self) -> None:
        """No word and a third word are errors."""
        for text in ("", "uwsgi0 /a /b"):
            error = self.assertRaises(ValueError, read_device, text)
            self.assertIn("must be <device> [socket]", str(error))

    def test_names(self) -> None:
        """A name is one that the kernel takes as it is."""
        for name in ("a", "uwsgi0", "tun%d", "a-name-of-15-ch"):
            self.assertEqual(read_device_name(name), name)
        for name in ("", "a-name-of-16-chs", "äääääääää", "a/b", "a:b", ".", "..", "a b"):
            self.assertRaises(ValueError, read_device_name, name)


class SettingsTests(SynchronousTestCase):
    def problem(self, text: str) -> str:
        return str(self.assertRaises(ConfigProblems, settings_of, text))

    def test_defaults(self) -> None:
        """Without a line there is no router, and limits are those of the manual."""
        router = settings_of()[TunTapRouter]
        self.assertEqual((router.routers, router.queue, router.buffer), ((), 262144, 65535))
        self.assertEqual((router.collision, router.switch_local), ("refuse", False))
        self.assertEqual(settings_of()[TunTapDevice].devices, ())

    def test_everything(self) -> None:
        """Each option arrives as what it means, with the place where it was written."""
        settings = settings_of(
            """tuntap-router = emperor0 /run/t.sock
            tuntap-router-firewall-in = deny any 192.168.0.3
            tuntap-router-firewall-out = allow
            tuntap-router-firewall-out = deny
            tuntap-router-route = any 10.0.0.0/8 127.0.0.1:3000
            tuntap-router-stats = 127.0.0.1:5002
            tuntap-use-credentials
            tuntap-router-collision = takeover
            tuntap-router-switch-local = true
            tuntap-router-limit = 192.168.0.2 10mbit
            tuntap-router-allow = uid=0 192.168.0.2
            tuntap-router-queue = 65536
            tuntap-buffer-size = 8192
            tuntap-router-allow-target = 10.0.0.1:9
            tuntap-router-gateway-any = true
            tuntap-device = uwsgi0 /run/t.sock
            tuntap-device-rule = out any any deny"""
        )
        router, device = settings[TunTapRouter], settings[TunTapDevice]
        self.assertEqual(router.routers, (RouterSpec("emperor0", "/run/t.sock", origin="lines:1"),))
        self.assertEqual([rule.origin for rule in router.firewall_out], ["lines:3", "lines:4"])
        self.assertEqual(router.firewall_in[0].text, "deny any 192.168.0.3")
        self.assertEqual(router.routes[0].target, ("127.0.0.1", 3000))
        self.assertEqual((router.stats, router.credentials), ("127.0.0.1:5002", "true"))
        self.assertEqual(
            (router.collision, router.switch_local, router.any_gateway), ("takeover", True, True)
        )
        self.assertEqual((router.limits[0].rate, router.allowed[0].uid), (1_250_000, 0))
        self.assertEqual((router.queue, router.buffer), (65536, 8192))
        self.assertEqual(router.targets, (("10.0.0.1", 9),))
        self.assertEqual(device.devices, (DeviceSpec("uwsgi0", "/run/t.sock", "lines:16"),))
        self.assertFalse(device.rules[0].inward)

    def test_a_router_needs_a_master(self) -> None:
        """The master, which keeps routers alive, is turned on by a router."""
        from uwsgid.supervise.processes import Processes

        self.assertTrue(settings_of("tuntap-router = emperor0 /run/t.sock")[Processes].master)

    def test_mistakes_name_their_line(self) -> None:
        """A mistake is told with file, line, option and reason; all of them at once."""
        said = self.problem(
            """tuntap-router = emperor0
            tuntap-router-firewall-in = drop
            tuntap-router-firewall-out = deny 10.0.0.0/8
            tuntap-router-firewall-out
            tuntap-router-route = any any shop:1
            tuntap-router-limit = any fast
            tuntap-router-allow = uid=nobody-is-called-so
            tuntap-router-allow-target = 10.0.0.1
            tuntap-device = a/b
            tuntap-device-rule = out any any drop
            tuntap-router-collision = ignore
            tuntap-use-credentials = my_symbol
            tuntap-router-queue = 1
            tuntap-buffer-size = 70000"""
        ).splitlines()
        for number, (line, start) in enumerate(
            zip(
                said,
                (
                    "tuntap-router: invalid tuntap router syntax",
                    "tuntap-router-firewall-in: a rule begins with",
                    "tuntap-router-firewall-out: invalid tuntap firewall rule syntax",
                    "tuntap-router-firewall-out: expected <action>",
                    "tuntap-router-route: 'shop' is not",
                    "tuntap-router-limit: expected a number with k, m or g",
                    "tuntap-router-allow: there is no user",
                    "tuntap-router-allow-target: tuntap target must be",
                    "tuntap-device: 'a/b' is no name for a device",
                    "tuntap-device-rule: unsupported tuntap rule action: drop",
                    "tuntap-router-collision: expected refuse or takeover, got 'ignore'",
                    "tuntap-use-credentials: expected true, map:<file> or <module>:<function>",
                    "tuntap-router-queue: the size is a number from 4096",
                    "tuntap-buffer-size: the size is a number from 1280 to 65535",
                ),
                strict=True,
            ),
            1,
        ):
            self.assertTrue(line.startswith(f"lines:{number}: {start}"), line)

    def test_nothing_is_used_twice(self) -> None:
        """Two routers share no device, no socket and no stats, and no device is made twice."""
        for second, what in (
            ("tuntap-router = a /run/b.sock", "the device a is used twice, first at lines:1"),
            ("tuntap-router = b /run/a.sock", "the socket /run/a.sock is used twice, first at lines:1"),
            ("tuntap-router = b /run/b.sock", "the stats 127.0.0.1:9 is used twice, first at lines:1"),
            ("tuntap-device = a", "the device a is used twice, first at lines:1"),
            ("tuntap-device = c\ntuntap-device = c", "the device c is used twice, first at lines:2"),
        ):
            lines = f"tuntap-router = a /run/a.sock\n{second}\ntuntap-router-stats = 127.0.0.1:9"
            self.assertIn(what, self.problem(lines))
        settings_of(
            """tuntap-router = tun%d /run/a.sock 127.0.0.1:8
            tuntap-router = tun%d /run/b.sock
            tuntap-device = tun%d
            tuntap-device = tun%d
            tuntap-router-stats = 127.0.0.1:9"""
        )

    def test_bad_stats(self) -> None:
        """The address of the stats is noticed before anything is started."""
        self.assertIn("lines:1: tuntap-router-stats: ", self.problem("tuntap-router-stats = 10.0.0.1:x"))
