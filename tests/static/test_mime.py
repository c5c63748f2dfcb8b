"""Types of files."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.static import mime
from uwsgid.static.mime import MimeTypes, parse


class MimeTests(SynchronousTestCase):
    """Tables, and what they say of names."""

    def setUp(self) -> None:
        self.said: list[str] = []

    def table(self, text: str) -> str:
        path: str = os.path.abspath(self.mktemp())
        with open(path, "w") as file:
            file.write(text)
        return path

    def test_a_table(self) -> None:
        """Lines are a type and the ends of names; comments and types without ends are nothing."""
        self.assertEqual(
            parse([b"# comment\n", b"text/html\t html htm # more\n", b"\n", b"text/none\n", b"a/b x\n"]),
            {b"html": "text/html", b"htm": "text/html", b"x": "a/b"},
        )

    def test_names(self) -> None:
        """What follows the last dot counts, in its case, where it is letters and digits."""
        types = MimeTypes({b"html": "text/html", b"gz": "application/gzip"})
        for name, kind in (
            (b"/srv/a.html", "text/html"),
            (b"/srv/a.html.gz", "application/gzip"),
            (b"/srv/a.HTML", ""),
            (b"/srv/a.html~", ""),
            (b"/srv/html", ""),
            (b"/srv.html/a", ""),
            (b"/srv/.html", "text/html"),
            (b"/srv/a.", ""),
            (b"/srv/a.html\n", ""),
        ):
            self.assertEqual(types.of(name), kind, name)

    def test_several_tables(self) -> None:
        """Tables that are named take the place of the system's, and later ones win."""
        first, second = self.table("a/one x y\n"), self.table("a/two y\n")
        types = MimeTypes.load((first, second), self.said.append)
        self.assertEqual([types.of(b".x"), types.of(b".y"), types.of(b".html")], ["a/one", "a/two", ""])
        self.assertEqual(self.said, [])

    def test_a_table_that_is_not_there(self) -> None:
        """The log says so, and types that are built in are used."""
        types = MimeTypes.load(("/nowhere/mime.types",), self.said.append)
        self.assertEqual(types.of(b"/a.css"), "text/css")
        self.assertTrue(self.said[0].startswith("!!! no /nowhere/mime.types file found !!!"), self.said)

    def test_a_system_without_a_table(self) -> None:
        """A system without the file is served by the built-in table."""
        self.patch(mime, "SYSTEM", "/nowhere/system")
        self.assertEqual(MimeTypes.load((), self.said.append).of(b"/a.html"), "text/html")
        self.assertEqual(len(self.said), 1)
