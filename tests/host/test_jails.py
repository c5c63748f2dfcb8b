"""The options of FreeBSD's jails, pretended on any system."""

from __future__ import annotations

import errno
import struct

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigProblems, KernelError
from uwsgid.host import jails
from uwsgid.host.jails import (
    JailArgument,
    Jails,
    attach_parameters,
    enter_jails,
    parameter,
    parse_jail,
)
from uwsgid.testing import MemoryKernel


def number(value: int) -> bytes:
    return struct.pack("=i", value)


class ParameterTests(SynchronousTestCase):
    """``jail2``: the bytes of each type."""

    def test_types(self) -> None:
        """Each parameter becomes what the kernel reads for its type."""
        for text, name, value in (
            ("path=/jails/shop", b"path", b"/jails/shop\0"),
            ("host.hostname=shop.lan", b"host.hostname", b"shop.lan\0"),
            ("name = the shop", b"name", b" the shop\0"),
            ("jid=42", b"jid", number(42)),
            ("securelevel=-1", b"securelevel", number(-1)),
            ("children.max=3", b"children.max", number(3)),
            ("host.hostid=4294967295", b"host.hostid", struct.pack("@L", 4294967295)),
            ("host=inherit", b"host", number(2)),
            ("vnet", b"vnet", number(1)),
            ("vnet=new", b"vnet", number(1)),
            ("ip4=disable", b"ip4", number(0)),
            ("ip4.addr=10.0.0.1,10.0.0.2", b"ip4.addr", bytes((10, 0, 0, 1, 10, 0, 0, 2))),
            ("ip4.addr=", b"ip4.addr", b""),
            ("ip6.addr=::1", b"ip6.addr", bytes(15) + b"\1"),
        ):
            made = parameter(text)
            self.assertEqual((made.name, made.value, str(made)), (name, value, text))

    def test_booleans(self) -> None:
        """A boolean is its name, or that of its opposite, without a value."""
        for text, name in (
            ("persist", b"persist"),
            ("persist=1", b"persist"),
            ("persist=false", b"nopersist"),
            ("nopersist", b"nopersist"),
            ("allow.mount=TRUE", b"allow.mount"),
            ("allow.mount=0", b"allow.nomount"),
            ("allow.mount.devfs=false", b"allow.mount.nodevfs"),
            ("allow.noraw_sockets", b"allow.noraw_sockets"),
            ("ip4.nosaddrsel=1", b"ip4.nosaddrsel"),
        ):
            made = parameter(text)
            self.assertEqual((made.name, made.value), (name, None), text)

    def test_refused(self) -> None:
        """The key is named, and what was expected."""
        for text, said in (
            ("host.hostnam=x", "unknown jail parameter host.hostnam; did you mean host.hostname?"),
            ("parent=1", "unknown jail parameter parent"),
            ("jid=x", "jid: expected a whole number, got 'x'"),
            ("jid=99999999999", "jid: expected a whole number, got '99999999999'"),
            ("vnet=maybe", "vnet: expected disable, new or inherit, got 'maybe'"),
            ("vnet=3", "vnet: expected disable, new or inherit, got '3'"),
            ("persist=2", "persist: expected true or false, got '2'"),
            ("nopersist=0", "nopersist: write persist=true for the opposite"),
            ("ip4.addr=em0|10.0.0.1", "ip4.addr: expected IPv4 addresses, separated by commas"),
            ("host.hostid=-1", "host.hostid: expected a number from 0, got '-1'"),
        ):
            error = self.assertRaises(ValueError, parameter, text)
            self.assertTrue(str(error).startswith(said), (text, str(error)))

    def test_attach(self) -> None:
        """Digits are a number, everything else is a name."""
        self.assertEqual(attach_parameters("42"), ((b"jid", number(42)),))
        self.assertEqual(attach_parameters("4shop"), ((b"name", b"4shop\0"),))

    def test_old_form(self) -> None:
        """The first two blanks separate; the name may contain more."""
        for text, made in (
            ("/jails/shop", JailArgument("/jails/shop")),
            ("/jails/shop shop.lan", JailArgument("/jails/shop", "shop.lan")),
            ("/jails/shop shop.lan the shop", JailArgument("/jails/shop", "shop.lan", "the shop")),
        ):
            self.assertEqual(parse_jail(text), made)
            self.assertEqual(str(made), text)
        self.assertRaises(ValueError, parse_jail, " ")


