"""Applications in Ruby: beside Debian's uWSGI, under Rack::Lint and Sinatra, and when they break."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import psutil

from tests.live.support import (
    APPS,
    Answer,
    Daemon,
    LiveCase,
    connect,
    fetch,
    parse_answer,
    request_vars,
    requires,
    server_command,
    talk,
    uwsgi_packet,
    wait_until,
)

PROBE: Final = APPS / "ruby" / "probe.ru"
PLUGINS: Final = Path("/usr/lib/uwsgi/plugins")
RACK: Final = 7

#: Keys of the env whose values may differ, and why.
MEANT: Final[Mapping[str, str]] = {
    "REMOTE_PORT": "the client's, another one for each connection",
    "uwsgi.version": "whose it is",
    "rack.hijack?": "uWSGI can not do it",
    "rack.hijack": "uWSGI can not do it",
    "rack.after_reply": "uWSGI does not have it",
    "rack.response_finished": "uWSGI does not have it",
}


def ask(
    where: str,
    path: str,
    *,
    method: str = "GET",
    body: bytes = b"",
    modifier1: int = RACK,
    **more: str,
) -> Answer:
    """One request over the uwsgi protocol."""
    variables = {**request_vars(path, method=method, length=len(body)), **more}
    return parse_answer(talk(where, uwsgi_packet(variables, modifier1) + body))


class RubyCase(LiveCase):
    """Starts servers for the probe."""

    def setUp(self) -> None:
        super().setUp()
        requires("ruby")
        self.where = self.path("app.sock")

    def rack(self, more: str = "", *, workers: int = 1, app: str | Path = PROBE, **named: object) -> Daemon:
        """A server with the probe, whose workers accept."""
        config = (
            f"socket = {self.where}\nrack = {app}\nneed-app = true\nmaster = true\nprocesses = {workers}\n"
        )
        return self.serve(config + more, workers=workers, **named)  # type: ignore[arg-type]

    def write(self, name: str, text: str) -> str:
        """A file of this test; its path."""
        (self.folder / name).write_text(text)
        return self.path(name)

    def rubies(self, daemon: Daemon) -> list[psutil.Process]:
        """The mothers and children that live."""
        found = []
        for process in psutil.Process(daemon.pid).children(recursive=True):
            try:
                if process.status() != psutil.STATUS_ZOMBIE and "ruby" in process.cmdline()[0]:
                    found.append(process)
            except (psutil.Error, IndexError):
                continue
        return found

    def children(self, daemon: Daemon) -> list[psutil.Process]:
        return [process for process in self.rubies(daemon) if "of worker" in process.cmdline()[0]]


class BesideUwsgiTests(RubyCase):
    """The same application under Debian's uWSGI and under uwsgid."""

    def both(self, more: str = "") -> dict[str, str]:
        requires("uwsgi-core")
        plugins = sorted(PLUGINS.glob("rack_ruby*_plugin.so"))
        if not plugins:
            requires("uwsgi-plugin-rack-ruby")
        places = {}
        for server in ("uwsgi", "uwsgid"):
            where = places[server] = self.path(f"{server}.sock")
            plugin = f"plugin = {plugins[0].name.removesuffix('_plugin.so')}\n" if server == "uwsgi" else ""
            config = f"{plugin}socket = {where}\nrack = {PROBE}\nneed-app = true\nmaster = true\n"
            config += f"processes = 2\n{more}\n"
            self.serve(config, server=server, workers=2, name=f"{server}.ini")
        return places

    def compare(self, places: Mapping[str, str], path: str, **request: object) -> list[str]:
        original, ours = (ask(places[server], path, **request) for server in ("uwsgi", "uwsgid"))  # type: ignore[arg-type]
        found = []
        if (original.status, original.reason) != (ours.status, ours.reason):
            found.append(f"status {original.status} {original.reason} -> {ours.status} {ours.reason}")
        if path == "/env":
            before, now = json.loads(original.body), json.loads(ours.body)
            for key in sorted({*before, *now} - set(MEANT)):
                if before.get(key, "absent") != now.get(key, "absent"):
                    found.append(f"{key}: {before.get(key, 'absent')!r} -> {now.get(key, 'absent')!r}")
        else:
            if original.headers != ours.headers:
                found.append(f"headers {original.headers} -> {ours.headers}")
            if original.body != ours.body:
                found.append(f"body {original.body[:200]!r} -> {ours.body[:200]!r}")
        return [f"{request.get('method', 'GET')} {path}: {text}" for text in found]

    def test_environ(self) -> None:
        """The env has the same keys and values."""
        places = self.both()
        found = []
        for more in (
            {},
            {"method": "POST", "body": b"a=b", "CONTENT_TYPE": "application/x-www-form-urlencoded"},
            {"HTTPS": "on"},
            {"UWSGI_SCHEME": "https"},
            {"QUERY_STRING": "a=b&c=%20", "SCRIPT_NAME": "/shop"},
            {"HTTP_X_LATIN": "caf\xe9", "HTTP_CONTENT_LENGTH": "7", "HTTP_CONTENT_TYPE": "x/y"},
            {"CONTENT_TYPE": "", "HTTP_EMPTY": ""},
        ):
            found += self.compare(places, "/env", **more)
        self.assertEqual(found, [], "\n" + "\n".join(found))

    def test_answers(self) -> None:
        """Status, headers and body are the same, however the application gives them."""
        places = self.both()
        found = []
        for path in (
            "/hello", "/pieces", "/sized", "/empty", "/none", "/missing", "/odd", "/elsewhere", "/headers",
            "/large", "/wide", "/path", "/closed",
        ):  # fmt: skip
            found += self.compare(places, path)
        for size in (0, 1, 7_999, 100_000, 1_000_000):
            found += self.compare(places, "/digest", method="POST", body=b"x" * size)
        found += self.compare(places, "/rewind", method="POST", body=b"0123456789")
        self.assertEqual(found, [], "\n" + "\n".join(found))


