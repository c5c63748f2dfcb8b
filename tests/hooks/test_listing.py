"""Who runs what, and as whom."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.hooks.listing import Planned, planned, whom
from uwsgid.hooks.phases import Phase


class ListingTests(SynchronousTestCase):
    def test_a_line(self) -> None:
        """An action is told with its process, its user and its place."""
        self.assertEqual(
            list(planned(settings_of("uid = shop\nhook-as-user = print:x"), 0)),
            [Planned(Phase.AS_USER, "first process", "shop", "print:x", "lines:2")],
        )

    def test_texts(self) -> None:
        """Older forms look like actions, what is private stays so, and conditions are told."""
        text = """
            exec-as-root = true
            call-as-root = f
            mount-as-root = none a b
            hook-as-root = !print:secret
            hook-touch = /x print:y
            hook-as-emperor-setns = net,uts print:z
        """
        self.assertEqual(
            {one.text for one in planned(settings_of(text), 0)},
            {
                "exec:true",
                "call:f",
                "mount:none a b",
                "--- PRIVATE HOOK ---",
                "print:y, when /x is touched",
                "print:z, in net,uts",
            },
        )

    def test_order(self) -> None:
        """In a jail that a child enters, post-jail is outside of it and comes first."""
        settings = settings_of("exec-post-jail = a\nexec-in-jail = b\nexec-asap = c\nexec-as-user-atexit = d")
        self.assertEqual([one.text for one in planned(settings, 0)], ["exec:c", "exec:b", "exec:a", "exec:d"])
        outside = list(planned(settings, 0, outside=True))
        self.assertEqual([one.text for one in outside], ["exec:c", "exec:a", "exec:b", "exec:d"])
        self.assertEqual(outside[1].process, "process outside the jail")

    def test_rootless(self) -> None:
        """Who is not root does as root of a namespace what is done as root."""
        settings = settings_of("exec-as-root = a\nexec-asap = b")
        self.assertEqual(
            [one.user for one in planned(settings, 1000, rootless=True)],
            ["who starts it", "root of the namespace"],
        )

    def test_users(self) -> None:
        """Who drops when decides as whom something is done."""
        for config, phase, user in (
            ("", Phase.PRE_APP, "root"),
            ("uid = shop", Phase.AS_ROOT, "root"),
            ("uid = shop", Phase.PRE_APP, "shop"),
            ("uid = shop", Phase.TOUCH, "shop"),
            ("uid = shop", Phase.AS_VASSAL, "user of the vassal"),
            ("uid = shop\nmaster-as-root = true", Phase.AS_USER_ATEXIT, "root"),
            ("uid = shop\nmaster-as-root = true", Phase.AS_EMPEROR, "root"),
            ("uid = shop\nmaster-as-root = true", Phase.ACCEPTING, "shop"),
            ("uid = shop\ndrop-after-apps = true", Phase.POST_APP, "root"),
            ("uid = shop\ndrop-after-apps = true", Phase.POST_FORK, "shop"),
            ("uid = shop\ndrop-after-apps = true\nlazy-apps = true", Phase.POST_FORK, "root"),
            ("uid = shop\ndrop-after-apps = true\nlazy-apps = true", Phase.ACCEPTING, "shop"),
            ("uid = shop\ndrop-after-init = true", Phase.PRE_APP, "shop"),
        ):
            self.assertEqual(whom(settings_of(config), phase, 0), user, (config, phase))
        self.assertEqual(whom(settings_of("uid = shop"), Phase.PRE_APP, 1000), "who starts it")
