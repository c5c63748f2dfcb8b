"""Arguments of actions."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.hooks.arguments import fixed, only, path_and_text, syntax, whole


class ArgumentTests(SynchronousTestCase):
    def test_one(self) -> None:
        """One argument is one, with or without quotes."""
        self.assertEqual(only("/tmp/x", "cd", "<dir>"), "/tmp/x")
        self.assertEqual(only('"/tmp/my x" ', "cd", "<dir>"), "/tmp/my x")
        for text in ("", " ", "/tmp/my x", '"'):
            self.assertRaises(ValueError, only, text, "cd", "<dir>")

    def test_several(self) -> None:
        """As many as are wanted, neither more nor fewer."""
        self.assertEqual(fixed("a  b", 2, "chmod", "<a> <b>"), ["a", "b"])
        for text in ("", "a", "a b c", 'a ""'):
            self.assertRaisesRegex(
                ValueError,
                "invalid hook chmod syntax, must be: chmod:<a> <b>",
                fixed,
                text,
                2,
                "chmod",
                "<a> <b>",
            )

    def test_text(self) -> None:
        """What follows a path is a text, with its own spaces."""
        self.assertEqual(path_and_text("/x  y z ", "write", ""), ("/x", " y z "))
        self.assertEqual(path_and_text("/x", "appendn", "", text_needed=False), ("/x", ""))
        self.assertRaises(ValueError, path_and_text, "/x", "write", "")
        self.assertRaises(ValueError, path_and_text, " y", "write", "")

    def test_numbers(self) -> None:
        """Numbers are digits within their bounds."""
        self.assertEqual(whole("017", "a code", 0, 255), 17)
        self.assertEqual(whole("-3", "a number", -5, 5), -3)
        for text in ("", "x", "1x", "256", "-1", "٣", "--1"):
            self.assertRaisesRegex(ValueError, "expected a code from 0 to 255", whole, text, "a code", 0, 255)

    def test_complaint(self) -> None:
        """A complaint is that of uWSGI."""
        self.assertEqual(str(syntax("chown", "<a>")), "invalid hook chown syntax, must be: chown:<a>")
