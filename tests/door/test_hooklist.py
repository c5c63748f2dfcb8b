"""``uwsgid hooks``."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.door import catalog
from uwsgid.door.command import Answer, decide
from uwsgid.door.hooklist import lines, reasons
from uwsgid.hooks import Phase
from uwsgid.testing import MemoryKernel

CONFIG = """\
[uwsgi]
uid = www-data
exec-as-root = ip link set lo up
hook-asap = print:hello
hook-post-jail = mount:proc none /proc
hook-as-emperor = exec:true
hook-accepting = !putenv:SECRET=1
"""


class HookListTests(SynchronousTestCase):
    def setUp(self) -> None:
        catalog.load()

    def answer(self, text: str, uid: int = 0) -> Answer:
        path = self.mktemp()
        with open(path, "w") as file:
            file.write(text)
        kernel = MemoryKernel(uid=uid)
        found = decide(["hooks", "--ini", path], {}, kernel)
        assert isinstance(found, Answer)
        self.assertEqual(kernel.calls, [])
        return Answer(found.text.replace(path, "site.ini"), found.exit_code, found.is_error)

    def test_table(self) -> None:
        """What runs is a table in the order of time; what does not is told with the reason."""
        found = self.answer(CONFIG)
        rows = [line.split() for line in found.text.splitlines()]
        self.assertEqual(rows[0], ["phase", "process", "as", "action", "from"])
        self.assertEqual(rows[1], ["asap", "first", "process", "root", "print:hello", "site.ini:4"])
        self.assertEqual(rows[2][:5], ["as-root", "first", "process", "root", "exec:ip"])
        self.assertEqual(
            rows[3],
            ["accepting", "each", "worker", "www-data", "---", "PRIVATE", "HOOK", "---", "site.ini:7"],
        )
        self.assertEqual(
            found.text.splitlines()[4:],
            [
                "not run: mount:proc none /proc of post-jail, since no jail is entered; "
                "jailed = true says that this is one (site.ini:5)",
                "not run: exec:true of as-emperor, since there is no emperor (site.ini:6)",
            ],
        )

    def test_nothing(self) -> None:
        """A configuration without hooks has none."""
        self.assertEqual(self.answer("[uwsgi]\n"), Answer("no hooks"))

    def test_mistakes(self) -> None:
        """One that can not be used is told as ``check`` does."""
        found = self.answer("[uwsgi]\nhook-asap = prnt:x\n")
        self.assertEqual(found.exit_code, 2)
        self.assertIn("error: site.ini:2: hook-asap: hook action not found: prnt", found.text)

    def test_reasons(self) -> None:
        """Jails, emperors and users decide what comes."""
        for config, uid, absent in (
            ("jailed = true", 0, {Phase.AS_MULE}),
            ("unshare = uts", 0, {Phase.AS_MULE}),
            ("namespace = /srv/jail", 0, {Phase.AS_MULE}),
            ("", 0, {Phase.AS_MULE, Phase.POST_JAIL}),
            ("", 1000, {Phase.AS_MULE, Phase.POST_JAIL, Phase.AS_ROOT, Phase.AS_USER}),
            ("unshare = user", 1000, {Phase.AS_MULE}),
        ):
            found = set(reasons(settings_of(config + "\nemperor = /etc/vassals"), uid))
            self.assertEqual(found, absent, config)

    def test_a_jail_of_its_own(self) -> None:
        """With ``namespace`` post-jail is outside."""
        config = "namespace = /srv/jail\nexec-post-jail = true\nmount-post-jail = a b /c"
        text = list(lines(settings_of(config), 0))
        self.assertIn("process outside the jail", text[1])
        self.assertEqual(
            text[2:],
            ["not run: mount:a b /c of post-jail, since it would be outside of the jail (lines:3)"],
        )
