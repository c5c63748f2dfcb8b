"""Becoming somebody lesser."""

from __future__ import annotations

import errno
import os
import traceback

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError, KernelError
from uwsgid.host.kernel import Kernel
from uwsgid.host.privileges import (
    GROUPS_KEPT,
    RUNNING_AS_ROOT,
    STILL_ROOT,
    Call,
    Identity,
    Privileges,
    acting_as,
    become_now,
    drop,
    drop_calls,
    enter_directory,
    owner_ids,
    prove_dropped,
    resolve_identity,
)
from uwsgid.testing import MemoryKernel


class Plan(SynchronousTestCase):
    """The calls, before anything is called."""

    def test_order(self) -> None:
        """The group goes first, then its companions, then the user."""
        self.assertEqual(
            drop_calls(Identity(33, 33, "www-data")),
            (Call("setgid", (33,)), Call("initgroups", ("www-data", 33)), Call("setuid", (33,))),
        )

    def test_zero_changes_nothing_as_in_1_9_16(self) -> None:
        """uid 0 and gid 0 lead to no call at all."""
        self.assertEqual(drop_calls(Identity(0, 0, "root")), ())


class Dropping(SynchronousTestCase):
    """A pretended root."""

    def setUp(self) -> None:
        self.kernel = MemoryKernel(uid=0, gid=0)
        self.said: list[str] = []

    def drop(self, **options: object) -> list[tuple[str, ...]]:
        drop(self.kernel, Privileges(**options), self.said.append)  # type: ignore[arg-type]
        return self.kernel.calls

    def test_names(self) -> None:
        """Names are looked up; groups beyond the own one are told, then the two lines of uWSGI."""
        self.assertEqual(
            self.drop(uid="shop", gid="shop"),
            [("setgid", "1001"), ("initgroups", "shop", "1001"), ("setuid", "1001")],
        )
        self.assertEqual(self.said, ["set additional group 4 (adm)", "setgid() to 1001", "setuid() to 1001"])

    def test_numbers(self) -> None:
        """Numbers are taken as they are."""
        self.drop(uid="5000", gid="5000")
        self.assertEqual(self.said, ["setgid() to 5000", "setuid() to 5000"])

    def test_add_gid_replaces(self) -> None:
        """add-gid replaces what the group database lists."""
        self.assertIn(("setgroups", "4"), self.drop(uid="shop", gid="shop", add_gid=("adm",)))

    def test_no_initgroups(self) -> None:
        """no-initgroups leaves no additional group."""
        self.assertIn(("setgroups",), self.drop(uid="shop", gid="shop", no_initgroups=True))

    def test_uid_alone(self) -> None:
        """A uid without a gid keeps root's groups, and says so."""
        self.assertEqual(self.drop(uid="shop"), [("setuid", "1001")])
        self.assertEqual(self.said[0], GROUPS_KEPT)

    def test_root_stays(self) -> None:
        """Without a uid both warnings are given."""
        self.drop()
        self.assertEqual(self.said, [RUNNING_AS_ROOT, STILL_ROOT])

    def test_unknown_names(self) -> None:
        """Names that do not exist are told in uWSGI's words."""
        for options, text in (
            ({"uid": "ghost"}, "user ghost not found."),
            ({"gid": "ghosts"}, "group ghosts not found."),
            ({"gid": "shop", "add_gid": ("ghosts",)}, "unable to find group ghosts"),
        ):
            error = self.assertRaises(ConfigError, self.drop, **options)
            self.assertEqual(str(error), text)

    def test_place_of_a_name(self) -> None:
        """Where the settings are known, an unknown name tells its file and its line."""
        for line, text in (
            ("uid = 12abc", "lines:1: uid: user 12abc not found."),
            ("gid = ghosts", "lines:1: gid: group ghosts not found."),
            ("uid = shop\nadd-gid = ghosts", "lines:2: add-gid: unable to find group ghosts"),
        ):
            settings = settings_of(line)
            error = self.assertRaises(
                ConfigError, resolve_identity, self.kernel, settings[Privileges], settings
            )
            self.assertEqual(str(error), text)

    def test_refusal(self) -> None:
        """A refused call is named, and nothing after it is tried."""
        self.kernel.fail("setgid", errno.EPERM)
        error = self.assertRaises(KernelError, self.drop, uid="shop", gid="shop")
        self.assertEqual(str(error), "setgid(): Operation not permitted [1001]")
        self.assertEqual(self.kernel.calls, [])

    def test_way_back(self) -> None:
        """A kernel that would make us root again is not trusted."""
        self.assertRaises(KernelError, prove_dropped, self.kernel)

    def test_immediately(self) -> None:
        """immediate-gid clears the groups, immediate-uid follows; root is refused."""
        become_now(self.kernel, "immediate-gid", "shop")
        become_now(self.kernel, "immediate-uid", "shop")
        self.assertEqual(self.kernel.calls, [("setgroups",), ("setgid", "1001"), ("setuid", "1001")])
        for name in ("immediate-gid", "immediate-uid"):
            self.assertRaises(ConfigError, become_now, self.kernel, name, "root")

    def test_directory(self) -> None:
        """chdir is a call with a line."""
        enter_directory(self.kernel, "/srv/shop", self.said.append)
        self.assertEqual((self.kernel.cwd, self.said), ("/srv/shop", ["chdir() to /srv/shop"]))


