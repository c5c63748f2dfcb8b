"""Arguments of keys and values."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import ConfigError
from uwsgid.logs.loggers.keyvals import read_flag, read_pairs


class KeyvalTests(SynchronousTestCase):
    def test_pairs(self) -> None:
        """A value may have equals signs, a key alone is true, and commas too many do not matter."""
        self.assertEqual(read_pairs("a=1,b=x=y,,c,", "x", "abc"), {"a": "1", "b": "x=y", "c": "true"})

    def test_mistakes(self) -> None:
        """A key that nobody knows, or that is there twice; the values are not repeated."""
        text = str(self.assertRaises(ConfigError, read_pairs, "sceret=abc", "crypto", ["secret", "iv"]))
        self.assertEqual(text, "crypto: there is no key 'sceret'; did you mean secret?")
        text = str(self.assertRaises(ConfigError, read_pairs, "a=abc,a=d", "crypto", ["a"]))
        self.assertEqual(text, "crypto: a is there twice")

    def test_flags(self) -> None:
        """A flag is off where it is not given."""
        self.assertTrue(read_flag({"a": "yes"}, "a", "x"))
        self.assertFalse(read_flag({"a": "0"}, "a", "x"))
        self.assertFalse(read_flag({}, "a", "x"))
        self.assertRaises(ConfigError, read_flag, {"a": "maybe"}, "a", "x")