class RefusalTests(SynchronousTestCase):
    """Systems that are not FreeBSD."""

    def test_each_option(self) -> None:
        """Each option under each of its names ends the start, with its place."""
        for name, value in (
            ("jail", "/jails/shop"),
            ("jail-ip4", "10.0.0.1"),
            ("jail-ip6", "::1"),
            ("jail-attach", "7"),
            ("jail2", "persist"),
            ("libjail", "persist"),
            ("jidfile", "/run/jid"),
            ("jid-file", "/run/jid"),
        ):
            main = {"libjail": "jail2", "jid-file": "jidfile"}.get(name, name)
            error = self.assertRaises(ConfigProblems, settings_of, f"{name} = {value}")
            self.assertEqual(error.problems, (f"lines:1: option {main} needs FreeBSD",))


class EnterTests(SynchronousTestCase):
    """FreeBSD, pretended."""

    def setUp(self) -> None:
        self.patch(jails, "ON_FREEBSD", True)
        self.kernel = MemoryKernel(uid=0)
        self.lines: list[str] = []

    def enter(self, config: str) -> bool:
        return enter_jails(self.kernel, settings_of(config)[Jails], self.lines.append)

    def test_none(self) -> None:
        """Without the options there is no jail."""
        self.assertFalse(self.enter("jidfile = /run/jid"))
        self.assertEqual((self.kernel.calls, self.lines), ([], []))

    def test_all_three(self) -> None:
        """jail, jail-attach and jail2 in this order, each enters one more; attaching writes no jidfile."""
        self.assertTrue(
            self.enter(
                "jail2 = path=/jails/b\njail2 = allow.mount\njail-attach = 7\njail = /jails/a a.lan\n"
                "jail-ip4 = 10.0.0.1\njail-ip4 = 10.0.0.2\njail-ip6 = ::1\njidfile = /run/jid"
            )
        )
        self.assertEqual(
            self.kernel.calls,
            [
                ("jail", "/jails/a", "a.lan", "", "10.0.0.1,10.0.0.2", "::1"),
                ("write_file", "/run/jid"),
                ("jail_set", "6", str((b"jid", number(7)))),
                ("jail_set", "5", str((b"path", b"/jails/b\0")), str((b"allow.mount", None))),
                ("write_file", "/run/jid"),
            ],
        )
        self.assertEqual(self.kernel.read_file("/run/jid"), b"3")
        self.assertEqual(
            self.lines,
            [
                "--- running in FreeBSD jail 1 ---",
                "--- running in FreeBSD jail 2 ---",
                "FreeBSD libjail applying path=/jails/b",
                "FreeBSD libjail applying allow.mount",
                "--- running in FreeBSD jail 3 ---",
            ],
        )

    def test_refused(self) -> None:
        """What the kernel refuses is named with the option or its value."""
        for call, config, said in (
            ("jail", "jail = /x y", "jail(): Invalid argument [/x y]"),
            ("jail_set", "jail-attach = shop", "jail_set(): Invalid argument [jail-attach shop]"),
            ("jail_set", "jail2 = persist", "jail_set(): Invalid argument [jail2]"),
        ):
            self.kernel.fail(call, errno.EINVAL)
            self.assertEqual(str(self.assertRaises(KernelError, self.enter, config)), said)

    def test_jidfile(self) -> None:
        """A file that can not be written ends the start."""
        self.kernel.fail("write_file", errno.EACCES)
        error = self.assertRaises(KernelError, self.enter, "jail = /x\njidfile = /run/jid")
        self.assertEqual(str(error), "unable to write jidfile: Permission denied [/run/jid]")

    def test_addresses(self) -> None:
        """Bad ones are named, and those that no jail would get."""
        for config, said in (
            ("jail = /x\njail-ip4 = em0", "lines:2: jail-ip4: expected an IPv4 address, got 'em0'"),
            ("jail = /x\njail-ip6 = 10.0.0.1", "lines:2: jail-ip6: expected an IPv6 address, got '10.0.0.1'"),
            ("jail-ip4 = 1.2.3.4", "lines:1: jail-ip4: there is no jail to give it to; jail2 has ip4.addr"),
        ):
            self.assertEqual(self.assertRaises(ConfigProblems, settings_of, config).problems, (said,))
