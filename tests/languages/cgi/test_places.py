"""Which file answers for a path."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.languages.cgi.options import CgiOptions
from uwsgid.languages.cgi.places import Places, Refusal, Script


class PlacesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.root = self.folder / "www"
        for name in ("a.sh", "sub/index.sh", "sub/b.sh", "php/x.php", "php/plain.txt"):
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("#!/bin/sh\n")
            path.chmod(0o644 if "php" in name else 0o755)
        (self.folder / "outside.sh").write_text("#!/bin/sh\n")
        (self.folder / "outside.sh").chmod(0o755)

    def find(self, path: str, config: str = "", docroot: str = "") -> Script | Refusal:
        chosen = settings_of(config or f"cgi = {self.root}")[CgiOptions]
        return Places(chosen).find(path.encode(), docroot.encode())

    def finds(self, path: str, file: str, name: str, path_info: str = "", config: str = "") -> None:
        found = self.find(path, config)
        assert isinstance(found, Script), found
        self.assertEqual(
            (found.path.decode(), found.name.decode(), found.path_info.decode()),
            (str(self.root / file), name, path_info),
        )

    def refuses(self, path: str, status: int, config: str = "") -> Refusal:
        found = self.find(path, config)
        assert isinstance(found, Refusal), found
        self.assertEqual(found.status, status)
        return found

    def test_the_first_file_of_the_path_is_the_script(self) -> None:
        """What follows it is its PATH_INFO, as it came."""
        self.finds("/a.sh", "a.sh", "/a.sh")
        self.finds("/a.sh/x//y/", "a.sh", "/a.sh", "/x//y/")
        self.finds("/sub//b.sh/..", "sub/b.sh", "/sub/b.sh", "/..")

    def test_directories(self) -> None:
        """A directory wants a slash, then an index, else nothing is there."""
        index = f"cgi = {self.root}\ncgi-index = none.sh\ncgi-index = index.sh"
        self.finds("/sub/", "sub/index.sh", "/sub/index.sh", config=index)
        self.assertEqual(self.refuses("/sub", 301, index).location, "/sub/")
        self.refuses("/sub/", 404)
        self.refuses("/", 404, index)

    def test_a_redirect_can_not_be_abused(self) -> None:
        """Neither another host nor another header comes out of a path that names a directory."""
        (self.root / "a\r\nX: y").mkdir()
        self.assertEqual(self.refuses("//sub", 301).location, "/sub/")
        self.assertEqual(self.refuses("/a\r\nX: y", 301).location, "/a%0D%0AX:%20y/")

    def test_mountpoints(self) -> None:
        """The longest mountpoint wins, and it ends where a segment does."""
        config = f"cgi = /cgi-bin={self.root}\ncgi = /cgi-bin/s={self.root}/sub\ncgi = /m/={self.root}"
        self.finds("/cgi-bin/a.sh/x", "a.sh", "/cgi-bin/a.sh", "/x", config)
        self.finds("/cgi-bin/s/b.sh", "sub/b.sh", "/cgi-bin/s/b.sh", "", config)
        self.finds("/m/a.sh", "a.sh", "/m/a.sh", "", config)
        for path in ("/cgi-binary/a.sh", "/a.sh", "/ma.sh", "/m", ""):
            self.refuses(path, 404, config)
        self.assertEqual(self.refuses("/cgi-bin", 301, config).location, "/cgi-bin/")

    def test_a_single_script(self) -> None:
        """Where the mount is a file, it answers for everything below its mountpoint."""
        self.finds("/x/y", "a.sh", "", "/x/y", f"cgi = {self.root}/a.sh")
        self.finds("/p/x", "a.sh", "/p", "/x", f"cgi = /p={self.root}/a.sh")
        self.refuses("/", 404, f"cgi = {self.root}/none.sh")

    def test_what_is_missing(self) -> None:
        """404 for what is not there, and for names that no file can have."""
        for path in ("/nope", "/nope/x", "/sub/nope", "/\0", "/" + "x" * 300, ""):
            with self.subTest(path=path):
                self.assertIn(self.find(path).status, (301, 404))  # type: ignore[union-attr]

    def test_no_way_up(self) -> None:
        """Two dots in front of a script are refused, whatever they would lead to."""
        for path in ("/../outside.sh", "/sub/../a.sh", "/..", "/sub/../../outside.sh"):
            self.refuses(path, 403)

    def test_links_do_not_lead_out(self) -> None:
        """A link that leaves the directory is refused with a line in the log, for a file and for a folder."""
        os.symlink(self.folder / "outside.sh", self.root / "out.sh")
        os.symlink(self.folder, self.root / "up")
        os.symlink(self.root / "a.sh", self.root / "within.sh")
        os.symlink("loop", self.root / "loop")
        outside = f"{self.folder}/outside.sh"
        said = f"CGI security error: {outside} is not under {self.root}"
        self.assertEqual(self.refuses("/out.sh", 403).why, said)
        self.assertEqual(self.refuses("/up/outside.sh", 403).why, said)
        self.finds("/within.sh", "a.sh", "/within.sh")
        self.refuses("/loop", 404)

    def test_links_that_may_lead_out(self) -> None:
        """cgi-safe names where links may lead, cgi-optimize does not look."""
        os.symlink(self.folder / "outside.sh", self.root / "out.sh")
        for more in (f"cgi-safe = {self.folder}", "cgi-optimize = true"):
            found = self.find("/out.sh", f"cgi = {self.root}\n{more}")
            self.assertIsInstance(found, Script, more)
        self.refuses("/out.sh", 403, f"cgi = {self.root}\ncgi-safe = {self.folder}/www")

    def test_a_neighbour_is_outside(self) -> None:
        """A directory whose name begins like the root's is not below it."""
        neighbour = self.folder / "www2"
        neighbour.mkdir()
        (neighbour / "n.sh").write_text("")
        (neighbour / "n.sh").chmod(0o755)
        os.symlink(neighbour / "n.sh", self.root / "n.sh")
        self.refuses("/n.sh", 403)

    def test_who_may_run(self) -> None:
        """Endings that are not allowed, files that nobody can execute, and what is no file are refused."""
        os.mkfifo(self.root / "fifo")
        self.refuses("/fifo", 403)
        self.refuses("/php/plain.txt", 403)
        ending = f"cgi = {self.root}\ncgi-allowed-ext = .pl\ncgi-allowed-ext = .sh"
        self.finds("/a.sh", "a.sh", "/a.sh", config=ending)
        self.refuses("/php/x.php", 403, ending)

    def test_helpers(self) -> None:
        """A program runs what has its ending, which then need not be executable."""
        found = self.find("/php/x.php", f"cgi = {self.root}\ncgi-helper = .php=php-cgi")
        assert isinstance(found, Script)
        self.assertEqual(found.helper, "php-cgi")

    def test_document_root(self) -> None:
        """cgi-from-docroot takes the root from the request, where no mountpoint matches."""
        config = "cgi-from-docroot = true"
        found = self.find("/a.sh", config, docroot=str(self.root))
        self.assertIsInstance(found, Script)
        self.assertEqual(self.find("/a.sh", config), Refusal(404))
        self.refuses("/a.sh", 404, f"cgi = /x={self.root}")
