"""Applications in Perl: beside Debian's uWSGI, under frameworks, and when they break."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

import psutil
from twisted.trial.unittest import SkipTest

from tests.live import foreign
from tests.live.foreign import ForeignCase, is_dead
from tests.live.support import (
    APPS,
    PATIENCE,
    Daemon,
    Load,
    connect,
    examine,
    fetch,
    parse_answer,
    requires,
    server_command,
    talk,
    wait_until,
)

PROBE: Final = APPS / "perl" / "probe.psgi"
PLUGIN: Final = Path("/usr/lib/uwsgi/plugins/psgi_plugin.so")
PSGI: Final = 5

#: Keys of the environ whose values may differ, and why.
MEANT: Final[Mapping[str, str]] = {
    "REMOTE_PORT": "the client's, another one for each connection",
    "SCRIPT_NAME": "PSGI wants it always; uWSGI leaves it out where the front end does",
}


class PerlCase(ForeignCase):
    """Perl."""

    interpreter = "perl"
    option = "psgi"
    modifier1 = PSGI
    probe = PROBE
    meant = MEANT

    def plugin(self) -> str:
        if not PLUGIN.exists():
            self.skipTest("needs the package uwsgi-plugin-psgi")
        return "psgi"


class BesideUwsgiTests(PerlCase, foreign.BesideUwsgi):
    """The same application under Debian's uWSGI and under uwsgid."""

    pages = (
        "/hello", "/pieces", "/empty", "/none", "/headers", "/large", "/wide", "/handle", "/memory",
        "/object", "/path", "/delayed", "/delayed-more", "/stream", "/elsewhere",
    )  # fmt: skip
    posted = "/offset"

    def test_environ_with_options(self) -> None:
        """So it has with threads and with post-buffering."""
        places = self.both("threads = 2\npost-buffering = 4096")
        found = self.compare(places, "/env", method="POST", body=b"a=b")
        found += self.compare(places, "/seek", method="POST", body=b"first second third")
        self.assertEqual(found, [], "\n" + "\n".join(found))


