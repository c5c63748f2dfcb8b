"""The line of a request."""

from __future__ import annotations

import os
import re
import time
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.config.settings import settings_of
from uwsgid.request.logline import LINE_LIMIT, plain_logger, request_logger
from uwsgid.request.reply import VIA_SENDFILE
from uwsgid.request.request import Request
from uwsgid.supervise.board import Board

DEFAULT_LINE = re.compile(
    r"^\[pid: \d+\|app: -?\d+\|req: -?\d+/\d+\] \S* \(.*?\) \{\d+ vars in \d+ bytes\} \[.{24}\] \S* \S* => "
    r"generated \d+ bytes in \d+ (msecs|micros) (via \w+\(\) )?\(\S* \d+\) \d+ headers in \d+ bytes "
    r"\(\d+ switches on core \d+\)$"
)
STARTED = 1378203072.25
NAMES = """
    uri method user addr host proto uagent referer pktsize modifier1 modifier2 vars cl status rsize hsize size
    headers time epoch ctime ltime ftime micros msecs pid wid switches core vsz rss vszM rssM secs tmsecs
    tmicros werr rerr ioerr var.QUERY_STRING metric.worker.0.requests nobody.knows
"""
VARIABLES = NAMES.split()


class Answer:
    """The attributes of a reply that a log line needs."""

    def __init__(self, protocol: str) -> None:
        self.protocol = protocol
        self.status = 200
        self.header_count = 2
        self.headers_size = 79
        self.body_size = 14
        self.via = ""
        self.write_errors = 0


class Errors:
    """The attribute of a body that a log line needs."""

    errors = 0


def request(**more: Any) -> Request:
    made = Request(
        {
            "REQUEST_METHOD": "GET",
            "REQUEST_URI": "/cart?id=1",
            "REMOTE_ADDR": "10.0.0.7",
            "REMOTE_USER": "ann",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_USER_AGENT": "curl",
            "QUERY_STRING": "id=1",
            **more,
        },
        0,
        0,
        0,
        STARTED,
    )
    made.reply = cast(Any, Answer(made.vars["SERVER_PROTOCOL"]))
    made.body = cast(Any, Errors())
    made.packet_size = 431
    made.var_count = 14
    made.micros = 12345
    made.app_id = 0
    made.app_requests = 3
    return made


#: What the parts of a line that may be kept depend on, with values that are kept in the same place.
PARTS: dict[str, tuple[Any, ...]] = {
    "REMOTE_ADDR": ("10.0.0.7", "::1\n"),
    "REMOTE_USER": ("", "ann"),
    "REQUEST_METHOD": ("GET", "POST"),
    "REQUEST_URI": ("/", "/caf\u00c3\u00a9?a=\x7f", "/cart?id=1"),
    "SERVER_PROTOCOL": ("HTTP/1.0", "HTTP/1.1"),
    "app_id": (-1, 0, 1),
    "app_requests": (-1, 0, 9, 99, 100, 101, 199, 200, 1000, 1024, 123456),
    "core": (0, 1, 64),
    "later": (0.0, 0.2, 0.3, 0.74, 0.75, 60.0, -5.0),
    "micros": (0, 999, 1000, 99, 100, 99999, 100000, 12345678),
    "packet_size": (0, 431, 431 + 64, 432),
    "switches": (1, 2),
    "var_count": (0, 14, 15),
    "body_size": (0, 14, 1023, 1024, 10**10),
    "header_count": (2, 3),
    "headers_size": (0, 79, 79 + 64, 78),
    "status": (200, 404),
    "via": ("", VIA_SENDFILE),
}


def made_of(parts: dict[str, Any]) -> Request:
    """A request of some of `PARTS`."""
    made = request(**{name: value for name, value in parts.items() if name.isupper()})
    made.started += parts["later"]
    for name in ("app_id", "app_requests", "core", "micros", "packet_size", "switches", "var_count"):
        setattr(made, name, parts[name])
    for name in ("body_size", "header_count", "headers_size", "status", "via"):
        setattr(made.reply, name, parts[name])
    return made


