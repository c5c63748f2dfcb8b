"""JSON with lines, order and repeated members."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.formats import Json
from uwsgid.errors import ConfigError


def pairs(text: str, section: str | None = None) -> list[tuple[str, str | None, int]]:
    return [
        (line.name, line.value, line.origin.line) for line in Json.parse(text, "x.json", section).directives
    ]


class JsonTests(SynchronousTestCase):
    def test_values(self) -> None:
        """Every kind of value becomes the text that uWSGI makes of it."""
        for value, expected in (
            ('"text"', ["text"]),
            ('"\\u00e9\\n\\""', ['é\n"']),
            ('""', [""]),
            ("true", ["1"]),
            ("false", ["0"]),
            ("null", ["0"]),
            ("42", ["42"]),
            ("-7", ["-7"]),
            ("123456789012345678901234567890", ["123456789012345678901234567890"]),
            ('["a", 2, true]', ["a", "2", "1"]),
            ("[]", []),
        ):
            with self.subTest(value=value):
                self.assertEqual([text for _, text, _ in pairs(f'{{"uwsgi": {{"k": {value}}}}}')], expected)

    def test_order_and_lines(self) -> None:
        """Members keep their order and their repetition; each value knows its line."""
        text = (
            '{\n "other": {"x": [{"y": 1.5}]},\n "uwsgi": {\n  "a": "1",\n'
            '  "b": [\n   "2",\n   "3"],\n  "a": "4" }\n}\n'
        )
        self.assertEqual(pairs(text), [("a", "1", 4), ("b", "2", 6), ("b", "3", 7), ("a", "4", 8)])
        self.assertEqual(pairs('{"web": {}}', "web"), [])

    def test_refused(self) -> None:
        """What an option can not hold is an error that names it, and its line."""
        for text, expected in (
            ('{"uwsgi":\n{"pi": 3.14}}', "x.json:2: pi: an option can not hold a float"),
            ('{"uwsgi":\n{"pi": 1e3}}', "x.json:2: pi: an option can not hold a float"),
            ('{"uwsgi":\n{"o": {"a": 1}}}', "x.json:2: o: an option can not hold an object"),
            ('{"uwsgi":\n{"o": [{}]}}', "x.json:2: o: an option can not hold an object"),
            ('{"uwsgi":\n{"o": [[1]]}}', "x.json:2: o: an option can not hold an object"),
            ('{"web": {}}', "x.json: you must define a object named uwsgi in your JSON data"),
            ('{"uwsgi": 3}', "x.json: you must define a object named uwsgi in your JSON data"),
            ("[]", "x.json: you must define a object named uwsgi in your JSON data"),
            ('{"uwsgi": {\n"a": 1,\n}}', "x.json:3: JSON: expected a name in double quotes"),
            ('{"uwsgi": {\n"a" 1}}', 'x.json:2: JSON: expected ":" after a name'),
            ('{"uwsgi": {\n"a": 1 "b"}}', 'x.json:2: JSON: expected "," or "}"'),
            ('{"uwsgi": {"a": [1 2]}}', 'x.json:1: JSON: expected "," or "]"'),
            ('{"uwsgi": {"a": [1', 'x.json:1: JSON: expected "," or "]"'),
            ('{"uwsgi": {\n"a": \'x\'}}', 'x.json:2: JSON: expected a value, found "\'"'),
            ('{"uwsgi": {"a": NaN}}', "x.json:1: JSON: expected a value"),
            ('{"uwsgi": {"a": 01}}', 'x.json:1: JSON: expected ","'),
            ('{"uwsgi": {"a": "x\ny"}}', "x.json:1: JSON: Invalid control character"),
            ('{"uwsgi": {"a": "x', "x.json:1: JSON: Unterminated string"),
            ('{"uwsgi": {}} {}', "x.json:1: JSON: the document goes on after its end"),
            ("\n", "x.json:2: JSON: the document ends too early"),
            ("[" * 5000, "x.json:1: JSON: too many values inside each other"),
        ):
            with self.subTest(text=text[:40]), self.assertRaises(ConfigError) as caught:
                Json.parse(text, "x.json", None)
            self.assertTrue(str(caught.exception).startswith(expected), caught.exception)

    @settings(deadline=None, max_examples=100)
    @given(
        st.dictionaries(
            st.text(max_size=5),
            st.one_of(st.text(max_size=5), st.integers(), st.lists(st.text(max_size=3))),
            max_size=5,
        ),
        st.sampled_from([None, 1]),
    )
    def test_agrees_with_the_library(
        self, members: dict[str, str | int | list[str]], indent: int | None
    ) -> None:
        """What `json.dumps` writes is read as it was meant."""
        expected = [
            (name, str(item))
            for name, value in members.items()
            for item in (value if isinstance(value, list) else [value])
        ]
        text = json.dumps({"uwsgi": members}, indent=indent)
        self.assertEqual([(name, value) for name, value, _ in pairs(text)], expected)

    @settings(deadline=None, max_examples=200)
    @given(st.text(alphabet='{}[]":,uwsgi 1e.-tru\n', max_size=40))
    def test_strict(self, text: str) -> None:
        """What the library refuses is refused here."""
        try:
            Json.parse(text, "x.json", None)
        except ConfigError:
            return
        json.loads(text)
