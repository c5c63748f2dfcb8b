"""Alarms: what raises them, what they run, and what a storm of them does not do."""

from __future__ import annotations

import os
import re
import signal
import socket
from pathlib import Path
from typing import Final

from tests.live.support import Daemon, LiveCase, requires, uwsgi_fetch, wait_until

#: Does what it is asked to.
APP: Final = """
import os
import uwsgi

def application(environ, start_response):
    what, _, rest = environ["REQUEST_URI"].partition("?")[2].partition(":")
    if what == "api":
        uwsgi.alarm(*rest.split(":"))
    elif what == "many":
        for number in range(int(rest)):
            print("error", number)
    else:
        print(what, flush=True)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
"""

PERL: Final = """
sub { uwsgi::alarm('box', 'by psgi'); return [200, ['Content-Type', 'text/plain'], ['ok']] }
"""
RUBY: Final = """
run lambda { |env| UWSGI.alarm('box', 'by rack'); [200, { 'content-type' => 'text/plain' }, ['ok']] }
"""

#: A command that leaves what it was given in a file of its own, which appears when it is complete.
KEEP: Final = "cat > {folder}/box.$$.new && mv {folder}/box.$$.new {folder}/box.$$"

#: What both servers understand.  Each alarm leaves a file with what its command was given.
ALARMS: Final = f"""
alarm = box cmd:{KEEP}; echo the command was here
alarm = loud log:
alarm = shop log:the shop
not-log-alarm = nothing ^error-secret
alarm = nothing cmd:touch {{folder}}/nothing
log-alarm = box,shop ^error
alarm-log = loud ^loud
alarm-freq = 60
alarm-fd = box {{event}}:8 out of memory
disable-logging = true
"""

VISITS: Final = ("error-1", "fine", "error-1", "error-secret", "an-error", "loud", "error-2")


