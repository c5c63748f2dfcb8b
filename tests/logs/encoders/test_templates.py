"""format and json."""

from __future__ import annotations

import json
import re
import time

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from uwsgid.errors import ConfigError
from uwsgid.logs.encoders.assembly import assemble
from uwsgid.logs.encoders.templates import escape_json, json_format, parse, plain_format

LINE = b"GET /\n"
NOW = 1795285357_123456_789


def made(template: str, record: bytes = LINE) -> bytes:
    """What ``format`` makes of a record."""
    found: bytes = plain_format(template)(record)
    return found


class TemplateTests(SynchronousTestCase):
    """What becomes of a template."""

    def test_message(self) -> None:
        """msg is the record without one newline at its end, msgnl the record as it is."""
        self.assertEqual(made("<${msg}>"), b"<GET />")
        self.assertEqual(made("<${msgnl}>"), b"<GET /\n>")
        self.assertEqual(made("${msg}", b"two\n\n"), b"two\n")
        self.assertEqual(made("a${msg}b${msgnl}c${msg}"), b"aGET /bGET /\ncGET /")
        self.assertEqual(made("{${msg}}"), b"{GET /}")

    def test_time(self) -> None:
        """unix, millis and micros are the same moment, strftime its local time."""
        pieces = parse("${unix} ${millis} ${micros} ${strftime:%Y-%m-%d %H:%M:%S}")
        local = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(NOW // 10**9)).encode()
        expected = b"1795285357 1795285357123 1795285357123456 " + local
        self.assertEqual(assemble(pieces, lambda: NOW)(LINE), expected)

    def test_real_clock(self) -> None:
        """The time is that of the clock."""
        before = time.time_ns() // 1000
        micros = int(made("${micros}"))
        self.assertTrue(before <= micros <= time.time_ns() // 1000)
        self.assertLess(abs(int(made("${unix}")) - micros // 10**6), 60)

    def test_percent(self) -> None:
        """A percent sign is text."""
        self.assertEqual(made("100%d %b ${msg} ${msg}%"), b"100%d %b GET / GET /%")
        self.assertEqual(made("100%"), b"100%")

    def test_dollars_as_in_1_9_16(self) -> None:
        """A dollar before anything but a brace is text with what follows it, even a dollar."""
        for template in ("a$b", "a$$b", "$${msg}", "$", "a$", "$}{", "a$b{msg}"):
            self.assertEqual(made(template), template.encode())
        self.assertEqual(made("$$${msg}"), b"$$GET /")
        self.assertEqual(made("$a${msg}"), b"$aGET /")
        self.assertEqual(made("${msg}}"), b"GET /}")

    def test_dollar_behind_a_variable(self) -> None:
        """A dollar behind a variable is text too.  uWSGI drops it, or ends."""
        self.assertEqual(made("${msg}$"), b"GET /$")
        self.assertEqual(made("${msg}$b${msg}"), b"GET /$bGET /")
        self.assertEqual(made("${msg}$${msg}"), b"GET /$${msg}")

    def test_open_brace_drops_the_tail_as_in_1_9_16(self) -> None:
        """A variable without its end is dropped, with all that follows."""
        self.assertEqual(made("x${msg"), b"x")
        self.assertEqual(made("a${msg}b${unix ${"), b"aGET /b")

    def test_unknown_variable(self) -> None:
        """It is refused, with the nearest there is; uWSGI puts nothing in its place."""
        for template, hint in (
            ("${mgs}", r"\$\{mgs\} is no variable of a log encoder; did you mean \$\{msg\}"),
            ("${strftime}", r"did you mean \$\{strftime:FORMAT\}"),
            (
                "${}",
                r"known: \$\{msg\}, \$\{msgnl\}, \$\{unix\}, \$\{micros\}, \$\{millis\}, \$\{strftime:FOR",
            ),
            ("${msg }", r"did you mean \$\{msg\}"),
            ("${${msg}}", "is no variable"),
        ):
            with self.assertRaisesRegex(ConfigError, hint):
                made(template)

    def test_nothing(self) -> None:
        """A template that makes nothing of any record is refused."""
        for template in ("", "${msg"):
            with self.assertRaisesRegex(ConfigError, "makes nothing of a record"):
                made(template)

    def test_bad_strftime(self) -> None:
        """A strftime format that can not be used is refused."""
        with self.assertRaisesRegex(ConfigError, "no strftime format"):
            made("${strftime:\0}")

    def test_bytes(self) -> None:
        """format passes any byte of a record, and the template as UTF-8."""
        self.assertEqual(made("ü${msg}", b"\xff\0\x1b"), b"\xc3\xbc\xff\0\x1b")


class JsonTests(SynchronousTestCase):
    """What a client can do to a line of JSON."""

    ENCODE = staticmethod(json_format('{"unix":${unix},"msg":"${msg}","at":"${strftime:%H"\\%M}"}'))

    def test_plain(self) -> None:
        """Text without anything special is the same as in the record."""
        self.assertEqual(json_format('{"msg":"${msg}"}')(LINE), b'{"msg":"GET /"}')
        self.assertEqual(json_format('"${msg}"')("grüß €😀\n".encode()), '"grüß €😀"'.encode())

    def test_escaped_as_by_uwsgi(self) -> None:
        """Quotes, backslashes, tabs and line ends are written as uWSGI writes them."""
        self.assertEqual(escape_json(b'a"b\\c\td\re\nf'), b'a\\"b\\\\c\\td\\re\\nf')
        self.assertEqual(json_format('"${msgnl}"')(b"a\n"), b'"a\\n"')

    def test_control_characters(self) -> None:
        """All other control characters are escaped as well, which uWSGI leaves in."""
        self.assertEqual(escape_json(b"\0\x01\x08\x0c\x1b\x1f"), b"\\u0000\\u0001\\b\\f\\u001b\\u001f")

    def test_line_separators(self) -> None:
        """No reader finds the end of a line in the middle of a record."""
        self.assertEqual(escape_json("\x85\u2028\u2029\x9b".encode()), b"\\u0085\\u2028\\u2029\\u009b")

    def test_no_utf8(self) -> None:
        """Bytes that are no UTF-8 become replacement characters."""
        self.assertEqual(escape_json(b"a\xff\xe2\x82b"), "a\ufffd\ufffdb".encode())
        self.assertEqual(json.loads(b'"' + escape_json(b"\xed\xa0\x80") + b'"'), "\ufffd" * 3)

    def test_forged_field(self) -> None:
        """A request can not add a field."""
        record = b'GET /","admin":true,"x":" HTTP/1.1\n'
        found = json.loads(self.ENCODE(record))
        self.assertEqual(list(found), ["unix", "msg", "at"])
        self.assertEqual(found["msg"].encode(), record[:-1])

    def test_forged_line(self) -> None:
        """A request can not add a line."""
        made = self.ENCODE(b'GET /"}\n{"unix":0,"msg":"forged"}\r\n')
        self.assertEqual(len(made.splitlines()), 1)
        self.assertEqual(json.loads(made)["msg"], 'GET /"}\n{"unix":0,"msg":"forged"}\r')

    def test_values_only(self) -> None:
        """The text of the template stays as it is, whatever it is."""
        self.assertEqual(json_format("\x01${msg}\n")(b"a"), b"\x01a\n")

    def test_time_is_escaped(self) -> None:
        """What strftime makes is escaped as well."""
        self.assertTrue(re.fullmatch(r'\d\d"\\\d\d', json.loads(self.ENCODE(LINE))["at"]))

    @settings(deadline=None, max_examples=300)
    @given(st.one_of(st.binary(), st.text().map(lambda text: text.encode("utf-8", "surrogatepass"))))
    def test_any_record(self, record: bytes) -> None:
        """Whatever the record, the result is one line of JSON with the record as text in its place."""
        made = self.ENCODE(record)
        found = json.loads(made)
        text = (record[:-1] if record.endswith(b"\n") else record).decode("utf-8", "replace")
        self.assertEqual(found["msg"], text)
        self.assertEqual(set(found), {"unix", "msg", "at"})
        self.assertEqual(len(made.decode().splitlines()), 1)
