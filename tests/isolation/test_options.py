"""What a configuration may say about isolation, and what it may not say together."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError, ConfigProblems
from uwsgid.host.idmaps import IdMap
from uwsgid.host.namespaces import parse_words
from uwsgid.isolation.options import (
    AllInOne,
    FileWrite,
    Isolation,
    Jail,
    KeptMount,
    Namespaces,
    parse_file_write,
    parse_jail,
    parse_kept_mount,
)


class ValueTests(SynchronousTestCase):
    def isolation(self, lines: str) -> Isolation:
        return settings_of(lines)[Isolation]

    def test_unshare(self) -> None:
        """unshare and unshare2 add up over their occurrences."""
        found = self.isolation("unshare = fs,uts\nunshare = net\nunshare2 = ipc")
        self.assertEqual(found.flags, parse_words("fs,uts,net"))
        self.assertEqual(found.later_flags, parse_words("ipc"))
        self.assertTrue(found.changes_place)
        self.assertFalse(found.reforks)

    def test_a_plain_instance(self) -> None:
        """Without options the step leads nowhere."""
        found = self.isolation("jailed = true")
        self.assertFalse(found.changes_place or found.reforks or found.flags)

    def test_who_forks_once_more(self) -> None:
        """A pid namespace is one of the reasons."""
        for line in (
            "refork = 1",
            "re-fork-as-root = 1",
            "refork-post-jail = 1",
            "unshare = pid",
            "unshare2 = time",
        ):
            self.assertTrue(self.isolation(line).reforks, line)

    def test_names(self) -> None:
        """Both spellings of uWSGI are understood."""
        for name in ("pivot-root", "pivot_root"):
            pivot = self.isolation(f"{name} = /ns /ns/.old").pivot
            assert pivot is not None
            self.assertEqual(pivot.inside, ".old")

    def test_maps(self) -> None:
        """Maps belong to a user namespace, ours or that of vassals."""
        found = self.isolation("unshare = user\nuid-map = 0 1000 1\nuid-map = 1:100000:65536")
        self.assertEqual(found.uid_maps, (IdMap(0, 1000, 1), IdMap(1, 100000, 65536)))

    def test_jails(self) -> None:
        """The values of namespace and its kin."""
        self.assertEqual(parse_jail("/srv/jail/:shop"), Jail("/srv/jail", "shop"))
        self.assertEqual(parse_jail("/"), Jail("/"))
        self.assertRaises(ValueError, parse_jail, ":shop")
        self.assertEqual(parse_kept_mount("/a:/b"), KeptMount("/a", "/b"))
        self.assertEqual(parse_kept_mount("/a"), KeptMount("/a", ""))
        self.assertRaises(ValueError, parse_kept_mount, "/a:")
        settings = settings_of("ns = /srv/jail\nnamespace-keep-mount = /srv/data:/data\nns-net = x")
        self.assertEqual(settings[AllInOne].keep, (KeptMount("/srv/data", "/data"),))

    def test_file_write(self) -> None:
        """A text with a file; uWSGI's words for one without."""
        self.assertEqual(parse_file_write("/proc/x=1=2"), FileWrite("/proc/x", "1=2"))
        self.assertEqual(parse_file_write("/tmp/empty="), FileWrite("/tmp/empty", ""))
        with self.assertRaisesRegex(ValueError, 'unable to write empty value for "/proc/x"'):
            parse_file_write("/proc/x")

    def test_a_lender_has_a_master(self) -> None:
        """setns-socket implies master, as in uWSGI."""
        settings = settings_of("setns-socket = /run/ns\nsetns-skip = net\nsetns-socket-skip = mnt")
        self.assertEqual(settings[Namespaces].skip, ("net", "mnt"))


class MistakeTests(SynchronousTestCase):
    def test_mistakes(self) -> None:
        """Each is told with its place before anything is started."""
        for lines, said in (
            ("unshare = nett", r"unknown namespace subsystem: nett; did you mean net\?"),
            ("unshare = parent", "parent can not be unshared"),
            ("pivot-root = /ns /mnt/.old", "put_old has to be a directory inside new_root"),
            ("pivot-root-detach = true", "there is no pivot-root"),
            ("uid-map = 0 0 1", r"there is no user namespace \(unshare = user\)"),
            ("unshare = user\nuid-map = 0 0", "expected three numbers"),
            ("file-write = /x", 'unable to write empty value for "/x"'),
            ("namespace-net = x", "there is no namespace = /path/of/the/root"),
            ("refork = 1\nmaster-as-root = 1", "can not be combined with master-as-root"),
            ("unshare = pid\ndrop-after-apps = 1", "can not be combined with drop-after-apps"),
            (
                "unprivileged-binary-patch = /bin/true\nmaster-as-root = 1",
                "can not be combined with master-as-root",
            ),
        ):
            with self.assertRaisesRegex((ConfigError, ConfigProblems), said):
                settings_of(lines)
