"""The names of a prompt."""

from __future__ import annotations

from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.manhole.names import Name, View, namespace, table, with_help


class Thing(View):
    """A thing."""

    @property
    def size(self) -> int:
        """How large it is."""
        return 3

    def grow(self, much: int) -> None:
        """Become larger."""


class NamesTests(SynchronousTestCase):
    def test_help(self) -> None:
        """``help()`` tells each name with its sentence, ``help(thing)`` what Python knows of a thing."""
        names = with_help((Name("reload()", print, "begin anew"), Name("log", 1, "many words " * 20)))
        known = namespace(names)
        self.assertEqual(sorted(known), ["help", "log", "reload"])
        with patch("builtins.print") as said:
            known["help"]()
            text = str(said.call_args.args[0])
            known["help"](len)
            self.assertIn("number of items", said.call_args.args[0])
        self.assertRegex(text, r"^reload\(\)  begin anew\nlog       many words .*\n          many words")
        self.assertIn("help()    this table", text)

    def test_views(self) -> None:
        """A view is explained in a few lines, its properties first."""
        with patch("builtins.print") as said:
            namespace(with_help(()))["help"](Thing())
        self.assertEqual(
            said.call_args.args[0],
            "A thing.\nsize        How large it is.\ngrow(much)  Become larger.",
        )
        self.assertEqual((repr(Thing()), dir(Thing())), ("size  3", ["grow", "size"]))

    def test_sessions_do_not_share(self) -> None:
        """Each session has a dictionary of its own."""
        names = with_help(())
        self.assertIsNot(namespace(names), namespace(names))

    def test_table(self) -> None:
        """Columns of numbers stand to the right."""
        self.assertEqual(
            table([(1, "a"), (10, "long")], ("number", "text")), "number  text\n     1  a\n    10  long"
        )
        self.assertEqual(table([], ("a", "b")), "a  b")
