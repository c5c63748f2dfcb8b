"""From paths to open files: links, indexes, and the ways out that are none."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.descriptors import open_descriptors
from uwsgid.config.settings import settings_of
from uwsgid.host.beneath import Opener
from uwsgid.static.choice import Choice, Root
from uwsgid.static.finding import Finder, Found
from uwsgid.static.options import StaticFiles


class TreeCase(SynchronousTestCase):
    """A tree with links in it."""

    openat2 = True

    def setUp(self) -> None:
        self.said: list[str] = []
        self.top = Path(os.path.realpath(self.mktemp()))
        www = self.top / "www"
        for folder in (www / "css", www / "empty", self.top / "www-secret", self.top / "shared"):
            folder.mkdir(parents=True)
        (www / "page.html").write_text("page")
        (www / "css" / "index.html").write_text("index")
        (www / "css" / "a.css").write_text("css")
        (self.top / "secret").write_text("secret")
        (self.top / "www-secret" / "file").write_text("other")
        (self.top / "shared" / "logo").write_text("logo")
        (www / "near").symlink_to("css/a.css")
        (www / "absolute").symlink_to(www / "page.html")
        (www / "folder").symlink_to("css")
        (www / "escape").symlink_to("../secret")
        (www / "alike").symlink_to("../www-secret/file")
        (www / "logo").symlink_to("../shared/logo")
        (www / "lost").symlink_to("nowhere")
        (www / "loop").symlink_to("loop")
        (self.top / "link").symlink_to("www")
        os.mkfifo(www / "pipe")

    def finder(self, config: str = "check-static = @/www", *, safe: str = "", index: str = "") -> Finder:
        options = settings_of(config.replace("@", str(self.top)))[StaticFiles]
        return Finder(
            Choice(options),
            [Root.at(text.replace("@", str(self.top))) for text in safe.split()],
            [text.encode() for text in index.split()],
            self.said.append,
            Opener(openat2=self.openat2),
        )

    def text(self, found: Found | None) -> str:
        """What is in a file that was found, ``-`` where none was; with the real path if that is another."""
        if found is None:
            return "-"
        with os.fdopen(found.fd, "rb") as file:
            data = file.read()
        self.assertEqual((found.size, os.path.realpath(found.path)), (len(data), found.path))
        return data.decode()

    def get(self, path: str, config: str = "check-static = @/www", **more: str) -> str:
        return self.text(self.finder(config, **more).find(path.encode("latin-1")))


class FinderTests(TreeCase):
    """What is found in it."""

    def test_files(self) -> None:
        """A file is found by its path, and by one that comes to the same."""
        self.assertEqual(self.get("/page.html"), "page")
        self.assertEqual(self.get("//css/../page.html"), "page")
        self.assertEqual(self.get("/css/./a.css"), "css")
        self.assertEqual(self.get("/x/page.html", "static-map = /x=@/www"), "page")
        self.assertEqual(self.get("/css/a.css", "static-map2 = /css=@/www"), "css")

    def test_no_files(self) -> None:
        """What is not there, is no file, or is taken for a directory belongs to the application."""
        for path in ("/nothing", "/page.html/", "/page.html/x", "/css", "/css/", "/", "", "/pipe", "/lost",
                     "/loop", "/" + "x" * 300, "/" + "y/" * 3000, "/\xff\xfe"):  # fmt: skip
            self.assertEqual(self.get(path), "-", path[:20])
        self.assertEqual(self.said, [])

    def test_links_within(self) -> None:
        """Links that stay in the root are followed, relative and absolute ones."""
        for path, text in (("/near", "css"), ("/absolute", "page"), ("/folder/a.css", "css")):
            self.assertEqual(self.get(path), text)
        self.assertEqual(self.get("/folder/../page.html"), "page")
        self.assertEqual(self.said, [])

    def test_ways_out(self) -> None:
        """No link and no dots lead out; the log says what was tried."""
        for path, real in (
            ("/escape", "/secret"),
            ("/../secret", "/secret"),
            ("/css/../../secret", "/secret"),
            ("/alike", "/www-secret/file"),
            ("/../www-secret/file", "/www-secret/file"),
            ("/logo", "/shared/logo"),
        ):
            self.said.clear()
            self.assertEqual(self.get(path), "-")
            self.assertEqual(
                self.said,
                [
                    f"[uwsgi-fileserve] security error: {self.top}{real} is not under {self.top}/www or a "
                    f"safe path [{path}]"
                ],
            )
        self.assertEqual(self.get("/../../../../../../../../../../etc/passwd"), "-")

    def test_safe_directories(self) -> None:
        """Links may lead to static-safe directories, which end where a name ends."""
        self.assertEqual(self.get("/logo", safe="/none @/shared"), "logo")
        self.assertEqual(self.get("/escape", safe="@/shared"), "-")
        self.assertEqual(self.get("/alike", safe="@/www-sec"), "-")
        self.assertEqual(self.get("/alike", safe="@/www-secret"), "other")

    def test_a_root_behind_a_link_as_in_2_0(self) -> None:
        """The root may be a link, which is looked at each time; what is in it may not lead out any more."""
        config = "check-static = @/link"
        self.assertEqual(self.get("/page.html", config), "page")
        self.assertEqual(self.get("/folder/../near", config), "css")
        self.assertEqual(self.get("/css/../near", config), "css")
        self.assertEqual(self.get("/css/", config, index="index.html"), "index")
        self.assertEqual(self.said, [])
        self.assertEqual(self.get("/escape", config), "-")
        self.assertEqual(self.get("/../secret", config), "-")
        self.assertEqual(len(self.said), 2)
        (self.top / "link").unlink()
        (self.top / "link").symlink_to("www-secret")
        self.assertEqual(self.get("/file", config), "other")
        (self.top / "link").unlink()
        (self.top / "link").symlink_to("link")
        self.assertEqual(self.get("/file", config), "-")

    def test_one_file(self) -> None:
        """A mountpoint may be that of one file."""
        self.assertEqual(self.get("/p", "static-map = /p=@/www/page.html"), "page")
        self.assertEqual(self.get("/p", "static-map = /p=@/www/near"), "css")
        self.assertEqual(self.get("/p", "static-map = /p=@/www/nothing"), "-")

    def test_the_next_root(self) -> None:
        """Where one root has nothing the next one is asked, also of the same mountpoint."""
        maps = "static-map = /x=@/www/empty\nstatic-map = /x=@/nowhere\nstatic-map = /x=@/www"
        self.assertEqual(self.get("/x/page.html", maps), "page")

    def test_indexes(self) -> None:
        """A directory is answered by the first index that is in it, with a slash at its end and without."""
        for path in ("/css", "/css/", "/folder/", "/css/.", "/empty/../css//"):
            found = self.finder(index="none.html index.html").find(path.encode())
            assert found is not None
            self.assertEqual(found.index, b"index.html")
            self.assertEqual(self.text(found), "index")
        self.assertEqual(self.get("/empty/", index="index.html"), "-")
        self.assertEqual(self.get("/css/", index="../page.html"), "page")
        self.assertEqual(self.get("/css/", index="../../secret"), "-")

    def test_the_document_root(self) -> None:
        """A front end may say where files are."""
        finder = self.finder("check-static-docroot = true")
        self.assertEqual(self.text(finder.find(b"/page.html", f"{self.top}/www")), "page")
        self.assertEqual(self.text(finder.find(b"/escape", f"{self.top}/www")), "-")

    def test_twins(self) -> None:
        """What stands beside a file is found by it, and may not lead out either."""
        (self.top / "www" / "page.html.gz").write_text("small")
        (self.top / "www" / "css" / "a.css.gz").symlink_to(self.top / "secret")
        finder = self.finder()
        found = finder.find(b"/page.html")
        assert found is not None
        self.assertEqual(self.text(finder.twin(found, b".gz", b"/page.html")), "small")
        self.assertIsNone(finder.twin(found, b".br", b"/page.html"))
        os.close(found.fd)
        found = finder.find(b"/near")
        assert found is not None
        self.assertIsNone(finder.twin(found, b".gz", b"/near"))
        os.close(found.fd)

    def test_lines_can_not_be_forged(self) -> None:
        """What a client asks for stands in one line, without control characters."""
        self.assertEqual(self.get("/../secret"), "-")
        self.get("/x\n/../../secret")
        (self.top / "www" / "x\n").mkdir()
        self.get("/x\n/../../secret")
        self.assertTrue(all(line.isprintable() for line in self.said), self.said)
        self.assertEqual(len(self.said), 2)

    def test_no_descriptor_is_lost(self) -> None:
        """Whatever is asked for, what was opened is closed."""
        before = len(open_descriptors())
        finder = self.finder(index="index.html")
        for path in (
            b"/page.html",
            b"/near",
            b"/escape",
            b"/pipe",
            b"/css",
            b"/empty",
            b"/nothing",
            b"/lost",
        ):
            found = finder.find(path)
            if found is not None:
                os.close(found.fd)
        self.assertEqual(len(open_descriptors()), before)


class WalkingFinderTests(FinderTests):
    """The same on a kernel without openat2(2)."""

    openat2 = False


class RandomPathTests(TreeCase):
    """Paths that nobody would think of."""

    @given(
        st.lists(
            st.sampled_from(
                ["..", ".", "", "css", "folder", "near", "escape", "link", "www", "secret", "logo"]
            ),
            max_size=7,
        )
    )
    @settings(max_examples=150, deadline=None)
    def test_only_what_realpath_allows(self, names: list[str]) -> None:
        """A file is found exactly where its real path is beneath the root."""
        path = "/" + "/".join(names)
        place = f"{self.top}/www{path}"
        real = os.path.realpath(place)
        fine = real.startswith(f"{self.top}/www/") and os.path.isfile(place)
        for self.openat2 in (True, False):
            found = self.finder().find(path.encode())
            self.assertEqual(found is not None, fine, path)
            if found is not None:
                self.assertEqual(found.path.decode(), real)
                os.close(found.fd)
