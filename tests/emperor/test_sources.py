"""What the option emperor means."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.emperor.sources import Source, classify
from uwsgid.errors import ConfigError

SCHEMES = ("dir", "glob", "pg")


class Sources(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = os.path.abspath(self.mktemp())
        os.mkdir(self.folder)

    def test_schemes(self) -> None:
        """A scheme that is known decides."""
        self.assertEqual(classify("pg://dbname=x;SELECT 1", SCHEMES).scheme, "pg")
        self.assertEqual(classify("dir:///missing", SCHEMES), Source("dir", "/missing", "dir:///missing"))
        self.assertEqual(classify("glob:///etc/*.ini", SCHEMES).text, "/etc/*.ini")

    def test_unknown_scheme(self) -> None:
        """One that nobody monitors is an error with its name; uWSGI takes it for a pattern."""
        with self.assertRaisesRegex(ConfigError, "nobody monitors foo:// .* dir://, glob://, pg://"):
            classify("foo://x", SCHEMES)

    def test_directory(self) -> None:
        """A directory is one, with or without a slash, and so is a pattern that matches one alone."""
        for text in (self.folder, self.folder + "/", self.folder[:-1] + "?"):
            self.assertEqual(classify(text, SCHEMES).scheme, "dir", text)

    def test_missing(self) -> None:
        """A missing path is a pattern that may match later; with a slash it is a missing directory."""
        self.assertEqual(classify(self.folder + "/none", SCHEMES).scheme, "glob")
        self.assertEqual(classify(self.folder + "/none/", SCHEMES).scheme, "dir")

    def test_files(self) -> None:
        """A file and everything that matches several are patterns."""
        for name in ("a.ini", "b.ini"):
            with open(os.path.join(self.folder, name), "w"):
                pass
        for text in ("/a.ini", "/*.ini", "/*"):
            self.assertEqual(classify(self.folder + text, SCHEMES).scheme, "glob", text)
