"""File names, sections and formats."""

from __future__ import annotations

import io
import os
import sys

from tests.config.case import ReadingCase
from uwsgid.config.loading import Loader, Target, format_of, split_section
from uwsgid.errors import ConfigError


class NameTests(ReadingCase):
    def test_sections(self) -> None:
        """The last colon begins the section; in a URL only one behind the last slash does."""
        for argument, expected in (
            ("a.ini", ("a.ini", None)),
            ("a.ini:web", ("a.ini", "web")),
            ("a.ini:", ("a.ini", "")),
            (":web", ("", "web")),
            ("/a:b/c.ini", ("/a", "b/c.ini")),
            ("a:b:c", ("a:b", "c")),
            ("http://h:80/a.ini", ("http://h:80/a.ini", None)),
            ("http://h:80/a.ini:web", ("http://h:80/a.ini", "web")),
            ("exec://cat a.ini", ("exec://cat a.ini", None)),
            ("fd://3", ("fd://3", None)),
            ("call://shop:config", ("call://shop:config", None)),
            ("call://shop:config:web", ("call://shop:config", "web")),
            ("callint://shop", ("callint://shop", None)),
            ("-", ("-", None)),
            ("-:web", ("-", "web")),
        ):
            with self.subTest(argument=argument):
                self.assertEqual(split_section(argument), expected)

    def test_formats(self) -> None:
        """The suffix decides the format."""
        for uri, expected in (
            ("a.ini", "ini"),
            ("a.xml", "xml"),
            ("a.yaml", "yaml"),
            ("a.yml", "yaml"),
            ("a.json", "json"),
            ("a.js", "json"),
            ("a.INI", ""),
            ("a.lua", ""),
            ("ini", ""),
        ):
            with self.subTest(uri=uri):
                self.assertEqual(format_of(uri), expected)

    def test_targets(self) -> None:
        """An explicit format ignores the suffix; ``:section`` means the last file of the format."""
        loader = Loader(self.facts)
        self.assertEqual(loader.target("a.conf:web", "yaml"), Target("a.conf", "web", "yaml"))
        with self.assertRaisesRegex(
            ConfigError, "':web' means a section of the last ini file, and there is none"
        ):
            loader.target(":web")
        self.write("a.ini", "[web]\n")
        loader.load(Target("a.ini", None, "ini"), is_first=True)
        self.assertEqual(loader.target(":web"), Target("a.ini", "web", "ini"))
        with self.assertRaisesRegex(ConfigError, "^unable to load configuration from a.conf: .*known: .ini"):
            loader.target("a.conf")


class LoadTests(ReadingCase):
    def test_odd_files(self) -> None:
        """Marks, carriage returns and bytes of another encoding are read; NUL bytes are refused."""
        self.write("bom.ini", b"\xef\xbb\xbf[uwsgi]\r\nenv = caf\xe9\r\n")
        reading = self.read("bom.ini")
        self.assertEqual((reading.problems, reading.warnings), ((), ()))
        self.assertEqual(os.fsencode(reading.directives[0].value or ""), b"caf\xe9")
        self.write("nul.ini", b"[uwsgi]\nenv = a\0b\n")
        self.assertEqual(
            self.read("nul.ini").problems,
            ("nul.ini:2: there is a NUL byte; a configuration is a text in UTF-8",),
        )
        self.write("wide.ini", "[uwsgi]".encode("utf-16"))
        self.assertEqual(self.read("wide.ini").problems, ("wide.ini: the text is UTF-16; save it as UTF-8",))
        self.write("empty.ini", "")
        self.assertIn('Can\'t find section "uwsgi"', self.read("empty.ini").warnings[0])

    def test_announcements(self) -> None:
        """The start-up log says which file is read how."""
        self.write("a.xml", "<uwsgi id='web'/>")
        self.write("a.yml", "uwsgi: {}")
        self.write("a.js", '{"uwsgi": {}}')
        self.assertEqual(
            self.read("a.xml:web", "a.yml", "a.js").notices,
            (
                "[uWSGI] parsing config file a.xml",
                "[uWSGI] using xml uwsgi id: web",
                "[uWSGI] getting YAML configuration from a.yml",
                "[uWSGI] getting JSON configuration from a.js",
            ),
        )

    def test_standard_input_twice(self) -> None:
        """What can be read only once is kept for a second section."""
        self.patch(
            sys, "stdin", io.TextIOWrapper(io.BytesIO(b"[uwsgi]\nenv = %o\nini = :web\n[web]\nenv = web\n"))
        )
        reading = self.read("--ini", "-")
        self.assertEqual(reading.problems, ())
        self.assertEqual([line.value for line in reading.directives], ["-", "-", ":web", "web"])
        self.assertEqual(reading.sources, ("-",))

    def test_mode(self) -> None:
        """The mode of an XML element counts where the mode is set by then: in what is inherited."""
        self.write("a.xml", "<uwsgi><env mode='a'>1</env><env mode='b'>2</env></uwsgi>")
        reading = self.read("--mode", "b", "--xml", "a.xml", "--inherit", "a.xml")
        self.assertEqual([line.value for line in reading.directives if line.name == "env"], ["1", "2", "2"])

    def test_capitals(self) -> None:
        """Capitals are the first file that an option names, not an include nor a positional."""
        self.write("sub.ini", "[uwsgi]\nenv = %O %o\n")
        self.write("main.ini", "[uwsgi]\nenv = %O %o\ninclude = sub.ini\n")
        values = [line.value for line in self.read("--ini", "main.ini").directives if line.name == "env"]
        self.assertEqual(values, ["main.ini main.ini", "main.ini sub.ini"])
        values = [line.value for line in self.read("main.ini").directives if line.name == "env"]
        self.assertEqual(values, ["main.ini", "sub.ini"])

    def test_sources(self) -> None:
        """Every source is listed once, with its absolute path, also those of ``@()``."""
        self.write("text", "x")
        self.write("a.ini", "[uwsgi]\nenv = @(text)@(text)\nini = :web\n[web]\nenv = @(exec://echo 1)\n")
        self.assertEqual(
            self.read("a.ini").sources,
            (f"{self.directory}/a.ini", f"{self.directory}/text", "exec://echo 1"),
        )