def plain_line(asked: Request, divisor: int) -> str:
    """The line of *asked* on `board`, made in the plainest way."""

    def value(name: str) -> str:
        text = asked.vars[name]
        try:
            text.encode("latin-1")
        except UnicodeEncodeError:
            text = text.encode("utf-8", "replace").decode("latin-1")
        return re.sub("[\x00-\x1f\x7f]", lambda found: f"\\x{ord(found[0]):02x}", text)

    reply, via = asked.reply, asked.reply.via
    return (
        f"[pid: {os.getpid()}|app: {asked.app_id}|req: {asked.app_requests}/7] {value('REMOTE_ADDR')} "
        f"({value('REMOTE_USER')}) {{{2 * asked.var_count} vars in {asked.packet_size} bytes}} "
        f"[{time.ctime(int(asked.started))}] {value('REQUEST_METHOD')} {value('REQUEST_URI')} => generated "
        f"{reply.body_size} bytes in {asked.micros // divisor} {'msecs' if divisor > 1 else 'micros'}"
        f"{' via ' + via if via else ''} ({value('SERVER_PROTOCOL')} {reply.status}) {reply.header_count} "
        f"headers in {reply.headers_size} bytes ({asked.switches} switches on core {asked.core})\n"
    )


def board() -> Board:
    made = Board(slots=2, cores=2)
    made.requests[1] = 3
    made.past_requests[1] = 4
    return made


def line(config: str = "", asked: Request | None = None, on: Board | None = None) -> str | None:
    asked = asked or request()
    written: list[bytes] = []
    take, log = request_logger(settings_of(config), on or board(), 2, 1, written.append)
    if take is not None:
        take(asked)
    log(asked)
    return written[0].decode("latin-1") if written else None


