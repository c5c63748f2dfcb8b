"""YAML as it is written, with repeated keys."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.formats import Yaml
from uwsgid.errors import ConfigError


def pairs(text: str, section: str | None = None) -> list[tuple[str, str | None, int]]:
    return [
        (line.name, line.value, line.origin.line) for line in Yaml.parse(text, "x.yaml", section).directives
    ]


class YamlTests(SynchronousTestCase):
    def test_repeated_keys(self) -> None:
        """The same key three times gives three entries."""
        self.assertEqual(
            pairs("uwsgi:\n  env: A=1\n  env: B=2\n  master: true\n  env: C=3\n"),
            [("env", "A=1", 2), ("env", "B=2", 3), ("master", "true", 4), ("env", "C=3", 5)],
        )

    def test_raw_scalars(self) -> None:
        """A scalar is the text that is written, whatever YAML takes it for."""
        for written, expected in (
            ("yes", "yes"),
            ("0644", "0644"),
            ("1.50", "1.50"),
            ("~", "~"),
            ("2001-12-14", "2001-12-14"),
            ("'q''s'", "q's"),
            ('"a\\tb"', "a\tb"),
            (":8080", ":8080"),
            ("a # comment", "a"),
            ("a#b", "a#b"),
            ("|\n    one\n    two", "one\ntwo\n"),
            ("", ""),
        ):
            with self.subTest(written=written):
                self.assertEqual(pairs(f"uwsgi:\n  k: {written}\n")[0][:2], ("k", expected))

    def test_sequences(self) -> None:
        """A sequence gives one entry for each item, flow, block or indented block, and the rest is read."""
        for written in ("[1, 2]", "\n  - 1\n  - 2", "\n    - 1\n    - 2"):
            with self.subTest(written=written):
                found = [(name, value) for name, value, _ in pairs(f"uwsgi:\n  k: {written}\n  z: 3\n")]
                self.assertEqual(found, [("k", "1"), ("k", "2"), ("z", "3")])

    def test_anchors(self) -> None:
        """An alias stands for its scalar or list."""
        text = "common: &c [a, b]\nuwsgi:\n  x: &v 1\n  y: *v\n  z: *c\n"
        self.assertEqual([value for _, value, _ in pairs(text)], ["1", "1", "a", "b"])

    def test_sections(self) -> None:
        """The section is a key of the document, or of one of several documents."""
        text = "uwsgi: {a: 1}\n---\nweb: {b: 2}\nuwsgi: {a: 3}\n"
        self.assertEqual(pairs(text), [("a", "1", 1), ("a", "3", 4)])
        self.assertEqual(pairs(text, "web"), [("b", "2", 3)])
        self.assertEqual(pairs("uwsgi:\n"), [])

    def test_missing_section(self) -> None:
        """A section that is not there is the warning of INI."""
        expected = ('Can\'t find section "uwsgi" in YAML configuration file x.yaml',)
        for text in ("", "web: {}\n", "- uwsgi\n", "uwsgi\n"):
            self.assertEqual(Yaml.parse(text, "x.yaml", None).warnings, expected)

    def test_refused(self) -> None:
        """Nested mappings and what is no YAML are errors with their line."""
        for text, expected in (
            ("uwsgi:\n  a:\n    b: 1\n", "x.yaml:3: unsupported YAML token in uwsgi block"),
            ("uwsgi:\n  a: [{b: 1}]\n", "x.yaml:2: unsupported YAML token"),
            ("uwsgi:\n  a: [[1]]\n", "x.yaml:2: unsupported YAML token"),
            ("uwsgi:\n  a: &a [*a]\n", "x.yaml:2: unsupported YAML token"),
            ("uwsgi:\n  ? [a]\n  : 1\n", "x.yaml:2: unsupported YAML token"),
            ("uwsgi: 3\n", "x.yaml:1: uwsgi must be a mapping"),
            ("uwsgi:\n\ta: 1\n", "x.yaml:2: YAML: found character '\\t'"),
            ("uwsgi:\n  a: 'x\n", "x.yaml:3: YAML: found unexpected end of stream"),
            ("uwsgi:\n  a: *nobody\n", "x.yaml:2: YAML: found undefined alias"),
            ("uwsgi:\n  a: \udcff\n", "x.yaml: YAML: unacceptable character"),
            ("[" * 3000, "x.yaml"),
        ):
            with self.subTest(text=text[:40]), self.assertRaises(ConfigError) as caught:
                Yaml.parse(text, "x.yaml", None)
            self.assertTrue(str(caught.exception).startswith(expected), caught.exception)