class AnswerTests(PerlCase, foreign.Answering):
    """What an application gets and gives."""

    def test_chunked(self) -> None:
        """A chunked body is read to its end, and an answer without a length is chunked."""
        where = self.path("http.sock")
        self.instance(f"http-socket = {where}\n")
        head = b"POST /digest HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        answer = parse_answer(talk(where, head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"))
        self.assertEqual(answer.body.decode(), hashlib.md5(b"abcde").hexdigest())
        self.assertEqual(fetch(where, "/stream").body, b"part 1\npart 2\npart 3\n")

    def test_plain_requests(self) -> None:
        """Requests of modifier 0 reach the only language that there is."""
        self.instance()
        self.assertEqual(self.ask("/hello", modifier1=0).body, b"hello\n")

    def test_the_rest_of_a_file(self) -> None:
        """A handle that was read from is sent from where it stands, by sendfile()."""
        daemon = self.instance()
        answer = self.ask("/rest")
        self.assertEqual(answer.body, PROBE.read_bytes().split(b"\n", 1)[1])
        daemon.wait_for(r"GET /rest => generated \d+ bytes in \d+ msecs via sendfile\(\)")

    def test_bodies_are_closed(self) -> None:
        """An object gets its close() when all was read."""
        daemon = self.instance()
        self.assertEqual(self.ask("/object").body, b"line 1\nline 2\nline 3\n")
        daemon.wait_for("the body was closed")

    def test_harakiri_commit(self) -> None:
        """psgix.harakiri.commit: the worker is replaced, and its interpreter with it."""
        daemon = self.instance()
        first = self.ask("/commit").body
        daemon.wait_for(r"\*\*\* psgix.harakiri.commit requested \*\*\*")
        daemon.wait_for("Respawned uWSGI worker 1|spawned uWSGI worker 1", count=2)
        self.assertNotEqual(self.ask("/pid").body, first)
        wait_until(lambda: not psutil.pid_exists(int(first)), "the end of the interpreter")

    def test_logger(self) -> None:
        """psgix.logger and psgi.errors write to the log."""
        daemon = self.instance()
        self.ask("/logger")
        daemon.wait_for(r"\[uwsgi-perl warn\] told the logger")
        daemon.wait_for("told the errors")

    def test_functions(self) -> None:
        """The functions of uwsgi:: do what those of Python do; what is not built says so."""
        self.instance()
        self.assertEqual(self.ask("/api").body, b"1|1|0|1|sweet|true|1")

    def test_threads(self) -> None:
        """Each core has an interpreter of its own."""
        daemon = self.instance("threads = 3\n")
        wait_until(lambda: len(self.children(daemon)) == 3, "three interpreters")
        with connect(self.where) as client:
            client.sendall(self.packet("/later"))
            self.assertEqual(self.ask("/hello").body, b"hello\n")

    def test_reactor(self) -> None:
        """So it is under the loop of Twisted: no request gets the answer of another."""
        self.instance("threads = 3\nloop = reactor\n")
        slow = Load(self.where, clients=1, path="/later")
        with Load(self.where, clients=3, path="/hello") as load, slow as later:
            load.wait_for(60)
            later.wait_for(2)
        self.assertEqual((load.failures, later.failures), ([], []))

    def test_mounts(self) -> None:
        """mount gives .psgi files to Perl, and the others to Python."""
        (self.folder / "two.psgi").write_text("sub { [200, [], ['two at ' . $_[0]{SCRIPT_NAME}]] }")
        self.instance(f"mount = /two={self.path('two.psgi')}\nmanage-script-name = true\n")
        self.assertEqual(self.ask("/two/x").body, b"two at /two")
        self.assertEqual(self.ask("/hello").body, b"hello\n")


class BreakingTests(PerlCase, foreign.Breaking):
    """Applications that break their contract, or their interpreter."""

    mistakes: ClassVar[Mapping[str, str]] = {
        "/die": "an apple fell",
        "/nothing": "invalid PSGI response type",
        "/number": "invalid PSGI response type",
        "/bad-status": "invalid PSGI status code",
        "/bad-headers": "invalid PSGI headers",
        "/odd-headers": "invalid PSGI headers",
        "/bad-body": "invalid PSGI response body",
        "/nul": "a NUL byte",
        "/split": "uwsgi-perl error",
    }

    def test_behind_the_answer(self) -> None:
        """Who has called its responder may call functions, and die; the next client is answered."""
        daemon = self.instance()
        for path, said in (
            ("/delayed-more", "called after the answer"),
            ("/delayed-die", "an apple fell after all"),
        ):
            for count in (1, 2):
                self.assertEqual(self.ask(path).body, b"late")
                self.assertEqual(self.ask("/hello").body, b"hello\n")
                daemon.wait_for(said, count=count)
        wait_until(lambda: len(self.children(daemon)) == 1, "one child")

    def test_crash(self) -> None:
        """A crash of the interpreter costs one request, and its signal is told; the worker lives on."""
        daemon = self.instance()
        pid = self.ask("/pid").body
        self.assertEqual(self.ask("/crash").status, 500)
        daemon.wait_for(r"interpreter \(pid: " + pid.decode() + r"\) died of signal 11")
        self.assertEqual(self.ask("/exit").status, 500)
        daemon.wait_for("ended with exit status 7")
        self.assertEqual(self.ask("/hello").body, b"hello\n")
        self.assertEqual(daemon.seen("spawned uWSGI worker 1"), 1)

    def test_strangers(self) -> None:
        """Other users of the host may knock at the mother, and nothing is done for them."""
        requires("root")
        daemon = self.instance()
        pid = self.ask("/pid").body
        names = set(re.findall(r"@uwsgid-perl-[0-9a-f]{32}", Path("/proc/net/unix").read_text()))
        knock = (
            "import os, socket, sys\nos.setgid(65534); os.setuid(65534)\n"
            "with socket.socket(socket.AF_UNIX) as s:\n"
            "    s.settimeout(30); s.connect('\\0' + sys.argv[1][1:]); print('said', s.recv(100))\n"
        )
        for name in names:
            stranger = self.run_daemon([sys.executable, "-c", knock, name])
            stranger.wait_for("said b''|ConnectionResetError")
        self.assertEqual([process.pid for process in self.children(daemon)], [int(pid)])
        self.assertEqual(self.ask("/hello").body, b"hello\n")

    def test_reload_on_rss(self) -> None:
        """reload-on-rss counts the interpreter with its worker."""
        daemon = self.instance("reload-on-rss = 150\nmin-worker-lifetime = 0\n")
        self.ask("/hello")
        self.assertEqual(daemon.seen("The work of process"), 0)
        self.assertEqual(self.ask("/fat").body, b"150")
        daemon.wait_for("The work of process")
        daemon.wait_for("spawned uWSGI worker 1", count=2)
        self.assertEqual(self.ask("/hello").body, b"hello\n")