class DefaultLineTests(SynchronousTestCase):
    def test_byte_for_byte(self) -> None:
        """The line is that of uWSGI, each space included."""
        self.assertEqual(
            line(),
            f"[pid: {os.getpid()}|app: 0|req: 3/7] 10.0.0.7 (ann) {{28 vars in 431 bytes}} "
            f"[{time.ctime(STARTED)}] GET /cart?id=1 => generated 14 bytes in 12 msecs (HTTP/1.1 200) "
            "2 headers in 79 bytes (1 switches on core 0)\n",
        )

    def test_tools_can_read_it(self) -> None:
        """The line has the shape that analysers of uWSGI logs expect, also with nothing known."""
        empty = request(SERVER_PROTOCOL="")
        empty.vars.clear()
        empty.app_id = empty.app_requests = -1
        for config in ("", "log-micros"):
            for asked in (request(), empty):
                self.assertRegex((line(config, asked) or "").rstrip("\n"), DEFAULT_LINE)

    def test_how_the_body_left(self) -> None:
        """sendfile() is named after the duration."""
        asked = request()
        cast(Any, asked.reply).via = VIA_SENDFILE
        self.assertIn(" in 12 msecs via sendfile() (HTTP/1.1 200) ", line("", asked) or "")

    def test_micros(self) -> None:
        """log-micros changes number and unit."""
        self.assertIn(" bytes in 12345 micros (", line("log-micros") or "")

    def test_memory_report(self) -> None:
        """memory-report puts two sizes in front."""
        on = board()
        on.vsz[1], on.rss[1] = 104857600, 10485761
        self.assertTrue(
            (line("memory-report", on=on) or "").startswith(
                "{address space usage: 104857600 bytes/100MB} {rss usage: 10485761 bytes/10MB} [pid: "
            )
        )

    def test_vhost(self) -> None:
        """With vhost the host of the request goes first."""
        made = line("vhost\nmemory-report", request(HTTP_HOST="shop\n.example")) or ""
        self.assertTrue(made.startswith("shop\\x0a.example {address space usage: 0 bytes/0MB} "), made)

    def test_forwarded_address(self) -> None:
        """log-x-forwarded-for takes the address from the header, where there is one."""
        self.assertIn(
            "] 1.2.3.4 (ann)", line("log-x-forwarded-for", request(HTTP_X_FORWARDED_FOR="1.2.3.4")) or ""
        )
        self.assertIn("] 10.0.0.7 (ann)", line("log-x-forwarded-for") or "")

    def test_a_client_can_not_forge_a_line(self) -> None:
        """Control characters in what a client sends are written as escapes."""
        made = line("", request(REQUEST_URI="/a\n[pid: 1|", REMOTE_USER="x\r\x1b[2J")) or ""
        self.assertEqual(made.count("\n"), 1)
        self.assertIn("/a\\x0a[pid: 1|", made)
        self.assertIn("(x\\x0d\\x1b[2J)", made)

    def test_a_long_line_loses_what_the_client_chose(self) -> None:
        """Beyond 4096 bytes the shape stays and the client's words go."""
        made = line("", request(REQUEST_URI="/" + "x" * LINE_LIMIT)) or ""
        self.assertIn("] 0.0.0.0 () {28 vars", made)
        self.assertIn("] - - => generated 14 bytes in 12 msecs (- 200) ", made)
        self.assertRegex(made.rstrip("\n"), DEFAULT_LINE)

    @given(st.lists(st.fixed_dictionaries({name: st.sampled_from(PARTS[name]) for name in PARTS})))
    @settings(deadline=None, max_examples=200)
    def test_what_the_last_line_said(self, steps: list[dict[str, Any]]) -> None:
        """Every line is the same as where each part of it is made anew."""
        for config, divisor in (("", 1000), ("log-micros", 1)):
            written: list[bytes] = []
            take, log = request_logger(settings_of(config), board(), 2, 1, written.append)
            assert take is not None
            expected = []
            for step in steps:
                asked = made_of(step)
                expected.append(plain_line(asked, divisor))
                take(asked)
                log(asked)
            self.assertEqual([made.decode("latin-1") for made in written], expected)

    @given(st.text(max_size=300))
    def test_any_text(self, text: str) -> None:
        """Whatever a client sends stands in the line as latin-1 bytes, its control characters escaped."""
        for name in ("REMOTE_ADDR", "REMOTE_USER", "REQUEST_METHOD", "REQUEST_URI", "SERVER_PROTOCOL"):
            asked = request(**{name: text})
            self.assertEqual(line("", asked), plain_line(asked, 1000))

    def test_long_words_are_not_kept(self) -> None:
        """What a client made long stands in its own line and costs no memory behind it."""
        held = plain_logger(settings_of(), board(), 1, lambda made: None, None, None)
        assert held is not None
        for number in range(200):
            asked = request(REMOTE_USER="u" * 300 + str(number), SERVER_PROTOCOL="p" * 300)
            asked.packet_size = cast(Any, asked.reply).headers_size = number
            held.log(asked)
        self.assertFalse([who for who in held._whos if len(who.user) > 100])
        self.assertFalse([how for how in held._hows if len(how.protocol) > 100])

    def test_bytes_leave_as_they_came(self) -> None:
        """A URI of UTF-8 bytes reaches the log as these bytes."""
        written: list[bytes] = []
        _, log = request_logger(settings_of(), board(), 2, 1, written.append)
        log(request(REQUEST_URI="/caf\u00c3\u00a9"))
        self.assertIn("/café =>".encode(), written[0])