class AnswerTests(RubyCase):
    """What an application gets and gives."""

    def test_the_keys_that_rack_demands(self) -> None:
        """The four names that 1.9.16 began to seed are there for a front end that sends none of them."""
        daemon = self.rack()
        variables = {"REQUEST_METHOD": "GET", "PATH_INFO": "/env"}
        env = json.loads(parse_answer(talk(self.where, uwsgi_packet(variables, RACK))).body)
        self.assertEqual((env["QUERY_STRING"], env["SCRIPT_NAME"], env["SERVER_PORT"]), ("", "", "80"))
        self.assertEqual(env["SERVER_NAME"], os.uname().nodename)
        self.assertEqual(daemon.seen("LintError"), 0)

    def test_http(self) -> None:
        """HTTP requests reach Ruby, the only language that there is, and Rack::Lint has nothing to say."""
        where = self.path("http.sock")
        self.rack(f"http-socket = {where}\n")
        env = json.loads(fetch(where, "/env?a=b").body)
        self.assertEqual((env["QUERY_STRING"], env["rack.url_scheme"]), ("a=b", "http"))
        head = b"POST /digest HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        answer = parse_answer(talk(where, head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"))
        self.assertIn(hashlib.md5(b"abcde").hexdigest().encode(), answer.body)
        self.assertEqual(fetch(where, "/call").body, b"part 0\npart 1\npart 2\n")

    def test_body_that_comes_slowly(self) -> None:
        """rack.input waits for what has not arrived."""
        self.rack()
        body = os.urandom(200_000)
        with connect(self.where) as client:
            client.sendall(uwsgi_packet(request_vars("/digest", method="POST", length=len(body)), RACK))
            for at in range(0, len(body), 70_000):
                client.sendall(body[at : at + 70_000])
                time.sleep(0.05)
            received = b""
            while piece := client.recv(65536):
                received += piece
        self.assertEqual(parse_answer(received).body.decode(), hashlib.md5(body).hexdigest())

    def test_body_that_is_cut(self) -> None:
        """A client that goes away within its body costs nothing but its request."""
        daemon = self.rack()
        with connect(self.where) as client:
            client.sendall(uwsgi_packet(request_vars("/digest", method="POST", length=100), RACK) + b"some")
        daemon.wait_for(r"\[uwsgi-body-read\] Error reading")
        self.assertEqual(ask(self.where, "/hello").body, b"hello\n")

    def test_files_by_sendfile(self) -> None:
        """A body with a path is sent by sendfile()."""
        daemon = self.rack()
        self.assertEqual(ask(self.where, "/path").body, PROBE.read_bytes())
        daemon.wait_for(r"GET /path => generated \d+ bytes in \d+ msecs via sendfile\(\)")

    def test_streams(self) -> None:
        """A body that responds to call, and a partial hijack, write to a stream."""
        self.rack()
        self.assertEqual(ask(self.where, "/call").body, b"part 0\npart 1\npart 2\n")
        self.assertEqual(ask(self.where, "/partial").body, b"partly")
        self.assertEqual(ask(self.where, "/hello").body, b"hello\n")

    def test_hijack(self) -> None:
        """A full hijack gives the application the socket of the client, and the worker goes on."""
        where = self.path("http.sock")
        self.rack(f"http-socket = {where}\n", workers=1)
        for _ in range(2):
            self.assertEqual(ask(self.where, "/hijack").body, b"hijacked Socket")
            self.assertEqual(fetch(where, "/hijack").body, b"hijacked Socket")
            self.assertEqual(ask(self.where, "/hello").body, b"hello\n")

    def test_hijacked_for_long(self) -> None:
        """A thread of the application may answer when the worker is at the next requests."""
        http = self.path("http.sock")
        daemon = self.rack(f"http-socket = {http}\n")
        for count, (where, request) in enumerate(
            (
                (self.where, uwsgi_packet(request_vars("/hijack-later"), RACK)),
                (http, b"GET /hijack-later HTTP/1.1\r\nHost: shop.example\r\n\r\n"),
            ),
            1,
        ):
            with connect(where) as client:
                client.sendall(request)
                daemon.wait_for("GET /hijack-later", count=count)
                self.assertEqual(ask(self.where, "/hello").body, b"hello\n")
                client.sendall(b"ping")
                received = b""
                while piece := client.recv(65536):
                    received += piece
            self.assertEqual(received, b"got ping")

    def test_hijack_of_half_a_body(self) -> None:
        """Whoever has not read the body can not have its connection, and hears why."""
        daemon = self.rack()
        with connect(self.where) as client:
            client.sendall(uwsgi_packet(request_vars("/hijack", method="POST", length=9), RACK) + b"half")
            self.assertIn(b"500 Internal", client.recv(65536))
        daemon.wait_for("can not be taken: its body was not read to the end")

    def test_closing(self) -> None:
        """The client does not wait for what close does, the next request does."""
        daemon = self.rack()
        began = time.monotonic()
        self.assertEqual(ask(self.where, "/later").body, b"soon")
        self.assertLess(time.monotonic() - began, 0.9)
        self.assertEqual(ask(self.where, "/hello").body, b"hello\n")
        daemon.wait_for("cleaned up")

    def test_errors_of_rack(self) -> None:
        """rack.errors is the log."""
        daemon = self.rack()
        ask(self.where, "/errors")
        daemon.wait_for("told the errors")

    def test_functions(self) -> None:
        """The functions of UWSGI do what those of Python do; what is not built says so."""
        self.rack()
        self.assertEqual(ask(self.where, "/api").body, b"1|0|sweet|1|true|UWSGI::Error")

    def test_the_client_is_gone(self) -> None:
        """A body without an end ends when nobody reads it any more, and is closed."""
        daemon = self.rack("ignore-write-errors = true\nignore-sigpipe = true\n")
        with connect(self.where) as client:
            client.sendall(uwsgi_packet(request_vars("/endless"), RACK))
            client.recv(1000)
        daemon.wait_for("stopped")
        self.assertEqual(ask(self.where, "/hello").body, b"hello\n")

    def test_threads(self) -> None:
        """rb-threads serve at a time, in one process."""
        daemon = self.rack("rb-threads = 3\n")
        wait_until(lambda: len(self.children(daemon)) == 1, "one child")
        with connect(self.where) as client:
            client.sendall(uwsgi_packet(request_vars("/sleep"), RACK))
            for _ in range(5):
                self.assertEqual(ask(self.where, "/hello").body, b"hello\n")

    def test_mounts(self) -> None:
        """mount gives .ru files to Ruby."""
        two = self.write("two.ru", "run ->(env) { [200, {}, [\"two at #{env['SCRIPT_NAME']}\"]] }")
        self.rack(f"mount = /two={two}\nmanage-script-name = true\n")
        self.assertEqual(ask(self.where, "/two/x").body, b"two at /two")
        self.assertEqual(ask(self.where, "/hello").body, b"hello\n")

    def test_beside_python(self) -> None:
        """Both languages in one instance: the modifier chooses."""
        self.rack(f"wsgi-file = {APPS / 'probe.py'}\n")
        self.assertEqual(ask(self.where, "/hello").body, b"hello\n")
        self.assertIn(b"wsgi.version", ask(self.where, "/env", modifier1=0).body)


