"""Who may join the router, and with which address."""

from __future__ import annotations

import grp
import ipaddress
import os
import pwd
import sys
from types import ModuleType
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.tuntap.access import UNKNOWN, Access, read_credentials, read_grant


def packed(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


class GrantTests(SynchronousTestCase):
    def permits(self, lines: list[str], uid: int, gid: int, address: str) -> bool:
        return Access(read_grant(line) for line in lines).permits(uid, gid, packed(address))

    def test_without_a_line_all_may(self) -> None:
        """Nothing is restricted until something is allowed."""
        self.assertTrue(self.permits([], 1000, 1000, "10.0.0.1"))
        self.assertTrue(self.permits([], UNKNOWN, UNKNOWN, "fd00::1"))

    def test_addresses(self) -> None:
        """A line of addresses is for anybody, known or not."""
        lines = ["192.168.0.0/24 fd00::/64"]
        for uid in (0, 1000, UNKNOWN):
            self.assertTrue(self.permits(lines, uid, uid, "192.168.0.9"))
            self.assertTrue(self.permits(lines, uid, uid, "fd00::9"))
            self.assertFalse(self.permits(lines, uid, uid, "192.168.1.9"))

    def test_users_and_groups(self) -> None:
        """A line with a user, a group or both is for those, whoever they are elsewhere."""
        lines = ["uid=1000 10.0.0.2", "gid=33 10.0.0.3", "uid=1001 gid=34 10.0.0.4", "uid=1002"]
        for uid, gid, address, permitted in (
            (1000, 1, "10.0.0.2", True),
            (1000, 1, "10.0.0.3", False),
            (5, 33, "10.0.0.3", True),
            (5, 33, "10.0.0.2", False),
            (1001, 34, "10.0.0.4", True),
            (1001, 33, "10.0.0.4", False),
            (5, 34, "10.0.0.4", False),
            (1002, 5, "8.8.8.8", True),
            (0, 0, "10.0.0.2", False),
            (UNKNOWN, UNKNOWN, "10.0.0.2", False),
        ):
            self.assertIs(self.permits(lines, uid, gid, address), permitted, (uid, gid, address))

    def test_named_addresses(self) -> None:
        """Several addresses belong to one peer where a line names them for it."""
        access = Access([read_grant("uid=1000 10.0.0.2 10.0.0.3"), read_grant("uid=1001")])
        self.assertTrue(access.grants(1000, 1, packed("10.0.0.3")))
        self.assertFalse(access.grants(1001, 1, packed("10.0.0.3")))
        self.assertFalse(Access().grants(1000, 1, packed("10.0.0.3")))

    def test_names(self) -> None:
        """Users and groups have names."""
        user, group = pwd.getpwuid(os.getuid()), grp.getgrall()[0]
        grant = read_grant(f"uid={user.pw_name} gid={group.gr_name}", "shop.ini:3")
        self.assertEqual((grant.uid, grant.gid, grant.origin), (user.pw_uid, group.gr_gid, "shop.ini:3"))

    def test_refused(self) -> None:
        """Nobody, nothing, and users who do not exist are errors."""
        for text, said in (
            ("", "must be [uid=<user>] [gid=<group>]"),
            ("uid=nobody-is-called-so", "there is no user called 'nobody-is-called-so'"),
            ("gid=nobody-is-called-so", "there is no group called"),
            ("uid=", "there is no user called ''"),
            ("uid=4294967296", "no number of a user"),
            ("uid=1 uid=2", "must be [uid=<user>]"),
            ("pid=1 10.0.0.1", "must be [uid=<user>]"),
            ("uid=1 shop", "'shop' is not"),
            ("1000", "'1000' is not"),
            ("10.0.0.0/33", "got 33"),
        ):
            self.assertIn(said, str(self.assertRaises(ValueError, read_grant, text)), text)

    def test_doubts(self) -> None:
        """A net without bits that has an address is worth a warning."""
        self.assertEqual(len(read_grant("uid=1 10.0.0.1/0").doubts), 1)


class CredentialsTests(SynchronousTestCase):
    def module(self, **functions: Any) -> str:
        name = "uwsgid_test_vassals"
        module = ModuleType(name)
        vars(module).update(functions)
        self.patch(sys, "modules", {**sys.modules, name: module})
        return name

    def map_file(self, text: str) -> str:
        path: str = self.mktemp()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def test_on_and_off(self) -> None:
        """``true`` asks for the handshake, ``false`` does not, and neither gives addresses."""
        for text, required in (("true", True), ("", True), ("on", True), ("false", False), ("0", False)):
            credentials = read_credentials(text)
            self.assertEqual((credentials.required, credentials.assigns), (required, False), text)
            self.assertEqual(credentials.address(1, 1000, 1000), b"")

    def test_map(self) -> None:
        """A file gives each user an address, and refuses those it does not name."""
        me = pwd.getpwuid(os.getuid())
        path = self.map_file(f"# vassals\n\n1000 10.0.0.2  # shop\n{me.pw_name} fd00::2\n")
        credentials = read_credentials(f"map:{path}")
        self.assertTrue(credentials.required and credentials.assigns)
        self.assertEqual(credentials.address(1, 1000, 5), packed("10.0.0.2"))
        self.assertEqual(credentials.address(1, me.pw_uid, 5), packed("fd00::2"))
        self.assertEqual(credentials.address(1, 77777, 5), b"")

    def test_bad_maps(self) -> None:
        """A mistake in the file is told with path and line."""
        for text, line, said in (
            ("1000\n", 1, "expected <uid or name> <address>, got '1000'"),
            ("# x\n1000 10.0.0.2 now\n", 2, "expected <uid or name> <address>"),
            ("1000 shop\n", 1, "'shop' is not"),
            ("nobody-is-called-so 10.0.0.2\n", 1, "there is no user called"),
            ("1000 10.0.0.2\n1000 10.0.0.3\n", 2, "the user 1000 has an address already"),
        ):
            path = self.map_file(text)
            error = self.assertRaises(ValueError, read_credentials, f"map:{path}")
            self.assertIn(f"{path}:{line}: {said}", str(error))
        error = self.assertRaises(ValueError, read_credentials, "map:/nowhere/vassals")
        self.assertIn("/nowhere/vassals: No such file or directory", str(error))

    def test_function(self) -> None:
        """A function gives addresses as text, bytes or objects; nothing refuses."""
        answers = {1: "10.0.0.2", 2: packed("10.0.0.3"), 3: ipaddress.ip_address("fd00::2"), 4: None, 5: ""}
        name = self.module(address_of=lambda pid, uid, gid: answers[uid])
        credentials = read_credentials(f"{name}:address_of")
        self.assertTrue(credentials.required and credentials.assigns)
        found = [credentials.address(9, uid, 9) for uid in answers]
        self.assertEqual(found, [packed("10.0.0.2"), packed("10.0.0.3"), packed("fd00::2"), b"", b""])

    def test_function_that_fails(self) -> None:
        """What a function raises, and an answer that is no address, are errors of one kind."""
        name = self.module(wrong=lambda pid, uid, gid: "shop", broken=lambda pid, uid, gid: 1 // 0)
        for function in ("wrong", "broken"):
            credentials = read_credentials(f"{name}:{function}")
            error = self.assertRaises(ValueError, credentials.address, 7, 8, 9)
            self.assertIn("no address for pid 7, uid 8, gid 9", str(error))

    def test_functions_that_are_none(self) -> None:
        """A C symbol, a module or name that does not exist, and a value are refused."""
        name = self.module(value=3)
        for text, said in (
            ("my_c_function", "expected true, map:<file> or <module>:<function>, got 'my_c_function'"),
            ("map:", "expected true, map:<file>"),
            ("uwsgid_no_such_module:f", "uwsgid_no_such_module:f can not be had: No module named"),
            (f"{name}:missing", "missing can not be had"),
            (f"{name}:value", "value can not be called"),
        ):
            self.assertIn(said, str(self.assertRaises(ValueError, read_credentials, text)), text)
