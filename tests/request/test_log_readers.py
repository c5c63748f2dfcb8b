"""Analysers of uWSGI's request lines read ours.

uwsgi-sloth is one that PyPI has.  The others know a line by an expression that has been copied since the
first of them (uwsgiFouine); here it is written anew from the format of the line.
"""

from __future__ import annotations

import itertools
import re
import time
from typing import Any, cast

from twisted.trial.unittest import SynchronousTestCase
from uwsgi_sloth.analyzer import UWSGILogParser

from tests.request.test_logline import STARTED, board, line, request
from uwsgid.request.logline import LINE_LIMIT
from uwsgid.request.reply import VIA_OFFLOAD, VIA_SENDFILE

#: The whole line, with what can stand before it.
LINE = re.compile(
    r"""^(?:(?P<host>\S+)[ ])??
    (?:\{address[ ]space[ ]usage:[ ](?P<vsz>\d+)[ ]bytes/(?P<vsz_mib>\d+)MB\}[ ]
       \{rss[ ]usage:[ ](?P<rss>\d+)[ ]bytes/(?P<rss_mib>\d+)MB\}[ ])?
    \[pid:[ ](?P<pid>\d+)\|app:[ ](?P<app>-?\d+)\|req:[ ](?P<req>-?\d+)/(?P<total>\d+)\][ ]
    (?P<address>\S*)[ ]\((?P<user>[^)]*)\)[ ]\{(?P<vars>\d+)[ ]vars[ ]in[ ](?P<size>\d+)[ ]bytes\}[ ]
    \[(?P<time>[^]]{24})\][ ](?P<method>\S+)[ ](?P<uri>\S*)[ ]=>[ ]
    generated[ ](?P<bytes>\d+)[ ]bytes[ ]in[ ](?P<spent>\d+)[ ](?P<unit>msecs|micros)[ ]
    (?:via[ ](?P<via>sendfile|route|offload)\(\)[ ])?
    \((?P<protocol>\S+)[ ](?P<status>\d{3})\)[ ](?P<headers>\d+)[ ]headers[ ]in[ ](?P<head>\d+)[ ]bytes[ ]
    \((?P<switches>\d+)[ ]switches[ ]on[ ]core[ ](?P<core>\d+)\)\n$""",
    re.VERBOSE,
)
#: Those that look for the middle only, as goaccess-like tools and hand-made awk scripts do.
MIDDLE = re.compile(
    r"\] (\S+) \(.*?\) \{\d+ vars in \d+ bytes\} \[(.+?)\] (\w+) (.+?) => generated (\d+) bytes in (\d+) "
    r"(?:msecs|micros) (?:via \S+ )?\((?:HTTP/[\d.]+) (\d+)\)"
)


class ReaderTests(SynchronousTestCase):
    def test_every_variant(self) -> None:
        """With and without vhost, memory-report, log-micros, sendfile() and offload() nothing is misread."""
        on = board()
        on.vsz[1], on.rss[1] = 104857600, 10485760
        variants = itertools.product(
            (False, True), (False, True), (False, True), ("", VIA_SENDFILE, VIA_OFFLOAD), (200, 404, 503)
        )
        for vhost, memory, micros, via, status in variants:
            config = "\n".join(
                name
                for name, wanted in (("vhost", vhost), ("memory-report", memory), ("log-micros", micros))
                if wanted
            )
            asked = request(HTTP_HOST="shop.example:8080")
            reply = cast(Any, asked.reply)
            reply.via, reply.status = via, status
            made = line(config, asked, on) or ""
            found = LINE.match(made)
            assert found is not None, made
            got = found.groupdict()
            expected = {
                "host": "shop.example:8080" if vhost else None,
                "vsz": "104857600" if memory else None,
                "rss_mib": "10" if memory else None,
                "app": "0",
                "req": "3",
                "total": "7",
                "address": "10.0.0.7",
                "user": "ann",
                "vars": "28",
                "size": "431",
                "time": time.ctime(STARTED),
                "method": "GET",
                "uri": "/cart?id=1",
                "bytes": "14",
                "spent": "12345" if micros else "12",
                "unit": "micros" if micros else "msecs",
                "via": via.removesuffix("()") or None,
                "protocol": "HTTP/1.1",
                "status": str(status),
                "headers": "2",
                "head": "79",
                "switches": "1",
                "core": "0",
            }
            self.assertEqual({name: got[name] for name in expected}, expected, made)
            middle = MIDDLE.search(made)
            assert middle is not None, made
            self.assertEqual(
                middle.groups(),
                ("10.0.0.7", time.ctime(STARTED), "GET", "/cart?id=1", "14", got["spent"], str(status)),
            )

    def test_uwsgi_sloth(self) -> None:
        """uwsgi-sloth finds method, URI, duration, status and time."""
        # of memory-report and log-micros it can not read uWSGI's lines either
        for config in ("", "vhost", "log-x-forwarded-for"):
            for method in ("GET", "POST"):
                asked = request(REQUEST_METHOD=method, HTTP_HOST="shop.example", HTTP_X_FORWARDED_FOR="::1")
                found = UWSGILogParser().parse(line(config, asked) or "")
                self.assertEqual(
                    (found["method"], found["url"], found["resp_time"]), (method, "/cart?id=1", 12)
                )
                self.assertEqual(found["status"], "200")
                self.assertEqual(time.mktime(found["request_datetime"].timetuple()), int(STARTED))

    def test_hostile_values(self) -> None:
        """What a client sends can neither make a line of its own nor move the fields of this one."""
        for value in ("/a b\n[pid: 1|app: 0|req: 1/1] ", "/\x00\r\x1b[2J", "/é\xff", "/" + "x" * LINE_LIMIT):
            made = line("", request(REQUEST_URI=value)) or ""
            self.assertEqual(made.count("\n"), 1)
            found = re.search(r" => generated (\d+) bytes in (\d+) msecs \(\S+ (\d+)\) 2 headers", made)
            assert found is not None, made
            self.assertEqual(found.groups(), ("14", "12", "200"))
