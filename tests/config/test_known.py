"""The table of uWSGI's options is complete, and says something about each of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.kinds import Takes
from uwsgid.config.known import KINDS, KNOWN, KnownOption, Support

NAMES = Path(__file__).with_name("option_names.txt")


def expected_names() -> dict[str, list[str]]:
    """The lists of `option_names.txt`."""
    lists: dict[str, list[str]] = {}
    for line in NAMES.read_text().splitlines():
        if line.startswith("["):
            current = lists.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            current.append(line)
    return lists


def known(name: str) -> KnownOption:
    return next(row for row in KNOWN if name in row.names)


class KnownTests(SynchronousTestCase):
    def test_counts(self) -> None:
        """The core of uWSGI 1.9.16 has 655 different option names."""
        core = expected_names()["core 1.9.16"]
        self.assertEqual((len(core), len(set(core))), (655, 655))

    def test_complete(self) -> None:
        """Every name of uWSGI's core, of its default plugins and of its later series is known."""
        table = {name for row in KNOWN for name in row.names}
        for origin, names in expected_names().items():
            self.assertEqual([name for name in names if name not in table], [], origin)

    def test_since(self) -> None:
        """Names of 1.9.16 are marked so, and later ones with their series."""
        lists = expected_names()
        for name in (*lists["core 1.9.16"], *lists["plugins 1.9.16"]):
            self.assertEqual(known(name).since, "1.9", name)
        for name in lists["later"]:
            self.assertIn(known(name).since, ("2.0", "2.1"), name)

    def test_no_duplicates(self) -> None:
        """No name stands in two rows, and no letter belongs to two options."""
        for spelled in (
            Counter(name for row in KNOWN for name in row.names),
            Counter(letter for row in KNOWN for letter in row.letters),
        ):
            self.assertEqual([word for word, count in spelled.items() if count > 1], [])

    def test_rows_are_sound(self) -> None:
        """Each row has a kind of the list, known flags, a help, and a reason unless it is honoured."""
        for row in KNOWN:
            self.assertIn(row.kind, KINDS, row.name)
            self.assertEqual(set(row.flags) - set("MLRTCVPZNSXICmpslfz"), set(), row.name)
            self.assertTrue(row.help, row.name)
            self.assertEqual(row.reason == "", row.support is Support.HONOURED, row.name)

    def test_dangerous_families_are_refused(self) -> None:
        """No option that jails, limits or guards is ever passed over in silence."""
        for name in [
            "chroot",
            "uid",
            "gid",
            "cap",
            "unshare",
            "pivot-root",
            "cgroup",
            "namespace",
            "jail2",
            "limit-as",
            "limit-nproc",
            "emperor-tyrant",
            "allowed-modifiers",
            "subscriptions-sign-check",
            "exec-as-root",
            "hook-pre-jail",
            "route",
            "static-safe",
            "lazy",
        ]:
            self.assertIs(known(name).support, Support.REFUSED, name)

    def test_hints_are_accepted(self) -> None:
        """Options that only tune are accepted."""
        for name in ["offload-threads", "cheaper", "tcp-nodelay", "ksm", "max-apps", "single-interpreter"]:
            self.assertIs(known(name).support, Support.ACCEPTED, name)

    def test_facts_of_a_row(self) -> None:
        """A row tells names, letters, flags and kind apart."""
        row = known("py-autoreload")
        self.assertEqual(row.name, "py-auto-reload")
        self.assertEqual(row.implies, ("enable-threads", "master"))
        self.assertEqual((row.takes, row.immediate, row.is_flag), (Takes.VALUE, False, False))
        self.assertEqual(known("workers").letters, ("p",))
        self.assertTrue(known("umask").immediate)
        self.assertEqual(known("master-fifo").since, "2.0")
        self.assertEqual(known("log-req-route").implies, ("master", "log-master"))
