"""Names of vassals and their command lines."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.emperor.names import command_line, fits, is_vassal, type_of
from uwsgid.emperor.options import VassalOptions


class Names(SynchronousTestCase):
    """Which names are those of vassals."""

    def test_suffixes(self) -> None:
        """Those of configurations, in lower case; files with a dot in front count, as in uWSGI."""
        for name, expected in (
            ("a.ini", True), ("a.xml", True), ("a.yml", True), ("a.yaml", True), ("a.js", True),
            ("a.json", True), (".ini", True), (".hidden.ini", True), ("a b.ini", True), ("@.ini", True),
            ("a.INI", False), ("a.ini~", False), ("a.ini.swp", False), ("ini", False), ("a.conf", False),
            ("", False),
        ):  # fmt: skip
            self.assertEqual(is_vassal(name, ()), expected, name)

    def test_extra(self) -> None:
        """Extra suffixes are plain text, with or without a dot."""
        self.assertTrue(is_vassal("a.conf", (".conf",)))
        self.assertTrue(is_vassal("my_vassal", ("_vassal",)))

    def test_length(self) -> None:
        """A name has 254 bytes at most, as the kernel's files nearly have."""
        self.assertTrue(is_vassal("a" * 250 + ".ini", ()))
        self.assertFalse(is_vassal("a" * 251 + ".ini", ()))
        self.assertFalse(fits("ä" * 128))

    def test_types(self) -> None:
        """The option follows from the suffix; an extra one is looked at first."""
        for name, expected in (
            ("a.ini", "ini"), ("a.xml", "xml"), ("a.yml", "yaml"), ("a.yaml", "yaml"), ("a.js", "json"),
            ("a.json", "json"), ("a.conf", "config"), ("from-a-table", "inherit"), ("a.ini:zerg", "ini"),
        ):  # fmt: skip
            self.assertEqual(type_of(name, (".conf",)), expected, name)
        self.assertEqual(type_of("a.ini", ("ini",)), "config")


class CommandLines(SynchronousTestCase):
    """What a vassal is started with."""

    def test_as_in_1_9_16(self) -> None:
        """The configuration, then what is inherited."""
        options = VassalOptions(inherit=("/etc/base.ini", "/etc/more.ini"))
        self.assertEqual(
            command_line("a.ini", "ini", options),
            ("--ini", "a.ini", "--inherit", "/etc/base.ini", "--inherit", "/etc/more.ini"),
        )

    def test_as_in_2_0(self) -> None:
        """All of it, in the order of uWSGI 2.0."""
        options = VassalOptions(
            inherit=("i",), inherit_before=("ib",), include=("n",), include_before=("nb",), set=("k=v", "l=w")
        )
        self.assertEqual(
            command_line("a.yml", "yaml", options, scheme="emperor"),
            (
                "--inherit", "ib", "--include", "nb", "--set", "k=v", "--set", "l=w",
                "--yaml", "emperor://a.yml", "--inherit", "i", "--include", "n",
            ),
        )  # fmt: skip