class Unprivileged(SynchronousTestCase):
    """A pretended ordinary user."""

    def test_already(self) -> None:
        """Who is already the wanted user passes, by name too."""
        kernel = MemoryKernel(uid=1001, gid=1001)
        drop(kernel, Privileges(uid="shop", gid="1001"), self.fail)
        self.assertEqual(kernel.calls, [])

    def test_somebody_else(self) -> None:
        """Nobody else can be become, and the error is uWSGI's."""
        kernel = MemoryKernel(uid=1001, gid=1001)
        for options, text in (
            (Privileges(uid="www-data"), "cannot setuid() as non-root user"),
            (Privileges(gid="www-data"), "cannot setgid() as non-root user"),
        ):
            self.assertEqual(str(self.assertRaises(ConfigError, drop, kernel, options, self.fail)), text)


class Owners(SynchronousTestCase):
    """user:group."""

    def test_forms(self) -> None:
        """A user, a user and a group, numbers."""
        kernel = MemoryKernel()
        self.assertEqual(
            [owner_ids(kernel, text) for text in ("shop", "shop:adm", "7:8", "shop:")],
            [(1001, -1), (1001, 4), (7, 8), (1001, -1)],
        )
        self.assertEqual(
            str(self.assertRaises(ConfigError, owner_ids, kernel, "shop:ghosts")),
            "unable to find group ghosts",
        )


class Real(SynchronousTestCase):
    """Linux, in a child of its own."""

    def test_real_drop(self) -> None:
        """After the drop all ids are those of the user, and there is no way back."""
        if os.geteuid() != 0:
            raise SkipTest("needs root")
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                drop(Kernel(), Privileges(uid="65534", gid="65534", no_initgroups=True), lambda line: None)
                dropped = os.getresuid() == os.getresgid() == (65534,) * 3 and os.getgroups() in (
                    [],
                    [65534],
                )
                code = 0 if dropped else 2
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        _, status = os.waitpid(pid, 0)
        self.assertEqual(os.waitstatus_to_exitcode(status), 0)


class Acting(SynchronousTestCase):
    def test_there_and_back(self) -> None:
        """Root acts as somebody else and is root again, also after a mistake."""
        kernel = MemoryKernel(uid=0, gid=0)
        with self.assertRaises(ValueError), acting_as(kernel, (33, 34)):
            int("soon")
        self.assertEqual(kernel.calls, [("act_as", "33", "34"), ("act_as", "0", "0")])

    def test_nobody_else_can(self) -> None:
        """Whoever is not root, and root that is to be root, stay who they are."""
        for kernel, user in ((MemoryKernel(uid=1000), (33, 34)), (MemoryKernel(uid=0), (0, 0))):
            with acting_as(kernel, user):
                pass
            self.assertEqual(kernel.calls, [])

    def test_really(self) -> None:
        """The effective ids are those of the user, and then ours."""
        if os.geteuid() != 0:
            raise SkipTest("needs root")
        with acting_as(Kernel(), (65534, 65533)):
            self.assertEqual((os.geteuid(), os.getegid()), (65534, 65533))
        self.assertEqual((os.geteuid(), os.getegid(), os.getuid()), (0, os.getgid(), 0))
