"""The TunTap router: packets between tun devices of vassals and one of the host.

The parts that decide know neither sockets nor Twisted: rules, chains, flows, limits, access, and the policy
that holds them together.  The shells that move packets are imported by their own names.
"""

from uwsgid.tuntap.access import Access, Credentials, Grant
from uwsgid.tuntap.chain import Chain
from uwsgid.tuntap.flows import FlowTable, Timeouts
from uwsgid.tuntap.networks import Network, Target
from uwsgid.tuntap.options import DeviceSpec, RouterSpec, TunTapDevice, TunTapRouter
from uwsgid.tuntap.policy import Policy, policy_of
from uwsgid.tuntap.records import record_of, rules_of
from uwsgid.tuntap.rules import DeviceRule, Rule, read_device_rule, read_route, read_rule
from uwsgid.tuntap.shaper import Bucket, Limit, Limits, read_limit

__all__ = [
    "Access",
    "Bucket",
    "Chain",
    "Credentials",
    "DeviceRule",
    "DeviceSpec",
    "FlowTable",
    "Grant",
    "Limit",
    "Limits",
    "Network",
    "Policy",
    "RouterSpec",
    "Rule",
    "Target",
    "Timeouts",
    "TunTapDevice",
    "TunTapRouter",
    "policy_of",
    "read_device_rule",
    "read_limit",
    "read_route",
    "read_rule",
    "record_of",
    "rules_of",
]
