"""Applications in Ruby: beside Debian's uWSGI, under Rack::Lint and Sinatra, and when they break."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

from tests.live import foreign
from tests.live.foreign import ForeignCase
from tests.live.support import (
    APPS,
    connect,
    fetch,
    parse_answer,
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


class RubyCase(ForeignCase):
    """Ruby."""

    interpreter = "ruby"
    option = "rack"
    modifier1 = RACK
    probe = PROBE
    meant = MEANT

    def plugin(self) -> str:
        plugins = sorted(PLUGINS.glob("rack_ruby*_plugin.so"))
        if not plugins:
            requires("uwsgi-plugin-rack-ruby")
        return plugins[0].name.removesuffix("_plugin.so")

    def write(self, name: str, text: str) -> str:
        """A file of this test; its path."""
        (self.folder / name).write_text(text)
        return self.path(name)


class BesideUwsgiTests(RubyCase, foreign.BesideUwsgi):
    """The same application under Debian's uWSGI and under uwsgid."""

    requests = (*foreign.REQUESTS, {"CONTENT_TYPE": "", "HTTP_EMPTY": ""})
    pages = (
        "/hello", "/pieces", "/sized", "/empty", "/none", "/missing", "/odd", "/elsewhere", "/headers",
        "/large", "/wide", "/path", "/closed",
    )  # fmt: skip
    posted = "/rewind"


class AnswerTests(RubyCase, foreign.Answering):
    """What an application gets and gives."""

    def test_the_keys_that_rack_demands(self) -> None:
        """The four names that 1.9.16 began to seed are there for a front end that sends none of them."""
        daemon = self.instance()
        variables = {"REQUEST_METHOD": "GET", "PATH_INFO": "/env"}
        env = json.loads(parse_answer(talk(self.where, uwsgi_packet(variables, RACK))).body)
        self.assertEqual((env["QUERY_STRING"], env["SCRIPT_NAME"], env["SERVER_PORT"]), ("", "", "80"))
        self.assertEqual(env["SERVER_NAME"], os.uname().nodename)
        self.assertEqual(daemon.seen("LintError"), 0)

    def test_http(self) -> None:
        """HTTP requests reach Ruby, the only language that there is, and Rack::Lint has nothing to say."""
        where = self.path("http.sock")
        self.instance(f"http-socket = {where}\n")
        env = json.loads(fetch(where, "/env?a=b").body)
        self.assertEqual((env["QUERY_STRING"], env["rack.url_scheme"]), ("a=b", "http"))
        head = b"POST /digest HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        answer = parse_answer(talk(where, head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"))
        self.assertIn(hashlib.md5(b"abcde").hexdigest().encode(), answer.body)
        self.assertEqual(fetch(where, "/call").body, b"part 0\npart 1\npart 2\n")

    def test_files_by_sendfile(self) -> None:
        """A body with a path is sent by sendfile()."""
        daemon = self.instance()
        self.assertEqual(self.ask("/path").body, PROBE.read_bytes())
        daemon.wait_for(r"GET /path => generated \d+ bytes in \d+ msecs via sendfile\(\)")

    def test_streams(self) -> None:
        """A body that responds to call, and a partial hijack, write to a stream."""
        self.instance()
        self.assertEqual(self.ask("/call").body, b"part 0\npart 1\npart 2\n")
        self.assertEqual(self.ask("/partial").body, b"partly")
        self.assertEqual(self.ask("/hello").body, b"hello\n")

    def test_hijack(self) -> None:
        """A full hijack gives the application the socket of the client, and the worker goes on."""
        where = self.path("http.sock")
        self.instance(f"http-socket = {where}\n", workers=1)
        for _ in range(2):
            self.assertEqual(self.ask("/hijack").body, b"hijacked Socket")
            self.assertEqual(fetch(where, "/hijack").body, b"hijacked Socket")
            self.assertEqual(self.ask("/hello").body, b"hello\n")

    def test_hijacked_for_long(self) -> None:
        """A thread of the application may answer when the worker is at the next requests."""
        http = self.path("http.sock")
        daemon = self.instance(f"http-socket = {http}\n")
        for count, (where, request) in enumerate(
            (
                (self.where, self.packet("/hijack-later")),
                (http, b"GET /hijack-later HTTP/1.1\r\nHost: shop.example\r\n\r\n"),
            ),
            1,
        ):
            with connect(where) as client:
                client.sendall(request)
                daemon.wait_for("GET /hijack-later", count=count)
                self.assertEqual(self.ask("/hello").body, b"hello\n")
                client.sendall(b"ping")
                received = b""
                while piece := client.recv(65536):
                    received += piece
            self.assertEqual(received, b"got ping")

    def test_hijack_of_half_a_body(self) -> None:
        """Whoever has not read the body can not have its connection, and hears why."""
        daemon = self.instance()
        with connect(self.where) as client:
            client.sendall(self.packet("/hijack", method="POST", length=9) + b"half")
            self.assertIn(b"500 Internal", client.recv(65536))
        daemon.wait_for("can not be taken: its body was not read to the end")

    def test_errors_of_rack(self) -> None:
        """rack.errors is the log."""
        daemon = self.instance()
        self.ask("/errors")
        daemon.wait_for("told the errors")

    def test_functions(self) -> None:
        """The functions of UWSGI do what those of Python do; what is not built says so."""
        self.instance()
        self.assertEqual(self.ask("/api").body, b"1|0|sweet|1|true|UWSGI::Error")

    def test_threads(self) -> None:
        """rb-threads serve at a time, in one process."""
        daemon = self.instance("rb-threads = 3\n")
        wait_until(lambda: len(self.children(daemon)) == 1, "one child")
        with connect(self.where) as client:
            client.sendall(self.packet("/sleep"))
            for _ in range(5):
                self.assertEqual(self.ask("/hello").body, b"hello\n")

    def test_mounts(self) -> None:
        """mount gives .ru files to Ruby."""
        two = self.write("two.ru", "run ->(env) { [200, {}, [\"two at #{env['SCRIPT_NAME']}\"]] }")
        self.instance(f"mount = /two={two}\nmanage-script-name = true\n")
        self.assertEqual(self.ask("/two/x").body, b"two at /two")
        self.assertEqual(self.ask("/hello").body, b"hello\n")


