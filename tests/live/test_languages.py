"""Front end by protocol by language: each language behind each web server, over each of its protocols."""

from __future__ import annotations

from typing import Final

from tests.live import languages
from tests.live.support import APPS

PROBES: Final = APPS / "matrix"


class PythonTests(languages.LanguageTests):
    """WSGI."""

    option = f"wsgi-file = {PROBES / 'probe.py'}"
    plugin = ("python3", 0)


class PerlTests(languages.LanguageTests):
    """PSGI."""

    option = f"psgi = {PROBES / 'probe.psgi'}"
    plugin = ("psgi", 5)
    programs = ("perl",)


class RubyTests(languages.LanguageTests):
    """Rack."""

    option = f"rack = {PROBES / 'probe.ru'}"
    plugin = ("rack", 7)
    programs = ("ruby",)


class CgiTests(languages.LanguageTests):
    """CGI."""

    option = f"cgi = {PROBES / 'probe.cgi'}"
    plugin = ("cgi", 9)
    programs = ("perl",)
