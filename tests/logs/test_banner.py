"""The start banner."""

from __future__ import annotations

import mmap
import time

from twisted.trial.unittest import SynchronousTestCase

from uwsgid.logs import banner


class BannerTests(SynchronousTestCase):
    def test_first_lines_in_their_order(self) -> None:
        """The lines say what they are made of, in uWSGI's order."""
        facts = banner.BannerFacts(
            version="1.0",
            started=0.0,
            python="3.11.2",
            built="main May 1",
            bits=64,
            system="Linux",
            release="6.1",
            kernel="#1 SMP",
            node="web1",
            machine="x86_64",
            cpus=4,
            cwd="/srv",
            binary="/usr/bin/python3",
        )
        self.assertEqual(
            banner.banner_lines(facts),
            [
                f"*** Starting uwsgid 1.0 (64bit) on [{time.ctime(0)}] ***",
                "compiled with version: Python 3.11.2 on main May 1",
                "os: Linux-6.1 #1 SMP",
                "nodename: web1",
                "machine: x86_64",
                "clock source: unix",
                "pcre jit disabled",
                "detected number of CPU cores: 4",
                "current working directory: /srv",
                "detected binary path: /usr/bin/python3",
            ],
        )
        mine = banner.start_lines("/srv", started=0.0, binary="uwsgid")
        self.assertEqual(mine[-2:], ["current working directory: /srv", "detected binary path: uwsgid"])

    def test_thunder_lock_and_mercy(self) -> None:
        """Operators look for these lines, each letter counts."""
        self.assertEqual(
            banner.lock_lines(False),
            [
                "lock engine: pthread robust mutexes",
                "thunder lock: disabled (you can enable it with --thunder-lock)",
            ],
        )
        self.assertEqual(banner.lock_lines(True)[1], "thunder lock: enabled")
        self.assertEqual(banner.mercy_line(60), "your mercy for graceful operations on workers is 60 seconds")
        self.assertEqual(
            banner.backlog_line(100), "your server socket listen backlog is limited to 100 connections"
        )

    def test_modes(self) -> None:
        """Threads go before async, async before processes."""
        for arguments, mode in (
            ((0, 4), "no-workers"),
            ((2, 4), "preforking+threaded"),
            ((1, 4), "threaded"),
            ((2, 1, 9), "preforking+async"),
            ((1, 1, 9), "async"),
            ((2, 1), "preforking"),
            ((1, 1), "single process"),
        ):
            self.assertEqual(banner.mode_line(*arguments), f"*** Operational MODE: {mode} ***")
        self.assertIn("command", banner.mode_line(1, command=True))

    def test_warnings_keep_their_spaces(self) -> None:
        """The harakiri warning starts and ends with a space."""
        self.assertEqual(
            banner.HARAKIRI_WITHOUT_BUFFERING,
            " *** WARNING: you have enabled harakiri without post buffering. Slow upload could be rejected "
            "on post-unbuffered webservers *** ",
        )

    def test_processes(self) -> None:
        """Births and the shared memory in uWSGI's words."""
        self.assertEqual(banner.master_line(7), "spawned uWSGI master process (pid: 7)")
        self.assertEqual(
            banner.master_line(7, again=True), "gracefully (RE)spawned uWSGI master process (pid: 7)"
        )
        self.assertEqual(banner.worker_line(2, 9, 4), "spawned uWSGI worker 2 (pid: 9, cores: 4)")
        self.assertEqual(banner.buffering_line(65536), "setting request body buffering size to 65536 bytes")
        self.assertEqual(banner.mapped_line(145536, 8), "mapped 145536 bytes (142 KB) for 8 cores")
        self.assertEqual(banner.page_line(), f"your memory page size is {mmap.PAGESIZE} bytes")
