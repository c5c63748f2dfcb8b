"""The privilege step, system call by system call."""

from __future__ import annotations

import errno

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError, KernelError
from uwsgid.isolation.step import Occasion, become_the_user, privilege_step, take_the_place
from uwsgid.testing import MemoryKernel

#: Calls that say something about the order.
_TOLD = (
    "unshare", "unshare_mapped", "mount", "umount", "chroot", "chdir", "pivot_root", "fork", "setgid",
    "setgroups", "initgroups", "setuid", "set_capabilities", "set_keep_capabilities", "raise_ambient",
    "set_parent_death_signal", "set_no_new_privs", "hooks", "devices", "patch",
)  # fmt: skip


class StepCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.kernel = MemoryKernel(uid=0, gid=0)
        self.kernel.mounts["/.old"] = ("", "")
        self.kernel.add_file("/srv/ready")
        self.said: list[str] = []

    def occasion(self, lines: str, *, is_reload: bool = False, directory: str = "") -> Occasion:
        note = self.kernel.calls.append
        return Occasion(
            settings_of(lines),
            self.kernel,
            self.said.append,
            lambda phase: note(("hooks", phase)),
            {},
            is_reload=is_reload,
            fill_jail=lambda: note(("devices",)),
            patch=lambda: note(("patch",)),
            directory=directory,
        )

    def step(self, lines: str, *, is_reload: bool = False, directory: str = "") -> list[str]:
        """The calls of a whole step, in order."""
        self.kernel.calls.clear()
        privilege_step(self.occasion(lines, is_reload=is_reload, directory=directory))
        return [" ".join(call) for call in self.kernel.calls if call[0] in _TOLD]


