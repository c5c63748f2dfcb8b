"""What may be said about static files."""

from __future__ import annotations

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigProblems
from uwsgid.static.options import StaticAnswers, StaticFiles


class OptionTests(SynchronousTestCase):
    """Values, and what is none."""

    def refused(self, line: str) -> str:
        return str(self.assertRaises(ConfigProblems, settings_of, line))

    def test_nothing_asks_for_files_by_itself(self) -> None:
        """Only a directory, a mountpoint or the document root makes a worker look for files."""
        for line in ("", "static-index = index.html\nstatic-gzip-all = true\nhonour-range = true"):
            self.assertFalse(settings_of(line)[StaticFiles].any)
        for line in ("static-map = /s=/srv", "static-map2 = /s=/srv", "check-static = /srv",
                     "static-check = /srv", "check-static-docroot = true"):  # fmt: skip
            self.assertTrue(settings_of(line)[StaticFiles].any, line)

    def test_maps(self) -> None:
        """A map is a mountpoint and a path, which may have an equals sign in it."""
        options = settings_of("static-map = /a=/srv/a=b\nstatic-map = /a=/srv/c")[StaticFiles]
        self.assertEqual(options.maps, (("/a", "/srv/a=b"), ("/a", "/srv/c")))
        said = self.refused("static-map = /srv/www")
        self.assertIn("invalid document root in static map, syntax mountpoint=docroot", said)

    def test_lifetimes(self) -> None:
        """A rule is a regular expression and seconds, and nothing that is less is guessed at."""
        ((pattern, seconds),) = settings_of(r"static-expires = \.css$ 3600")[StaticAnswers].expires
        self.assertEqual((pattern.pattern, seconds), (rb"\.css$", 3600))
        self.assertIn("invalid dictionary syntax for \\.css$", self.refused(r"static-expires = \.css$"))
        self.assertIn("pcre error:", self.refused("static-expires-uri = ( 5"))
        self.assertIn("expected a number of seconds", self.refused("static-expires = x soon"))
        ((kind, seconds),) = settings_of("static-expires-type = text/css=60")[StaticAnswers].expires_type
        self.assertEqual((kind, seconds), ("text/css", 60))
        self.assertIn("invalid dictionary syntax", self.refused("static-expires-type = text/css"))

    def test_serve_modes(self) -> None:
        """The words for front ends may be written in any case, and others are refused."""
        for word, header in (
            ("nginx", "X-Accel-Redirect"),
            ("X-Accel-Redirect", "X-Accel-Redirect"),
            ("xaccelredirect", "X-Accel-Redirect"),
            ("X-Sendfile", "X-Sendfile"),
            ("xsendfile", "X-Sendfile"),
        ):
            self.assertEqual(settings_of(f"file-serve-mode = {word}")[StaticAnswers].serve_mode, header)
        self.assertIn("x-sendfile", self.refused("fileserve-mode = apache"))

    def test_options_cost_little(self) -> None:
        """Importing the options imports nothing of what serves files."""
        code = (
            "import sys; import uwsgid.static.options; "
            "print([name for name in sys.modules if name.startswith('uwsgid.static.')])"
        )
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        self.assertEqual(said.strip(), "['uwsgid.static.options']")
