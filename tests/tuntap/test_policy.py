"""All that a router is to obey comes from its configuration, in one piece."""

from __future__ import annotations

import ipaddress

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError
from uwsgid.tuntap.options import TunTapRouter
from uwsgid.tuntap.policy import Policy, policy_of


class PolicyTests(SynchronousTestCase):
    def test_nothing(self) -> None:
        """Without options everything may pass, and nothing is taken over."""
        policy = policy_of(settings_of())
        self.assertEqual((len(policy.chain_in), len(policy.chain_out), len(policy.routes)), (0, 0, 0))
        self.assertEqual((policy.collision, policy.switch_local, policy.flows), ("refuse", False, None))
        self.assertEqual((policy.targets, policy.warnings), (frozenset(), ()))
        self.assertEqual((policy.queue, policy.buffer), (Policy().queue, Policy().buffer))
        self.assertFalse(policy.credentials.required)

    def test_everything(self) -> None:
        """Each option is found in its place."""
        policy = policy_of(
            settings_of(
                """tuntap-router = emperor0 /run/t.sock - 127.0.0.1:4000
                tuntap-router-firewall-in = allow any any established
                tuntap-router-firewall-in = deny
                tuntap-router-firewall-out = deny any 10.0.0.0/8
                tuntap-router-route = any 10.0.0.0/8 127.0.0.1:3000
                tuntap-router-allow-target = 10.9.9.9:9
                tuntap-router-limit = 192.168.0.2 10mbit
                tuntap-router-allow = 192.168.0.0/24
                tuntap-router-collision = takeover
                tuntap-router-switch-local = true
                tuntap-router-queue = 8192
                tuntap-buffer-size = 9000
                tuntap-use-credentials = true"""
            )
        )
        self.assertEqual([rule.text for rule in policy.chain_in.rules], ["allow any any established", "deny"])
        self.assertEqual([rule.text for rule in policy.chain_out.rules], ["deny any 10.0.0.0/8"])
        self.assertEqual(policy.routes.rules[0].target, ("127.0.0.1", 3000))
        self.assertEqual(policy.targets, {("127.0.0.1", 3000), ("10.9.9.9", 9)})
        self.assertEqual(len(policy.limits), 1)
        self.assertFalse(policy.access.permits(0, 0, ipaddress.ip_address("10.0.0.1").packed))
        self.assertEqual((policy.collision, policy.switch_local), ("takeover", True))
        self.assertEqual((policy.queue, policy.buffer), (8192, 9000))
        self.assertIsNotNone(policy.flows)
        self.assertTrue(policy.credentials.required)
        self.assertEqual(policy.warnings, ())

    def test_counters_are_its_own(self) -> None:
        """Two policies of the same settings have their own rules, and settings keep theirs untouched."""
        settings = settings_of("tuntap-router-firewall-in = deny")
        first = policy_of(settings)
        first.chain_in.rules[0].count(100)
        self.assertEqual(policy_of(settings).chain_in.rules[0].packets, 0)
        self.assertEqual(settings[TunTapRouter].firewall_in[0].packets, 0)

    def test_datagrams(self) -> None:
        """Only targets of routes may send to the gateway, unless everybody may."""
        routes = (
            "tuntap-router-route = any 10.0.0.0/8 127.0.0.1:3000\ntuntap-router-allow-target = 10.9.9.9:9"
        )
        policy = policy_of(settings_of(routes))
        self.assertEqual([policy.accepts_from(host) for host in ("127.0.0.1", "10.9.9.9")], [True, False])
        self.assertTrue(policy_of(settings_of("tuntap-router-gateway-any")).accepts_from("10.9.9.9"))

    def test_warnings(self) -> None:
        """What is allowed and odd is told with its place."""
        warnings = policy_of(
            settings_of(
                """tuntap-router = emperor0 /run/t.sock
                tuntap-router-firewall-in = deny 10.0.0.1/0 any
                tuntap-router-limit = 10.0.0.2/0 1m
                tuntap-router-allow = 10.0.0.3/0
                tuntap-router-route = 10.0.0.4/0 any 127.0.0.1:3000"""
            )
        ).warnings
        places = [
            ("lines:2: tuntap-router-firewall-in", 1),
            ("lines:5: tuntap-router-route", 4),
            ("lines:3: tuntap-router-limit", 2),
            ("lines:4: tuntap-router-allow", 3),
        ]
        self.assertEqual(
            warnings,
            (
                *(
                    f"{place}: 10.0.0.{last}/0 means any address here, and the host 10.0.0.{last} in uWSGI"
                    for place, last in places
                ),
                "lines:1: tuntap-router: without a gateway it ignores tuntap-router-route",
            ),
        )

    def test_a_gateway_of_the_other_version(self) -> None:
        """A route that no datagram of the gateway can take is told with its place."""
        routes = (
            "tuntap-router-route = any any 127.0.0.1:3000\ntuntap-router-route = any any [fd00::9]:3000\n"
        )
        for gateway, place, target in (
            (":4000", 3, "[fd00::9]:3000"),
            ("10.0.0.1:4000", 3, "[fd00::9]:3000"),
            ("[fd00::1]:4000", 2, "127.0.0.1:3000"),
        ):
            settings = settings_of(f"tuntap-router = emperor0 /run/t.sock - {gateway}\n{routes}")
            self.assertEqual(
                policy_of(settings).warnings,
                (
                    f"lines:{place}: tuntap-router-route: no datagram goes from the gateway {gateway} "
                    f"to {target}: one is IPv4, the other IPv6",
                ),
            )

    def test_credentials_that_can_not_be_had(self) -> None:
        """A file that is not there stops the start, with file, line and reason."""
        settings = settings_of("tuntap-use-credentials = map:/nowhere/vassals")
        error = self.assertRaises(ConfigError, policy_of, settings)
        self.assertEqual(
            str(error), "lines:1: tuntap-use-credentials: /nowhere/vassals: No such file or directory"
        )
