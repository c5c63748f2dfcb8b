"""How sockets are written in a configuration."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.directive import Directive, Origin
from uwsgid.config.section import Option, Section
from uwsgid.errors import ConfigError
from uwsgid.host.limits import Limits
from uwsgid.host.privileges import Privileges
from uwsgid.host.socket_options import SocketMapping, Sockets, SocketSpec

ORIGIN = Origin("shop.ini", 14)


def find(section: type[Section], name: str) -> Option:
    return next(option for option in section.options if name in (*option.spellings(), *option.letters))


def convert(name: str, value: str | None) -> object:
    return find(Sockets, name).kind.convert(Directive(name, value, ORIGIN))


class Specs(SynchronousTestCase):
    """The list of sockets."""

    def spec(self, name: str, value: str) -> SocketSpec:
        made = convert(name, value)
        assert isinstance(made, SocketSpec)
        return made

    def test_one_field(self) -> None:
        """All options that bind feed one field, so that numbers follow the order of the lines."""
        names = ("socket", "s", "uwsgi-socket", "http-socket", "http11-socket", "fastcgi-socket")
        self.assertEqual({find(Sockets, name).field for name in names}, {"specs"})

    def test_protocols(self) -> None:
        """Each of them knows what it speaks; socket leaves that to protocol."""
        self.assertEqual(
            [
                self.spec(name, ":80").protocol
                for name in ("socket", "s", "uwsgi-socket", "http-socket", "http11-socket")
            ],
            ["", "", "uwsgi", "http", "http"],
        )
        self.assertEqual(
            [self.spec(f"{name}-socket", ":80").protocol for name in ("fastcgi-nph", "scgi", "puwsgi")],
            ["fastcgi-nph", "scgi", "puwsgi"],
        )

    def test_undeferred(self) -> None:
        """undeferred-shared-socket is a shared socket without deferral."""
        self.assertTrue(self.spec("shared-socket", ":80").deferred)
        self.assertFalse(self.spec("undeferred-shared-socket", ":80").deferred)

    def test_empty(self) -> None:
        """An empty address is refused with its place in the file."""
        for value in ("", None):
            error = self.assertRaises(ConfigError, convert, "socket", value)
            self.assertEqual(str(error), "shop.ini:14: socket: invalid/empty uwsgi socket name")


class Values(SynchronousTestCase):
    """The other options."""

    def test_protocol(self) -> None:
        """Known protocols pass, those of uWSGI that are not spoken say so, others are unknown."""
        self.assertEqual(
            [convert("protocol", name) for name in ("uwsgi", "http11", "fcgi-nph")],
            ["uwsgi", "http", "fastcgi-nph"],
        )
        for name, text in (("zmq", "is not supported"), ("gopher", "unable to find protocol gopher")):
            self.assertIn(text, str(self.assertRaises(ConfigError, convert, "socket-protocol", name)))

    def test_mapping(self) -> None:
        """map-socket is a socket, a colon and workers."""
        self.assertEqual(convert("map-socket", "0:1, 3"), SocketMapping(0, frozenset({1, 3})))
        for value in ("0", "x:1", "0:", ":1"):
            error = self.assertRaises(ConfigError, convert, "map-socket", value)
            self.assertIn("invalid socket mapping, must be socket:worker[,worker...]", str(error))
        for value in ("0:x", "0:0", "0:1,,2"):
            self.assertIn(
                "invalid worker num", str(self.assertRaises(ConfigError, convert, "map-socket", value))
            )

    def test_chmod(self) -> None:
        """chmod-socket without a value, or with 1, means 666."""
        self.assertEqual([convert("C", text) for text in (None, "1", "660")], [0o666, 0o666, 0o660])
        self.assertRaises(ConfigError, convert, "chmod", "9")

    def test_small_ones(self) -> None:
        """Owners and descriptors are checked where they are written."""
        self.assertEqual((convert("chown-socket", "a:b"), convert("safe-fd", "7")), ("a:b", 7))
        self.assertRaises(ConfigError, convert, "chown-socket", ":b")
        self.assertRaises(ConfigError, convert, "fd-safe", "seven")
        self.assertRaises(ConfigError, convert, "listen", "0")

    def test_no_name_twice(self) -> None:
        """No two options of the floor share a name or a letter."""
        names = [
            name
            for section in (Sockets, Privileges, Limits)
            for option in section.options
            for name in (*option.spellings(), *option.letters)
        ]
        self.assertEqual(len(names), len(set(names)))
