"""A rule means what it says, and a text that says something else is no rule."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.tuntap.networks import ANY, read_network
from uwsgid.tuntap.rules import (
    ALLOW,
    DENY,
    NOTE,
    ROUTE,
    ROUTE_SYNTAX,
    SYNTAX,
    read_device_rule,
    read_route,
    read_rule,
)


class Refusals(SynchronousTestCase):
    """Helpers for texts that are refused."""

    def refused(self, read: object, text: str, said: str) -> None:
        assert callable(read)
        self.assertIn(said, str(self.assertRaises(ValueError, read, text)), text)


class RuleTests(Refusals):
    def test_one_word(self) -> None:
        """``deny`` and ``allow`` alone are about every packet."""
        for word in (DENY, ALLOW):
            rule = read_rule(word)
            self.assertEqual((rule.action, rule.src, rule.dst), (word, ANY, ANY))
            self.assertFalse(rule.looks_deeper)

    def test_other_single_words_are_refused(self) -> None:
        """uWSGI takes any other word for allow."""
        for text in ("drop", "DENY", "", " ", "Allow", "allowed"):
            self.refused(read_rule, text, "a rule begins with allow, deny, log or count")

    def test_three_words(self) -> None:
        """An action, a source and a destination."""
        rule = read_rule("deny 192.168.0.0/24 10.0.0.1", "shop.ini:14")
        self.assertEqual(rule.action, DENY)
        self.assertEqual((rule.src, rule.dst), (read_network("192.168.0.0/24"), read_network("10.0.0.1")))
        self.assertEqual((rule.text, rule.origin), ("deny 192.168.0.0/24 10.0.0.1", "shop.ini:14"))
        self.assertEqual((rule.version, rule.decides, str(rule)), (4, True, rule.text))

    def test_first_word_of_three_is_allow_or_deny(self) -> None:
        """uWSGI takes a first word that is not deny for allow."""
        for word in ("drop", "DENY", "reject", "accept", "route"):
            self.refused(read_rule, f"{word} 10.0.0.1 10.0.0.2", "a rule begins with")

    def test_two_words_are_refused(self) -> None:
        """uWSGI 1.9.16 crashes at a rule of two words, and 2.0 skips it."""
        self.refused(read_rule, "deny 10.0.0.0/8", SYNTAX)

    def test_addresses_are_checked(self) -> None:
        """An address that is none is an error in either place."""
        self.refused(read_rule, "allow shop 10.0.0.1", "'shop' is not an IPv4 or IPv6 address")
        self.refused(read_rule, "allow 10.0.0.1 10.0.0", "'10.0.0' is not")

    def test_missing_bits_mean_a_host(self) -> None:
        """Without bits a rule is about one address."""
        self.assertEqual(read_rule("allow 10.0.0.1 10.0.0.2").src.mask, 0xFFFFFFFF)

    def test_bits_are_numbers(self) -> None:
        """uWSGI takes bits that are no number for 0."""
        self.refused(read_rule, "deny 10.0.0.0/x any", "expected the bits of 10.0.0.0 as a number, got 'x'")

    def test_bits_end_at_32(self) -> None:
        """uWSGI makes a mask of chance from more bits than an address has."""
        self.refused(read_rule, "deny 10.0.0.0/33 any", "from 0 to 32, got 33")

    def test_no_bits_mean_any_and_are_doubted(self) -> None:
        """``/0`` is any address, with a warning where uWSGI meant one host by it."""
        rule = read_rule("deny 10.0.0.1/0 10.0.0.2/0")
        self.assertEqual((rule.src, rule.dst), (ANY, ANY))
        self.assertEqual(len(rule.doubts), 2)
        self.assertEqual(read_rule("deny 0.0.0.0/0 10.0.0.0/8").doubts, ())

    def test_extra_text_is_refused(self) -> None:
        """uWSGI ignores what stands behind the destination."""
        self.refused(read_rule, "deny 10.0.0.1 10.0.0.2 please", "'please' means nothing here")
        self.refused(read_rule, "deny 10.0.0.1/32/8 10.0.0.2", "got '32/8'")

    def test_ipv6(self) -> None:
        """Rules are about IPv6 as well, but not about both at once."""
        rule = read_rule("allow fd00::/64 ::")
        self.assertEqual(rule.version, 6)
        self.assertEqual(read_rule("allow 0.0.0.0 fd00::2").version, 6)
        self.refused(read_rule, "allow fd00::1 10.0.0.1", "one is IPv4, the other IPv6")

    def test_many_blanks(self) -> None:
        """Blanks may be many, and tabs."""
        self.assertEqual(read_rule(" deny \t 10.0.0.1   any ").text, "deny 10.0.0.1 any")


class WordTests(Refusals):
    def test_protocols(self) -> None:
        """A protocol is a word of its own or follows ``proto``, by name or number."""
        for text, number in (
            ("tcp", 6),
            ("udp", 17),
            ("icmp", 1),
            ("icmp6", 58),
            ("proto tcp", 6),
            ("proto=udp", 17),
            ("proto gre", 47),
            ("proto=132", 132),
        ):
            self.assertEqual(read_rule(f"deny any any {text}").protocols, frozenset({number}), text)

    def test_ports(self) -> None:
        """Ports are numbers and ranges, and mean TCP and UDP where nothing else is said."""
        rule = read_rule("deny 10.0.0.0/8 0.0.0.0/0 tcp dport 22,80-90 sport=1024-65535 log")
        self.assertEqual(rule.dports, ((22, 22), (80, 90)))
        self.assertEqual(rule.sports, ((1024, 65535),))
        self.assertEqual((rule.protocols, rule.log, rule.decides), (frozenset({6}), True, True))
        self.assertEqual(read_rule("deny any any dport=53").protocols, frozenset({6, 17}))

    def test_icmp_types(self) -> None:
        """Types of ICMP have numbers, and those that matter have names."""
        self.assertEqual(read_rule("allow any any icmp type 8").types, ((8, 8),))
        self.assertEqual(read_rule("allow any any icmp type echo-request,0").types, ((8, 8), (0, 0)))
        self.assertEqual(read_rule("allow any any type echo-request icmp6").types, ((128, 128),))
        rule = read_rule("allow any any icmp type unreachable code 4")
        self.assertEqual((rule.types, rule.code), (((3, 3),), 4))

    def test_flags(self) -> None:
        """``established`` and ``log`` stand alone, wherever they stand."""
        rule = read_rule("allow any any log established udp")
        self.assertEqual((rule.established, rule.log, rule.looks_deeper), (True, True, True))

    def test_rules_that_go_on(self) -> None:
        """``count`` and ``log`` decide nothing."""
        counting, logging = read_rule("count any 10.0.0.1 udp"), read_rule("log")
        self.assertEqual((counting.action, counting.decides, counting.count_only), (NOTE, False, True))
        self.assertEqual((logging.action, logging.log, logging.count_only), (NOTE, True, False))

    def test_refused(self) -> None:
        """Words that contradict each other, lack something or repeat something are errors."""
        for words, said in (
            ("dport", "'dport' needs a value"),
            ("tcp dport", "'dport' needs a value"),
            ("dport=", "expected a port as a number, got ''"),
            ("dport http", "expected a port as a number, got 'http'"),
            ("dport 90-80", "90-80 ends before it begins"),
            ("dport 65536", "from 0 to 65535"),
            ("dport 80, 90", "expected a port as a number, got ''"),
            ("icmp dport 80", "only tcp, udp"),
            ("proto ipx", "the protocol 'ipx' is not known"),
            ("proto 256", "from 0 to 255"),
            ("tcp udp", "'proto' is given twice"),
            ("tcp proto=6", "'proto' is given twice"),
            ("dport 80 dport 90", "'dport' is given twice"),
            ("type 8", "'type' and 'code' need icmp or icmp6"),
            ("tcp type 8", "'type' and 'code' need icmp or icmp6"),
            ("icmp type ping", "expected an ICMP type as a number, got 'ping'"),
            ("icmp type 256", "from 0 to 255"),
            ("icmp code x", "expected an ICMP code as a number"),
            ("TCP", "'TCP' means nothing here"),
            ("log=yes", "'log=yes' means nothing here"),
            ("count", "every rule counts"),
        ):
            self.refused(read_rule, f"allow any any {words}", said)


class CounterTests(SynchronousTestCase):
    def test_count(self) -> None:
        """A rule counts packets and bytes, and a fresh one of the same text has counted none."""
        rule = read_rule("deny any any tcp", "shop.ini:3")
        rule.count(40)
        rule.count(1500)
        self.assertEqual((rule.packets, rule.bytes), (2, 1540))
        again = rule.fresh()
        self.assertEqual((again.packets, again.bytes), (0, 0))
        self.assertEqual(
            (again.text, again.origin, again.protocols), (rule.text, rule.origin, rule.protocols)
        )

    def test_rules_are_themselves(self) -> None:
        """Two rules of the same text are not the same rule."""
        self.assertNotEqual(read_rule("deny"), read_rule("deny"))


class RouteTests(Refusals):
    def test_route(self) -> None:
        """A route has a source, a destination and a target."""
        rule = read_route("192.168.0.0/24 10.0.0.0/8 127.0.0.1:3000", "shop.ini:4")
        self.assertEqual((rule.action, rule.target), (ROUTE, ("127.0.0.1", 3000)))
        self.assertEqual((rule.src, rule.dst), (read_network("192.168.0.0/24"), read_network("10.0.0.0/8")))

    def test_refused(self) -> None:
        """A missing word, an extra one, a target that is none, and bad addresses are errors."""
        for text, said in (
            ("10.0.0.0/8 10.0.0.1:3000", ROUTE_SYNTAX),
            ("10.0.0.0/8", ROUTE_SYNTAX),
            ("10.0.0.0/8 any 10.0.0.1:3000 now", ROUTE_SYNTAX),
            ("10.0.0.0/8 any 10.0.0.1", "in the form addr:port"),
            ("10.0.0.0/8 any shop:3000", "'shop' is not"),
            ("10.0.0.0/8 any 10.0.0.1:x", "the port as a number"),
            ("10.0.0.0/33 any 10.0.0.1:9", "got 33"),
        ):
            self.refused(read_route, text, said)


class DeviceRuleTests(Refusals):
    def test_actions(self) -> None:
        """Each direction and each action, of which two are the same."""
        for text, inward, action, target in (
            ("in 10.0.0.0/8 any allow", True, ALLOW, None),
            ("out any 192.168.0.0/24 deny", False, DENY, None),
            ("out any any route 127.0.0.1:3000", False, ROUTE, ("127.0.0.1", 3000)),
            ("out any any gateway 127.0.0.1:3000", False, ROUTE, ("127.0.0.1", 3000)),
        ):
            rule = read_device_rule(text, "shop.ini:5")
            self.assertEqual((rule.inward, rule.rule.action, rule.rule.target), (inward, action, target))
            self.assertEqual((rule.text, rule.rule.origin), (text, "shop.ini:5"))

    def test_quotes(self) -> None:
        """Its words may be quoted, as in uWSGI; the text that a router is told has no quotes."""
        rule = read_device_rule("out \t\"10.0.0.0/8\" 'any'  deny")
        self.assertEqual((rule.text, rule.rule.src.value), ("out 10.0.0.0/8 any deny", 10 << 24))
        self.refused(read_device_rule, 'out "any any deny', "No closing quotation")

    def test_fewer_than_four_words(self) -> None:
        """A rule of a device has at least four words."""
        self.refused(
            read_device_rule, "out any deny", "must be <in|out> <src/mask> <dst/mask> <action> [target]"
        )
        self.refused(read_device_rule, "", "invalid tuntap device rule syntax")

    def test_direction(self) -> None:
        """A direction is in or out."""
        self.refused(read_device_rule, "both any any deny", "is 'in' or 'out', got 'both'")

    def test_address(self) -> None:
        """Addresses are addresses."""
        self.refused(read_device_rule, "out shop any deny", "'shop' is not")
        self.refused(read_device_rule, "out any 10.0.0.0/40 deny", "got 40")

    def test_unknown_action(self) -> None:
        """The error quotes the action."""
        self.refused(read_device_rule, "out any any drop", "unsupported tuntap rule action: drop")

    def test_route_without_target(self) -> None:
        """uWSGI crashes here."""
        for action in ("route", "gateway"):
            self.refused(
                read_device_rule, f"out any any {action}", "tuntap rule route/gateway requires a target"
            )

    def test_target_without_port(self) -> None:
        """A target has a port."""
        self.refused(
            read_device_rule, "out any any route 10.0.0.1", "tuntap target must be in the form addr:port"
        )

    def test_extra_words(self) -> None:
        """uWSGI ignores words behind the action; here they narrow the rule, or are refused."""
        self.refused(read_device_rule, "out any any deny please", "'please' means nothing here")
        self.refused(read_device_rule, "out any any deny 10.0.0.1:9", "'10.0.0.1:9' means nothing here")
        self.assertEqual(read_device_rule("out any any deny tcp dport 25").rule.dports, ((25, 25),))

    def test_masks_are_right(self) -> None:
        """uWSGI shifts masks the wrong way, and keeps host bits that then never match."""
        rule = read_device_rule("out 192.168.0.5/24 10.0.0.0/8 deny").rule
        self.assertEqual((rule.src.value, rule.src.mask), (0xC0A80000, 0xFFFFFF00))
        self.assertEqual(rule.dst.mask, 0xFF000000)

    def test_established_is_not_for_devices(self) -> None:
        """Flows are those that the router's own chains allowed."""
        self.refused(read_device_rule, "in any any allow established", "for the rules of the router itself")