class BreakingTests(RubyCase, foreign.Breaking):
    """Applications that break their contract, or their interpreter."""

    mistakes: ClassVar[Mapping[str, str]] = {
        "/die": "an apple fell (RuntimeError)",
        "/nothing": "invalid RACK response",
        "/two": "Invalid RACK response size: 2",
        "/bad-body": "each, call or to_path",
        "/nul": "with a NUL",
        "/split": "uwsgi-ruby error",
        "/bad-status": "uwsgi-ruby error",
    }

    def test_crash(self) -> None:
        """A crash of Ruby costs one request, and its signal is told; the worker lives on."""
        daemon = self.instance()
        pid = self.ask("/pid").body
        self.assertEqual(self.ask("/crash").status, 500)
        daemon.wait_for(f"Ruby child {pid.decode()} of worker process " + r"\d+ died with signal (6|11)")
        self.assertEqual(self.ask("/exit").status, 500)
        daemon.wait_for("exited with 7")
        self.assertEqual(self.ask("/leave").status, 500)
        daemon.wait_for("exited with 3")
        self.assertEqual(self.ask("/hello").body, b"hello\n")
        self.assertEqual(daemon.seen("spawned uWSGI worker 1"), 1)


class LoadingTests(RubyCase):
    """Applications that do not load, or load in other ways."""

    def test_need_app(self) -> None:
        """What does not compile is told, and ends the instance with 22."""
        broken = self.write("broken.ru", "run ->(env) {\n")
        daemon = self.launch(f"socket = {self.where}\nrack = {broken}\nneed-app = true\nmaster = true\n")
        self.assertEqual(daemon.wait(), 22)
        self.assertTrue(daemon.seen(r"\[uwsgi-ruby error\] .*broken\.ru:\d"))

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
        daemon = self.instance(app=app)
        self.assertEqual(self.ask("/").body, b"one")
        self.write("app.ru", "run ->(env) { [200, {}, ['two']] }")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("spawned uWSGI worker 1", count=2)
        wait_until(lambda: self.ask("/").body == b"two", "the new application")

    def test_another_user(self) -> None:
        """Ruby is whom the workers are."""
        requires("root")
        app = self.write("app.ru", "run ->(env) { [200, {}, [[Process.uid, Process.euid].inspect]] }")
        self.folder.chmod(0o777)
        self.instance("uid = 65534\ngid = 65534\n", app=app)
        self.assertEqual(self.ask("/").body, b"[65534, 65534]")

    def test_a_word_of_the_command_line(self) -> None:
        """uwsgid config.ru does what rack does."""
        app = self.write("word.ru", "run ->(env) { [200, {}, ['by its name']] }")
        daemon = self.run_daemon(
            [*server_command("uwsgid"), "-M", "--socket", self.where, app],
            environ={"PYTHONPATH": str(APPS.parent.parent.parent)},
        )
        daemon.wait_for("spawned uWSGI worker 1")
        self.assertEqual(self.ask("/").body, b"by its name")


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
        daemon = self.instance(app=sinatra, environ={"RACK_ENV": "production"})
        self.assertEqual(self.ask("/hello/me").body, b"hello me")
        answer = self.ask(
            "/form",
            method="POST",
            body=b"a=b",
            CONTENT_TYPE="application/x-www-form-urlencoded",
        )
        self.assertEqual(answer.status, 303)
        self.assertIn("rack.session", answer.header("Set-Cookie") or "")
        self.assertEqual(self.ask("/stream").body, b"012")
        self.assertEqual(self.ask("/file").body, Path(sinatra).read_bytes())
        self.assertEqual(self.ask("/nowhere").status, 404)
        self.assertEqual(daemon.seen("LintError"), 0)
