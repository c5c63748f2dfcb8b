"""What is declared once is shown everywhere."""

from __future__ import annotations

from importlib import import_module

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.directive import Directive, Origin
from uwsgid.config.index import Index
from uwsgid.config.kinds import Chmod, Count, Csvs, Flag, Megabytes, OptionalText, Text
from uwsgid.config.reference import (
    Questions,
    dump_options,
    get_option,
    help_text,
    reference_rst,
    show_config,
)
from uwsgid.config.section import Section, flag, option, section
from uwsgid.config.settings import settings_of

HERE = Origin("shop.ini", 1)


@section("Workers", listed=False)
class Pool(Section):
    """Processes that serve.

    There is more to say, elsewhere.
    """

    processes: Count = option("processes", "p", default=1, help="how many processes serve")
    rss: Megabytes = option("reload-on-rss", default=64 << 20, help="replace a worker over this memory")
    mode: Chmod = option("chmod-socket", default=0o666, help="mode of sockets")
    plugins: Csvs = option("plugins", default=("a", "b"), help="parts to load", note="built in")
    stats: Text = option("stats", default="", help="where", also={"stats-elsewhere": "where else"})
    prefix: OptionalText = option("logdate", default="%c", help="time of a line " + "and more " * 20)
    ours: Flag = flag("ours-alone", default=True, help="uWSGI does not have it")


NAMES = Index([Pool, Questions])


class HelpTests(SynchronousTestCase):
    def test_usage(self) -> None:
        """Help opens as that of uWSGI does, and has a paragraph for each topic."""
        lines = help_text(NAMES).splitlines()
        self.assertEqual(lines[:3], ["Usage: uwsgid [options...]", "", "Workers:"])
        self.assertIn("Configuration:", lines)

    def test_columns(self) -> None:
        """Names and letters stand left, the help right of them."""
        text = help_text(NAMES, width=100)
        self.assertIn("\n  -p, --processes, --workers <positive integer>\n" + " " * 34 + "how many", text)
        self.assertIn("\n  --plugins, --plugin <list, also separated by commas>\n", text)
        self.assertIn("\n  --stats-elsewhere <value>".ljust(35) + "where else\n", text)
        self.assertIn("\n  --ours-alone".ljust(35) + "uWSGI does not have it\n", text)

    def test_width(self) -> None:
        """No line is longer than the terminal is wide."""
        for width in (60, 80, 120):
            self.assertLessEqual(max(map(len, help_text(NAMES, width=width).splitlines())), width)

    def test_language(self) -> None:
        """The words of the configuration language are part of it, refused options are not."""
        text = help_text(NAMES)
        self.assertIn("--include <value>", text)
        self.assertNotIn("--chroot", text)


class AnswerTests(SynchronousTestCase):
    def test_show_config(self) -> None:
        """The configuration is shown as an INI file, in uWSGI's own frame."""
        lines = (Directive("processes", "4", HERE), Directive("master", None, HERE))
        self.assertEqual(
            show_config(lines),
            ";uWSGI instance configuration\n[uwsgi]\nprocesses = 4\nmaster = true\n;end of configuration\n",
        )

    def test_dump_options(self) -> None:
        """Every honoured name is on a line of its own."""
        lines = dump_options(NAMES).splitlines()
        self.assertEqual(lines, sorted(lines))
        self.assertLessEqual({"processes", "workers", "include", "stats-elsewhere"}, set(lines))
        self.assertNotIn("chroot", lines)

    def test_get(self) -> None:
        """The first value is what is got."""
        lines = (Directive("a", "1", HERE), Directive("a", "2", HERE), Directive("b", None, HERE))
        self.assertEqual([get_option(lines, name) for name in "abc"], ["1", None, None])

    def test_questions(self) -> None:
        """The questions are options like all others."""
        asked = settings_of("show-config\nget = a\nget = b", names=NAMES)[Questions]
        self.assertEqual((asked.show_config, asked.get, asked.help), (True, ("a", "b"), False))


class ManualTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.page = reference_rst(NAMES)

    def test_is_rest(self) -> None:
        """The page is reStructuredText without a fault."""
        publish_doctree = import_module("docutils.core").publish_doctree  # has no types
        tree = publish_doctree(self.page, settings_overrides={"halt_level": 2, "report_level": 2})
        self.assertIn("Every option of uWSGI", tree.astext())

    def test_option(self) -> None:
        """An option is shown with its names, value, default, state and note."""
        self.assertIn(
            "``processes``, ``workers``, ``-p``\n    How many processes serve.\n\n"
            "    :Value: a whole number from 1\n    :Default: ``1``\n"
            "    :Since: uWSGI 1.9\n",
            self.page,
        )
        self.assertIn("    :Default: ``a``, ``b``\n    :Since: uWSGI 1.9\n    :Note: Built in.\n", self.page)
        self.assertIn("    :Turns on: ``master``\n", self.page)
        self.assertIn("    :Since: uwsgid only\n", self.page)
        self.assertIn("    :Default: 64 MB\n", self.page)
        self.assertIn("    :Default: ``666``\n", self.page)
        self.assertIn("    :Default: on\n", self.page)
        self.assertIn("``stats-elsewhere``\n    Where else.\n", self.page)
        self.assertIn("\nProcesses that serve.\n", self.page)
        self.assertNotIn("There is more to say", self.page)

    def test_compatibility(self) -> None:
        """Every name of uWSGI has its state and the reason of it."""
        for row in NAMES.rows():
            for name in row.names:
                self.assertIn(f"``{name}``", self.page)
        self.assertIn(
            "    * - ``max-apps``\n      - 1.9\n      - accepted without effect\n"
            "      - Most applications of a worker; there is no limit.\n",
            self.page,
        )
        self.assertIn(
            "    * - ``processes``, ``workers``, ``-p``\n      - 1.9\n      - honoured\n", self.page
        )