class WireTests(SynchronousTestCase):
    """A line tells what the client asked, whatever the application makes of its environ."""

    FORMAT = "%(uri) %(method) %(user) %(addr) %(host) %(proto) %(uagent) %(referer) %(cl) %(var.HTTP_X)"

    def test_changed_and_deleted(self) -> None:
        """Neither what is changed nor what is deleted after the head was read is missed in the line."""
        for config in ("", "vhost", "log-x-forwarded-for", f"log-format = {self.FORMAT}"):
            for name in ("HTTP_HOST", "HTTP_REFERER", "CONTENT_LENGTH", "HTTP_X", "HTTP_X_FORWARDED_FOR"):
                asked = request(**{name: f"7{name}"})
                wanted = line(config, asked)
                written: list[bytes] = []
                take, log = request_logger(settings_of(config), board(), 2, 1, written.append)
                for change in (lambda environ: environ.update(dict.fromkeys(environ, "changed")), dict.clear):
                    asked = request(**{name: f"7{name}"})
                    assert take is not None
                    take(asked)
                    change(asked.vars)
                    log(asked)
                self.assertEqual([made.decode() for made in written], [wanted, wanted])

    def test_nothing_is_taken_for_nothing(self) -> None:
        """Where no line wants a variable none is taken; one that is asked for later has them all the same."""
        for config in ("log-format = %(status) %(cart)", "disable-logging"):
            self.assertIsNone(request_logger(settings_of(config), board(), 2, 1, print)[0])
        asked = request()
        asked.log = True
        self.assertIn("] GET /cart?id=1 =>", line("disable-logging", asked) or "")
        config = "disable-logging\nlog-4xx"
        self.assertIsNotNone(request_logger(settings_of(config), board(), 2, 1, print)[0])


class WantedTests(SynchronousTestCase):
    def logged(self, config: str, asked: Request | None = None) -> bool:
        return line(config, asked) is not None

    def test_disable_logging_has_a_value(self) -> None:
        """disable-logging = false leaves logging on, as in 2.0."""
        self.assertFalse(self.logged("disable-logging = true"))
        self.assertTrue(self.logged("disable-logging = false"))

    def test_any_condition_is_enough(self) -> None:
        """With logging disabled each log-* option brings back its requests and no others."""
        for option, attribute, yes, no in (
            ("log-zero = true", "body_size", 0, 1),
            ("log-4xx = true", "status", 404, 500),
            ("log-5xx = true", "status", 503, 404),
            ("log-big = 100", "body_size", 100, 99),
            ("log-sendfile = true", "via", VIA_SENDFILE, ""),
        ):
            asked = request()
            for value, expected in ((yes, True), (no, False)):
                setattr(asked.reply, attribute, value)
                self.assertIs(self.logged(f"disable-logging\n{option}", asked), expected, option)

    def test_slow(self) -> None:
        """log-slow counts milliseconds, the limit included."""
        asked = request()
        asked.micros = 50000
        self.assertTrue(self.logged("disable-logging\nlog-slow = 50", asked))
        self.assertFalse(self.logged("disable-logging\nlog-slow = 51", asked))

    def test_errors(self) -> None:
        """log-ioerror logs requests that could not be read or answered, and the variables say how often."""
        config = "disable-logging\nlog-ioerror\nlog-format = %(rerr) %(werr) %(ioerr)"
        asked = request()
        self.assertFalse(self.logged(config, asked))
        cast(Any, asked.body).errors = 2
        self.assertEqual(line(config, asked), "2 0 2\n")
        cast(Any, asked.reply).write_errors = 1
        self.assertEqual(line(config, asked), "2 1 3\n")

    def test_the_application_decides(self) -> None:
        """The flag of a request beats the options, both ways."""
        asked = request()
        asked.log = True
        self.assertTrue(self.logged("disable-logging", asked))
        asked.log = False
        self.assertFalse(self.logged("", asked))
        self.assertFalse(self.logged("disable-logging\nlog-zero", asked))


