"""CGI by a whole server: scripts of both worlds, deaths of workers, and the same questions to uWSGI."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Final

import psutil

from tests.live.support import (
    ROOT,
    Answer,
    Daemon,
    LiveCase,
    connect,
    fetch,
    is_leaving,
    parse_answer,
    request_vars,
    requires,
    talk,
    uwsgi_packet,
    wait_until,
)

#: Prints what it was given, its body's size last.
TELL: Final = """import os, sys
body = sys.stdin.buffer.read()
print("Content-Type: text/plain")
print("X-One: 1")
print()
for name, value in sorted(os.environ.items()):
    print(name, value, sep="=")
print(sys.argv[1:], os.getcwd(), len(body))
"""
SCRIPTS: Final = {
    "tell.py": TELL,
    "sub/index.py": TELL,
    "status.py": "print('X: y\\nStatus: 404 Nope\\nContent-Type: a/b\\n\\nnope', end='')",
    "location.py": "print('Location: /elsewhere\\n')",
    "crlf.py": "import sys; sys.stdout.buffer.write(b'Content-Type: text/plain\\r\\n\\r\\na\\r\\nb')",
    "large.py": "print('Content-Type: a/b\\n')\nfor _ in range(3000): print('x' * 99)",
    "echo.py": "import shutil, sys; print('Content-Type: a/b\\n', flush=True); "
    "shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)",
    "text.txt": "",
}
#: Each server has its own; the rest is the same environment for both.
ITS_OWN: Final = ("SERVER_SOFTWARE=", "UWSGI_", "UWSGID_", "PYTHONPATH=", "HTTP_PROXY=")


#: Without a body there are none of these (RFC 3875, 4.1.2 and 4.1.3); uWSGI passes on that they are empty.
EMPTY: Final = ("CONTENT_LENGTH=", "CONTENT_TYPE=")


def ask(
    address: str, path: str, body: bytes = b"", query: str = "", method: str = "GET", **more: str
) -> Answer:
    vars = request_vars(path, method="POST" if body else method, query=query, length=len(body))
    return parse_answer(talk(address, uwsgi_packet({**vars, **more}, 9) + body))


def comparable(answer: Answer) -> tuple[object, ...]:
    lines = answer.body.decode("latin-1").splitlines()
    lines = [line for line in lines if line not in EMPTY and not line.startswith(ITS_OWN)]
    headers = tuple(dict.fromkeys(answer.headers))  # uWSGI 2.0.21 may say Location twice
    return answer.status, answer.reason, headers, lines


class CgiCase(LiveCase):
    def setUp(self) -> None:
        super().setUp()
        self.root = self.folder / "www"
        for name, text in SCRIPTS.items():
            self.script(name, text)
        (self.root / "text.txt").chmod(0o644)

    def script(self, name: str, text: str, program: str = sys.executable) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!{program}\n{text}\n")
        path.chmod(0o755)

    def server(self, more: str = "", server: str = "uwsgid") -> tuple[Daemon, str]:
        address = self.path(f"{server}.sock")
        daemon = self.serve(
            f"socket = {address}\ncgi = /c={self.root}\ncgi-index = index.py\nmaster = true\n"
            # without it uWSGI leaves the input open, and a script that reads all of it waits for ever
            f"cgi-close-stdin-on-eof = true\n{more}\n",
            server=server,
            name=f"{server}.ini",
        )
        return daemon, address


class BesideUwsgiTests(CgiCase):
    maxDiff = None

    def test_the_same_answers(self) -> None:
        """Status, headers, body, variables, arguments and directory are those of uWSGI."""
        requires("uwsgi-core")
        _, ours = self.server()
        _, theirs = self.server("plugins-dir = /usr/lib/uwsgi/plugins\nplugin = cgi", server="uwsgi")
        for path, query, body in (
            ("/c/tell.py", "", b""),
            ("/c/tell.py", "a=b&c=%20", b""),
            ("/c/tell.py", "one+t%20wo+%2B", b""),
            ("/c/tell.py/more/of/it", "", b""),
            ("/c/tell.py", "", b"x" * 100_000),
            ("/c/sub/", "", b""),
            ("/c/sub", "q=1", b""),
            ("/c/sub", "", b""),
            ("/c/status.py", "", b""),
            ("/c/location.py", "", b""),
            ("/c/crlf.py", "", b""),
            ("/c/large.py", "", b""),
            ("/c/echo.py", "", b"echo" * 10_000),
            ("/c/none.py", "", b""),
            ("/c/text.txt", "", b""),
            ("/c/", "", b""),
            ("/other", "", b""),
        ):
            with self.subTest(path=path, query=query, body=len(body)):
                both = [comparable(ask(address, path, body, query)) for address in (ours, theirs)]
                self.assertEqual(*both)


class ServerTests(CgiCase):
    def test_loops(self) -> None:
        """Every loop runs scripts, with a large body in and a large answer out."""
        body = os.urandom(1 << 20)
        for loop in ("loop = simple", "threads = 2", "loop = reactor\nthreads = 2"):
            with self.subTest(loop=loop):
                daemon, address = self.server(loop)
                self.assertEqual(ask(address, "/c/echo.py", body).body, body)
                self.assertEqual(ask(address, "/c/status.py").status, 404)
                daemon.close()

    def test_http(self) -> None:
        """Over HTTP a short answer has a length, and a script is told the length of a chunked body."""
        address = self.path("http.sock")
        self.serve(
            f"http-socket = {address}\nhttp-socket-modifier1 = 9\ncgi = {self.root}\nmaster = true\n",
            server="uwsgid",
        )
        answer = fetch(address, "/status.py")
        self.assertEqual((answer.status, answer.header("Content-Length")), (404, "4"))
        chunked = (
            b"POST /tell.py HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        said = parse_answer(talk(address, chunked + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")).body
        self.assertIn(b"CONTENT_LENGTH=5\n", said)
        self.assertTrue(said.rstrip().endswith(b" 5") or b" 5\n" in said, said)

    def test_behind_nginx(self) -> None:
        """A front end that speaks uwsgi sends requests to scripts by their modifier."""
        _, address = self.server()
        front = self.nginx(f"location / {{ uwsgi_pass unix:{address}; uwsgi_modifier1 9; }}")
        body = os.urandom(200_000)
        self.assertEqual(fetch(front, "/c/echo.py", method="POST", body=body).body, body)
        self.assertEqual(fetch(front, "/c/location.py").header("Location"), "/elsewhere")
        self.assertIn(b"PATH_INFO=/more\n", fetch(front, "/c/tell.py/more?a=b").body)
        self.script("junk.sh", "echo junk", "/bin/sh")
        self.assertEqual(fetch(front, "/c/junk.sh").status, 502)

    def test_harakiri(self) -> None:
        """A worker that is killed by harakiri takes its script and all its children along."""
        note = self.root / "pids"
        self.script(
            "hang.sh",
            f"trap '' TERM HUP\nsleep 600 &\necho $$ $! > {note}.new\nmv {note}.new {note}\n"
            "while :; do wait; done",
            "/bin/sh",
        )
        daemon, address = self.server("harakiri = 2\ncgi-timeout = 600")
        client = connect(address)
        self.addCleanup(client.close)
        client.sendall(uwsgi_packet(request_vars("/c/hang.sh"), 9))
        daemon.wait_for("HARAKIRI")
        self.gone(note)
        self.assertEqual(ask(address, "/c/status.py").status, 404)

    def gone(self, note: Path) -> None:
        wait_until(note.exists, "the script")
        for pid in note.read_text().split():
            wait_until(lambda pid=pid: not _is_alive(int(pid)), f"the end of {pid}")  # type: ignore[misc]

    def test_stop(self) -> None:
        """Neither guards nor scripts stay when the instance is told to end, in the middle of a request."""
        note = self.root / "pids"
        self.script("hang.sh", f"echo $$ > {note}.new\nmv {note}.new {note}\nexec sleep 600", "/bin/sh")
        daemon, address = self.server("cgi-timeout = 600\nprocesses = 2")
        client = connect(address)
        self.addCleanup(client.close)
        client.sendall(uwsgi_packet(request_vars("/c/hang.sh"), 9))
        wait_until(note.exists, "the script")
        daemon.signal(signal.SIGQUIT)
        daemon.wait()
        self.gone(note)
        wait_until(lambda: not daemon.survivors(), "nobody left")

    def test_no_zombies(self) -> None:
        """After scripts of all kinds nothing of them is left."""
        self.script("dies.sh", "kill -SEGV $$", "/bin/sh")
        daemon, address = self.server("cgi-timeout = 1")
        for path in ("/c/dies.sh", "/c/status.py", "/c/none.py") * 3:
            ask(address, path)
        daemon.wait_for("died by signal 11, SIGSEGV", count=3)
        wait_until(
            lambda: not [child for child in psutil.Process(daemon.pid).children(True) if is_leaving(child)],
            "nothing of them is left",
        )

    def test_stderr_goes_to_the_log(self) -> None:
        """What a script complains about is in the log."""
        self.script("says.sh", "echo complaint >&2; printf 'X: y\\n\\n'", "/bin/sh")
        daemon, address = self.server()
        self.assertEqual(ask(address, "/c/says.sh").status, 200)
        daemon.wait_for("^complaint$")

    def test_the_example(self) -> None:
        """The configuration of the manual says hello."""
        address = self.path("http.sock")
        text = (ROOT / "examples" / "cgi.ini").read_text()
        config = text.partition("[uwsgi]\n")[2].replace("127.0.0.1:8089", address)
        self.serve(config.replace("%d", f"{ROOT}/examples/"), server="uwsgid", workers=4)
        answer = fetch(address, "/cgi-bin/hello.sh/world")
        self.assertIn(b"you asked GET /cgi-bin/hello.sh/world\n", answer.body)


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