class AlarmTests(LiveCase):
    def setUp(self) -> None:
        super().setUp()
        self.event = os.eventfd(0)
        self.addCleanup(os.close, self.event)

    def start(
        self, config: str, *, server: str = "uwsgid", folder: Path | None = None, event: int | None = None
    ) -> Daemon:
        """A server that answers."""
        where = folder or self.folder
        app = Path(self.path("app.py"))
        app.write_text(APP)
        event = self.event if event is None else event
        daemon = self.launch(
            f"socket = {where}/app.sock\nwsgi-file = {app}\nneed-app = true\nmaster = true\n"
            + config.format(folder=where, event=event),
            server=server,
            name=f"{server}.ini",
            pass_fds=(event,),
        )
        daemon.wait_for(r"(^| - )spawned uWSGI worker 1 ")
        return daemon

    def visit(self, *queries: str, folder: Path | None = None) -> None:
        for query in queries:
            answer = uwsgi_fetch(f"{folder or self.folder}/app.sock", f"/?{query}")
            self.assertEqual(answer.status, 200)

    def box(self, folder: Path | None = None) -> list[str]:
        """What the command of the alarm box was given so far, sorted."""
        return sorted(
            path.read_text()
            for path in (folder or self.folder).iterdir()
            if re.fullmatch(r"box\.\d+", path.name)
        )

    def await_box(self, *texts: str, folder: Path | None = None) -> None:
        try:
            wait_until(lambda: self.box(folder) == sorted(texts), "the alarms")
        except AssertionError:
            self.assertEqual(self.box(folder), sorted(texts), str(folder))

    def test_beside_uwsgi(self) -> None:
        """The same records, the same calls and the same descriptor raise the same alarms in both servers."""
        requires("uwsgi-core")
        for server in ("uwsgi", "uwsgid"):
            folder = self.folder / server
            folder.mkdir()
            event = os.eventfd(0)
            self.addCleanup(os.close, event)
            daemon = self.start(ALARMS, server=server, folder=folder, event=event)
            # one kind after the other: uWSGI knows a text again only when no other came between
            self.visit(*VISITS, folder=folder)
            self.await_box("error-1\n", "error-2\n", folder=folder)
            self.visit("api:box:by the api", "api:nobody:text", folder=folder)
            self.await_box("by the api", "error-1\n", "error-2\n", folder=folder)
            os.eventfd_write(event, 1)
            self.await_box("by the api", "error-1\n", "error-2\n", "out of memory", folder=folder)
            daemon.wait_for(r"^\w{3} \w{3} .* - ALARM: the shop error-1$")
            daemon.wait_for(r"^\w{3} \w{3} .* - ALARM: the shop error-2$")
            daemon.wait_for(r"^\w{3} \w{3} .* - ALARM: loud$")
            daemon.wait_for("the command was here$", count=4)
            self.assertEqual(daemon.seen("ALARM"), 3)
            self.assertFalse((folder / "nothing").exists())

    def test_an_alarm_does_not_raise_itself(self) -> None:
        """The line of the log plugin, and lines about alarms, match what raised them, and raise nothing.

        In uWSGI the first fills the log, each line longer than the one before.
        """
        for thread in ("", "threaded-logger = true\n", "logdate = true\n"):
            daemon = self.start(
                thread + "alarm = loud log:\nalarm = bad cmd:exit 3\nlog-alarm = loud,bad error|alarm\n"
                "disable-logging = true\n"
            )
            self.visit("an-error")
            daemon.wait_for(" - ALARM: an-error$")
            daemon.wait_for(r"\[uwsgi-alarm\] the command of bad \(pid: \d+\) exited with code 3$")
            self.visit("x", "api:bad:text")
            daemon.wait_for(r"exited with code 3$", count=2)
            self.visit("another-error")
            daemon.wait_for(" - ALARM: another-error$")
            self.assertEqual(daemon.seen("ALARM"), 2, daemon.log())
            daemon.signal(signal.SIGINT)
            daemon.wait()

    def test_a_storm(self) -> None:
        """Thousands of records, and commands that hang: a few run, the rest is counted, requests go on."""
        daemon = self.start(
            "alarm = box cmd:touch {folder}/began.$$; exec sleep 1000\n"
            "log-alarm = box error\nalarm-burst = 100\nalarm-freq = 60\n"
            "check-interval = 1\ndisable-logging = true\n"
        )
        self.visit("many:3000")
        wait_until(lambda: len(self.began()) == 8, "eight commands")
        held = r"^\[uwsgi-alarm\] box: (\d+) more texts? held back \(alarm-burst is 100\)$"
        wait_until(lambda: self.total(daemon, held) == 2900, "all that was too much")
        dropped = r"^\[uwsgi-alarm\] box: (\d+) runs? of its command dropped, since others take long$"
        wait_until(lambda: self.total(daemon, dropped) == 100 - 8 - 64, "what found no room")
        self.visit("fine")
        daemon.wait_for("^fine$")
        self.assertEqual(len(self.began()), 8)
        sleepers = [child for child in daemon.family() if "sleep" in child.name()]
        self.assertEqual(len(sleepers), 8)
        # whoever makes room lets the next one begin
        sleepers[0].kill()
        wait_until(lambda: len(self.began()) == 9, "another command")
        daemon.wait_for(r"^\[uwsgi-alarm\] the command of box \(pid: \d+\) exited by signal 9$")
        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(), 0)
        wait_until(lambda: len(self.began()) == 9 + 8, "a few more in the end")

    def total(self, daemon: Daemon, pattern: str) -> int:
        """The sum of the numbers in all lines like this."""
        return sum(int(number) for number in re.findall(pattern, daemon.log(), re.MULTILINE))

    def began(self) -> list[str]:
        return [path.name for path in self.folder.iterdir() if path.name.startswith("began.")]

    def test_a_crash(self) -> None:
        """A worker that dies by SIGSEGV raises alarm-segfault, one that is killed does not."""
        daemon = self.start(f"alarm = box cmd:{KEEP}\nalarm-segfault = box\n")
        first = int(uwsgi_fetch(self.path("app.sock"), "/?x").body)
        os.kill(first, signal.SIGKILL)
        daemon.wait_for(r"^Respawned uWSGI worker 1 ")
        second = int(uwsgi_fetch(self.path("app.sock"), "/?x").body)
        os.kill(second, signal.SIGSEGV)
        daemon.wait_for(r"^DAMN ! worker 1 .* killed by signal 11")
        self.await_box(f"!!! uWSGI process {second} got Segmentation Fault !!!")

    def test_a_full_queue(self) -> None:
        """alarm-backlog has the numbers of the socket."""
        daemon = self.launch(
            self.probe_config(
                workers=1,
                more="listen = 2\ncheck-interval = 1\nlq-alarm = box\n"
                f"alarm = box cmd:{KEEP.format(folder=self.folder)}",
            )
        )
        daemon.wait_for(r"^spawned uWSGI worker 1 ")
        waiting = self.waiting(daemon)
        clients = []
        try:
            for _ in range(8):
                client = socket.socket(socket.AF_UNIX)
                client.setblocking(False)
                clients.append(client)
                if client.connect_ex(self.path("app.sock")):
                    break
            found = daemon.wait_for(r"^\*\*\* uWSGI (listen queue of socket .* full !!! \(\d+/2\)) \*\*\*$")
            wait_until(lambda: found[1] in self.box(), "the alarm")
        finally:
            for client in clients:
                client.close()
            waiting.go()

    def test_lives(self) -> None:
        """Alarms outlive a reload and a new image, and what is said in the end raises them as well."""
        config = ALARMS.replace("^error", "^(error|goodbye)").replace("freq = 60", "freq = 0")
        daemon = self.start(config)
        self.visit("error-1")
        self.await_box("error-1\n")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for(r"^Respawned uWSGI worker 1 ")
        self.visit("error-2")
        self.await_box("error-1\n", "error-2\n")
        path = Path(self.path("uwsgid.ini"))
        path.write_text(path.read_text() + "log-alarm = box ^new\n")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for(r"^gracefully \(RE\)spawned uWSGI master")
        daemon.wait_for(r"^spawned uWSGI worker 1 ", count=2)
        self.visit("new")
        os.eventfd_write(self.event, 1)
        self.await_box("error-1\n", "error-2\n", "new\n", "out of memory")
        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(), 0)
        wait_until(lambda: "goodbye to uWSGI.\n" in self.box(), "the last alarm")

    def test_hooks(self) -> None:
        """Hooks of the master, of who loads applications and of workers raise alarms, also in the end."""
        phases = ("master-start", "pre-app", "post-app", "post-fork", "accepting", "as-user-atexit")
        hooks = "".join(f"hook-{phase} = alarm:box {phase}\n" for phase in phases)
        daemon = self.start(
            f"alarm = box cmd:{KEEP}\n{hooks}hook-asap = alarm:box asap\nhook-post-fork = alarm:bax x\n"
        )
        daemon.wait_for("^the alarm box is not raised: this process has no master, or none yet$")
        daemon.wait_for("^\\[uwsgi-alarm\\] somebody raises 'bax', and no alarm is called so$")
        self.await_box(*phases[:-1])
        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(), 0)
        self.await_box(*phases)

    def test_other_languages(self) -> None:
        """Applications in Perl and in Ruby raise alarms by the same function."""
        requires("perl", "ruby")
        for option, name, text in (("psgi", "app.psgi", PERL), ("rack", "app.ru", RUBY)):
            app = self.folder / name
            app.write_text(text)
            daemon = self.launch(
                f"socket = {self.folder}/{option}.sock\n{option} = {app}\nneed-app = true\n"
                + f"alarm = box cmd:{KEEP}\n".format(folder=self.folder)
            )
            daemon.wait_for(r"^spawned uWSGI worker 1 ")
            self.assertEqual(uwsgi_fetch(self.path(f"{option}.sock"), "/").status, 200)
            wait_until(lambda: f"by {option}" in self.box(), option)  # noqa: B023
            daemon.signal(signal.SIGTERM)
            self.assertEqual(daemon.wait(), 0)

    def test_mistakes(self) -> None:
        """A name that nobody made stops the start, with the line and what was probably meant."""
        daemon = self.launch("socket = app.sock\nalarm = mail cmd:cat\nlog-alarm = mial error\n")
        self.assertEqual(daemon.wait(), 1)
        self.assertIn("site.ini:4: log-alarm: no alarm is called 'mial'; did you mean mail?", daemon.log())
