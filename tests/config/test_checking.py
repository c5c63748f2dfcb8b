"""``uwsgid check`` says everything at once, then a verdict."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.config.case import ReadingCase
from uwsgid.config.checking import Report, Verdict, check
from uwsgid.config.directive import Directive, Origin
from uwsgid.config.index import Index
from uwsgid.config.kinds import Seconds
from uwsgid.config.reading import Reading
from uwsgid.config.section import Section, option, section
from uwsgid.config.settings import Strictness


@section("Test", listed=False)
class Limits(Section):
    """A limit."""

    harakiri: Seconds = option("harakiri", default=0, help="how long")


def checked(
    *lines: tuple[str, str | None],
    sources: tuple[str, ...] = ("/srv/shop.ini",),
    asked: str = "shop.ini",
    warnings: tuple[str, ...] = (),
    problems: tuple[str, ...] = (),
    exit_code: int | None = None,
) -> Report:
    directives = tuple(
        Directive(name, value, Origin("shop.ini", number)) for number, (name, value) in enumerate(lines, 1)
    )
    reading = Reading(
        directives, sources=sources, asked=asked, warnings=warnings, problems=problems, exit_code=exit_code
    )
    return check(reading, Index([Limits, Strictness]))


class NameTests(ReadingCase):
    def test_the_verdict_names_the_file_as_findings_do(self) -> None:
        """As it was typed, whether that is absolute or not."""
        path = self.write("shop.ini", "[uwsgi]\nharakiri = 30s\n")
        for typed in ("shop.ini", "./shop.ini", path):
            lines = check(self.read(typed), Index([Limits, Strictness])).lines
            self.assertTrue(lines[0].startswith(f"error: {typed}:2: "), lines)
            self.assertEqual(lines[-1], f"{typed}: would not start: 1 problem")


class CheckTests(SynchronousTestCase):
    def test_fine(self) -> None:
        """A configuration without faults gets one line and code 0."""
        report = checked(("harakiri", "30"))
        self.assertEqual((report.lines, report.exit_code), (("shop.ini: fine",), 0))

    def test_without_effect(self) -> None:
        """Options that do nothing are told, and harm nothing."""
        report = checked(("harakiri", "30"), ("offload-threads", "2"))
        self.assertEqual(
            str(report),
            "note: shop.ini:2: offload-threads: accepted without effect: a tuning hint\nshop.ini: fine",
        )
        self.assertIs(report.verdict, Verdict.FINE)

    def test_warnings(self) -> None:
        """With warnings it would start, and the code is 1."""
        report = checked(("harikari", "30"), warnings=("shop.ini: odd",))
        self.assertEqual(
            report.lines,
            (
                "warning: shop.ini: odd",
                "warning: shop.ini:1: harikari: no such option; did you mean harakiri?",
                "shop.ini: would start, with 2 warnings",
            ),
        )
        self.assertEqual(report.exit_code, 1)

    def test_problems(self) -> None:
        """All problems of reading and of options are told, and the code is 2."""
        report = checked(
            ("harakiri", "30s"),
            ("harikari", "3"),
            ("chroot", "/jail"),
            problems=("shop.ini:9: unclosed for",),
            sources=("/srv/shop.ini", "/srv/base.ini"),
        )
        self.assertEqual(
            report.lines,
            (
                "error: shop.ini:9: unclosed for",
                "error: shop.ini:1: harakiri: expected a number of seconds, got '30s'",
                "error: shop.ini:3: chroot: uwsgid does not have this yet",
                "warning: shop.ini:2: harikari: no such option; did you mean harakiri?",
                "shop.ini and 1 more: would not start: 3 problems and 1 warning",
            ),
        )
        self.assertEqual(report.exit_code, 2)

    def test_one_problem(self) -> None:
        """One is not several, and a command line has no file."""
        report = checked(("chroot", "/jail"), sources=())
        self.assertEqual(report.lines[-1], "the command line: would not start: 1 problem")

    def test_exit(self) -> None:
        """A configuration that leaves by itself is told of."""
        self.assertIn(
            "note: the configuration ends with an exit of its own, code 3", checked(exit_code=3).lines
        )