class RootTests(StepCase):
    USER = "uid = www-data\ngid = www-data\n"

    def test_nothing_asked(self) -> None:
        """Root without options stays root, runs its hooks, and is warned."""
        self.assertEqual(self.step(""), ["hooks as-root", "hooks as-user", "patch"])
        self.assertEqual(len([line for line in self.said if "running uWSGI as root" in line]), 1)

    def test_everything_in_order(self) -> None:
        """Namespaces, the jail's hooks, roots, the hooks of root, capabilities around the user, his hooks."""
        self.kernel.forks = [0]
        self.assertEqual(
            self.step(
                f"{self.USER}unshare = fs,uts\nunshare2 = net\nchroot = /jail\npivot-root = /ns /ns/.old\n"
                "pivot-root-detach = 1\nrefork-as-root = 1\ncap = net_bind_service\nno-new-privs = 1\n"
                "wait-for-file = /srv/ready\n"
            ),
            [
                "unshare 0x4020000",
                "mount none / none 0x44000 ",
                "hooks post-jail",
                "devices",
                "chroot /jail",
                "chdir /",
                "mount none / none 0x44000 ",
                "chdir /ns",
                "pivot_root . .old",
                "chdir /",
                "umount /.old 0x2",
                "unshare 0x40000000",
                "fork",
                "set_parent_death_signal 9",
                "hooks as-root",
                "set_capabilities 0x401c0 0x405c0 0x400",
                "set_keep_capabilities True",
                "setgid 33",
                "initgroups www-data 33",
                "setuid 33",
                "set_capabilities 0x400 0x400 0x400",
                "raise_ambient 10",
                "set_keep_capabilities False",
                "set_parent_death_signal 9",
                "hooks as-user",
                "set_no_new_privs",
                "patch",
            ],
        )
        self.assertIn("[linux-namespace] applied unshare() mask: 67239936", self.said)

    def test_a_reload(self) -> None:
        """A reload that is still root enters nothing and forks no more, but runs the hooks of root."""
        lines = (
            "unshare = fs,pid\nchroot = /jail\npivot-root = /ns /ns/.old\nunshare2 = net\nrefork = 1\n"
            "cap = chown"
        )
        self.assertEqual(
            self.step(lines, is_reload=True),
            ["hooks as-root", "set_parent_death_signal 9", "hooks as-user", "patch"],
        )

    def test_jailed(self) -> None:
        """Who was jailed by somebody else has the hooks and the devices of a jail, also in a reload."""
        for is_reload in (False, True):
            self.assertEqual(
                self.step("jailed = 1", is_reload=is_reload)[:3],
                ["hooks post-jail", "devices", "hooks as-root"],
            )

    def test_a_chroot_is_no_jail(self) -> None:
        """post-jail belongs to namespaces and jails alone."""
        self.assertEqual(self.step("chroot = /jail")[:3], ["chroot /jail", "chdir /", "hooks as-root"])

    def test_a_directory_inside(self) -> None:
        """Who went to its directory before the new root goes there again, for it was another one."""
        self.assertEqual(
            self.step("chroot = /jail", directory="/app")[:3], ["chroot /jail", "chdir /", "chdir /app"]
        )
        self.assertEqual(self.step("", directory="/app")[0], "hooks as-root")

    def test_propagation(self) -> None:
        """unshare-keep-propagation leaves mounts shared, as uWSGI does."""
        found = self.step("unshare = fs\nunshare-keep-propagation = 1")
        self.assertEqual(found[:2], ["unshare 0x20000", "hooks post-jail"])

    def test_user_namespaces(self) -> None:
        """Maps of the configuration are written."""
        found = self.step("unshare = user\nuid-map = 0 0 1\nuid-map = 1 100000 10\ngid-map = 0 0 5")
        self.assertEqual(found[0], "unshare_mapped 0x10000000 0 0 1\n1 100000 10 0 0 5 True")

    def test_groups(self) -> None:
        """Which groups are left, in all six combinations of uWSGI."""
        for lines, calls in (
            ("uid = www-data", ["setuid 33"]),
            ("gid = www-data", ["setgid 33", "setgroups"]),
            ("uid = www-data\ngid = www-data", ["setgid 33", "initgroups www-data 33", "setuid 33"]),
            ("uid = www-data\ngid = www-data\nno-initgroups = 1", ["setgid 33", "setgroups", "setuid 33"]),
            ("uid = www-data\ngid = www-data\nadd-gid = adm", ["setgid 33", "setgroups 4", "setuid 33"]),
            ("uid = www-data\nadd-gid = adm", ["setuid 33"]),
        ):
            self.kernel = MemoryKernel(uid=0, gid=0)
            found = [
                call
                for call in self.step(lines)
                if call.startswith(("setgid", "setgroups", "init", "setuid"))
            ]
            self.assertEqual(found, calls, lines)

    def test_failures(self) -> None:
        """Each refusal of the kernel ends the start with its call, before anything that comes later."""
        for call, lines, said in (
            ("unshare", "unshare = fs", r"unshare\(\): Operation not permitted \[fs\]"),
            ("chroot", "chroot = /jail", r"chroot\(\): Operation not permitted \[/jail\]"),
            ("pivot_root", "pivot-root = /ns /ns/old", r"pivot_root\(\): Operation not permitted"),
            ("setgid", self.USER, r"setgid\(\): Operation not permitted \[33\]"),
            ("setuid", self.USER, r"setuid\(\): Operation not permitted \[33\]"),
        ):
            self.kernel = MemoryKernel(uid=0, gid=0)
            self.kernel.fail(call, errno.EPERM)
            with self.assertRaisesRegex(KernelError, said):
                self.step(lines)
            self.assertNotIn("hooks as-user", [" ".join(one) for one in self.kernel.calls])

    def test_users_of_the_new_root(self) -> None:
        """Names are looked up after the root was changed and the hooks of root have run."""
        lines = "uid = ghost\nchroot = /jail"
        with self.assertRaisesRegex(ConfigError, "user ghost not found"):
            self.step(lines)
        self.assertEqual(self.kernel.calls[-1], ("hooks", "as-root"))