class BreakingTests(RubyCase):
    """Applications that break their contract, or their interpreter."""

    def test_errors(self) -> None:
        """What is no answer is a 500 with its reason in the log, and the next request is answered."""
        daemon = self.rack()
        for path, reason in {
            "/die": "an apple fell (RuntimeError)",
            "/nothing": "invalid RACK response",
            "/two": "Invalid RACK response size: 2",
            "/bad-body": "each, call or to_path",
            "/nul": "with a NUL",
            "/split": "uwsgi-ruby error",
            "/bad-status": "uwsgi-ruby error",
        }.items():
            answer = ask(self.where, path)
            self.assertEqual((path, answer.status, answer.body), (path, 500, b"Internal Server Error"))
            daemon.wait_for(re.escape(reason))
        wait_until(lambda: len(self.children(daemon)) == 1, "one child")
        self.assertEqual(ask(self.where, "/hello").body, b"hello\n")

    def test_dying_late(self) -> None:
        """An application that fails in its body cuts it."""
        daemon = self.rack()
        self.assertEqual(ask(self.where, "/die-late").body, b"begun\n")
        daemon.wait_for("an apple fell late")

    def test_crash(self) -> None:
        """A crash of Ruby costs one request, and its signal is told; the worker lives on."""
        daemon = self.rack()
        pid = ask(self.where, "/pid").body
        self.assertEqual(ask(self.where, "/crash").status, 500)
        daemon.wait_for(f"Ruby child {pid.decode()} of worker process " + r"\d+ died with signal (6|11)")
        self.assertEqual(ask(self.where, "/exit").status, 500)
        daemon.wait_for("exited with 7")
        self.assertEqual(ask(self.where, "/leave").status, 500)
        daemon.wait_for("exited with 3")
        self.assertEqual(ask(self.where, "/hello").body, b"hello\n")
        self.assertEqual(daemon.seen("spawned uWSGI worker 1"), 1)

    def test_killed_while_idle(self) -> None:
        """A Ruby that ends between requests costs none."""
        daemon = self.rack()
        os.kill(int(ask(self.where, "/pid").body), signal.SIGKILL)
        daemon.wait_for("died with signal 9")
        self.assertEqual(ask(self.where, "/hello").body, b"hello\n")

    def test_the_mother_is_killed(self) -> None:
        """Without a mother the worker starts another."""
        daemon = self.rack()
        child = int(ask(self.where, "/pid").body)
        mothers = [one for one in self.rubies(daemon) if one.pid != child]
        self.assertEqual(len(mothers), 1)
        mothers[0].kill()
        wait_until(lambda: _is_dead(child), "the end of the child")
        self.assertEqual(ask(self.where, "/hello").body, b"hello\n")
        wait_until(lambda: len(self.children(daemon)) == 1, "one child")

    def test_junk(self) -> None:
        """A Ruby that prints junk on its line is ended and replaced."""
        daemon = self.rack()
        pid = int(ask(self.where, "/pid").body)
        self.assertEqual(ask(self.where, "/junk").status, 500)
        daemon.wait_for("junk in place of an answer")
        wait_until(lambda: _is_dead(pid), "the end of Ruby")
        self.assertEqual(ask(self.where, "/hello").body, b"hello\n")

    def test_closed_line(self) -> None:
        """One that closes its line, too."""
        self.rack()
        pid = int(ask(self.where, "/pid").body)
        self.assertEqual(ask(self.where, "/close").status, 500)
        wait_until(lambda: _is_dead(pid), "the end of Ruby")
        self.assertEqual(ask(self.where, "/hello").body, b"hello\n")

    def test_fork(self) -> None:
        """What an application forks does not answer in its place."""
        self.rack()
        for _ in range(3):
            self.assertEqual(ask(self.where, "/fork").body, b"parent")

    def test_harakiri(self) -> None:
        """harakiri ends Ruby with its worker, however deaf it is."""
        daemon = self.rack("harakiri = 1\n")
        pid = int(ask(self.where, "/pid").body)
        with connect(self.where) as client:
            client.sendall(uwsgi_packet(request_vars("/deaf"), RACK))
            self.assertEqual(client.recv(100), b"")
        daemon.wait_for("HARAKIRI ON WORKER 1")
        wait_until(lambda: _is_dead(pid), "the end of Ruby")
        self.assertEqual(ask(self.where, "/hello").body, b"hello\n")

    def test_killed_worker(self) -> None:
        """A hung Ruby does not outlive a worker that was killed."""
        daemon = self.rack()
        pid = int(ask(self.where, "/pid").body)
        with connect(self.where) as client:
            client.sendall(uwsgi_packet(request_vars("/deaf"), RACK))
            found = daemon.wait_for(r"spawned uWSGI worker 1 \(pid: (\d+)")
            daemon.wait_for("^deaf$")
            os.kill(int(found[1]), signal.SIGKILL)
            wait_until(lambda: _is_dead(pid), "the end of Ruby")

    def test_stop(self) -> None:
        """Nobody is left when the instance ends, not even a busy one."""
        daemon = self.rack(workers=2)
        with connect(self.where) as client:
            client.sendall(uwsgi_packet(request_vars("/sleep"), RACK))
            daemon.wait_for("^asleep$")
            wait_until(lambda: len(self.rubies(daemon)) == 3, "a mother and two children")
            pids = [process.pid for process in self.rubies(daemon)]
            daemon.signal(signal.SIGINT)
            daemon.wait()
        wait_until(lambda: all(_is_dead(pid) for pid in pids), "the end of all Rubies")

    def test_evil(self) -> None:
        """evil-reload-on-rss looks at Ruby as well."""
        daemon = self.rack("evil-reload-on-rss = 150\n")
        self.assertEqual(ask(self.where, "/eat").status, 500)
        daemon.wait_for("EVIL RELOAD ON RUBY INTERPRETER RSS")
        self.assertEqual(ask(self.where, "/hello").body, b"hello\n")

    def test_max_requests(self) -> None:
        """max-requests replaces Ruby with the worker: its state begins anew."""
        daemon = self.rack("max-requests = 2\nmin-worker-lifetime = 0\n")
        first = ask(self.where, "/state").body.split()
        self.assertEqual(first[0], b"1")
        ask(self.where, "/state")
        daemon.wait_for("spawned uWSGI worker 1", count=2)
        self.assertEqual(ask(self.where, "/state").body.split(), first)


