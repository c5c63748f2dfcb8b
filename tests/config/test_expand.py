"""Placeholders are expanded, and nothing expands for ever."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.expand import LONGEST, expand, reference
from uwsgid.errors import ConfigError

VALUES = {
    "n": "10",
    "a": "%(b)",
    "b": "deep",
    "k": "b",
    "deep": "found",
    "neg": "-7",
    "text": "12ab",
    "empty": "",
}


def expanded(value: str) -> str:
    return expand(value, "%", lambda name: reference(name, VALUES.get))


class ExpandTests(SynchronousTestCase):
    def test_table(self) -> None:
        """Each value comes to what it should."""
        for value, expected in (
            ("plain", "plain"),
            ("%(n)", "10"),
            ("x%(n)y%(n)z", "x10y10z"),
            ("%(a)", "deep"),
            ("%(%(k))", "deep"),
            ("%(uri)", "%(uri)"),
            ("%(uri) %(n)", "%(uri) 10"),
            ("%()", "%()"),
            ("%(n", "%(n"),
            ("%n)", "%n)"),
            ("%(empty)|", "|"),
            ("$(n)", "$(n)"),
            ("%(f(n))", "%(f(n))"),
            ("%(unknown%(n))", "%(unknown10)"),
        ):
            with self.subTest(value=value):
                self.assertEqual(expanded(value), expected)

    def test_math(self) -> None:
        """A blank inside the parentheses makes a calculation, as in 2.0."""
        for value, expected in (
            ("%(n + 5)", "15"),
            ("%(n * 2 + 1)", "21"),
            ("%(1 + n * 2)", "22"),
            ("%(n ++)", "11"),
            ("%(n --)", "9"),
            ("%(n 5 + 1)", "106"),
            ("%(n nosuch)", "10"),
            ("%(n / 3)", "3"),
            ("%(n / 0)", "0"),
            ("%(neg / 2)", "-3"),
            ("%(n - 20)", "-10"),
            ("%(text + 1)", "13"),
            ("%(9223372036854775807 + 1)", "-9223372036854775808"),
            ("%(9223372036854775808 + 0)", "9223372036854775807"),
            ("%(no such)", ""),
        ):
            with self.subTest(value=value):
                self.assertEqual(expanded(value), expected)

    def test_recursion(self) -> None:
        """A value that contains itself is an error that names it."""
        loop = {"me": "x%(me)", "you": "%(me)"}
        for value in ("%(me)", "%(you)"):
            with self.assertRaisesRegex(ConfigError, "^recursive placeholder: me$"):
                expand(value, "%", loop.get)

    def test_hundred_are_enough(self) -> None:
        """A hundred replacements in one value are fine, one more is not."""
        self.assertEqual(expand("%(n)" * 100, "%", VALUES.get), "10" * 100)
        with self.assertRaisesRegex(ConfigError, "recursive placeholder: n"):
            expand("%(n)" * 101, "%", VALUES.get)

    def test_growth(self) -> None:
        """A value that doubles itself ends long before memory does."""
        with self.assertRaisesRegex(ConfigError, "recursive placeholder"):
            expand("%(big)%(big)", "%", {"big": "x" * LONGEST}.get)

    @settings(deadline=None, max_examples=300)
    @given(
        st.dictionaries(st.sampled_from("abc"), st.text(alphabet="%()abc +1", max_size=12), max_size=3),
        st.text(alphabet="%()abc +1", max_size=24),
    )
    def test_always_ends(self, values: dict[str, str], value: str) -> None:
        """Whatever refers to whatever, expansion ends, with a text or with an error."""
        try:
            result = expand(value, "%", lambda name: reference(name, values.get))
        except ConfigError as error:
            self.assertIn("recursive placeholder: ", str(error))
        else:
            for name in values:
                self.assertNotIn(f"%({name})", result)