class ReforkTests(StepCase):
    """A new pid namespace is entered by the next child, so that child had better be the instance."""

    def setUp(self) -> None:
        super().setUp()
        self.kernel.forks = [0, 0, 0]

    def test_without_a_word(self) -> None:
        """Without a refork there is one before the hooks of root."""
        self.assertEqual(
            self.step("unshare = pid,fs")[:7],
            [
                "unshare 0x20000",
                "mount none / none 0x44000 ",
                "hooks post-jail",
                "devices",
                "unshare 0x20000000",
                "fork",
                "set_parent_death_signal 9",
            ],
        )
        self.assertIn("so there is one more", "\n".join(self.said))

    def test_post_jail(self) -> None:
        """refork-post-jail comes after the hooks, whose commands would otherwise be the first processes."""
        self.assertEqual(
            self.step("unshare = pid\nrefork-post-jail = 1")[:6],
            [
                "hooks post-jail",
                "unshare 0x20000000",
                "fork",
                "set_parent_death_signal 9",
                "devices",
                "hooks as-root",
            ],
        )

    def test_as_root(self) -> None:
        """refork-as-root comes after the new root."""
        self.assertEqual(
            self.step("unshare = pid\nchroot = /jail\nrefork-as-root = 1")[2:6],
            ["chroot /jail", "chdir /", "unshare 0x20000000", "fork"],
        )

    def test_afterwards(self) -> None:
        """refork forks as the user, who may leave for no namespace; so root does it last."""
        self.assertEqual(
            self.step(f"{RootTests.USER}unshare = pid\nrefork = 1"),
            [
                "hooks post-jail",
                "devices",
                "hooks as-root",
                "unshare 0x20000000",
                "setgid 33",
                "initgroups www-data 33",
                "setuid 33",
                "fork",
                "set_parent_death_signal 9",
                "set_parent_death_signal 9",
                "hooks as-user",
                "patch",
            ],
        )

    def test_unshare2(self) -> None:
        """unshare2 has its pid namespace after the new root."""
        self.assertEqual(
            self.step("chroot = /jail\nunshare2 = pid")[:4],
            ["chroot /jail", "chdir /", "unshare 0x20000000", "fork"],
        )

    def test_several(self) -> None:
        """All three reforks, each at its place; the first one is the one that enters."""
        found = self.step("unshare = pid\nrefork-post-jail = 1\nrefork-as-root = 1\nrefork = 1")
        self.assertEqual(found.count("fork"), 3)
        self.assertEqual(found[:3], ["hooks post-jail", "unshare 0x20000000", "fork"])

    def test_the_drop_forgets_the_death_signal(self) -> None:
        """A change of users makes the kernel forget the parent's death, so it is told again."""
        found = self.step(f"{RootTests.USER}refork-as-root = 1")
        self.assertEqual(found[-4:], ["setuid 33", "set_parent_death_signal 9", "hooks as-user", "patch"])


class UserTests(StepCase):
    def setUp(self) -> None:
        super().setUp()
        self.kernel = MemoryKernel(uid=1001, gid=1001)

    def test_no_hooks(self) -> None:
        """Without root no hook of the step runs, as in uWSGI; but he is told."""
        self.assertEqual(
            self.step("refork = 1\nre-fork-as-root = 1\nunprivileged-binary-patch = /bin/true"), []
        )
        self.assertEqual(
            [line for line in self.said if "ignored" in line],
            [
                f"*** WARNING: option {name} needs root, ignored ***"
                for name in ("refork", "re-fork-as-root", "unprivileged-binary-patch")
            ],
        )

    def test_a_reload(self) -> None:
        """After a reload it is normal not to be root, and nothing is said or refused."""
        lines = "chroot = /jail\nunshare = fs\npivot-root = /a /a/b\ncap = chown\nrefork = 1"
        self.assertEqual(self.step(lines, is_reload=True), [])
        self.assertEqual(self.said, [])

    def test_refusals(self) -> None:
        """What would be less isolated than it is meant to be does not start."""
        for lines, said in (
            ("chroot = /jail", "^cannot chroot\\(\\) as non-root user$"),
            ("unshare = fs,net", "unshare: needs root, and without it"),
            ("unshare2 = fs", "unshare2: needs root"),
            ("pivot-root = /a /a/b", "pivot-root: needs root"),
            ("cap = chown", "cap: needs root"),
            ("uid = www-data", "cannot setuid\\(\\) as non-root user"),
            ("gid = 33", "cannot setgid\\(\\) as non-root user"),
        ):
            with self.assertRaisesRegex(ConfigError, said):
                self.step(lines)

    def test_who_he_is_already(self) -> None:
        """A user given by name is compared too, which uWSGI does not do."""
        self.assertEqual(self.step("uid = shop\ngid = shop"), [])

    def test_rootless(self) -> None:
        """A user namespace makes a root of anybody, who may do the rest as that."""
        found = self.step("unshare = user,fs\nchroot = /jail")
        self.assertEqual(
            found,
            [
                "unshare_mapped 0x10020000 0 1001 1 0 1001 1 False",
                "mount none / none 0x44000 ",
                "hooks post-jail",
                "devices",
                "chroot /jail",
                "chdir /",
                "hooks as-root",
                "hooks as-user",
                "patch",
            ],
        )

    def test_confinement(self) -> None:
        """no-new-privs is for everybody."""
        self.assertEqual(self.step("no-new-privs = 1"), ["set_no_new_privs"])


class HalfTests(StepCase):
    def test_halves(self) -> None:
        """The place and the user can be had apart, where they belong to different processes."""
        here = self.occasion("uid = www-data\ngid = www-data\njailed = 1")
        self.assertTrue(take_the_place(here))
        self.assertEqual(self.kernel.calls, [("hooks", "post-jail"), ("devices",), ("hooks", "as-root")])
        self.kernel.calls.clear()
        become_the_user(here)
        self.assertEqual([call[0] for call in self.kernel.calls][-3:], ["setuid", "hooks", "patch"])