class FormatTests(SynchronousTestCase):
    def test_each_variable_has_a_value_or_a_dash(self) -> None:
        """No variable is an error, known or not."""
        bare = request()
        bare.vars.clear()
        for name in VARIABLES:
            for asked in (request(), bare):
                made = line(f"log-format = %({name})", asked)
                self.assertRegex(made or "", r"^\S[^\n]*\n$", name)

    def test_values(self) -> None:
        """Each group of variables says what it is named after."""
        self.assertEqual(
            line(
                "log-format = %(addr) - %(user) %(method) %(uri) %(proto) %(status) %(size) %(rsize) "
                "%(hsize) %(headers) %(vars) %(pktsize) %(cl) %(micros) %(msecs) %(secs) %(time) %(tmsecs) "
                "%(wid) %(core) %(var.QUERY_STRING) %(referer) %(metric.x) 100%"
            ),
            "10.0.0.7 - ann GET /cart?id=1 HTTP/1.1 200 93 14 79 2 28 431 0 12345 12 0.012345 1378203072 "
            "1378203072250 2 0 id=1 - - 100%\n",
        )

    def test_times(self) -> None:
        """ctime and ltime are local; ftime has the format of logdate where there is one."""
        at = time.localtime(STARTED)
        local = time.strftime("%d/%b/%Y:%H:%M:%S %z", at)
        self.assertEqual(line("log-format = %(ctime)"), time.ctime(STARTED) + "\n")
        self.assertEqual(line("log-format = %(ltime)|%(ftime)"), f"{local}|{local}\n")
        self.assertEqual(line("logdate = %H\nlog-format = %(ftime)"), time.strftime("%H", at) + "\n")
        self.assertEqual(line("logdate = true\nlog-format = %(ftime)"), f"{local}\n")
        for flag in ("logformat-strftime", "log-format-strftime"):
            self.assertEqual(
                line(f"{flag}\nlog-date = %H\nlog-format = %(ftime)"), time.strftime("%H", at) + "\n"
            )

    def test_variables_of_the_application(self) -> None:
        """What an application sets is found under its name, and is a dash before."""
        asked = request()
        self.assertEqual(line("log-format = %(cart)", asked), "-\n")
        asked.logvars = {"cart": "€ 9\n"}
        made = line("log-format = %(cart)", asked) or ""
        self.assertEqual(made.encode("latin-1").decode(), "€ 9\\x0a\n")

    def test_forging(self) -> None:
        """A value never brings a line of its own, what the operator wrote stays."""
        self.assertEqual(
            line("log-format = %(uri)\t%(uri)", request(REQUEST_URI="a\nb")), "a\\x0ab\ta\\x0ab\n"
        )

    @given(
        st.lists(
            st.one_of(
                st.sampled_from([f"%({name})" for name in VARIABLES]),
                st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=5),
            ),
            min_size=1,
        ),
        st.text(st.characters(max_codepoint=255)),
    )
    @settings(deadline=None, max_examples=100)
    def test_any_template_makes_one_line(self, parts: list[str], uri: str) -> None:
        """Whatever stands in the template and in the URI, a request leaves exactly one line of bytes."""
        template = "x" + "".join(parts)
        if len(template.splitlines()) != 1:
            return
        made = line(f"log-format = {template}", request(REQUEST_URI=uri, SERVER_PROTOCOL=uri)) or ""
        self.assertEqual(made.encode("latin-1").count(b"\n"), 1)
        self.assertTrue(made.endswith("\n"))

    @given(st.text(st.sampled_from("ab%() \n\x7fé€")), st.text(st.characters()))
    @settings(deadline=None, max_examples=100)
    def test_any_value_makes_one_default_line(self, uri: str, user: str) -> None:
        """The default line is one line whatever is in it."""
        written: list[bytes] = []
        _, log = request_logger(settings_of(), board(), 2, 1, written.append)
        log(request(REQUEST_URI=uri, REMOTE_USER=user))
        self.assertEqual(written[0].count(b"\n"), 1)
