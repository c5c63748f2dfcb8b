"""XML, with its legacy."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.formats import Xml
from uwsgid.errors import ConfigError


def pairs(text: str, section: str | None = None, mode: str = "") -> list[tuple[str, str | None, int]]:
    parsed = Xml.parse(text, "x.xml", section, mode=mode)
    return [(line.name, line.value, line.origin.line) for line in parsed.directives]


class XmlTests(SynchronousTestCase):
    def test_options(self) -> None:
        """An element is an option, its trimmed text the value, and an empty one is 1."""
        self.assertEqual(
            pairs(
                "<uwsgi>\n <processes>4</processes>\n <master/>\n"
                " <env>\n  A=1 &amp; B\n </env>\n <env></env>\n</uwsgi>"
            ),
            [("processes", "4", 2), ("master", "1", 3), ("env", "A=1 & B", 4), ("env", "1", 7)],
        )

    def test_any_root(self) -> None:
        """The element may be anywhere in the document."""
        self.assertEqual(pairs("<site><web><uwsgi><a>1</a></uwsgi></web></site>"), [("a", "1", 1)])

    def test_ids(self) -> None:
        """An id picks its element, and the options that carry another id stay out."""
        text = (
            "<all><uwsgi id='a'><x>1</x></uwsgi>"
            "<uwsgi id='b'><x>2</x><y id='c'>3</y><z id='b'>4</z></uwsgi></all>"
        )
        self.assertEqual(pairs(text, "a"), [("x", "1", 1)])
        self.assertEqual(pairs(text, "b"), [("x", "2", 1), ("z", "4", 1)])
        self.assertEqual(pairs(text), [("x", "1", 1)])
        self.assertEqual(
            pairs("<uwsgi><x id='a'>1</x><x id='b'>2</x><y>3</y></uwsgi>", "b"),
            [("x", "2", 1), ("y", "3", 1)],
        )

    def test_mode(self) -> None:
        """An element of another mode stays out, once there is a mode."""
        text = "<uwsgi><x mode='a'>1</x><x mode='b'>2</x><x>3</x></uwsgi>"
        self.assertEqual([value for _, value, _ in pairs(text)], ["1", "2", "3"])
        self.assertEqual([value for _, value, _ in pairs(text, mode="b")], ["2", "3"])

    def test_legacy_apps(self) -> None:
        """``<app>`` is a mount, and CDATA in it is code."""
        self.assertEqual(
            pairs(
                "<uwsgi><app mountpoint='/x'><script>one</script></app><app mountpoint='/y'>two</app>"
                "<app domain='d.org'><module> three </module></app><app><![CDATA[import x\n]]></app></uwsgi>"
            ),
            [
                ("mount", "/x=one", 1),
                ("mount", "/y=two", 1),
                ("mount", "d.org|=three", 1),
                ("eval", "import x\n", 1),
            ],
        )

    def test_encodings(self) -> None:
        """A text that is no UTF-8 may name its encoding; one that is need not."""
        latin = "<?xml version='1.0' encoding='iso-8859-1'?><uwsgi><a>é</a></uwsgi>".encode("latin-1")
        self.assertEqual(pairs(latin.decode("utf-8", "surrogateescape")), [("a", "é", 1)])
        self.assertEqual(
            pairs("<?xml version='1.0' encoding='iso-8859-1'?><uwsgi><a>é</a></uwsgi>"), [("a", "é", 1)]
        )

    def test_refused(self) -> None:
        """What can not be read is an error in uWSGI's words, with the line."""
        for text, section, expected in (
            ("<uwsgi>\n<a></uwsgi>", None, "x.xml:2: [uWSGI] could not parse file x.xml. mismatched tag"),
            ("", None, "x.xml:1: [uWSGI] could not parse file x.xml. no element found"),
            ("<uwsgi>\udcff</uwsgi>", None, "x.xml:1: [uWSGI] could not parse file x.xml. not well-formed"),
            (
                "<?xml version='1.0' encoding='klingon'?><uwsgi>\udcff</uwsgi>",
                None,
                "x.xml: [uWSGI] could not parse file x.xml. unknown encoding: klingon",
            ),
            ("<site/>", None, "x.xml:1: [uWSGI] invalid xml root element, <uwsgi> expected."),
            (
                "<uwsgi id='a'/>",
                "b",
                "x.xml:1: [uWSGI] invalid xml root element, <uwsgi> expected. None of the 1 found has",
            ),
            ("<uwsgi/>", "", "x.xml: invalid xml id; write FILE:ID"),
            ("<uwsgi>\n<app>x</app></uwsgi>", None, "x.xml:2: <app> needs the attribute"),
            (
                "<!DOCTYPE u [<!ENTITY a 'b'>]><uwsgi>&a;</uwsgi>",
                None,
                "x.xml: [uWSGI] could not parse file x.xml. entities",
            ),
            ("<uwsgi>" + "<a>" * 100, None, "x.xml: [uWSGI] could not parse file x.xml. too many elements"),
        ):
            with self.subTest(text=text[:40]), self.assertRaises(ConfigError) as caught:
                Xml.parse(text, "x.xml", section)
            self.assertTrue(str(caught.exception).startswith(expected), caught.exception)
