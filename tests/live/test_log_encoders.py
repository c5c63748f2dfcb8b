"""The same records through the encoders of the real uWSGI and through ours: the same bytes.

Debian's uWSGI (2.0.21), with its msgpack plugin, stands for the original.  One configuration has a named
logger for each chain of encoders, and a route that sends each record to all of them.
"""

from __future__ import annotations

import gzip
import json
import re
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import ClassVar, Final

import msgpack

from tests.live.support import APPS, LiveCase, free_port, requires, talk, uwsgi_packet, wait_until
from uwsgid.logs.encoders.sealed import HEAD, read_key
from uwsgid.logs.encoders.unsealing import Opened, Unsealer

#: What the application writes, a record at a time.
RECORDS: Final = (
    b"REC hello\n",
    b"REC no newline",
    b"REC \n",
    b"REC 100%d %b ${msg} $ %%\n",
    b'REC "quoted" \\ back\\nslash \t\r\n',
    "REC grüß € 😀\n".encode(),
    b"REC two\nlines\n\n",
    b"REC " + b"x" * 27,
    b"REC " + b"x" * 28,
    b"REC " + b"y" * 251 + b"\n",
    b"REC " + b"y" * 252 + b"\n",
    b"REC " + b"z" * 8000 + b"\n",
)

#: What only some chains get: control characters, and what is no UTF-8.
ODD: Final = (b"ODD \x01\x1b[31m\x7f\n", b"ODD \0nul\n", b"ODD bad \xff\xfe\n", "ODD \u2028\x85\n".encode())

APP: Final = f"""
import os
for record in {(*RECORDS, *ODD)!r}:
    os.write(2, record)
os.write(2, b"all written\\n")
def application(environ, start_response):
    start_response("200 OK", [])
    return []
"""

#: Chains whose bytes are the same, a percent sign being two in a configuration.
PLAIN: Final = (
    ("prefix A",),
    ("prefix  with spaces : and ,",),
    ("prefix",),
    ("suffix B",),
    ("suffix  B",),
    ("nl",),
    ("nl x",),
    ("prefix one", "suffix two", "nl", "prefix three"),
    ("format ${msg}",),
    ("format <${msg}>", "nl"),
    ("format <${msgnl}>",),
    ("format a${msg}b${msgnl}c${msg}",),
    ("format {${msg}} ${msg}}",),
    ("format 100%% %%d${msg}",),
    ("format constant", "nl"),
    ("format a$b", "nl"),
    ("format a$$b$", "nl"),
    ("format $${msg}",),
    ("format $$${msg}",),
    ("format $a${msg}",),
    ("format $}{${msg}",),
    ("format ${strftime:%%Z} ${msg}",),
    ("format ${strftime:%%%%%%Q}${msg}",),
    ("format <${strftime:}>",),
    ("format <${strftime:" + "x" * 63 + "}>",),
    ("format <${strftime:" + "x" * 64 + "}>",),
    ("format ${strftime:a}b}c",),
    ("msgpack map:1|str:msg|msg",),
    ("msgpack msg|msgnl|msgbin|msgbinnl",),
    ("msgpack str:a:b|str:|str|bin:abc|bin:|bin",),
    ("msgpack str:" + "x" * 31 + "|str:" + "x" * 32 + "|str:" + "x" * 300 + "|bin:" + "x" * 300,),
    ("msgpack map:0|map:15|map:16|map:65535|map:65536",),
    ("msgpack array:0|array:15|array:16|array:65535|array:65536",),
    ("msgpack nil||true|false|",),
    ("msgpack nil:x|true:y|msg:z",),
    ("msgpack strftime:%%Z|strftime|strftime:" + "x" * 63 + "|strftime:" + "x" * 64,),
    (
        "msgpack "
        + "|".join(
            f"int:{sign}{number + off}"
            for number in (0, 32, 127, 256, 32768, 65536, 2**31, 2**32, 2**63 - 2)
            for off in (-1, 0, 1)
            for sign in ("", "-")
            if number + off >= 0
        ),
    ),
    (
        "msgpack float:0|float:1.5|float:0.1|float:-1.5|float:126|float:127|float:127.5|float:-126|"
        "float:-126.5|float:1e300|float:inf",
    ),
)

#: The same, with records that are text.
JSON: Final = (
    ('json {"msg":"${msg}"}', "nl"),
    ('json "${msgnl}"',),
    ('json {"at":"${strftime:"%%Z"\\}","msg":"${msg}"}', "nl"),
)