class LoadingTests(RubyCase):
    """Applications that do not load, or load in other ways."""

    def test_need_app(self) -> None:
        """What does not compile is told, and ends the instance with 22."""
        broken = self.write("broken.ru", "run ->(env) {\n")
        daemon = self.launch(f"socket = {self.where}\nrack = {broken}\nneed-app = true\nmaster = true\n")
        self.assertEqual(daemon.wait(), 22)
        self.assertTrue(daemon.seen(r"\[uwsgi-ruby error\] .*broken.ru:1"))

    def test_without_ruby(self) -> None:
        """A host without Ruby is told which option needs it, and the instance ends with 1."""
        daemon = self.launch(
            f"socket = {self.where}\nrack = {PROBE}\nmaster = true\n", environ={"PATH": "/nowhere"}
        )
        self.assertEqual(daemon.wait(), 1)
        self.assertTrue(daemon.seen("the option rack needs the Ruby interpreter"))

    def test_reload(self) -> None:
        """A reload loads the application anew."""
        app = self.write("app.ru", "run ->(env) { [200, {}, ['one']] }")
        daemon = self.rack(app=app)
        self.assertEqual(ask(self.where, "/").body, b"one")
        self.write("app.ru", "run ->(env) { [200, {}, ['two']] }")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("spawned uWSGI worker 1", count=2)
        wait_until(lambda: ask(self.where, "/").body == b"two", "the new application")

    def test_lazy_apps(self) -> None:
        """With lazy-apps each worker has a Ruby that loads for it."""
        daemon = self.rack("lazy-apps = true\n", workers=2)
        self.assertEqual(ask(self.where, "/hello").body, b"hello\n")
        wait_until(lambda: len(self.rubies(daemon)) == 4, "a mother and a child for each worker")

    def test_another_user(self) -> None:
        """Ruby is whom the workers are."""
        requires("root")
        app = self.write("app.ru", "run ->(env) { [200, {}, [[Process.uid, Process.euid].inspect]] }")
        self.folder.chmod(0o777)
        self.rack("uid = 65534\ngid = 65534\n", app=app)
        self.assertEqual(ask(self.where, "/").body, b"[65534, 65534]")

    def test_a_word_of_the_command_line(self) -> None:
        """uwsgid config.ru does what rack does."""
        app = self.write("word.ru", "run ->(env) { [200, {}, ['by its name']] }")
        daemon = self.run_daemon(
            [*server_command("uwsgid"), "-M", "--socket", self.where, app],
            environ={"PYTHONPATH": str(APPS.parent.parent.parent)},
        )
        daemon.wait_for("spawned uWSGI worker 1")
        self.assertEqual(ask(self.where, "/").body, b"by its name")


