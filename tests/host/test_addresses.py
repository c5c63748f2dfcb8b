"""What the text of an address means."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.host.addresses import (
    MAX_PATH,
    Address,
    AddressError,
    Family,
    match_interface,
    parse_address,
    same_place,
)


class Forms(SynchronousTestCase):
    """Each way to write an address."""

    def test_unix_paths(self) -> None:
        """A text without a colon, or one that begins like a path, names a file."""
        for text in ("/run/shop.sock", "shop.sock", "/tmp/a:b", "./a:80"):
            address = parse_address(text)
            self.assertEqual((address.family, address.path, str(address)), (Family.UNIX, text, text))
            self.assertEqual(address.sockaddr(), text)

    def test_tcp(self) -> None:
        """``host:port`` is TCP over IPv4, printed as it was written."""
        address = parse_address("127.0.0.1:3031")
        self.assertEqual((address.family, address.host, address.port), (Family.INET, "127.0.0.1", 3031))
        self.assertEqual(str(address), "127.0.0.1:3031")
        self.assertEqual(address.sockaddr(), ("127.0.0.1", 3031))

    def test_all_addresses(self) -> None:
        """``:port`` is bound on 0.0.0.0."""
        self.assertEqual(parse_address(":8080").sockaddr(), ("0.0.0.0", 8080))

    def test_ipv6(self) -> None:
        """An IPv6 address stands in brackets."""
        address = parse_address("[::1]:3031")
        self.assertEqual((address.family, address.host, address.port), (Family.INET6, "::1", 3031))
        self.assertEqual(str(address), "[::1]:3031")

    def test_zero_port_is_chosen_by_the_kernel_as_in_1_9_16(self) -> None:
        """No port, 0, and anything that begins with 0, let the kernel choose."""
        for text in (":0", "127.0.0.1:", ":08080", "[::1]:0"):
            self.assertTrue(parse_address(text).auto_port, text)
        self.assertEqual(str(parse_address("127.0.0.1:0").with_port(40001)), "127.0.0.1:40001")
        self.assertEqual(str(parse_address("[::1]:").with_port(40001)), "[::1]:40001")

    def test_abstract_names_end_in_nul_as_in_1_9_16(self) -> None:
        """``@name`` and ``\\0name`` bind one NUL behind the name; abstract-socket does not."""
        for text in ("@shop", "\\0shop", "\0shop"):
            self.assertEqual(parse_address(text).sockaddr(), b"\0shop\0")
        self.assertEqual(parse_address("shop").abstract().sockaddr(), b"\0shop")

    def test_shared_and_descriptors(self) -> None:
        """``=N`` is a shared socket; ``fd://N`` and ``N`` are descriptors."""
        self.assertEqual(
            [(a.family, a.number) for a in map(parse_address, ("=0", "fd://5", "7"))],
            [(Family.SHARED, 0), (Family.DESCRIPTOR, 5), (Family.DESCRIPTOR, 7)],
        )

    def test_pattern(self) -> None:
        """A pattern takes the first interface address that matches."""
        address = parse_address("10.0.*:3031")
        self.assertTrue(address.is_pattern)
        interfaces = [("lo", "127.0.0.1"), ("eth0", "10.0.0.5"), ("eth1", "10.0.0.6")]
        self.assertEqual(match_interface(address.host, interfaces), ("eth0", "10.0.0.5"))
        self.assertEqual(str(address.with_host("10.0.0.5")), "10.0.0.5:3031")
        self.assertIsNone(match_interface("172.*", interfaces))


class Refusals(SynchronousTestCase):
    """What is no address, and what the error says."""

    def refuses(self, text: str, part: str) -> None:
        error = self.assertRaises(AddressError, parse_address, text)
        self.assertIn(part, str(error))

    def test_empty(self) -> None:
        """Nothing is an invalid name, in uWSGI's words."""
        self.refuses("", "invalid/empty uwsgi socket name")
        self.refuses("@", "invalid/empty uwsgi socket name")

    def test_long_path(self) -> None:
        """A path of 102 bytes passes, one of 103 does not."""
        self.assertEqual(parse_address("/" * MAX_PATH).family, Family.UNIX)
        self.refuses("/" * (MAX_PATH + 1), "invalid socket name")
        self.refuses("/" + "é" * 51, "invalid socket name")

    def test_bad_ports(self) -> None:
        """A port is a number up to 65535."""
        self.refuses("127.0.0.1:http", "http is not a port")
        self.refuses(":70000", "the highest is 65535")

    def test_bare_ipv6(self) -> None:
        """An IPv6 address without brackets is refused with the right spelling."""
        self.refuses("::1:3031", "[::1]:3031")

    def test_bad_brackets(self) -> None:
        """Brackets hold an IPv6 address and are followed by a port."""
        self.refuses("[::1]", "expected [address]:port")
        self.refuses("[shop]:80", "shop is not an IPv6 address")

    def test_bad_numbers(self) -> None:
        """Shared sockets and descriptors have numbers."""
        self.refuses("=one", "unable to use shared socket one")
        self.refuses("fd://one", "expected a descriptor number")

    def test_unbindable(self) -> None:
        """A shared socket has no address of its own."""
        self.assertRaises(AddressError, parse_address("=0").sockaddr)


class Sameness(SynchronousTestCase):
    """When two texts mean one place."""

    def test_all_addresses(self) -> None:
        """``:80`` is ``0.0.0.0:80``."""
        self.assertTrue(same_place(parse_address(":80"), parse_address("0.0.0.0:80")))
        self.assertFalse(same_place(parse_address(":80"), parse_address("127.0.0.1:80")))

    def test_ipv6_spellings(self) -> None:
        """An IPv6 address is the same however it is written."""
        self.assertTrue(same_place(parse_address("[0:0::1]:80"), parse_address("[::1]:80")))

    def test_abstract_padding(self) -> None:
        """``@name`` and the same name under abstract-socket are two places."""
        self.assertFalse(same_place(parse_address("@shop"), parse_address("shop").abstract()))

    def test_kinds(self) -> None:
        """A file and a port are never the same."""
        self.assertFalse(same_place(parse_address("/80"), parse_address(":80")))
        self.assertTrue(same_place(parse_address("=1"), parse_address("=1")))


class AnyText(SynchronousTestCase):
    """Parsing is total."""

    @settings(deadline=None, max_examples=200)
    @given(st.text(alphabet="ab0189:[]@=\\/.*fd\0", max_size=12))
    def test_address_or_error(self, text: str) -> None:
        """Any text is an address that prints sensibly, or an AddressError."""
        try:
            address = parse_address(text)
        except AddressError as error:
            self.assertTrue(str(error))
            return
        self.assertIsInstance(address, Address)
        self.assertTrue(str(address))
        self.assertTrue(same_place(address, address))
