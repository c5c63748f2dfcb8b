"""Every kind of socket that a worker can listen on, and sockets that somebody else opened."""

from __future__ import annotations

import os
import signal
import socket
import stat
from pathlib import Path

from tests.live.support import (
    APPS,
    LiveCase,
    fetch,
    free_port,
    parse_answer,
    request_vars,
    requires,
    uwsgi_fetch,
    uwsgi_packet,
)


class SocketTests(LiveCase):
    """Where requests come in."""

    def config(self, *lines: str) -> str:
        return "\n".join((*lines, f"wsgi-file = {APPS / 'probe.py'}", "need-app = true"))

    def test_several_at_once(self) -> None:
        """One instance listens on unix, TCP and HTTP at the same time."""
        port, web = free_port(), free_port()
        self.serve(
            self.config(
                f"socket = {self.path('a.sock')}",
                f"uwsgi-socket = 127.0.0.1:{port}",
                f"http-socket = 127.0.0.1:{web}",
            )
        )
        self.assertEqual(uwsgi_fetch(self.path("a.sock")).status, 200)
        self.assertEqual(uwsgi_fetch(("127.0.0.1", port)).status, 200)
        self.assertEqual(fetch(("127.0.0.1", web)).status, 200)

    def test_abstract(self) -> None:
        """@name is an abstract socket whose name ends with a NUL, as uWSGI has it."""
        name = f"uwsgid-test-{os.getpid()}"
        daemon = self.serve(self.config(f"socket = @{name}"))
        bound = [line for line in Path("/proc/net/unix").read_text().split() if line.startswith(f"@{name}")]
        self.assertTrue(bound, daemon.log())
        self.assertEqual(uwsgi_fetch(f"\0{name}\0").status, 200)

    def test_tcp6(self) -> None:
        """[::1]:port is TCP over IPv6."""
        with socket.socket(socket.AF_INET6) as probe:
            try:
                probe.bind(("::1", 0))
            except OSError as error:
                self.skipTest(f"needs IPv6: {error}")
            port = probe.getsockname()[1]
        self.serve(self.config(f"http-socket = [::1]:{port}"))
        with socket.create_connection(("::1", port), timeout=10) as client:
            client.sendall(b"GET /pid HTTP/1.0\r\n\r\n")
            received = b""
            while chunk := client.recv(65536):
                received += chunk
        self.assertEqual(parse_answer(received).status, 200)

    def test_port_zero(self) -> None:
        """Port 0 lets the kernel choose, and the log says what."""
        daemon = self.serve(self.config("http-socket = 127.0.0.1:0"))
        port = int(daemon.wait_for(r"127\.0\.0\.1:(\d+) \(port auto-assigned\)").group(1))
        self.assertEqual(fetch(("127.0.0.1", port)).status, 200)

    def test_permissions(self) -> None:
        """chmod-socket and chown-socket."""
        requires("root")
        self.serve(
            self.config(
                f"socket = {self.path('a.sock')}", "chmod-socket = 620", "chown-socket = nobody:nogroup"
            )
        )
        status = os.stat(self.path("a.sock"))
        self.assertEqual(stat.S_IMODE(status.st_mode), 0o620)
        self.assertNotEqual(status.st_uid, 0)

    def test_stale_socket(self) -> None:
        """A socket file that a dead server left behind is replaced."""
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(self.path("a.sock"))
        self.serve(self.config(f"socket = {self.path('a.sock')}"))
        self.assertEqual(uwsgi_fetch(self.path("a.sock")).status, 200)

    def test_systemd(self) -> None:
        """A socket that systemd opened and passed with LISTEN_FDS is served, also after a reload."""
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.path("systemd.sock"))
            listener.listen(10)

            def arrange() -> None:
                # what systemd does between fork and exec: the socket becomes descriptor 3
                os.dup2(listener.fileno(), 3, inheritable=True)

            # the shell learns its own pid, which is that of the server it then becomes
            (self.folder / "start.sh").write_text('export LISTEN_PID=$$ LISTEN_FDS=1\nexec "$@"\n')
            config = self.config(f"socket = {self.path('systemd.sock')}", "master = true")
            daemon = self.launch(
                config, prefix=["/bin/sh", self.path("start.sh")], prepare=arrange, pass_fds=[3]
            )
        daemon.wait_for("spawned uWSGI worker 1 ")
        self.assertEqual(uwsgi_fetch(self.path("systemd.sock")).status, 200)
        daemon.signal(signal.SIGHUP)
        daemon.wait_for(r"worker \d+ (killed successfully|buried)")
        self.assertEqual(uwsgi_fetch(self.path("systemd.sock")).status, 200)

    def test_same_port_twice_in_a_row(self) -> None:
        """A TCP port can be bound again right after its server stopped."""
        port = free_port()
        for name in ("first.ini", "second.ini"):
            daemon = self.serve(self.config(f"socket = 127.0.0.1:{port}"), name=name)
            packet = uwsgi_packet(request_vars("/pid"))
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(packet)
                self.assertIn(b"200 OK", client.recv(65536))
                daemon.close()