class SinatraTests(RubyCase):
    def test_sinatra(self) -> None:
        """An application of Sinatra is served as it is."""
        sinatra = self.write(
            "sinatra.ru",
            """
            require 'sinatra/base'
            class Shop < Sinatra::Base
              enable :sessions
              set :session_secret, 'x' * 64
              get('/hello/:name') { "hello #{params['name']}" }
              post('/form') { session['seen'] = params['a']; redirect '/hello/you', 303 }
              get('/stream') { stream { |out| 3.times { |n| out << n.to_s } } }
              get('/file') { send_file __FILE__ }
              error { 'sorry' }
            end
            use Rack::Lint
            run Shop
            """,
        )
        daemon = self.rack(app=sinatra, environ={"RACK_ENV": "production"})
        self.assertEqual(ask(self.where, "/hello/me").body, b"hello me")
        answer = ask(
            self.where,
            "/form",
            method="POST",
            body=b"a=b",
            CONTENT_TYPE="application/x-www-form-urlencoded",
        )
        self.assertEqual(answer.status, 303)
        self.assertIn("rack.session", dict(answer.headers)["Set-Cookie"])
        self.assertEqual(ask(self.where, "/stream").body, b"012")
        self.assertEqual(ask(self.where, "/file").body, Path(sinatra).read_bytes())
        self.assertEqual(ask(self.where, "/nowhere").status, 404)
        self.assertEqual(daemon.seen("LintError"), 0)


def _is_dead(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
