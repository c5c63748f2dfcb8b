"""Directives become settings, and everything that is wrong with them is told at once."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from typing import Annotated, Any

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.directive import Directive, Origin
from uwsgid.config.index import Index
from uwsgid.config.kinds import (
    Count,
    Csvs,
    Flag,
    Kind,
    Megabytes,
    OptionalText,
    Seconds,
    Texts,
)
from uwsgid.config.reading import Reading
from uwsgid.config.section import Section, flag, option, section
from uwsgid.config.settings import Judgement, Settings, Strictness, judge, judge_reading, settings_of
from uwsgid.errors import ConfigProblems, InternalError

BOUND = Kind("bound", "an address", lambda line: (line.name, line.value), many=True, reads_directive=True)


@section("Test", listed=False)
class Pool(Section):
    """Workers."""

    master: Flag = flag("master", "M", default=False, help="run a master")
    processes: Count = option("processes", default=1, help="how many")
    cheaper: Count = option("cheaper", default=1, help="how few")
    harakiri: Seconds = option("harakiri", default=0, help="how long")
    rss: Megabytes = option("reload-on-rss", default=0, help="how much")
    threads: Count = option("threads", default=1, help="how many at once")
    enable_threads: Flag = flag("enable-threads", default=False, help="threads")
    log_master: Flag = flag("log-master", default=False, help="logs")
    stats: OptionalText = option("stats", default="", help="where")
    touch: Texts = option("touch-reload", default=(), help="what")
    plugins: Csvs = option("plugins", default=(), help="which")
    sockets: Annotated[tuple[tuple[str, str], ...], BOUND] = option(
        "socket", default=(), help="where", also={"http-socket": "where, by HTTP"}
    )
    ours: Flag = flag("ours-alone", default=False, help="uWSGI does not have it")

    def check(self, settings: Settings) -> Iterable[str]:
        if self.cheaper > self.processes:
            yield settings.problem(Pool, "cheaper", "must be lower than processes")


@section("Test", listed=False)
class Late(Section):
    """Nobody asked for it in time."""


NAMES = Index([Pool, Strictness])


def of(text: str, **more: Any) -> Settings:
    return settings_of(text, names=NAMES, **more)


def judged(text: str, **more: Any) -> Judgement:
    directives = []
    for number, line in enumerate(text.splitlines(), 1):
        name, equals, value = line.partition(" = ")
        directives.append(Directive(name, value if equals else None, Origin("shop.ini", number)))
    return judge(directives, NAMES, **more)


class ValueTests(SynchronousTestCase):
    def test_defaults(self) -> None:
        """Nothing written, nothing set."""
        settings = of("")
        self.assertEqual(settings[Pool], Pool())
        self.assertFalse(settings.is_set(Pool, "processes"))
        self.assertIsNone(settings.origin(Pool, "processes"))

    def test_last_wins(self) -> None:
        """A scalar takes its last occurrence, under whichever name."""
        settings = of("processes = 2\nharakiri = 30\nworkers = 4")
        self.assertEqual((settings[Pool].processes, settings[Pool].harakiri), (4, 30))
        self.assertEqual(settings.origin(Pool, "processes"), Origin("lines", 3))
        self.assertTrue(settings.is_set(Pool, "harakiri"))

    def test_lists_accumulate(self) -> None:
        """A list takes all occurrences in their order."""
        self.assertEqual(of("touch-reload = a\nprocesses = 2\ntouch-reload = b")[Pool].touch, ("a", "b"))

    def test_lists_spread(self) -> None:
        """Where one occurrence has several values, all of them are added."""
        self.assertEqual(of("plugins = a,b\nplugin = c")[Pool].plugins, ("a", "b", "c"))

    def test_order_across_names(self) -> None:
        """A list that several names feed keeps their order."""
        settings = of("socket = :1\nhttp-socket = :2\nuwsgi-socket = :3\nhttp-socket = :4")
        self.assertEqual(
            settings[Pool].sockets,
            (("socket", ":1"), ("http-socket", ":2"), ("socket", ":3"), ("http-socket", ":4")),
        )

    def test_units(self) -> None:
        """Megabytes arrive as bytes."""
        self.assertEqual(of("reload-on-rss = 2")[Pool].rss, 2 << 20)

    def test_late_section(self) -> None:
        """A section that was imported too late is a mistake of ours."""
        self.assertRaises(InternalError, of("").__getitem__, Late)

    def test_plain_data(self) -> None:
        """Settings survive pickling, as the way into another process asks for."""
        settings = of("processes = 2\ntouch-reload = a\nfoo = bar")
        self.assertEqual(pickle.loads(pickle.dumps(settings)), settings)


class ImpliedTests(SynchronousTestCase):
    def test_turned_on(self) -> None:
        """An option with uWSGI's flag M turns the master on, and tells where that comes from."""
        settings = of("processes = 1\nstats = :9191")
        self.assertTrue(settings[Pool].master)
        self.assertEqual(settings.origin(Pool, "master"), Origin("lines", 2))
        self.assertFalse(settings[Pool].log_master)

    def test_chains(self) -> None:
        """What an implied option implies is turned on as well."""
        self.assertTrue(of("log-master")[Pool].master)
        self.assertTrue(of("threads = 2")[Pool].enable_threads)

    def test_accepted_options_too(self) -> None:
        """An option that does nothing else still turns on what it implies."""
        settings = of("threaded-logger = true")
        self.assertTrue(settings[Pool].master and settings[Pool].log_master)

    def test_not_by_false(self) -> None:
        """A false value has no side effect, which uWSGI 1.9.16 gave it."""
        self.assertFalse(of("log-master = false")[Pool].master)
        self.assertFalse(of("threaded-logger = off")[Pool].master)

    def test_words_win(self) -> None:
        """What is written wins over what is implied, before and after it (core/config.c)."""
        self.assertFalse(of("master = false\nstats = :9191")[Pool].master)
        self.assertFalse(of("stats = :9191\nmaster = false")[Pool].master)


