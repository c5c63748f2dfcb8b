"""Loggers and who they log to: real daemons where there are any, and the same bytes as uWSGI's."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import socket
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC
from pathlib import Path
from typing import Final
from unittest import SkipTest

import psutil

from tests.live.logpeers import Catcher, PeerCase, jail_prefix
from tests.live.support import PATIENCE, Daemon, examine, is_leaving, requires, uwsgi_fetch, wait_until
from tests.logs.loggers.gelf import GelfReceiver, read_message
from tests.logs.loggers.receivers import Server
from tests.logs.loggers.test_crypto import decrypt
from tests.logs.loggers.test_journal import read_entry
from tests.logs.loggers.test_redis import read_command

#: Prints what it was asked for.
APP: Final = """
def application(environ, start_response):
    print(environ["REQUEST_URI"].partition("?")[2], flush=True)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]
"""

#: Logs the record that it was asked for, or something else.
LOGGING_APP: Final = """
import os
def application(environ, start_response):
    number = environ["REQUEST_URI"].partition("?")[2]
    os.write(2, RECORDS[int(number)] if number else b"something else")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]
"""

SECRET: Final = "0123456789abcdef0123456789abcdef"

#: What the application of both servers logs.
RECORDS: Final = (
    b"rec plain\n",
    b"rec without a newline",
    b"rec two\nlines\n",
    b"rec two newlines\n\n",
    b"rec trailing blank \n",
    b"rec tab\tand % and \\ and \x01\n",
    b"rec \xc3\xbc and \xff\n",
    b"rec " + b"x" * 3000 + b"\n",
    b"rec END\n",
)


class LoggerCase(PeerCase):
    def site(self, more: str, prefix: list[str] | None = None, **words: object) -> Daemon:
        """uwsgid with these loggers."""
        (self.folder / "app.py").write_text(APP)
        config = (
            f"socket = {self.path('app.sock')}\nwsgi-file = {self.path('app.py')}\nneed-app = true\n"
            f"disable-logging = true\n{more.format(**words)}\n"
        )
        daemon = self.launch(config, prefix=prefix or [])
        wait_until(lambda: _listens(self.path("app.sock")), "the socket")
        return daemon

    def say(self, *texts: str) -> None:
        """Have the application print these."""
        for text in texts:
            uwsgi_fetch(self.path("app.sock"), f"/?{text}")


class PeerTests(LoggerCase):
    def test_all_at_once(self) -> None:
        """What an application prints comes to every one of them, from one instance."""
        port, syslog = self.rsyslogd()
        _, redis = self.redis()
        graylog, datagrams, sealed = self.udp(), self.udp(), self.udp()
        journal = self.journald()
        loki, otel = self.collector(), self.collector()
        mongod = self.mongod()
        pull, zeromq = self.zeromq()
        self.site(
            """
            logger = rsyslog:127.0.0.1:{port},shop,165
            logger = syslog:shopd,local3
            logger = systemd:shop
            logger = redislog:secret@127.0.0.1:{redis}/2,rpush log,web1:
            logger = graylog2:127.0.0.1:{graylog.port},web1
            logger = socket:127.0.0.1:{datagrams.port},pre
            logger = crypto:addr=127.0.0.1:{sealed.port},algo=aes-256-cbc,secret={SECRET},iv=xyz,prefix=w1
            logger = zeromq:tcp://127.0.0.1:{zeromq}
            logger = mongodblog:127.0.0.1:{mongod.port},shop.log,web1
            logger = loki:{loki.url},app=shop
            logger = otlp:{otel.url},service.name=shop
            logger = pipe:cat > {out}
            """,
            jail_prefix(self.folder),
            port=port,
            redis=redis,
            graylog=graylog,
            datagrams=datagrams,
            sealed=sealed,
            zeromq=zeromq,
            mongod=mongod,
            loki=loki,
            otel=otel,
            SECRET=SECRET,
            out=self.path("out"),
        )
        self.say("a-line")
        host = socket.gethostname().partition(".")[0]
        found = wait_until(lambda: re.search(r"(?m)^165 (\S+) shop: a-line$", syslog()), "rsyslogd by UDP")
        self.assertTrue(found[1])
        found = wait_until(
            lambda: re.search(r"(?m)^158 (\S+) shopd: a-line$", syslog()), "rsyslogd by /dev/log"
        )
        self.assertEqual(found[1].partition(".")[0], host)
        wait_until(
            lambda: "web1:a-line" in self.redis_cli(redis, "-n", "2", "lrange", "log", "0", "-1"), "Redis"
        )
        wait_until(lambda: b"prea-line\n" in datagrams.caught, "the socket")
        wait_until(
            lambda: [
                entry
                for entry in journal()
                if (entry["MESSAGE"], entry.get("SYSLOG_IDENTIFIER")) == ("a-line", "shop")
                and entry["PRIORITY"] == "6"
            ],
            "the journal",
        )
        wait_until(
            lambda: [
                text
                for text in (
                    decrypt(each, "aes-256-cbc", SECRET.encode(), b"xyz") for each in list(sealed.caught)
                )
                if re.fullmatch(rb"\d{16} w1 a-line\n", text)
            ],
            "the sealed one",
        )
        while pull.recv() != b"a-line\n":
            pass
        wait_until(lambda: [1 for _, _, it in list(mongod.inserted) if it["msg"] == "a-line\n"], "MongoDB")
        wait_until(lambda: "a-line" in loki.lines, "Loki")
        self.assertEqual(loki.labels[0]["app"], "shop")
        self.assertEqual(loki.encodings, {("/loki/api/v1/push", "gzip")})
        wait_until(lambda: "a-line" in otel.lines, "OpenTelemetry")
        self.assertEqual(otel.services, {"shop"})
        wait_until(lambda: "a-line\n" in Path(self.path("out")).read_text(), "the command")
        wait_until(lambda: self.gelf(graylog, "a-line"), "Graylog")

    def gelf(self, catcher: Catcher, text: str) -> bool:
        """Whether a message that is as GELF wants it has come with *text*."""
        there, here = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with there, here:
            here.settimeout(0)
            receiver = GelfReceiver(here)
            for data in list(catcher.caught):
                there.send(data)
                try:
                    if receiver.receive()["short_message"] == text:
                        return True
                except BlockingIOError:
                    continue
        return False

    def test_in_a_jail(self) -> None:
        """Names, libraries and certificates are found before a chroot hides them."""
        requires("root")
        _, redis = self.redis()
        loki, otel = self.collector(), self.collector()
        mongod = self.mongod()
        pull, zeromq = self.zeromq()
        datagrams = self.udp()
        jail = self.folder / "jail"
        jail.mkdir()
        (jail / "app.py").write_text(APP)
        daemon = self.launch(
            f"""
            http-socket = 127.0.0.1:0
            wsgi-file = /app.py
            need-app = true
            chroot = {jail}
            uid = 33
            gid = 33
            logger = redislog:secret@localhost:{redis},rpush log
            logger = loki:{loki.url.replace("127.0.0.1", "localhost")}
            logger = loki:https://127.0.0.1:1
            logger = otlp:{otel.url},compression=gzip
            logger = zeromq:tcp://127.0.0.1:{zeromq}
            logger = mongodblog:127.0.0.1:{mongod.port}
            logger = socket:localhost:{datagrams.port}
            """
        )
        spawned = "spawned uWSGI worker 1 "
        wait_until(lambda: spawned in self.redis_cli(redis, "lrange", "log", "0", "-1"), "Redis")
        wait_until(lambda: [1 for line in loki.lines if spawned in line], "Loki")
        wait_until(lambda: [1 for line in otel.lines if spawned in line], "OpenTelemetry")
        wait_until(lambda: [1 for _, _, it in list(mongod.inserted) if spawned in it["msg"]], "MongoDB")
        wait_until(lambda: [1 for data in list(datagrams.caught) if spawned.encode() in data], "UDP")
        while spawned.encode() not in pull.recv():
            pass
        daemon.wait_for("written to the original log: https://127.0.0.1:1: Connection refused")
        self.assertEqual(daemon.seen("ModuleNotFound|ImportError|Traceback|No such file"), 0, daemon.log())


class FailureTests(LoggerCase):
    def test_away_and_back(self) -> None:
        """Peers that are away cost nobody time; the log says so, has the lines, and they are found again."""
        redis, port = self.redis()
        collector = self.collector()
        collector.refuse = True
        daemon = self.site(
            """
            logger = redislog:secret@127.0.0.1:{port},rpush log
            logger = loki:{url}
            """,
            port=port,
            url=collector.url,
        )
        self.say("first")
        wait_until(lambda: "first" in self.redis_cli(port, "lrange", "log", "0", "-1"), "Redis")
        daemon.wait_for(r"^\[logger loki\] \d+ records? written to the original log: http://\S+ answered 503")
        daemon.wait_for("^first$")
        redis.close()
        self.say(*(f"second-{number}" for number in range(50)))
        daemon.wait_for(
            r"^\[logger redislog\] \d+ records? written to the original log: 127.0.0.1:\d+: Connection"
        )
        for number in range(50):
            daemon.wait_for(f"^second-{number}$", count=2)
        self.assertLess(daemon.seen(r"^\[logger redislog\]"), 20)
        collector.refuse = False
        self.redis(port)

        def are_found() -> bool:
            self.say("third")  # what comes while nobody is asked yet is in the log
            there = "third" in self.redis_cli(port, "lrange", "log", "0", "-1")
            return there and "third" in collector.lines

        wait_until(are_found, "Redis and Loki again", every=0.2)

    def test_hang(self) -> None:
        """Peers that take a connection and say nothing, or do not read, hold nobody up."""
        silent = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(silent.close)
        deaf = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(deaf.close)
        deaf.bind(self.path("deaf"))
        daemon = self.site(
            """
            logger = redislog:127.0.0.1:{port}
            logger = loki:http://127.0.0.1:{port}
            logger = socket:{deaf}
            logger = rsyslog:{deaf}
            logger = pipe:exec sleep 1000
            logger = file:{file}
            """,
            port=silent.getsockname()[1],
            deaf=self.path("deaf"),
            file=self.path("file.log"),
        )
        start = time.monotonic()
        self.say(*(f"line-{number}" for number in range(200)))
        self.assertLess(time.monotonic() - start, PATIENCE / 2)
        file = Path(self.path("file.log"))
        wait_until(lambda: "line-199\n" in file.read_text(), "the file, which does not wait for others")
        daemon.wait_for(r"^\[logger (redislog|socket|rsyslog)\] \d+ records? written to the original log: ")
        daemon.close()
        self.assertEqual(daemon.survivors(), [])


class ReloadTests(LoggerCase):
    def test_reload(self) -> None:
        """A reload sends what there is, ends the command, and begins anew without leaving anybody behind."""
        pull, zeromq = self.zeromq()
        daemon = self.site(
            "master = true\nlogger = pipe:exec cat >> {out}\nlogger = zeromq:tcp://127.0.0.1:{zeromq}",
            out=self.path("out"),
            zeromq=zeromq,
        )
        out = Path(self.path("out"))
        for generation in range(3):
            self.say(f"line-{generation}")
            wait_until(lambda: f"line-{generation}\n" in out.read_text(), "the command")  # noqa: B023
            while pull.recv() != f"line-{generation}\n".encode():
                pass
            daemon.signal(signal.SIGHUP)
            wait_until(
                lambda: out.read_text().count("spawned uWSGI worker 1 ") == generation + 2,  # noqa: B023
                "the reload",
            )

        def commands() -> list[str]:
            names = examine(psutil.Process(daemon.pid).children(), lambda child: str(child.name()))
            return [name for name in names.values() if name == "cat"]

        wait_until(lambda: commands() == ["cat"], "only the last command is left")
        wait_until(
            lambda: not [one for one in psutil.Process(daemon.pid).children() if is_leaving(one)],
            "no zombies",
        )
        lines = out.read_text().splitlines()
        self.assertEqual([line for line in lines if line.startswith("line-")], ["line-0", "line-1", "line-2"])


class BesideUwsgiTests(PeerCase):
    """The same config under both; what they send has to be the same."""

    def run_both(
        self,
        config: str,
        complete: Sequence[Callable[[], bool]],
        paced: Sequence[Catcher] = (),
        app: str = LOGGING_APP,
        pass_fds: Sequence[int] = (),
    ) -> Iterator[str]:
        """Start each server, whose application logs RECORDS; its name, once all is complete.

        :param paced: those who get a record after the other, as what waits for them is soon too much.
        """
        requires("uwsgi-core")
        (self.folder / "app.py").write_text(f"RECORDS = {RECORDS!r}\n{app}")
        for server in ("uwsgi", "uwsgid"):
            where = f"{self.path(server)}.sock"
            daemon = self.launch(
                f"socket = {where}\nwsgi-file = {self.path('app.py')}\nmaster = true\n"
                f"disable-logging = true\n{config}\n",
                server=server,
                name=f"{server}.ini",
                prefix=jail_prefix(self.folder),
                pass_fds=pass_fds,
            )
            self.daemon = daemon
            wait_until(lambda: _listens(where), where)  # noqa: B023

            def has_room() -> bool:
                """Whether what was said at the start is out of the way."""
                uwsgi_fetch(where, "/?")  # noqa: B023
                return all(_count(each, b"something else") for each in paced)

            wait_until(has_room, f"{server} to have room", every=0.05)
            for number in range(len(RECORDS)):
                uwsgi_fetch(where, f"/?{number}")
                wait_until(lambda: all(_count(each) > number for each in paced), f"{server}: {number}")  # noqa: B023
            wait_until(lambda: all(look() for look in complete), f"{server}: {daemon.log()}")
            daemon.signal_all(signal.SIGKILL)  # uWSGI takes its time otherwise
            daemon.close()
            yield server

    def compare(self, found: dict[str, dict[str, list[bytes]]]) -> None:
        for name, original in found["uwsgi"].items():
            self.assertEqual(found["uwsgid"][name], original, name)

    def test_every_engine_that_debian_has(self) -> None:
        """Packets, messages, commands and entries are the same, but for their times."""
        datagrams, short, plain, sealed = self.udp(), self.udp(), self.udp(), self.udp()
        local, syslog, journal = self.unix("local"), self.unix("log.sock"), self.unix("journal.sock")
        flat = self.unix("flat")
        commands: list[list[bytes]] = []

        def serve(made: socket.socket) -> None:
            with made.makefile("rb") as stream:
                while words := read_command(stream):
                    commands.append(words)
                    made.sendall(b"+OK\r\n")

        redis = Server(serve)
        self.addCleanup(redis.close)
        pull, port = self.zeromq()
        messages: list[bytes] = []

        def pulled() -> bool:
            while pull.poll(0):
                messages.append(pull.recv())
            return any(b"rec END" in each for each in messages)

        def end_of(catcher: Catcher) -> Callable[[], bool]:
            return lambda: any(b"rec END" in each for each in list(catcher.caught))

        catchers = {
            "socket": datagrams,
            "path": local,
            "rsyslog": short,
            "rsyslog defaults": plain,
            "rsyslog to a path": flat,
            "syslog": syslog,
            "systemd": journal,
        }
        plugins = ["logsocket", "rsyslog", "syslog", "systemd_logger", "logcrypto", "redislog", "logzmq"]
        found: dict[str, dict[str, list[bytes]]] = {}
        for server in self.run_both(
            "\n".join(f"plugin = {name}" for name in plugins)
            + f"""
            logger = socket:127.0.0.1:{datagrams.port},pre:
            log-socket = {self.path("local")}
            logger = rsyslog:127.0.0.1:{short.port},shop,165
            logger = rsyslog:127.0.0.1:{plain.port}
            logger = rsyslog:{self.path("flat")},shop,14
            log-syslog = shop,local3
            logger = crypto:addr=127.0.0.1:{sealed.port},algo=aes-256-cbc,secret={SECRET},iv=xyz,prefix=web1
            logger = redislog:secret@127.0.0.1:{redis.port}/3,publish it,pre:
            log-zeromq = tcp://127.0.0.1:{port}
            logger = systemd
            """,  # systemd is the last, as in uWSGI it spoils records for those that follow
            [
                *(end_of(catcher) for catcher in catchers.values()),
                lambda: any(b"rec END" in text for text in self.unsealed(sealed)),
                lambda: any(b"rec END" in words[-1] for words in list(commands)),
                pulled,
            ],
            [local, syslog, journal, flat],
        ):
            found[server] = {
                name: [_without_time(each) for each in catcher.caught if b"rec " in each]
                for name, catcher in catchers.items()
            }
            found[server]["crypto"] = [
                re.sub(rb"^\d{16} ", b"", text) for text in self.unsealed(sealed) if b"rec " in text
            ]
            found[server]["zeromq"] = [each for each in messages if b"rec " in each]
            found[server]["redislog"] = [
                b" ".join((words[0].upper(), *words[1:]))
                for words in commands
                if b"rec " in words[-1] or len(words) == 2
            ]
            found[server]["systemd"] = [
                entry["PRIORITY"] + b" " + entry["MESSAGE"]
                for entry in map(read_entry, _from_first_to_last(journal.caught))
            ]
            # uWSGI has no room for a long record behind a header of 30 bytes, and sends nothing
            found[server]["rsyslog defaults"] = [
                each for each in found[server]["rsyslog defaults"] if b"xxx" not in each
            ]
            messages.clear()
            commands.clear()
            for catcher in (sealed, *catchers.values()):
                catcher.caught.clear()
        self.compare(found)
        ours = found["uwsgid"]
        self.assertEqual(ours["socket"], [b"pre:" + record for record in RECORDS])
        self.assertEqual(ours["path"], list(RECORDS))
        self.assertEqual(ours["zeromq"], list(RECORDS))
        self.assertEqual(ours["crypto"], [b"web1 " + record for record in RECORDS])
        self.assertEqual(ours["rsyslog"][0], b"<165>T shop: rec plain")
        self.assertEqual(ours["syslog"][0], b"<158>T shop: rec plain\n")
        self.assertEqual(ours["redislog"][:3], [b"AUTH secret", b"SELECT 3", b"PUBLISH it pre:rec plain"])

    def unsealed(self, catcher: Catcher) -> list[bytes]:
        return [decrypt(each, "aes-256-cbc", SECRET.encode(), b"xyz") for each in list(catcher.caught)]

    def test_files_and_descriptors(self) -> None:
        """A file, a descriptor, a command and standard output get the bytes as they are."""
        self.unix("log.sock")
        self.unix("journal.sock")
        paths = {name: Path(self.path(f"{name}.out")) for name in ("file", "fd", "pipe")}
        descriptor = os.open(paths["fd"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.addCleanup(os.close, descriptor)

        def complete() -> bool:
            said = [path.read_bytes() if path.exists() else b"" for path in paths.values()]
            return all(b"rec END" in each for each in (*said, self.daemon.log().encode()))

        found: dict[str, dict[str, list[bytes]]] = {}
        for server in self.run_both(
            f"plugin = logfile\nplugin = logpipe\nlogger = file:{paths['file']}\nlogger = fd:{descriptor}\n"
            f"logger = pipe:cat >> {paths['pipe']}\nlogger = stdio",
            [complete],
            pass_fds=[descriptor],
        ):
            said = {name: path.read_bytes() for name, path in paths.items()}
            said["stdio"] = self.daemon.log().encode()  # which was read as text
            found[server] = {name: [text[text.index(b"rec plain") :]] for name, text in said.items()}
            for path in paths.values():
                os.truncate(path, 0)
        self.compare(found)
        whole = b"".join(RECORDS)
        for name in paths:
            self.assertEqual(found["uwsgid"][name], [whole], name)
        text = whole.decode("utf-8", "replace").rstrip("\n")
        self.assertEqual(found["uwsgid"]["stdio"], [text.encode()])

    def test_graylog(self) -> None:
        """What Graylog keeps of a record is the same; ours is JSON, whose short message is a line."""
        requires_plugin("graylog2")
        catcher = self.udp()
        self.unix("log.sock")
        self.unix("journal.sock")
        found: dict[str, list[bytes]] = {}
        for server in self.run_both(
            f"plugin = graylog2\nlogger = graylog2:127.0.0.1:{catcher.port},web1",
            [lambda: any(b"rec END" in zlib.decompress(each) for each in list(catcher.caught))],
        ):
            found[server] = [text for text in map(zlib.decompress, list(catcher.caught)) if b'"rec ' in text]
            catcher.caught.clear()
        theirs = [json.loads(text.decode("utf-8", "replace"), strict=False) for text in found["uwsgi"]]
        ours = [read_message(text) for text in found["uwsgid"]]
        self.assertEqual(len(ours), len(RECORDS))
        for original, message, record in zip(theirs, ours, RECORDS, strict=True):
            self.assertEqual((original["version"], message["version"]), ("1.0", "1.1"))
            self.assertEqual(message["short_message"], original["short_message"].partition("\n")[0].strip())
            self.assertEqual(message["full_message"], record.decode("utf-8", "replace"))
            self.assertLess(abs(message["timestamp"] - time.time()), 300)
            self.assertLess(abs(original["timestamp"] - time.time()), 300)
            # Graylog drops the underscore of an additional field
            kept, kept_of_theirs = (
                {name.removeprefix("_"): value for name, value in each.items()}
                for each in (message, original)
            )
            for name in ("version", "short_message", "timestamp"):
                del kept[name], kept_of_theirs[name]
            for each in (kept, kept_of_theirs):
                each["facility"] = re.sub("-.*", "-VERSION", each["facility"])
            self.assertEqual(kept, kept_of_theirs)
        self.assertRaises(ValueError, json.loads, found["uwsgi"][0])

    def test_mongodb(self) -> None:
        """The same documents, but for the id that a driver gives; uWSGI speaks as to servers of old."""
        requires_plugin("mongodblog", "uwsgi-plugin-mongo")
        mongod = self.mongod()
        self.unix("log.sock")
        self.unix("journal.sock")
        found: dict[str, dict[str, list[object]]] = {}
        for server in self.run_both(
            f"plugin = mongodblog\nlogger = mongodblog:127.0.0.1:{mongod.port},shop.log,web1",
            [lambda: any("rec END" in each["msg"] for _, _, each in list(mongod.inserted))],
        ):
            documents = [each for each in list(mongod.inserted) if each[2]["msg"].startswith("rec ")]
            for _, _, document in documents:
                document.pop("_id", None)
                age = time.time() - document.pop("ts").replace(tzinfo=UTC).timestamp()
                self.assertLess(abs(age), 300)
            found[server] = {"documents": list(documents)}
            mongod.inserted.clear()
        self.assertEqual(found["uwsgid"], found["uwsgi"])
        texts = [record.decode("utf-8", "replace") for record in RECORDS]
        self.assertEqual(
            found["uwsgid"]["documents"],
            [("shop", "log", {"node": "web1", "msg": text}) for text in texts],
        )

    def test_python(self) -> None:
        """The same messages at the same level, without their newline, to which handlers of Python add one.

        The argument has a file, which uWSGI takes for a part of the name; there the application configures
        logging.  uWSGI loses records that are no UTF-8.
        """
        self.unix("log.sock")
        self.unix("journal.sock")
        shown = "%(levelname)s %(message)r"
        (self.folder / "logging.json").write_text(
            json.dumps(
                {
                    "version": 1,
                    "formatters": {"shown": {"format": shown}},
                    "handlers": {
                        "file": {
                            "class": "logging.FileHandler",
                            "filename": self.path("uwsgid.log"),
                            "formatter": "shown",
                        }
                    },
                    "root": {"handlers": ["file"]},
                }
            )
        )
        configure = (
            f"import logging\nlogging.basicConfig(filename={self.path('uwsgi.log')!r}, format={shown!r})\n"
        )

        def lines(server: str) -> list[str]:
            log = Path(self.path(f"{server}.log"))
            return log.read_text().splitlines() if log.exists() else []

        found: dict[str, list[str]] = {}
        for server in self.run_both(
            f"logger = python:shop,{self.path('logging.json')}",
            [lambda: any("rec END" in line for line in lines(("uwsgi", "uwsgid")[len(found)]))],
            app=configure + LOGGING_APP,
        ):
            said = [line.partition(" ") for line in lines(server) if "rec " in line]
            self.assertEqual({level for level, _, _ in said}, {"ERROR"})
            found[server] = [ast.literal_eval(text) for _, _, text in said]
        readable = [record.decode() for record in RECORDS if _is_text(record)]
        self.assertEqual(found["uwsgi"], readable)
        self.assertEqual(
            found["uwsgid"], [record.decode("utf-8", "replace").removesuffix("\n") for record in RECORDS]
        )

    def test_pieces(self) -> None:
        """rsyslog: the same pieces of a given size."""
        catcher = self.udp()
        self.unix("log.sock")
        self.unix("journal.sock")
        config = f"logger = rsyslog:127.0.0.1:{catcher.port},shop,0\nrsyslog-packet-size = 256"
        found: dict[str, dict[str, list[bytes]]] = {}
        for server in self.run_both(
            f"plugin = rsyslog\n{config}\nrsyslog-split-messages = true",
            [lambda: any(b"rec END" in each for each in list(catcher.caught))],
        ):
            found[server] = {"pieces": [_without_time(each) for each in _from_first_to_last(catcher.caught)]}
            catcher.caught.clear()
        self.compare(found)
        self.assertEqual(len(found["uwsgid"]["pieces"]), len(RECORDS) + 3004 // 226)


def requires_plugin(name: str, package: str = "") -> None:
    """Skip the running test, with the reason, where uWSGI lacks a plugin that is in a package of its own."""
    if not Path(f"/usr/lib/uwsgi/plugins/{name}_plugin.so").exists():
        raise SkipTest(f"needs the package {package or f'uwsgi-plugin-{name}'}")


def _is_text(record: bytes) -> bool:
    try:
        record.decode()
    except UnicodeDecodeError:
        return False
    return True


def _listens(path: str) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


def _count(catcher: Catcher, text: bytes = b"rec ") -> int:
    """How many of RECORDS have come."""
    return sum(text in each for each in list(catcher.caught))


def _from_first_to_last(caught: Sequence[bytes]) -> Sequence[bytes]:
    """What came from the first of RECORDS to the last."""
    first = next(at for at, each in enumerate(caught) if b"rec plain" in each)
    last = next(at for at, each in enumerate(caught) if b"rec END" in each)
    return caught[first : last + 1]


def _without_time(packet: bytes) -> bytes:
    return re.sub(rb"\w{3} [ \d]\d \d\d:\d\d:\d\d", b"T", packet, count=1)