#: Chains that end in what has to be decoded, and how.
PACKED: Final[tuple[tuple[str, ...], ...]] = (
    ("gzip",),
    ("compress",),
    ('json {"msg":"${msg}"}', "gzip"),
    ("nl", "gzip", "gzip"),
)

#: What tells the time.
TIMED: Final = (
    ("format ${unix} ${millis} ${micros} ${strftime:%%Y-%%m-%%d %%H:%%M:%%S}", "nl"),
    ('json {"unix":${unix},"msg":"${msg}"}', "nl"),
)

#: The numbers of a moment.
NUMBERS: Final = ("msgpack unix|micros",)

#: Where uWSGI is not followed.
DOLLAR: Final = ("format ${msg}$b", "nl")
OPEN: Final = ("format x${msg", "nl")

#: For records that are no text.
ANY_BYTES: Final = (("prefix A",), ("format <${msg}>",), ("msgpack msg|msgbinnl",), ("suffix B", "nl"))

Chain = tuple[str, ...]

ALL: Final = "^REC"
ODDS: Final = "^ODD"
CHAINS: Final[tuple[tuple[str, Chain], ...]] = (
    *((ALL, chain) for chain in (*PLAIN, *JSON, *PACKED, *TIMED, NUMBERS, DOLLAR, OPEN)),
    *((ODDS, chain) for chain in (*ANY_BYTES, JSON[0])),
)


def members(data: bytes, kind: int) -> list[bytes]:
    """What is in the members of gzip, or the streams of zlib, one after the other."""
    found = []
    while data:
        reader = zlib.decompressobj(kind)
        found.append(reader.decompress(data))
        assert reader.eof
        data = reader.unused_data
    return found


