"""Tests of uwsgid.languages.perl: what a configuration wants of it, and its script."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.host.socket_options import Sockets
from uwsgid.languages.perl.language import SCRIPT, Perl
from uwsgid.languages.python import options as python_options  # noqa: F401 (in these configurations)
from uwsgid.request.mounts import Apps


class PlanTests(SynchronousTestCase):
    """What is handed to the bridge."""

    def test_nothing(self) -> None:
        """Without an application in Perl there is no plan, and nothing is loaded."""
        settings = settings_of("wsgi-file = a.py\nmount = /a=b.py\nperl-args = a b")
        self.assertIsNone(Perl().plan(settings))
        self.assertEqual(Perl().load(settings, Apps(), lambda text: None).loaded, 0)
        self.assertIsNone(Perl().try_module(settings, lambda text: None))

    def test_targets(self) -> None:
        """psgi and its other spelling, and the mounts whose files are Perl's."""
        for name in ("psgi", "psgi-file"):
            plan = Perl().plan(
                settings_of(f"{name} = a.psgi\nmount = /b=b.pl\nmount = /c=c.py\nmount = /d=d.psgi")
            )
            assert plan is not None
            self.assertEqual(list(plan.targets), [("", "a.psgi"), ("/b", "b.pl"), ("/d", "d.psgi")])
            self.assertEqual((plan.modifier1, plan.command, plan.watch), (5, ("perl", SCRIPT), 0))

    def test_configuration(self) -> None:
        """Options become words that the script knows."""
        plan = Perl().plan(
            settings_of(
                "psgi = a.psgi\nperl-args = one two\nperl-local-lib = /lib\nperl-exec = a.pl\n"
                "perl-exec-post-fork = b.pl\nperl-no-plack = true\nperl-auto-reload = 3\n"
                "perl-auto-reload-ignore = Some::Module\nprocesses = 2\nthreads = 3\npost-buffering = 8\n"
                "evil-reload-on-rss = 1\ndisable-write-exception = true"
            )
        )
        assert plan is not None
        told = set(plan.configuration)
        for pair in (
            ("argv", "one"), ("argv", "two"), ("local-lib", "/lib"), ("exec", "a.pl"), ("buffered", "8"),
            ("exec-post-fork", "b.pl"), ("no-plack", "1"), ("watch", "1"), ("unwatched", "Some::Module"),
            ("multiprocess", "1"), ("multithread", "1"), ("evil-rss", "1048576"),
        ):  # fmt: skip
            self.assertIn(pair, told)
        self.assertNotIn(("write-exception", "1"), told)
        self.assertEqual((plan.watch, plan.unwatched), (3, ("Some::Module",)))

    def test_shell(self) -> None:
        """A shell needs no application, only the terminal; that of one time wins."""
        for text, shell, once in (
            ("plshell", "", False),
            ("plshell = print 1", "print 1", False),
            ("plshell-oneshot = print 2", "print 2", True),
            ("plshell = print 1\nplshell-oneshot", "", True),
        ):
            settings = settings_of(text)
            plan = Perl().plan(settings)
            assert plan is not None
            self.assertEqual((plan.shell, plan.shell_once, plan.option), (shell, once, "plshell"))
            self.assertIn(("shell", "1"), plan.configuration)
            self.assertTrue(settings[Sockets].honour_stdin)

    def test_single_arguments_win(self) -> None:
        """perl-arg keeps its blanks, and perl-args is forgotten."""
        plan = Perl().plan(settings_of("psgi = a.psgi\nperl-args = x y\nperl-arg = one two"))
        assert plan is not None
        self.assertEqual([value for name, value in plan.configuration if name == "argv"], ["one two"])

    def test_scripts_alone(self) -> None:
        """perl-exec is enough for an interpreter."""
        plan = Perl().plan(settings_of("perl-exec = a.pl"))
        assert plan is not None
        self.assertEqual((list(plan.targets), plan.option), ([], "perl-exec"))


class ScriptTests(SynchronousTestCase):
    """What is shipped."""

    def test_compiles(self) -> None:
        """The script compiles without a warning."""
        if shutil.which("perl") is None:
            raise SkipTest("needs the program perl")
        done = subprocess.run(["perl", "-wc", SCRIPT], capture_output=True, text=True, check=False)
        self.assertEqual(done.stderr, f"{SCRIPT} syntax OK\n")

    def test_core_modules_only(self) -> None:
        """It uses modules that come with Perl, and Plack where that is there."""
        used = {
            line.split()[1].rstrip(";")
            for script in Path(SCRIPT).parent.glob("*.pl")
            for line in script.read_text().splitlines()
            if line.lstrip().startswith(("use ", "require "))
        }
        known = (
            "5.032 strict warnings constant overload lib Errno IO::Handle IO::Poll POSIX Socket File::Spec "
            "IO::Socket IO::Socket::INET IO::Socket::UNIX Scalar::Util Symbol"
        )
        self.assertLessEqual(used - {"$path"}, set(known.split()))  # $path is one of these scripts
