"""Text becomes what the kind says, or an error that helps."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config import kinds
from uwsgid.config.directive import Directive, Origin
from uwsgid.config.kinds import Kind
from uwsgid.errors import ConfigError

HERE = Origin("shop.ini", 14)


def convert(kind: Kind, value: str | None) -> Any:
    return kind.convert(Directive("name", value, HERE))


class KindTests(SynchronousTestCase):
    def test_values(self) -> None:
        """Each kind reads its text."""
        for kind, text, value in (
            (kinds.FLAG, None, True),
            (kinds.FLAG, "", True),
            (kinds.FLAG, "On", True),
            (kinds.FLAG, "NO", False),
            (kinds.FLAG, "0", False),
            (kinds.INTEGER, "30", 30),
            (kinds.SIGNED, "-5", -5),
            (kinds.U16, "65535", 65535),
            (kinds.OPTIONAL_INTEGER, None, 1),
            (kinds.OPTIONAL_INTEGER, "", 1),
            (kinds.OPTIONAL_INTEGER, "7", 7),
            (kinds.MEGABYTES, "2", 2 << 20),
            (kinds.OCTAL, "640", 0o640),
            (kinds.CHMOD, None, 0o666),
            (kinds.CHMOD, "", 0o666),
            (kinds.CHMOD, "1", 0o666),
            (kinds.CHMOD, "0660", 0o660),
            (kinds.TEXT, "", ""),
            (kinds.CSV, "a, b,,c", ("a", "b", "c")),
            (kinds.CSVS, "a,b", ("a", "b")),
            (kinds.PAIRS, "a=b=c", ("a", "b=c")),
        ):
            self.assertEqual(convert(kind, text), value, (kind.name, text))

    def test_nonsense(self) -> None:
        """What is not wholly a value of its kind is an error with place, name and reason."""
        for kind, text, said in (
            (kinds.SECONDS, "30s", "expected a number of seconds, got '30s'"),
            (kinds.SECONDS, "", "expected a number of seconds, got ''"),
            (kinds.SECONDS, None, "expected a number of seconds, got no value"),
            (kinds.SECONDS, "²", "expected a number of seconds, got '²'"),
            (kinds.INTEGER, "-1", "-1 is too small, the least is 0"),
            (kinds.U16, "65536", "65536 is too large, the most is 65535"),
            (kinds.OCTAL, "888", "expected three octal digits, got '888'"),
            (kinds.FLAG, "maybe", "expected true or false, got 'maybe'"),
            (kinds.PAIRS, "a", "expected name=value, got 'a'"),
        ):
            error = self.assertRaises(ConfigError, convert, kind, text)
            self.assertEqual(str(error), f"shop.ini:14: name: {said}")

    def test_reads_directive(self) -> None:
        """A kind for several options is given the whole line."""
        kind = Kind("place", "a place", lambda line: (line.name, line.value), reads_directive=True)
        self.assertEqual(convert(kind, "x"), ("name", "x"))
