"""What a configuration may say of CGI."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError
from uwsgid.languages.cgi.options import CgiOptions


class OptionTests(SynchronousTestCase):
    def test_mounts(self) -> None:
        """A path alone is mounted everywhere; the first equals sign ends a mountpoint."""
        chosen = settings_of("cgi = /srv/cgi\ncgi = /cgi-bin=/srv/a=b")[CgiOptions]
        self.assertEqual(chosen.mounts, (("", "/srv/cgi"), ("/cgi-bin", "/srv/a=b")))
        self.assertTrue(chosen.is_asked_for)
        self.assertFalse(settings_of("")[CgiOptions].is_asked_for)

    def test_helpers(self) -> None:
        """A helper is an ending and a program."""
        chosen = settings_of("cgi-helper = .php=php-cgi\ncgi-map-helper = .pl=/usr/bin/perl")[CgiOptions]
        self.assertEqual(chosen.helpers, ((".php", "php-cgi"), (".pl", "/usr/bin/perl")))

    def test_defaults(self) -> None:
        """They are those of uWSGI."""
        chosen = settings_of("")[CgiOptions]
        self.assertEqual((chosen.buffer_size, chosen.timeout), (65536, 60))

    def test_what_is_refused(self) -> None:
        """Mistakes say what was expected, and C libraries say why they can not be."""
        for line, said in (
            ("cgi-helper = php-cgi", "invalid CGI helper syntax, must be ext=command"),
            ("cgi-helper = .x=sym://f", "C libraries can not be helpers"),
            ("cgi = /x=", "no path of a directory or a script"),
            ("cgi-unset = A=B", "expected the name of a variable, got 'A=B'"),
            ("cgi-index = ../x.sh", "expected the name of a file"),
            ("cgi-timeout = 0", "too small"),
            ("cgi-loadlib = x.so:f", "cgi-loadlib"),
            ("cgi-do-not-kill-on-error = true", "would run for ever"),
        ):
            with self.subTest(line=line), self.assertRaisesRegex(ConfigError, said):
                settings_of(line)
