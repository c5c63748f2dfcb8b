"""Where a path may be found."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.static.choice import Choice, Root
from uwsgid.static.options import StaticFiles


def places(config: str, path: str, document_root: str = "") -> list[tuple[str, str]]:
    choice = Choice(settings_of(config)[StaticFiles])
    return [
        (root.path.decode(), rest.decode("latin-1"))
        for root, rest in choice.places(path.encode("latin-1"), document_root)
    ]


class ChoiceTests(SynchronousTestCase):
    """Roots, their order, and what is left of the path."""

    def test_the_order(self) -> None:
        """Directories, then maps, then maps that keep the mountpoint, then the document root."""
        config = (
            "static-map2 = /a=/two\nstatic-map = /a=/one\nstatic-map = /a=/other\n"
            "check-static-docroot = true\ncheck-static = /first\nstatic-check = /second"
        )
        self.assertEqual(
            places(config, "/a/x", "/doc"),
            [
                ("/first", "/a/x"),
                ("/second", "/a/x"),
                ("/one", "/x"),
                ("/other", "/x"),
                ("/two", "/a/x"),
                ("/doc", "/a/x"),
            ],
        )

    def test_a_mountpoint_has_no_boundary_as_in_1_9_16(self) -> None:
        """A mountpoint catches whatever begins like it."""
        self.assertEqual(places("static-map = /img=/srv", "/imgs/x"), [("/srv", "s/x")])
        self.assertEqual(places("static-map = /img=/srv", "/im"), [])

    def test_a_document_root_that_nobody_said(self) -> None:
        """Without DOCUMENT_ROOT there is nothing to look in, and with it only where it is to be trusted."""
        self.assertEqual(places("check-static-docroot = true", "/x"), [])
        self.assertEqual(places("check-static = /srv", "/x", "/doc"), [("/srv", "/x")])

    def test_skipped(self) -> None:
        """What ends as static-skip-ext says is no file, and neither is a path with a NUL in it."""
        config = "check-static = /srv\nstatic-skip-ext = .py\nstatic-skip-ext = .db"
        self.assertEqual(places(config, "/a.py"), [])
        self.assertEqual(places(config, "/a.db"), [])
        self.assertEqual(places(config, "/a.py/x"), [("/srv", "/a.py/x")])
        self.assertEqual(places(config, "/a\0b"), [])

    def test_roots_are_made_absolute(self) -> None:
        """A relative root is taken from where the worker runs; slashes and dots go away, links stay."""
        self.assertEqual(Root.at("srv/./x/../y/").path, os.fsencode(os.getcwd()) + b"/srv/y")

    def test_what_is_beneath(self) -> None:
        """Beneath is what stands behind a slash, and not what merely begins alike."""
        root = Root(b"/srv/www")
        for path, beneath in (
            (b"/srv/www", True),
            (b"/srv/www/x", True),
            (b"/srv/www-secret", False),
            (b"/srv", False),
        ):
            self.assertEqual(root.holds(path), beneath)
        self.assertTrue(Root(b"/").holds(b"/etc/passwd"))
