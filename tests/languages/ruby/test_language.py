"""What a configuration wants of Ruby."""

from __future__ import annotations

import socket

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config import known
from uwsgid.config.argv import application_of
from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError
from uwsgid.languages.foreign.language import Plan
from uwsgid.languages.python import options as python_options  # noqa: F401 (in these configurations)
from uwsgid.languages.ruby.language import Ruby


def plan_of(text: str) -> Plan:
    """The plan of a configuration that has one."""
    plan = Ruby().plan(settings_of(text))
    assert plan is not None
    return plan


def words_of(text: str) -> dict[str, list[str]]:
    """What the script is told, by name."""
    words: dict[str, list[str]] = {}
    for name, value in plan_of(text).configuration:
        words.setdefault(name, []).append(value)
    return words


class Plans(SynchronousTestCase):
    def test_nothing_costs_nothing(self) -> None:
        """A configuration without Ruby starts none."""
        self.assertIsNone(Ruby().plan(settings_of("module = x\nmount = /a=b.py")))

    def test_rack(self) -> None:
        """rack loads one application for modifier1 7."""
        plan = plan_of("rack = config.ru")
        self.assertEqual((plan.targets, plan.option, plan.modifier1), ([("", "config.ru")], "rack", 7))
        self.assertEqual(plan.command[0], "ruby")

    def test_rails(self) -> None:
        """rails loads the application of a directory."""
        plan = plan_of("rails = /srv/shop")
        self.assertEqual((plan.targets, plan.option), ([("", "/srv/shop")], "rails"))

    def test_mount(self) -> None:
        """mount gives files of Ruby to Ruby, and others to others."""
        plan = plan_of("mount = /a=a.ru\nmount = /b=b.py\nmount = /c=c.rb")
        self.assertEqual((plan.targets, plan.option), ([("/a", "a.ru"), ("/c", "c.rb")], "mount"))

    def test_files_alone(self) -> None:
        """Files to require are work for Ruby without any application."""
        for name in ("rb-require", "ruby-require", "rbrequire", "rubyrequire", "require"):
            self.assertEqual(words_of(f"{name} = a.rb")["require"], ["a.rb"])
        for name in ("rb-require", "ruby-require", "rbrequire", "rubyrequire", "require"):
            self.assertEqual(words_of(f"shared-{name} = a.rb")["shared"], ["a.rb"])

    def test_two_applications_for_one_place(self) -> None:
        """rack beside rails is a mistake."""
        with self.assertRaisesRegex(ConfigError, "two applications"):
            settings_of("rack = a.ru\nrails = b")

    def test_words(self) -> None:
        """What the script is told of the instance."""
        words = words_of("rack = a.ru\nrb-lib = one\nruby-lib = two\nworkers = 4\nevil-reload-on-rss = 5")
        self.assertEqual(words["lib"], ["one", "two"])
        self.assertEqual((words["processes"], words["threads"]), (["4"], ["1"]))
        self.assertEqual(words["evil-rss"], [str(5 << 20)])
        self.assertEqual((words["host"], words["port"]), ([socket.gethostname()], ["80"]))
        self.assertNotIn("gc", words)

    def test_garbage(self) -> None:
        """rb-gc-freq is told where it is set."""
        self.assertEqual(words_of("rack = a.ru\nrb-gc-freq = 0")["gc"], ["0"])
        self.assertEqual(words_of("rack = a.ru\nruby-gc-freq = 100")["gc"], ["100"])

    def test_threads(self) -> None:
        """rb-threads are the cores of a worker."""
        for name in ("rb-threads", "rbthreads", "ruby-threads", "threads"):
            self.assertEqual(words_of(f"rack = a.ru\n{name} = 8")["threads"], ["8"])

    def test_options_of_rvm_are_accepted(self) -> None:
        """gemset, rvm and rvm-path do no harm; uwsgid says that it does nothing for them."""
        support = {name: row.support for row in known.KNOWN for name in row.names}
        for name in ("gemset", "rvm", "rvm-path"):
            self.assertIs(support[name], known.Support.ACCEPTED)

    def test_a_word_of_the_command_line(self) -> None:
        """x.ru and x.rb are applications."""
        for word in ("config.ru", "shop.rb"):
            (directive,) = application_of(word)
            self.assertEqual((directive.name, directive.value), ("rack", word))