class LoadingTests(PerlCase):
    """How applications are loaded."""

    def bad(self, text: str, more: str = "") -> Daemon:
        app = self.folder / "bad.psgi"
        app.write_text(text)
        return self.launch(f"socket = {self.where}\npsgi = {app}\nmaster = true\nprocesses = 1\n{more}")

    def test_does_not_compile(self) -> None:
        """The diagnostics are in the log, and need-app ends the instance with 22."""
        daemon = self.bad("use strict;\nsub { $undeclared };\n", "need-app = true\n")
        self.assertEqual(daemon.wait(), 22)
        daemon.wait_for(r'\[uwsgi-perl error\] .*Global symbol "\$undeclared" requires explicit package name')

    def test_missing_file(self) -> None:
        """A file that is not there is told by its name."""
        config = f"socket = {self.where}\npsgi = {self.path('none.psgi')}\nmaster = true\nneed-app = true\n"
        daemon = self.launch(config)
        self.assertEqual(daemon.wait(), 22)
        daemon.wait_for("none.psgi: No such file or directory")

    def test_no_application_in_it(self) -> None:
        """A file whose value is no application is refused."""
        daemon = self.bad("42;\n", "need-app = true\nperl-no-plack = true\n")
        self.assertEqual(daemon.wait(), 22)
        daemon.wait_for("unable to find PSGI function entry point")

    def test_crash_while_loading(self) -> None:
        """An interpreter that dies while it loads is told with its signal."""
        daemon = self.bad("kill 'SEGV', $$; sleep 30;\n", "need-app = true\n")
        self.assertEqual(daemon.wait(), 22)
        daemon.wait_for("ended of signal 11 while it loaded")

    def test_without_need_app(self) -> None:
        """Without need-app the instance serves: 500, and a line that says why."""
        daemon = self.bad("die 'never';\n")
        daemon.wait_for("spawned uWSGI worker 1")
        self.assertEqual(self.ask("/").status, 500)
        daemon.wait_for("--- unable to find perl application ---")

    def test_no_perl(self) -> None:
        """A host without Perl: the instance ends with 1 and names the option."""
        daemon = self.launch(
            f"socket = {self.where}\npsgi = {PROBE}\nmaster = true\n",
            environ={"PATH": self.path("nothing")},
        )
        self.assertEqual(daemon.wait(), 1)
        daemon.wait_for("the option psgi needs the Perl interpreter")

    def test_arguments_and_scripts(self) -> None:
        """perl-arg, perl-local-lib, perl-exec and perl-exec-post-fork."""
        (self.folder / "lib" / "lib" / "perl5").mkdir(parents=True)
        (self.folder / "lib" / "lib" / "perl5" / "Local.pm").write_text(
            "package Local; sub word { 'local' } 1;"
        )
        (self.folder / "once.pl").write_text("$main::once++; 1;")
        (self.folder / "each.pl").write_text("$main::each = $$; 1;")
        app = self.folder / "app.psgi"
        app.write_text(
            "use Local; my @a = @ARGV; sub { [200, [], [join '|', @a, Local::word(), $main::once, "
            "$main::each == $$ ? 'own' : 'other']] }"
        )
        self.instance(
            f"perl-local-lib = {self.path('lib')}\nperl-arg = one two\nperl-arg = three\n"
            f"perl-no-plack = true\n"
            f"perl-exec = {self.path('once.pl')}\nperl-exec-post-fork = {self.path('each.pl')}\n",
            app=app,
        )
        self.assertEqual(self.ask("/").body, b"one two|three|local|1|own")

    def test_failing_script(self) -> None:
        """A perl-exec that fails ends the instance with 1."""
        (self.folder / "bad.pl").write_text("die 'never ever';")
        daemon = self.launch(
            f"socket = {self.where}\npsgi = {PROBE}\nmaster = true\nperl-exec = {self.path('bad.pl')}\n"
        )
        self.assertEqual(daemon.wait(), 1)
        daemon.wait_for("never ever")

    def test_version(self) -> None:
        """perl-version prints the version and exits."""
        daemon = self.run_daemon([*server_command("uwsgid"), "--perl-version"])
        self.assertEqual(daemon.wait(), 0)
        daemon.wait_for(r"Perl v5\.\d+")

    def test_psgi_file(self) -> None:
        """psgi-file is psgi."""
        self.serve(f"socket = {self.where}\npsgi-file = {PROBE}\nmaster = true\n")
        self.assertEqual(self.ask("/hello").body, b"hello\n")

    def test_other_user(self) -> None:
        """With drop-after-apps the interpreters that serve belong to the user."""
        if os.geteuid():
            return
        daemon = self.instance("uid = nobody\ngid = nogroup\ndrop-after-apps = true\nchmod-socket = 666\n")
        self.assertEqual(self.ask("/hello").body, b"hello\n")
        names = examine(self.children(daemon), lambda process: str(process.username()))
        self.assertEqual(set(names.values()), {"nobody"})

    def test_reload(self) -> None:
        """HUP loads the application again, while the old one serves; then its interpreters are gone."""
        app = self.folder / "app.psgi"
        app.write_text("sub { [200, [], ['first']] }")
        daemon = self.instance(app=app)
        self.assertEqual(self.ask("/").body, b"first")
        before = [process.pid for process in self.interpreters(daemon)]
        app.write_text("sub { [200, [], ['second']] }")
        daemon.signal(signal.SIGHUP)
        wait_until(lambda: self.ask("/").body == b"second", "the new application")
        wait_until(lambda: all(is_dead(pid) for pid in before), "the end of the old interpreters")

    def test_broken_reload(self) -> None:
        """A reload that does not compile changes nothing."""
        app = self.folder / "app.psgi"
        app.write_text("sub { [200, [], ['first']] }")
        daemon = self.instance(app=app)
        app.write_text("sub {")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for(r"\[uwsgi-perl error\]")
        self.assertEqual(self.ask("/").body, b"first")

    def test_auto_reload(self) -> None:
        """perl-auto-reload notices a module that changed."""
        (self.folder / "Word.pm").write_text("package Word; sub word { 'first' } 1;")
        app = self.folder / "app.psgi"
        app.write_text(f"use lib '{self.folder}'; use Word; sub {{ [200, [], [Word::word()]] }}")
        daemon = self.instance("perl-auto-reload = 1\n", app=app)
        daemon.wait_for("Perl auto-reloader enabled")
        self.assertEqual(self.ask("/").body, b"first")
        (self.folder / "Word.pm").write_text("package Word; sub word { 'second' } 1;")
        os.utime(self.folder / "Word.pm", (time.time() + 5, time.time() + 5))
        daemon.wait_for("Word.pm has been modified")
        wait_until(lambda: self.ask("/").body == b"second", "the new module", seconds=PATIENCE)


