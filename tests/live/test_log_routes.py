"""Where records go: named loggers, routes, encoders, the pipe of requests, threads, and loggers that hang."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Final

from tests.live.support import Daemon, LiveCase, requires, server_command, talk, uwsgi_fetch, wait_until

#: Prints what it was asked for.
APP: Final = """
import os
def application(environ, start_response):
    print(environ["REQUEST_URI"].partition("?")[2], flush=True)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
"""

#: What both servers understand.
ROUTES: Final = """
logger = file:{folder}/all.log
logger = shop file:{folder}/shop.log
logger = both file:{folder}/both.log
logger = paid file:{folder}/paid.log
log-route = shop ^order
log-route = both ^(order|refund)
log-drain = secret
log-filter = ^(order|refund|plain|secret)
log-encoder = prefix [one]
log-encoder = prefix [two]
req-logger = file:{folder}/requests.log
log-req-route = paid paid=1
log-req-encoder = format <${{msg}}>
log-req-encoder = nl
log-format = %(method) %(uri) %(status)
"""

VISITS: Final = ("order-1", "refund-1", "plain", "secret-plain", "order-secret", "other", "order-2&paid=1")

#: The files of ROUTES after VISITS.
KEPT: Final = {
    "all.log": "[two][one]plain\n",
    "shop.log": "[two][one]order-1\n[two][one]order-2&paid=1\n",
    "both.log": "[two][one]order-1\n[two][one]refund-1\n[two][one]order-2&paid=1\n",
    "paid.log": "<GET /?order-2&paid=1 200>\n",
    "requests.log": "".join(f"<GET /?{visit} 200>\n" for visit in VISITS[:-1]),
}


class LogRouteTests(LiveCase):
    def config(self, more: str, folder: Path | None = None) -> str:
        app = Path(self.path("app.py"))
        app.write_text(APP)
        where = folder or self.folder
        return (
            f"socket = {where}/app.sock\nwsgi-file = {app}\nneed-app = true\nmaster = true\n"
            + more.format(folder=where)
        )

    def visit(self, *queries: str, folder: Path | None = None) -> None:
        for query in queries:
            uwsgi_fetch(f"{folder or self.folder}/app.sock", f"/?{query}")

    def text(self, name: str, folder: Path | None = None) -> str:
        path = (folder or self.folder) / name
        return path.read_text() if path.exists() else ""

    def await_files(self, expected: dict[str, str], folder: Path | None = None) -> None:
        for name, text in expected.items():
            try:
                wait_until(lambda: self.text(name, folder) == text, name)  # noqa: B023
            except AssertionError:
                self.assertEqual(self.text(name, folder), text, name)

    def await_socket(self, folder: Path | None = None) -> None:
        path = (folder or self.folder) / "app.sock"
        wait_until(lambda: path.exists() and _answers(str(path)), "a worker")

    def launched(self, more: str) -> Daemon:
        """A server whose log goes elsewhere, once it answers."""
        daemon = self.launch(self.config(more))
        self.await_socket()
        return daemon

    def test_routes_beside_uwsgi(self) -> None:
        """Named loggers get routed records only, in both servers the same, encoded the same."""
        requires("uwsgi-core")
        for server, arguments in (("uwsgi", ("--plugin", "logfile")), ("uwsgid", ())):
            folder = self.folder / server
            folder.mkdir()
            self.launch(self.config(ROUTES, folder), *arguments, server=server, name=f"{server}.ini")
            self.await_socket(folder)
            self.visit(*VISITS, folder=folder)
            for name, text in KEPT.items():
                wait_until(
                    lambda: self.text(name, folder).replace("<GET /? 200>\n", "") == text,  # noqa: B023
                    f"{text!r} in {name} of {server}",
                )

    def test_a_thread_does_the_same(self) -> None:
        """threaded-logger keeps order and loses nothing when files are reopened, nor at the end."""
        trigger = Path(self.path("trigger"))
        trigger.touch()
        daemon = self.launched(ROUTES + f"threaded-logger = true\ntouch-logreopen = {trigger}\n")
        queries = [f"order-{number}" for number in range(200)]
        self.visit(*queries[:100])
        for name in ("shop.log", "requests.log"):
            os.rename(self.path(name), self.path(f"old-{name}"))
        os.utime(trigger, (2e9, 2e9))
        for name in ("shop.log", "requests.log"):
            wait_until(lambda: "reopened" in self.text(name), f"a new {name}")  # noqa: B023
        self.visit(*queries[100:])
        # the client has its answer before the request has its line, which INT would cut off
        daemon.signal(signal.SIGTERM)
        daemon.wait()
        orders = [line for line in self.both("shop.log") if line.startswith("[two]")]
        self.assertEqual(orders, [f"[two][one]{query}" for query in queries])
        requests = [line for line in self.both("requests.log") if "order-" in line]
        self.assertEqual(requests, [f"<GET /?{query} 200>" for query in queries])

    def both(self, name: str) -> list[str]:
        return (self.text(f"old-{name}") + self.text(name)).splitlines()

    def test_reloads(self) -> None:
        """A reload, and one with another configuration, lose no record and read the new routes.

        The first image has a thread for the log, the second has none.
        """
        daemon = self.launched(ROUTES + "threaded-logger = true\n")
        self.visit("order-1")
        pid = self.pid()
        daemon.signal(signal.SIGHUP)
        # the lines of the server itself go through the filter, too
        wait_until(lambda: self.pid() != pid, "a new worker")
        self.visit("order-2")
        config = Path(self.path("site.ini"))
        changed = config.read_text().replace("shop.log", "new.log").replace("log-filter", "log-drain = x\n#")
        changed = changed.replace("threaded-logger = true", "")
        config.write_text(changed)
        daemon.signal(signal.SIGHUP)
        wait_until(lambda: "gracefully (RE)spawned uWSGI master" in self.text("all.log"), "another image")
        wait_until(lambda: "spawned uWSGI worker 1" in self.text("all.log"), "its worker")
        self.visit("order-3", "order-4")
        # the client has its answer before the request has its line, which INT would cut off
        daemon.signal(signal.SIGTERM)
        daemon.wait()
        self.assertEqual(self.text("shop.log"), "[two][one]order-1\n[two][one]order-2\n")
        self.assertEqual(self.text("new.log"), "[two][one]order-3\n[two][one]order-4\n")
        self.assertEqual(self.text("requests.log").count("order-"), 4)

    def pid(self) -> bytes:
        return uwsgi_fetch(self.path("app.sock"), "/?").body

    def test_workers_log_themselves(self) -> None:
        """What a worker prints, and its requests, go to its own loggers; the master's lines do not."""
        daemon = self.serve(
            self.config(
                """
                worker-logger = file:{folder}/worker.log
                worker-log-encoder = prefix W:
                worker-logger-req = file:{folder}/requests.log
                log-format = %(uri)
                """
            )
        )
        self.visit("one", "two")
        self.await_files({"requests.log": "/?one\n/?two\n"})
        wait_until(lambda: self.text("worker.log").endswith("W:one\nW:two\n"), "both lines")
        self.assertEqual((daemon.seen("^W:"), daemon.seen("one")), (0, 0), daemon.log())
        self.visit("three")
        daemon.signal(signal.SIGINT)
        daemon.wait()
        self.assertIn("W:three\n", self.text("worker.log"))

    def test_a_logger_that_hangs_harms_nobody(self) -> None:
        """Records that nobody takes are dropped and counted; requests, other loggers and the end go on."""
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        self.addCleanup(os.close, writer)
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        daemon = self.launch(
            self.config(
                f"""
                logger = file:{{folder}}/all.log
                logger = stuck fd:{writer}
                log-route = stuck ^x
                log-queue-size = 20000
                disable-logging = true
                check-interval = 1
                stats = {{folder}}/stats
                """
            ),
            pass_fds=(writer,),
        )
        self.await_socket()
        for _ in range(40):
            self.visit("x" * 1500)
        self.visit("fine")
        wait_until(lambda: "fine\n" in self.text("all.log"), "the other logger")
        daemon.wait_for(r"^\[logger stuck\] \d+ records dropped: its queue is full \(log-queue-size is 20000")
        numbers = json.loads(talk(self.path("stats"), b""))
        self.assertGreater(numbers["log_troubles"]["logger stuck"], 10)
        daemon.signal(signal.SIGINT)
        daemon.wait()
        self.assertEqual(daemon.seen(r"^\[logger stuck\] \d+ records lost: it did not take them in time"), 1)

    def test_mistakes_stop_the_start(self) -> None:
        """Unknown engines, encoders and names end the start, with the place and a suggestion."""
        config = self.config(
            "logger = shop fille:/tmp/x\nlog-route = shopp ^x\nlog-encoder = prefx y\n"
            "log-encoder = prefix:chop y\nreq-logger = fd:three\n"
        )
        path = Path(self.path("site.ini"))
        path.write_text("[uwsgi]\n" + config)
        for code, command in ((1, server_command("uwsgid")), (2, [*server_command("uwsgid"), "check"])):
            done = subprocess.run(
                [*command, str(path)], capture_output=True, text=True, timeout=60, check=False
            )
            said = done.stdout + done.stderr
            self.assertEqual(done.returncode, code, said)
            for text in (
                "site.ini:6: logger: unable to find logger fille; did you mean file?",
                "site.ini:7: log-route: no logger is named 'shopp'; did you mean shop?",
                'site.ini:8: log-encoder: log encoder "prefx" not found; did you mean prefix',
                "site.ini:9: log-encoder: no logger is named 'chop'; did you mean shop?",
                "site.ini:10: req-logger: fd:three: expected the number",
            ):
                self.assertIn(text, said)


def _answers(path: str) -> bool:
    try:
        return uwsgi_fetch(path, "/?").status == 200
    except OSError:
        return False
