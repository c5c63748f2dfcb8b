"""Which configurations can do with a steward."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.door.command import Site, decide
from uwsgid.door.plain import is_plain


def plain(*lines: str) -> bool:
    """Whether a configuration of these lines is."""
    words = [word for line in ("socket=/run/a.sock", "module=app", *lines) for word in ("--set", line)]
    decided = decide(words, {})
    assert isinstance(decided, Site), decided
    return is_plain(decided)


class PlainTests(SynchronousTestCase):
    def test_plain(self) -> None:
        """What concerns the worker alone is."""
        for lines in (
            (),
            ("master=true", "need-app=true", "processes=1", "strict=true"),
            ("chdir=/srv", "env=A=1", "pythonpath=/srv", "virtualenv=/srv/venv"),
            ("threads=4", "thunder-lock=true", "buffer-size=8192", "post-buffering=4096"),
            ("vacuum=true", "die-on-term=true", "worker-reload-mercy=5", "chmod-socket=660", "listen=64"),
            ("disable-logging=true", "static-map=/s=/srv/static", "http-socket=127.0.0.1:0"),
            ("harakiri=0", "uid="),
        ):
            with self.subTest(lines):
                expected = not any(line.startswith(("harakiri", "uid")) for line in lines)
                self.assertEqual(plain(*lines), expected)

    def test_masters(self) -> None:
        """What somebody has to see to while it serves, or both processes would have to do, is not."""
        for line in (
            "processes=2", "harakiri=30", "max-requests=10", "stats=/run/a.stats", "touch-reload=/tmp/x",
            "master-fifo=/run/a.fifo", "uid=nobody", "chroot=/srv", "lazy-apps=true", "cheap=true", "idle=10",
            "logto=/tmp/log", "log-master=true", "log-date=true", "pidfile=/run/a.pid", "heartbeat=5",
            "manhole=unix:/run/a.hole", "exec-as-user=true", "hook-post-app=print:hello", "limit-as=1000",
            "reload-on-rss=100", "http=127.0.0.1:0", "auto-procname=true", "exit-on-reload=true",
            "fallback-config=/etc/b.ini", "shared-socket=127.0.0.1:0", "cap=net_admin", "evil-reload-on-as=9",
        ):  # fmt: skip
            with self.subTest(line):
                self.assertFalse(plain(line))

    def test_no_socket(self) -> None:
        """An instance without a socket has other things to do."""
        decided = decide(["--module", "app"], {})
        assert isinstance(decided, Site)
        self.assertFalse(is_plain(decided))
