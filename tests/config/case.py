"""A small world for the tests of the reader: a few options, fixed facts, a directory of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.facts import Facts
from uwsgid.config.kinds import Takes
from uwsgid.config.reading import Reading, read

FACTS = Facts(
    cwd="/srv",
    hostname="green",
    version="9.8.7",
    binary="/usr/bin/uwsgi",
    cpus=6,
    started=1_700_000_000_123_456,
    uid=33,
    user="www-data",
    gid=34,
    group="www",
)


class Options:
    """An index of a handful of options."""

    TAKES: Mapping[str, Takes] = {
        "master": Takes.NOTHING,
        "master-fifo": Takes.VALUE,
        "memory-report": Takes.NOTHING,
        "processes": Takes.VALUE,
        "max-requests": Takes.VALUE,
        "http-socket": Takes.VALUE,
        "wsgi-file": Takes.VALUE,
        "module": Takes.VALUE,
        "callable": Takes.VALUE,
        "env": Takes.VALUE,
        "cheap": Takes.NOTHING,
        "ugreen": Takes.MAYBE,
        "pivot_root": Takes.VALUE,
        "log-format": Takes.VALUE,
        "mode": Takes.VALUE,
        "umask": Takes.VALUE,
    }
    LETTERS: Mapping[str, str] = {"M": "master", "p": "processes", "u": "ugreen", "m": "memory-report"}

    def takes(self, name: str) -> Takes | None:
        return self.TAKES.get(name)

    def by_letter(self, letter: str) -> str | None:
        return self.LETTERS.get(letter)

    def names(self) -> Iterator[str]:
        return iter(self.TAKES)

    def is_immediate(self, name: str) -> bool:
        return name == "umask"

    def nearest(self, name: str) -> tuple[str, ...]:
        return ("processes",) if name.startswith("proc") else ()


class ReadingCase(SynchronousTestCase):
    """Reads configurations from a directory that each test has for itself."""

    def setUp(self) -> None:
        self.directory = os.path.abspath(self.mktemp())
        os.makedirs(self.directory)
        self.facts = replace(FACTS, cwd=self.directory)

    def write(self, name: str, content: str | bytes) -> str:
        """Make a file; its absolute path."""
        path = os.path.join(self.directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        return path

    def read(self, *argv: str, environ: Mapping[str, str] | None = None, is_reload: bool = False) -> Reading:
        return read(argv, environ or {}, facts=self.facts, options=Options(), is_reload=is_reload)

    def lines(self, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
        """What *text* in a section comes to, without the lines that load files; no problems are expected."""
        self.write("site.ini", "[uwsgi]\n" + text)
        reading = self.read("--ini", "site.ini", environ=environ)
        self.assertEqual(reading.problems, ())
        return [str(line) for line in reading.directives if line.name not in ("ini", "include", "inherit")]

    def problems(self, text: str) -> list[str]:
        """What is wrong with ``[uwsgi]`` and *text*."""
        self.write("site.ini", "[uwsgi]\n" + text)
        return list(self.read("--ini", "site.ini").problems)
