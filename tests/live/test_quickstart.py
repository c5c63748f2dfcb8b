"""The manual's first page: its commands, and the files of examples/ that it shows, have to work."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import Final

from tests.live.support import ROOT, LiveCase, fetch, free_port, server_command

PAGE: Final = ROOT / "docs" / "quickstart.rst"


EXAMPLES: Final = ROOT / "examples"


class QuickstartTests(LiveCase):
    """From nothing to nginx and Flask."""

    def setUp(self) -> None:
        super().setUp()
        Path(self.path("shop.py")).write_text((EXAMPLES / "shop.py").read_text())

    def test_command_line(self) -> None:
        """The command of the page serves the application of the page."""
        (line,) = re.findall(r"^    venv/bin/uwsgid (--http-socket .*)$", PAGE.read_text(), re.MULTILINE)
        port = free_port()
        arguments = line.replace(":8000", f":{port}").split()
        self.run_daemon([*server_command("uwsgid"), *arguments]).wait_for("spawned uWSGI worker 2 ")
        self.assertEqual(fetch(("127.0.0.1", port)).body, b"Welcome, 127.0.0.1.\n")

    def test_nginx(self) -> None:
        """The config and the site of the page work together, are found good by check, and reload."""
        socket = self.path("shop.sock")
        config = (EXAMPLES / "shop.ini").read_text().replace("/tmp/shop.sock", socket)
        Path(self.path("shop.ini")).write_text(config)
        check = self.run_daemon([*server_command("uwsgid"), "check", "shop.ini"])
        self.assertEqual(check.wait(), 0, check.log())
        daemon = self.run_daemon([*server_command("uwsgid"), "shop.ini"])
        daemon.wait_for("spawned uWSGI worker 4 ")
        (location,) = re.findall(
            r"(location / \{.*?\})", (EXAMPLES / "nginx-shop.conf").read_text(), re.DOTALL
        )
        location = location.replace("/tmp/shop.sock", socket).replace("include uwsgi_params;", "")
        site = self.nginx(location)
        self.assertEqual(fetch(site).body[:9], b"Welcome, ")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for(r"worker \d+ (killed successfully|buried)", count=4)
        self.assertEqual(fetch(site).status, 200)


class HelloTests(LiveCase):
    """What `make run` serves."""

    def test_hello(self) -> None:
        """The example answers, and its statistics too."""
        port, stats = free_port(), free_port()
        hello = (EXAMPLES / "hello.ini").read_text()
        config = hello.replace(":8080", f":{port}").replace(":9191", f":{stats}")
        Path(self.path("hello.ini")).write_text(config)
        Path(self.path("hello.py")).write_text((EXAMPLES / "hello.py").read_text())
        self.run_daemon([*server_command("uwsgid"), "hello.ini"]).wait_for("spawned uWSGI worker 2 ")
        self.assertIn(b"Hello from uwsgid.", fetch(("127.0.0.1", port)).body)
