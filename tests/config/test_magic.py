"""Magic variables are replaced in the text of a file."""

from __future__ import annotations

import grp
import os
import pwd
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.config.case import FACTS
from uwsgid.config import facts as facts_module
from uwsgid.config.facts import Facts
from uwsgid.config.magic import Magic


class MagicTests(SynchronousTestCase):
    def test_every_variable(self) -> None:
        """Each letter has its meaning, for a file in a known place."""
        magic = Magic.for_source("/etc/uwsgi/apps/shop.prod.ini", FACTS, section="web")
        for variable, expected in (
            ("v", "/srv"),
            ("V", "9.8.7"),
            ("h", "green"),
            ("o", "/etc/uwsgi/apps/shop.prod.ini"),
            ("p", "/etc/uwsgi/apps/shop.prod.ini"),
            ("s", "shop.prod.ini"),
            ("d", "/etc/uwsgi/apps/"),
            ("e", "ini"),
            ("n", "shop.prod"),
            ("c", "apps"),
            ("x", "web"),
            ("0", "etc"),
            ("1", "uwsgi"),
            ("2", "apps"),
            ("3", ""),
            ("%", "%"),
            ("(", "%("),
            ("[", "\033"),
            ("b", "/usr/bin/uwsgi"),
            ("k", "6"),
            ("t", "1700000000"),
            ("T", "1700000000123456"),
            ("u", "33"),
            ("U", "www-data"),
            ("g", "34"),
            ("G", "www"),
            ("z", ""),
            ("Z", ""),
        ):
            with self.subTest(variable=variable):
                self.assertEqual(magic.substitute(f"<%{variable}>"), f"<{expected}>")

    def test_relative_name(self) -> None:
        """The directory of a relative name is absolute, the name stays as it was given."""
        magic = Magic.for_source("./conf/a.ini", FACTS)
        self.assertEqual(magic.substitute("%o %p %d %c %x"), "./conf/a.ini /srv/conf/a.ini /srv/conf/ conf ")

    def test_names_without_parts(self) -> None:
        """A name without a suffix and a file in the root directory have empty parts."""
        self.assertEqual(Magic.for_source("/vassal", FACTS).substitute("%n,%e,%d,%c,%0"), "vassal,,/,,")

    def test_sources_without_a_path(self) -> None:
        """Standard input and URLs have a name and nothing else of a file."""
        for uri in ("-", "http://127.0.0.1/x.ini", "exec://cat x.ini"):
            self.assertEqual(Magic.for_source(uri, FACTS).substitute("%o|%p%d%n%s%e%x|%h"), f"{uri}||green")

    def test_literal_percents(self) -> None:
        """A doubled percent is one, a lone one at the end stays, and what is no variable stays."""
        magic = Magic.for_source("/a.ini", FACTS)
        self.assertEqual(magic.substitute("%%d 100% off 50%\n%(x) %"), "%d 100% off 50%\n%(x) %")

    def test_capitals(self) -> None:
        """Capitals mean the first file."""
        first = Magic.for_source("/etc/first.ini", FACTS, section="a")
        magic = Magic.for_source("/etc/sub/second.ini", FACTS, first=first)
        self.assertEqual(
            magic.substitute("%O %D %S %P %C %E %N %X"),
            "/etc/first.ini /etc/ first.ini /etc/first.ini etc ini first a",
        )
        self.assertEqual(Magic.for_source("/x", FACTS).substitute("<%O%D%N>"), "<>")

    def test_inode_and_hash(self) -> None:
        """``%i`` is the inode; ``%j`` hashes the path by djb33x."""
        path = os.path.abspath(self.mktemp())
        with open(path, "w"):
            pass
        magic = Magic.for_source(path, FACTS)
        self.assertEqual(magic.substitute("%i"), str(os.stat(path).st_ino))
        # 5381 * 33 ^ ord("/") = 177618, * 33 ^ ord("a") = 5861427
        self.assertEqual(Magic.for_source("/a", FACTS).substitute("%j"), f"{(5381 * 33 ^ 47) * 33 ^ 97:08x}")
        self.assertEqual(len(Magic.for_source("/a" * 90, FACTS).substitute("%j")), 8)

    @settings(deadline=None, max_examples=100)
    @given(st.text(alphabet="%abd(z0 \n", max_size=40))
    def test_any_text(self, text: str) -> None:
        """Replacing what was doubled first gives the text back."""
        magic = Magic.for_source("/etc/a.ini", FACTS)
        self.assertEqual(magic.substitute(text.replace("%", "%%")), text)


class FactsTests(SynchronousTestCase):
    def test_this_process(self) -> None:
        """The facts of this process are true."""
        facts = Facts.of_this_process()
        self.assertEqual((facts.cwd, facts.uid, facts.gid), (os.getcwd(), os.getuid(), os.getgid()))
        self.assertEqual(facts.hostname, os.uname().nodename)
        self.assertGreater(facts.started, 1_600_000_000_000_000)
        self.assertGreaterEqual(facts.cpus, 1)

    def test_nameless_ids(self) -> None:
        """A user and group that have no name go by their numbers."""

        def unknown(number: int) -> None:
            raise KeyError(number)

        self.patch(pwd, "getpwuid", unknown)
        self.patch(grp, "getgrgid", unknown)
        for known in (facts_module._user, facts_module._group):
            known.cache_clear()
            self.addCleanup(known.cache_clear)
        facts = Facts.of_this_process()
        self.assertEqual((facts.user, facts.group), (str(os.getuid()), str(os.getgid())))

    def test_frozen(self) -> None:
        """Facts are copied, not changed."""
        self.assertEqual(replace(FACTS, hostname="blue").hostname, "blue")
        self.assertEqual(FACTS.hostname, "green")