class BooleanTests(SynchronousTestCase):
    def test_odd_words(self) -> None:
        """Any other word is true for a flag of uWSGI, with a warning."""
        judgement = judged("master = maybe")
        self.assertEqual(judgement.warnings, ("shop.ini:1: master: 'maybe' taken as true",))
        self.assertTrue(judgement.settings_or_raise()[Pool].master)

    def test_our_flags(self) -> None:
        """A flag that only uwsgid has must be a boolean."""
        self.assertEqual(
            judged("ours-alone = maybe").problems,
            ("shop.ini:1: ours-alone: expected true or false, got 'maybe'",),
        )


class ProblemTests(SynchronousTestCase):
    def test_all_at_once(self) -> None:
        """Every problem of a configuration is reported, each with its line."""
        error = self.assertRaises(
            ConfigProblems, of, "harakiri = 30s\nchroot = /jail\nprocesses = no\nstrict\nharikari = 3"
        )
        self.assertEqual(
            error.problems,
            (
                "lines:1: harakiri: expected a number of seconds, got '30s'",
                "lines:2: chroot: uwsgid does not have this yet",
                "lines:3: processes: expected a whole number from 1, got 'no'",
                "lines:5: harikari: no such option; did you mean harakiri?",
            ),
        )

    def test_checks(self) -> None:
        """Sections say what is wrong with values together."""
        self.assertEqual(
            judged("processes = 2\ncheaper = 4").problems,
            ("shop.ini:2: cheaper: must be lower than processes",),
        )

    def test_checks_need_values(self) -> None:
        """No check runs over a default that stands in for an unreadable value."""
        self.assertEqual(len(judged("processes = many\ncheaper = 4").problems), 1)

    def test_problem_without_origin(self) -> None:
        """A problem of a default names the option alone."""
        self.assertEqual(of("").problem(Pool, "cheaper", "is odd"), "cheaper: is odd")

    def test_refused_flag_that_is_off(self) -> None:
        """To switch off what uwsgid does not have is no problem."""
        self.assertEqual(judged("emperor-tyrant = false").problems, ())
        self.assertEqual(len(judged("emperor-tyrant").problems), 1)

    def test_accepted(self) -> None:
        """An option without effect is told once."""
        self.assertEqual(
            judged("offload-threads = 2\noffload-threads = 3").notices,
            ("shop.ini:1: offload-threads: accepted without effect: a tuning hint",),
        )

    def test_of_the_reading(self) -> None:
        """What was wrong with the language comes first, and is in the same report."""
        reading = Reading(
            directives=(Directive("harakiri", "x", Origin("a.ini", 2)),),
            problems=("a.ini:1: unclosed",),
            warnings=("a.ini: odd",),
        )
        error = self.assertRaises(ConfigProblems, judge_reading(reading, NAMES).settings_or_raise)
        self.assertEqual(
            error.problems, ("a.ini:1: unclosed", "a.ini:2: harakiri: expected a number of seconds, got 'x'")
        )
        odd = judge_reading(Reading((), warnings=("odd",)), NAMES).settings_or_raise()
        self.assertEqual(odd.warnings, ("odd",))


class UnknownTests(SynchronousTestCase):
    def test_warning(self) -> None:
        """A name that nobody knows is one warning, with the nearest names."""
        self.assertEqual(
            judged("proceses = 2\nproceses = 3").warnings,
            ("shop.ini:1: proceses: no such option; did you mean processes?",),
        )
        self.assertEqual(judged("qqqqqqqqqq = 2").warnings, ("shop.ini:1: qqqqqqqqqq: no such option",))

    def test_underscores(self) -> None:
        """A name with underscores leads to the one with dashes."""
        self.assertEqual(
            judged("max_requests = 2").warnings,
            ("shop.ini:1: max_requests: no such option; options are written with dashes: max-requests",),
        )

    def test_placeholders(self) -> None:
        """A name that is referred to, or was set, is a placeholder and no mistake."""
        self.assertEqual(judged("base = /srv", used_placeholders=frozenset({"base"})).warnings, ())
        self.assertEqual(judged("base = /srv", set_placeholders=frozenset({"base"})).warnings, ())

    def test_strict(self) -> None:
        """Under strict only names that were set may be unknown, wherever strict stands."""
        used = frozenset({"base"})
        for text in ("strict\nbase = /srv", "base = /srv\nstrict = true"):
            self.assertEqual(len(judged(text, used_placeholders=used).problems), 1)
            self.assertEqual(judged(text, set_placeholders=used).problems, ())
        said = judged("qqqqqqqqqq = 1", strict=True).problems
        self.assertEqual(said, ("shop.ini:1: qqqqqqqqqq: no such option; set-ph makes a placeholder",))
        self.assertEqual(judged("strict\nqqqqqqqqqq = 1", strict=False).problems, ())


class OptTests(SynchronousTestCase):
    def test_opt(self) -> None:
        """Applications see texts as bytes, bare names as True and repeated ones as lists."""
        settings = of("processes = 4\nmaster\ntouch-reload = a\ntouch-reload = b\nkey = välue")
        self.assertEqual(
            settings.opt(),
            {
                "processes": b"4",
                "master": True,
                "touch-reload": [b"a", b"b"],
                "key": "välue".encode(),
            },
        )
