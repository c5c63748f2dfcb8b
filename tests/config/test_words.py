"""Lines that act on the reading itself."""

from __future__ import annotations

from dataclasses import replace

from tests.config.case import ReadingCase


class PlaceholderTests(ReadingCase):
    def test_set(self) -> None:
        """set makes a placeholder, and sets an option if it is one."""
        self.assertEqual(
            self.lines("set = dir=/srv\nenv = %(dir)\nset = processes=3\n"),
            ["set = dir=/srv", "dir = /srv", "env = /srv", "set = processes=3", "processes = 3"],
        )
        reading = self.read("-S", "a=1", "--set", "umask=022", "--env", "%(a)")
        self.assertEqual(reading.first("env").value, "1")  # type: ignore[union-attr]
        self.assertEqual(reading.set_placeholders, {"a", "umask"})
        self.assertEqual(reading.used_placeholders, {"a"})

    def test_set_runs_words(self) -> None:
        """set with a word of the language runs it."""
        self.write("sub.ini", "[uwsgi]\nenv = sub\n")
        self.assertEqual(
            [line.name for line in self.read("-S", "ini=sub.ini").directives], ["set", "ini", "env"]
        )

    def test_set_ph(self) -> None:
        """set-ph refuses the names of options."""
        self.assertEqual(self.lines("set-ph = a=1\nset-placeholder = b=%(a)\n")[-1], "b = 1")
        self.assertEqual(
            self.problems("set-ph = processes=1\n"),
            ["site.ini:2: you cannot use processes as a placeholder, it is already available as an option"],
        )

    def test_no_pair(self) -> None:
        """Without ``=`` there is nothing to set."""
        for word in ("set", "set-ph", "resolve"):
            self.assertIn("invalid placeholder/--set value 'x'", self.problems(f"{word} = x\n")[0])

    def test_resolve(self) -> None:
        """resolve asks whoever the facts say, or nobody."""
        self.assertIn("may not ask the network", self.problems("resolve = a=localhost\n")[0])
        self.facts = replace(self.facts, resolve={"localhost": "127.0.0.1"}.__getitem__)
        self.assertEqual(self.lines("resolve = a=localhost\nenv = %(a)\n")[-1], "env = 127.0.0.1")

        def fail(host: str) -> str:
            raise OSError(0, "no such host")

        self.facts = replace(self.facts, resolve=fail)
        self.assertEqual(self.problems("resolve = a=b\n"), ["site.ini:2: unable to resolve b: no such host"])


class TalkTests(ReadingCase):
    def test_print(self) -> None:
        """print talks once everything is known, iprint at once."""
        self.write("site.ini", "[uwsgi]\nprint = a is %(a)\niprint = early %(a)\na = 1\n")
        self.assertEqual(
            self.read("site.ini").notices,
            ("[uWSGI] getting INI configuration from site.ini", "early %(a)", "a is 1"),
        )

    def test_exit(self) -> None:
        """exit ends the list, with a code."""
        self.write("site.ini", "[uwsgi]\nenv = a\nexit = 7\nenv = b\n")
        reading = self.read("site.ini")
        self.assertEqual(reading.exit_code, 7)
        self.assertEqual([str(line) for line in reading.directives], ["env = a", "exit = 7"])
        self.assertEqual(self.read("--exit").exit_code, 1)
        self.assertEqual(self.read("--exit=0").exit_code, 0)
        self.assertIn("expected a code from 0 to 255", self.problems("exit = now\n")[0])
        self.assertIsNone(self.read("--master").exit_code)

    def test_exit_inside_inherited(self) -> None:
        """exit works in a file that is loaded late."""
        self.write("late.ini", "[uwsgi]\nexit = 3\n")
        self.assertEqual(self.read("--inherit", "late.ini").exit_code, 3)

    def test_fallback(self) -> None:
        """The last fallback-config is noted."""
        self.assertEqual(
            self.read("--fallback-config", "a.ini", "--fallback-config", "b.ini").fallback, "b.ini"
        )


class ListTests(ReadingCase):
    def test_blacklist(self) -> None:
        """While a blacklist stands, its names are refused."""
        self.assertEqual(
            self.problems("blacklist = env master\nenv = a\nprocesses = 1\nend-blacklist =\nenv = b\n"),
            ['site.ini:3: uWSGI error: forbidden option "env" (by blacklist)'],
        )

    def test_whitelist(self) -> None:
        """While a whitelist stands, only its names are taken; its end has to be among them."""
        self.assertEqual(
            self.problems("whitelist = env end-whitelist\nenv = a\nmaster =\nend-whitelist =\nmaster =\n"),
            ['site.ini:4: uWSGI error: forbidden option "master" (by whitelist)'],
        )
        self.assertEqual(
            self.problems("whitelist = env\nend-whitelist =\n"),
            ['site.ini:3: uWSGI error: forbidden option "end-whitelist" (by whitelist)'],
        )


class InjectTests(ReadingCase):
    def test_inject(self) -> None:
        """Injected text is part of the files after it, and its lines keep their places."""
        self.write("head", "[uwsgi]\nenv = head %n")
        self.write("tail", "env = tail\n")
        self.write("site.ini", "env = body\n")
        reading = self.read("--inject-before", "head", "--inject-after", "tail", "--ini", "site.ini")
        self.assertEqual(
            [f"{line.origin} {line}" for line in reading.directives[3:]],
            ["head:2 env = head site", "site.ini:1 env = body", "tail:1 env = tail"],
        )