class EncoderTests(LiveCase):
    """Chains beside uWSGI.  Each server is started once, with all of them."""

    #: Server to what its chains made.
    made: ClassVar[dict[str, list[bytes]]] = {}

    def run_chains(self, server: str) -> list[bytes]:
        """What each chain makes of its records."""
        folder = self.folder / server
        folder.mkdir()
        (self.folder / "app.py").write_text(APP)
        config = (
            f"socket = {self.path(server)}.sock\nwsgi-file = {self.path('app.py')}\n"
            "master = true\nlog-master = true\n"
        )
        if server == "uwsgi":
            config = "plugins = msgpack,logfile\n" + config
        for at, (regex, chain) in enumerate(CHAINS):
            config += f"logger = c{at} file:{folder}/{at}\nlog-route = c{at} {regex}\n"
            for encoder in chain:
                name, space, arguments = encoder.partition(" ")
                config += f"log-encoder = {name}:c{at}{space}{arguments}\n"
        daemon = self.launch(config, server=server, name=f"{server}.ini")
        # the pipe keeps the order, so all records are where they belong
        daemon.wait_for("^all written$")
        daemon.close()
        return [(folder / f"{at}").read_bytes() for at in range(len(CHAINS))]

    def both(self, chain: Chain, regex: str = ALL) -> tuple[bytes, bytes]:
        """What uWSGI and uwsgid made of the records of a chain."""
        requires("uwsgi-core")
        for server in ("uwsgi", "uwsgid"):
            if server not in self.made:
                self.made[server] = self.run_chains(server)
        at = CHAINS.index((regex, chain))
        return self.made["uwsgi"][at], self.made["uwsgid"][at]

    def test_same_bytes(self) -> None:
        """Every encoder and chain makes the bytes that uWSGI makes."""
        for chain in (*PLAIN, *JSON):
            original, ours = self.both(chain)
            self.assertTrue(original, chain)
            self.assertEqual(ours, original, chain)

    def test_same_when_decoded(self) -> None:
        """What is compressed is the same when it was decoded, a member for each record."""
        for chain in PACKED:
            kind = 15 if chain[-1] == "compress" else 31
            original, ours = (members(data, kind) for data in self.both(chain))
            self.assertEqual(len(ours), len(RECORDS), chain)
            if chain[-2:] == ("gzip", "gzip"):
                original, ours = ([gzip.decompress(part) for part in parts] for parts in (original, ours))
            self.assertEqual(ours, original, chain)

    def test_time(self) -> None:
        """Templates with the time differ in its digits only."""
        for chain in TIMED:
            original, ours = self.both(chain)
            self.assertEqual(re.sub(rb"\d", b"#", ours), re.sub(rb"\d", b"#", original), chain)
        for data in self.both(TIMED[0]):
            for line in data.splitlines():
                unix, millis, micros = map(int, line.split()[:3])
                self.assertLess(abs(time.time() - unix), 300)
                self.assertEqual(micros // 1000, millis)
                self.assertLess(abs(micros - unix * 10**6), 1.5e6)

    def test_time_in_msgpack(self) -> None:
        """Its numbers take as many bytes, and mean the same."""
        for data in self.both(NUMBERS):
            self.assertEqual(len(data), 14 * len(RECORDS))
            unpacker = msgpack.Unpacker()
            unpacker.feed(data)
            for unix, micros in zip(*[iter(unpacker)] * 2, strict=True):
                self.assertLess(abs(time.time() - unix), 300)
                self.assertLess(abs(micros - unix * 10**6), 1.5e6)

    def test_odd_records(self) -> None:
        """All encoders but json pass any byte, as uWSGI does."""
        for chain in ANY_BYTES:
            original, ours = self.both(chain, ODDS)
            self.assertEqual(ours, original, chain)

    def test_odd_records_in_json_are_json_here(self) -> None:
        """Control characters and bytes that are no text are left in by uWSGI, and its JSON is none."""
        original, ours = self.both(JSON[0], ODDS)
        texts = [record[:-1].decode("utf-8", "replace") for record in ODD]
        self.assertEqual([json.loads(line)["msg"] for line in ours.decode().splitlines()], texts)
        with self.assertRaises(ValueError):
            json.loads(original.splitlines()[0])

    def test_dollar_behind_a_variable_stays_here(self) -> None:
        """A dollar behind a variable is dropped by uWSGI, with the character that follows it."""
        original, ours = self.both(DOLLAR)
        self.assertEqual(original.splitlines()[0], b"REC hello")
        self.assertEqual(ours.splitlines()[0], b"REC hello$b")

    def test_open_brace_is_dropped_here(self) -> None:
        """Of a variable without an end uWSGI 2.0 leaves as many characters as stand before its name."""
        original, ours = self.both(OPEN)
        self.assertEqual(original.splitlines()[0], b"x${m")
        self.assertEqual(ours.splitlines()[0], b"x")


#: A key as openssl writes it.
SECRET: Final = b"8f1d7ac03be6925418f0c47d6b2ea9135fd8037b91e64c2ab07f15d3894ee260\n"


class OwnTests(LiveCase):
    """What uWSGI does not have."""

    def test_sealed(self) -> None:
        """What a logger sealed is read by ``uwsgid unseal``, through the compression that came before."""
        key = self.folder / "site.key"
        key.write_bytes(SECRET)
        key.chmod(0o600)
        daemon = self.launch(
            f"socket = {self.path('a.sock')}\nwsgi-file = {APPS / 'probe.py'}\nmaster = true\n"
            f"logto = {self.path('site.log')}\nlog-encoder = gzip\nlog-encoder = aead key-file={key}\n"
        )
        log = Path(self.path("site.log"))

        def is_there() -> bool:
            said = Unsealer([read_key(str(key))]).feed(log.read_bytes()) if log.exists() else []
            lines = [gzip.decompress(each.record) for each in said if isinstance(each, Opened)]
            return any(line.startswith(b"spawned uWSGI worker 1 ") for line in lines)

        wait_until(is_there, "the line of the worker")
        log.write_bytes(b"")
        with open(self.path("site.ini"), "a") as config:
            config.write("processes = 2\n")
        daemon.signal(signal.SIGHUP)  # a new image; what is said in between is sealed as well
        wait_until(is_there, "the line of the next worker")
        daemon.close()
        self.assertNotIn(b"spawned uWSGI worker", log.read_bytes())
        command = [sys.executable, "-m", "uwsgid", "unseal", str(key)]
        done = subprocess.run(command, input=log.read_bytes(), capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertIn(b"\nspawned uWSGI worker 1 ", gzip.decompress(done.stdout))

    def test_sealed_where_a_logger_is_away(self) -> None:
        """What was to be sealed for a logger that is away comes to the log sealed; the rest as it is."""
        key = self.folder / "site.key"
        key.write_bytes(SECRET)
        key.chmod(0o600)
        (self.folder / "app.py").write_text(APP)
        log = Path(self.path("site.log"))
        self.launch(
            f"socket = {self.path('a.sock')}\nwsgi-file = {self.path('app.py')}\nmaster = true\n"
            f"logto = {log}\nlogger = archive redislog:127.0.0.1:{free_port()},rpush log\n"
            f"log-route = archive ^REC\nlog-encoder = aead:archive key-file={key}\n"
        )

        def opened() -> list[bytes]:
            said = Unsealer([read_key(str(key))]).feed(log.read_bytes()) if log.exists() else []
            return [each.record for each in said if isinstance(each, Opened)]

        wait_until(lambda: len(opened()) == len(RECORDS), "the records in the log")
        wait_until(lambda: b"[logger archive]" in log.read_bytes(), "the line about it")
        self.assertEqual(opened(), list(RECORDS))
        text = log.read_bytes()
        self.assertNotIn(b"REC ", text)
        self.assertIn(b"spawned uWSGI worker 1 ", text)
        self.assertIn(b"records written to the original log: 127.0.0.1:", text)

    def test_no_request_forges(self) -> None:
        """Whatever a client sends, each request is one line of JSON with the fields of the template."""
        hostile = (
            'curl"',
            '","admin":true,"x":"',
            '"}\n{"msg":"forged","unix":0}\r\n',
            "\0\x01\x1b[31m\x7f\\u0022\\",
            "\xff\xfe \xe2\x80\xa8 \xc2\x85 gr\xc3\xbc\xc3\x9f",
            "${msg} %(uri) %b %d",
            "last",
        )
        where, log = self.path("a.sock"), Path(self.path("requests.json"))
        self.serve(
            f"socket = {where}\nwsgi-file = {APPS / 'probe.py'}\nmaster = true\n"
            f"req-logger = file:{log}\nlog-format = %(uagent)\n"
            'log-req-encoder = json {"unix":${unix},"msg":"${msg}"}\nlog-req-encoder = nl\n'
        )
        for agent in hostile:
            talk(
                where, uwsgi_packet({"REQUEST_METHOD": "GET", "PATH_INFO": "/env", "HTTP_USER_AGENT": agent})
            )
        wait_until(lambda: log.exists() and b'"last"' in log.read_bytes(), "the line of the last request")
        lines = log.read_bytes().decode().splitlines()
        self.assertEqual(len(lines), len(hostile))
        found = [json.loads(line) for line in lines]
        self.assertEqual([set(each) for each in found], [{"unix", "msg"}] * len(hostile))
        said = [each["msg"] for each in found]
        self.assertEqual([said[at] for at in (0, 1, 5, 6)], [hostile[at] for at in (0, 1, 5, 6)])
        self.assertIn("grüß", said[4])

    def test_sealed_by_workers(self) -> None:
        """Workers that seal side by side, and those of the next start, never use a nonce twice."""
        key = self.folder / "site.key"
        key.write_bytes(SECRET)
        key.chmod(0o600)
        (self.folder / "app.py").write_text(APP)
        config = (
            f"wsgi-file = {self.path('app.py')}\nmaster = true\nprocesses = 3\nlazy-apps = true\n"
            f"worker-logger = file:{self.path('sealed')}\nworker-log-encoder = aead key-file={key}\n"
        )
        log = Path(self.path("sealed"))
        for start in (1, 2):
            daemon = self.launch(f"socket = {self.path(f'{start}.sock')}\n{config}", name=f"{start}.ini")

            def complete(start: int = start) -> bool:
                said = Unsealer([read_key(str(key))]).feed(log.read_bytes()) if log.exists() else []
                return said.count(Opened(b"all written\n")) == 3 * start

            wait_until(complete, "the lines of all workers")
            daemon.close()
        unsealer, data = Unsealer([read_key(str(key))]), log.read_bytes()
        said = unsealer.feed(data) + unsealer.finish()
        self.assertEqual([each for each in said if not isinstance(each, Opened)], [])
        for record in RECORDS:
            self.assertEqual(said.count(Opened(record)), 6)
        nonces, at = [], 0
        while at < len(data):
            _, _, length, _, session, number = HEAD.unpack_from(data, at)
            nonces.append((session, number))
            at += HEAD.size + length
        self.assertEqual(len(set(nonces)), len(said))
        self.assertEqual(len({session for session, _ in nonces}), 6)

    def test_mistakes(self) -> None:
        """Encoders, variables, types and keys that there are not stop the start, all in one go."""
        daemon = self.launch(
            f"socket = {self.path('a.sock')}\nwsgi-file = {APPS / 'probe.py'}\n"
            "log-encoder = jsn {}\nlog-encoder = format ${mgs}\nlog-encoder = msgpack mag:2\n"
            "log-encoder = aead key-file=/nowhere/key\nlog-encoder = gzip 11\n"
        )
        self.assertEqual(daemon.wait(), 1)
        for text in (
            "jsn",
            r"did you mean ${msg}",
            "did you mean msg or map",
            "'/nowhere/key' can not be read",
            "expected a level from 1 to 9",
        ):
            self.assertIn(text, daemon.log())
