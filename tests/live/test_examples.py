"""Every example of the repository, served."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
from pathlib import Path
from typing import Final

from tests.live.support import (
    PATIENCE,
    ROOT,
    SPAWNED,
    Answer,
    Daemon,
    LiveCase,
    Load,
    connect,
    fetch,
    free_port,
    request_vars,
    requires,
    server_command,
    talk,
    uwsgi_fetch,
    uwsgi_packet,
    wait_until,
)
from tests.loops.support import read_answer
from tests.worker import fastcgi_client, test_scgi

EXAMPLES: Final = ROOT / "examples"
GONE: Final = r"worker \d+ (killed successfully|buried)"


class ExampleCase(LiveCase):
    """An example in a copy of the folder, with addresses and files of its own."""

    def setUp(self) -> None:
        super().setUp()
        for path in EXAMPLES.iterdir():
            if path.is_file():
                shutil.copy(path, self.folder)

    def start(self, name: str, **environ: str) -> tuple[Daemon, str]:
        """Start an example; the server and the configuration that it got."""
        path = self.folder / name
        text = path.read_text().replace("/tmp/", f"{self.folder}/").replace("@hello", f"@{self.folder.name}")
        text = re.sub(r"(127\.0\.0\.1|\[::1\]):\d+", lambda match: f"{match[1]}:{free_port()}", text)
        path.write_text(text)
        daemon = self.run_daemon(
            [*server_command("uwsgid"), name], environ={"HOME": str(self.folder), **environ}
        )
        return daemon, text

    def ask(self, text: str, path: str = "/") -> list[Answer]:
        """What each address of a configuration answers."""
        answers = []
        for option, address in re.findall(r"^(socket|http-socket) = (.*)$", text, re.M):
            if address.startswith("@"):
                where: str | tuple[str, int] = f"\0{address[1:]}\0"
            elif address.startswith("/"):
                where = address
            else:
                host, _, port = address.rpartition(":")
                where = (host, int(port))
            if where[0] == "[::1]":
                continue
            answers.append(fetch(where, path) if option == "http-socket" else uwsgi_fetch(where, path))
        return answers

    def serve_example(self, name: str, workers: int, path: str = "/") -> tuple[Daemon, str]:
        """An example whose every address answers 200."""
        daemon, text = self.start(name)
        daemon.wait_for(SPAWNED, count=workers)
        self.assertEqual({answer.status for answer in self.ask(text, path)}, {200}, daemon.log())
        return daemon, text


class ExampleTests(ExampleCase):
    """A server for each."""

    def test_static(self) -> None:
        """Files of both directories, and the application for everything else."""
        for name, text in (
            ("static/site.css", "css"),
            ("static/site.css.gz", "gz"),
            ("public/index.html", "index"),
        ):
            path = self.folder / "shop" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        daemon, config = self.serve_example("static.ini", 2)
        for place, body in (("/static/site.css", b"css"), ("/", b"index")):
            self.assertEqual([answer.body for answer in self.ask(config, place)], [body])
        self.assertIsNotNone(self.ask(config, "/static/site.css")[0].header("Expires"))
        self.assertNotIn(self.ask(config, "/other")[0].body, (b"css", b"index"))
        daemon.wait_for(r"spawned 2 offload threads for uWSGI worker 2")

    def test_careful(self) -> None:
        """careful.ini"""
        self.serve_example("careful.ini", 4)

    def test_hooks(self) -> None:
        """hooks.ini: the file says ready while it is, and goes with the instance."""
        requires("root", "ip", "install")
        daemon, _ = self.serve_example("hooks.ini", 1)
        ready = self.folder / "shop" / "ready"
        self.assertEqual((ready.read_text(), ready.owner()), ("yes", "www-data"))
        daemon.signal(signal.SIGTERM)
        self.assertEqual((daemon.wait(), ready.exists()), (0, False))

    def test_alarms(self) -> None:
        """alarms.ini: a crash is on the desk, with its date."""
        daemon, text = self.serve_example("alarms.ini", 1)
        pid = int(re.findall(rb"process (\d+)", self.ask(text)[0].body)[0])
        os.kill(pid, signal.SIGSEGV)
        desk = self.folder / "desk.txt"
        for line in (
            f"!!! uWSGI process {pid} got Segmentation Fault !!!",
            f"DAMN ! worker 1 (pid: {pid}) died",
        ):
            wait_until(lambda: desk.exists() and line in desk.read_text(), line)  # noqa: B023
        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(), 0)

    def test_zergs(self) -> None:
        """zergs.ini: a zerg answers where the other instance listens."""
        daemon, text = self.serve_example("zergs.ini", 1)
        daemon.wait_for(r"zerg")
        zerg = self.run_daemon(
            [*server_command("uwsgid"), "zergs.ini:zerg"], environ={"HOME": str(self.folder)}
        )
        zerg.wait_for(SPAWNED)
        daemon.signal(signal.SIGSTOP)
        daemon.signal_all(signal.SIGSTOP)
        self.addCleanup(daemon.signal, signal.SIGCONT)
        self.assertEqual({answer.status for answer in self.ask(text)}, {200}, zerg.log())

    def test_sockets(self) -> None:
        """sockets.ini"""
        daemon, text = self.start("sockets.ini")
        daemon.wait_for(SPAWNED)
        self.assertEqual([answer.status for answer in self.ask(text)], [200, 200, 200])

    def test_protocols(self) -> None:
        """protocols.ini: the same answer in every protocol."""
        daemon, text = self.start("protocols.ini")
        daemon.wait_for(SPAWNED)
        ports = dict(re.findall(r"^(socket|http-socket) = 127\.0\.0\.1:(\d+)$", text, re.M))
        for where in (self.path("protocols-fastcgi.sock"), ("127.0.0.1", int(ports["socket"]))):
            with connect(where) as client:
                client.sendall(fastcgi_client.ask())
                self.assertIn(b"Hello from", fastcgi_client.read_told(client).body)
        self.assertIn(b"Hello from", talk(self.path("protocols-scgi.sock"), test_scgi.ask()))
        header = b"PROXY TCP4 192.0.2.7 192.0.2.1 4000 80\r\n"
        request = b"GET / HTTP/1.0\r\n\r\n"
        self.assertIn(b"Hello from", talk(("127.0.0.1", int(ports["http-socket"])), header + request))
        with connect(self.path("protocols-puwsgi.sock")) as client:
            for _ in range(2):
                client.sendall(uwsgi_packet(request_vars("/")))
                self.assertIn(b"Hello from", read_answer(client)[1])
        daemon.wait_for(r"\] 192\.0\.2\.7 ")

    def test_mounts(self) -> None:
        """mounts.ini: both applications, and nothing between."""
        daemon, text = self.start("mounts.ini")
        daemon.wait_for(SPAWNED)
        self.assertIn(b"Hello from", self.ask(text, "/hello/x")[0].body)
        self.assertIn(b"Welcome", self.ask(text, "/shop/")[0].body)

    def test_reactor(self) -> None:
        """reactor.ini: the reactor wakes the application, also after a reload."""
        daemon, text = self.serve_example("reactor.ini", 2)
        daemon.signal(signal.SIGHUP)
        daemon.wait_for(GONE, count=2)
        self.assertEqual(self.ask(text)[0].body, b"A tenth of a second.\n")

    def test_variables(self) -> None:
        """variables.ini: one worker without PRODUCTION."""
        self.check_variables(1)

    def test_variables_of_the_environment(self) -> None:
        """variables.ini: sixteen with it."""
        self.check_variables(16, PRODUCTION="1")

    def check_variables(self, workers: int, **environ: str) -> None:
        """So many workers, told in the log that the home folder has."""
        self.start("variables.ini", **environ)
        log = self.folder / "shop.log"
        wait_until(
            lambda: log.exists() and re.search(f"spawned uWSGI worker {workers} ", log.read_text()),
            "the workers",
        )
        self.assertFalse(re.search(f"spawned uWSGI worker {workers + 1} ", log.read_text()))
        self.assertEqual(uwsgi_fetch(self.path("shop.variables.sock")).status, 200)

    def test_logs(self) -> None:
        """logs.ini: what went well has no line, what went wrong has one in the format that was asked for."""
        daemon, text = self.start("logs.ini")
        log = self.folder / "shop.log"
        wait_until(lambda: log.exists() and re.search(SPAWNED, log.read_text()), "the worker")
        self.assertEqual(self.ask(text)[0].status, 200)
        hello = self.folder / "hello.py"
        hello.write_text(hello.read_text().replace("200 OK", "404 Not Found"))
        daemon.signal(signal.SIGHUP)
        wait_until(lambda: re.search(GONE, log.read_text()), "the reload")
        self.assertEqual(self.ask(text)[0].status, 404)
        wait_until(lambda: re.search(r'"GET /" 404 \d+ ms', log.read_text()), "the line")
        self.assertNotIn('"GET /" 200', log.read_text())

    def test_orders(self) -> None:
        """orders.ini: the FIFO, a touched file and the pid file all reach the master."""
        daemon, text = self.serve_example("orders.ini", 2)
        self.assertEqual(int(Path(self.path("orders.pid")).read_text()), daemon.pid)
        with open(self.path("orders.fifo"), "w") as fifo:
            fifo.write("r")
        daemon.wait_for(GONE, count=2)
        Path(self.path("orders.workers")).touch()
        (self.folder / "hello.py").touch()
        daemon.wait_for(GONE, count=4)
        self.assertEqual(self.ask(text)[0].status, 200)


class ServiceTests(ExampleCase):
    """service.ini and the units beside it, treated as systemd treats them."""

    def test_service(self) -> None:
        """Readiness is told, a reload loses no request, and TERM may reach every process at once."""
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(notify.close)
        notify.bind(self.path("notify"))
        notify.settimeout(PATIENCE)
        (self.folder / "start.sh").write_text('export LISTEN_PID=$$ LISTEN_FDS=1\nexec "$@"\n')
        config = self.folder / "service.ini"
        config.write_text(config.read_text().replace("/tmp/", f"{self.folder}/"))
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.path("systemd.sock"))
            listener.listen(100)

            def arrange() -> None:
                # what systemd does between fork and exec: the socket becomes descriptor 3
                os.dup2(listener.fileno(), 3, inheritable=True)

            daemon = self.run_daemon(
                ["/bin/sh", "start.sh", *server_command("uwsgid"), "service.ini"],
                environ={"NOTIFY_SOCKET": self.path("notify")},
                prepare=arrange,
                pass_fds=[3],
            )
        self.assertIn(b"READY=1", notify.recv(4096))
        daemon.wait_for(SPAWNED, count=4)
        with Load(self.path("systemd.sock"), clients=2, path="/") as load:
            load.wait_for_more(50)
            daemon.signal(signal.SIGHUP)
            daemon.wait_for(GONE, count=4)
            load.wait_for_more(50)
            self.assertEqual(load.failures, [], daemon.log())
        daemon.signal_all(signal.SIGTERM)
        self.assertEqual(daemon.wait(), 0, daemon.log())
        self.assertEqual(daemon.survivors(), [])
