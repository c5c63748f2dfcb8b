"""A text can come from many places."""

from __future__ import annotations

import http.server
import io
import os
import socket
import struct
import sys
import threading
from dataclasses import replace

from tests.config.case import ReadingCase
from uwsgid.config import sources
from uwsgid.config.sources import decode, fetch, has_scheme, resources
from uwsgid.errors import ConfigError
from uwsgid.families import config_sources


class _Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status = {"/x.ini?a=b": 200, "/moved": 302, "/made": 201}.get(self.path, 404)
        body = f"[uwsgi]\nua = {self.headers['User-Agent']}\n".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """A test has no log."""


class PlaceTests(ReadingCase):
    def refused(self, uri: str, pattern: str) -> None:
        with self.assertRaisesRegex(ConfigError, pattern):
            fetch(uri, self.facts)

    def test_path(self) -> None:
        """A path is relative to the current directory."""
        path = self.write("a.ini", "x")
        self.assertEqual(fetch("a.ini", self.facts), "x")
        self.assertEqual(fetch(path, self.facts), "x")
        self.refused("no.ini", r"^unable to read no\.ini: No such file or directory$")
        self.refused(".", "Is a directory")
        self.refused("a\0b", "null byte")

    def test_fifo(self) -> None:
        """A FIFO is read to its end."""
        path = os.path.join(self.directory, "fifo")
        os.mkfifo(path)

        def talk() -> None:
            with open(path, "w") as file:
                file.write("from the pipe")

        thread = threading.Thread(target=talk)
        thread.start()
        self.addCleanup(thread.join)
        self.assertEqual(fetch(path, self.facts), "from the pipe")

    def test_stdin(self) -> None:
        """``-`` is standard input."""
        self.patch(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"typed")))
        self.assertEqual(fetch("-", self.facts), "typed")
        self.patch(sys, "stdin", None)
        self.refused("-", "unable to read -: standard input is closed")

    def test_descriptor(self) -> None:
        """A descriptor is read to its end and stays open."""
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        os.write(writing, b"inherited")
        os.close(writing)
        self.assertEqual(fetch(f"fd://{reading}", self.facts), "inherited")
        os.fstat(reading)
        self.refused("fd://x", "write fd://N")
        self.refused("fd://9999", "Bad file descriptor")

    def test_command(self) -> None:
        """A command runs in a shell, in the current directory, and its output is the text."""
        self.write("here", "")
        self.assertEqual(fetch("exec://ls | tr a-z A-Z", self.facts), "HERE\n")
        self.assertEqual(fetch("exec://echo out; exit 3", self.facts), "out\n")
        self.refused("exec://exit 3", "exec://exit 3: the command wrote nothing and ended with status 3")

    def test_web(self) -> None:
        """A page is read when its status is 2xx, and the server learns who asks."""
        server = http.server.HTTPServer(("127.0.0.1", 0), _Web)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        base = f"http://127.0.0.1:{server.server_port}"
        self.assertEqual(fetch(base + "/x.ini?a=b", self.facts), "[uwsgi]\nua = uWSGI on green\n")
        self.assertIn("uWSGI on green", fetch(base + "/made", self.facts))
        self.refused(base + "/none", "Not usable HTTP response: 404 Not Found")
        self.refused(base + "/moved", "Not usable HTTP response: 302")

    def test_web_that_is_none(self) -> None:
        """A server of another protocol is told from one of HTTP."""
        listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listening.close)

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"220 mail ready\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        self.addCleanup(thread.join)
        port = listening.getsockname()[1]
        self.refused(f"http://127.0.0.1:{port}/", "no HTTP server answers there: BadStatusLine")

    def test_web_without_a_server(self) -> None:
        """Where nobody answers, the error says so."""
        self.refused(
            "http://127.0.0.1:1/x.ini", "unable to read http://127.0.0.1:1/x.ini: Connection refused"
        )
        self.refused("https://127.0.0.1:1/x.ini", "Connection refused")
        self.refused("http:///x.ini", "write http://HOST")
        self.refused("http://127.0.0.1:port/", "Port could not be cast")

    def test_appended(self) -> None:
        """``data://N`` counts what was appended to the program from its end."""
        blobs = b"".join(blob + struct.pack("<Q", len(blob)) for blob in (b"first", b"second"))
        facts = replace(self.facts, binary=self.write("program", b"\x7fELF" + b"\xff" * 64 + blobs))
        self.assertEqual(fetch("data://0", facts), "second")
        self.assertEqual(fetch("data://1", facts), "first")
        for uri in ("data://2", "data://x"):
            with self.assertRaisesRegex(ConfigError, "invalid binary data slot requested"):
                fetch(uri, facts)
        with self.assertRaisesRegex(ConfigError, "invalid binary data slot requested"):
            fetch("data://0", replace(facts, binary=self.write("empty", "")))

    def test_resource(self) -> None:
        """``sym://`` is a registered text, or a file of a package."""
        self.patch(sources, "resources", resources)
        resources["shop"] = b"registered"
        self.addCleanup(resources.pop, "shop")
        self.assertEqual(fetch("sym://shop", self.facts), "registered")
        self.assertIn("root of all errors", fetch("sym://uwsgid/errors.py", self.facts))
        self.refused("sym://nobody", r"no such resource \(registered: shop\)")
        self.refused("sym://no.such.package/x", "there is no package")
        self.refused("sym://uwsgid/nothing", "No such file")

    def test_call(self) -> None:
        """``call://`` is what a function returns."""
        self.assertEqual(fetch("call://os:getpid", self.facts), str(os.getpid()))
        self.assertEqual(fetch("callint://os:getpid", self.facts), str(os.getpid()))
        self.assertEqual(fetch("call://os:getcwdb", self.facts), os.getcwd())
        self.refused("call://os", "write call://MODULE:FUNCTION")
        self.refused("call://os:nothing", "AttributeError")

    def test_emperor(self) -> None:
        """``emperor://`` asks the emperor, where there is one."""
        facts = replace(self.facts, from_emperor=lambda name: f"[uwsgi]\nname = {name}\n")
        self.assertEqual(fetch("emperor://blue.ini", facts), "[uwsgi]\nname = blue.ini\n")
        self.refused("emperor://blue.ini", "this process has no emperor")

    def test_elf_section(self) -> None:
        """``section://`` can not be had, and says what can."""
        self.refused("section://x", "not available in this build")

    def test_schemes(self) -> None:
        """What is no scheme of ours is a path."""
        for uri in ("a.ini", "-", "ftp://x", "path://x", "/a://b", "://"):
            self.assertFalse(has_scheme(uri), uri)
        self.assertTrue(has_scheme("exec://x"))
        self.assertEqual([member.name for member in config_sources if not member.summary], [])


class DecodeTests(ReadingCase):
    def test_odd_texts(self) -> None:
        """A mark at the beginning goes, bytes that are no UTF-8 survive, what is no text is refused."""
        self.assertEqual(decode(b"\xef\xbb\xbf[uwsgi]", "x"), "[uwsgi]")
        self.assertEqual(decode(b"caf\xe9", "x").encode("utf-8", "surrogateescape"), b"caf\xe9")
        with self.assertRaisesRegex(ConfigError, "^x:2: there is a NUL byte"):
            decode(b"a\nb\0", "x")
        with self.assertRaisesRegex(ConfigError, "^x: the text is UTF-16; save it as UTF-8"):
            decode("[uwsgi]".encode("utf-16"), "x")