class FrameworkTests(PerlCase):
    """What people run."""

    def test_plack(self) -> None:
        """Plack loads the application, and its middleware runs."""
        requires("plackup")
        app = self.folder / "app.psgi"
        app.write_text(
            "use Plack::Builder; use Plack::Request;\n"
            "builder { enable 'ContentLength'; enable 'ConditionalGET'; enable 'Lint';\n"
            "  sub { my $r = Plack::Request->new(shift); [200, ['Content-Type' => 'text/plain'],\n"
            "    [join '|', $r->method, $r->path_info, $r->param('a') || '',\n"
            "      length($r->content || '')]] } }\n"
        )
        self.instance(app=app)
        answer = self.ask("/x", QUERY_STRING="a=b")
        self.assertEqual((answer.status, answer.body), (200, b"GET|/x|b|0"))
        self.assertEqual(answer.header("Content-Length"), "10")
        body = b"a=posted&b=" + b"y" * 100_000
        answer = self.ask("/x", method="POST", body=body, CONTENT_TYPE="application/x-www-form-urlencoded")
        self.assertEqual(answer.body, b"POST|/x|posted|%d" % len(body))

    def test_mojolicious(self) -> None:
        """A Mojolicious application."""
        requires("mojo")
        app = self.folder / "app.pl"
        app.write_text(
            "use Mojolicious::Lite -signatures;\n"
            "get '/hello/:name' => sub ($c) { $c->render(text => 'hello ' . $c->param('name')) };\n"
            "post '/sum' => sub ($c) { $c->render(json => {sum => $c->req->json->{a} + 1}) };\n"
            "app->start;\n"
        )
        self.instance(app=app)
        self.assertEqual(self.ask("/hello/ann").body, b"hello ann")
        answer = self.ask("/sum", method="POST", body=b'{"a":41}', CONTENT_TYPE="application/json")
        self.assertEqual(json.loads(answer.body), {"sum": 42})
        self.assertEqual(self.ask("/nowhere").status, 404)

    def test_dancer2(self) -> None:
        """An application of Dancer2."""
        if subprocess.run(["perl", "-MDancer2", "-e", ""], stderr=subprocess.DEVNULL).returncode:
            raise SkipTest("needs libdancer2-perl; tests/debian-packages.txt")
        app = self.folder / "app.psgi"
        app.write_text(
            "package Shop; use Dancer2;\n"
            "my $file = __FILE__; set logger => 'console';\n"
            "get '/hello/:name' => sub { 'hello ' . route_parameters->get('name') };\n"
            "post '/sum' => sub { send_as JSON => {sum => from_json(request->body)->{a} + 1} };\n"
            "get '/file' => sub { send_file $file, system_path => 1, content_type => 'text/plain' };\n"
            "get '/stream' => sub { delayed { flush; content \"part $_\\n\" for 1 .. 3; done } };\n"
            "get '/break' => sub { die \"an apple fell\\n\" };\n"
            "to_app;\n"
        )
        daemon = self.instance(app=app)
        self.assertEqual(self.ask("/hello/ann").body, b"hello ann")
        answer = self.ask("/sum", method="POST", body=b'{"a":41}', CONTENT_TYPE="application/json")
        self.assertEqual(json.loads(answer.body), {"sum": 42})
        self.assertEqual(self.ask("/file").body, app.read_bytes())
        self.assertEqual(self.ask("/stream").body, b"part 1\npart 2\npart 3\n")
        self.assertEqual(self.ask("/break").status, 500)
        daemon.wait_for("an apple fell")
        self.assertEqual(self.ask("/nowhere").status, 404)
