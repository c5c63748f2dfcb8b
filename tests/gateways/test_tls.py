"""Clients that come encrypted."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tests.gateways.certificates import make
from tests.gateways.http_stage import GET, OK, PATIENCE, Stage
from uwsgid.config.settings import settings_of
from uwsgid.errors import ConfigError, ConfigProblems
from uwsgid.gateways.http import gateways
from uwsgid.gateways.tls import Seal
from uwsgid.gateways.tls_options import Certificate, Https
from uwsgid.host import Kernel
from uwsgid.host.kept import Kept
from uwsgid.wire.uwsgi import read_vars

T = TypeVar("T")


class Sealed(Stage):
    """A gateway with certificates."""

    def setUp(self) -> None:
        super().setUp()
        self.here = Path.cwd()
        self.pair = make(self.here, "shop.example")

    def seal(self, config: str = "", **more: object) -> None:
        https = settings_of(f"https = :1,{','.join(self.pair)}\n{config}")[Https]
        certificate = Certificate(*self.pair, **more)  # type: ignore[arg-type]
        self.open(tls=Seal(certificate, "here", https))

    def secret(
        self, name: str = "shop.example", pair: tuple[str, str] | None = None, trusts: str = ""
    ) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=trusts or self.pair[0])
        context.set_alpn_protocols(["h2", "http/1.1"])
        if pair is not None:
            context.load_cert_chain(*pair)
        return context

    def meanwhile(self, call: Callable[[], T]) -> T:
        """What *call* returns in another thread, while the gateway works."""
        found: list[T] = []
        failed: list[BaseException] = []

        def run() -> None:
            try:
                found.append(call())
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            self.until(lambda: not thread.is_alive())
        finally:
            thread.join()
        if failed:
            raise failed[0]
        return found[0]

    def talk(
        self, context: ssl.SSLContext, data: bytes = GET, name: str = "shop.example", size: int = 0
    ) -> tuple[bytes, str, ssl.SSLSocket]:
        """The beginning of an answer, whom the certificate is for, and the connection."""

        def run() -> tuple[bytes, str, ssl.SSLSocket]:
            plain = socket.create_connection(self.listener.getsockname(), PATIENCE)
            client = context.wrap_socket(plain, server_hostname=name)
            self.addCleanup(client.close)
            client.sendall(data)
            got = b""
            while len(got) < (size or len(OK)):
                more = client.recv(1 << 16)
                if not more:
                    break
                got += more
            subject = client.getpeercert()["subject"]  # type: ignore[index]
            return got, subject[0][0][1], client

        return self.meanwhile(run)

    def answered(self, answer: bytes = OK) -> dict[str, str]:
        """Answer the next request in the background; its variables, later."""
        vars: dict[str, str] = {}

        def look() -> None:
            self.instance.listener.settimeout(PATIENCE)
            connection, _ = self.instance.listener.accept()
            with connection:
                connection.settimeout(PATIENCE)
                data = connection.recv(1 << 16)
                size = data[1] | data[2] << 8
                while len(data) < size + 4:
                    data += connection.recv(1 << 16)
                read_vars(data[4 : size + 4], vars, 1000)
                connection.sendall(answer)

        thread = threading.Thread(target=look)
        thread.start()
        self.addCleanup(thread.join)
        return vars

    def test_request(self) -> None:
        """A client gets its answer encrypted, and its request says HTTPS."""
        self.seal()
        vars = self.answered()
        got, whom, client = self.talk(self.secret())
        self.assertEqual((got, whom), (OK, "shop.example"))
        self.assertEqual((vars["HTTPS"], vars["REMOTE_ADDR"]), ("on", "127.0.0.1"))
        self.assertNotIn("HTTPS_DN", vars)
        self.assertEqual(client.selected_alpn_protocol(), "http/1.1")
        self.assertIn(client.version(), ("TLSv1.2", "TLSv1.3"))

    def test_large(self) -> None:
        """A large answer comes whole, whatever the records are."""
        self.seal()
        size = 3_000_000
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
        self.answered(head + b"x" * size)
        got, _, _ = self.talk(self.secret(), size=len(head) + size)
        self.assertEqual(len(got), len(head) + size)

    def test_large_body(self) -> None:
        """So does a body."""
        self.seal()
        vars = self.answered()
        size = 200_000
        ask = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size
        got, _, _ = self.talk(self.secret(), ask + b"x" * size)
        self.assertEqual((got, vars["CONTENT_LENGTH"]), (OK, str(size)))

    def test_end(self) -> None:
        """An answer that ends with its connection ends with a goodbye, so that nobody can cut it."""
        self.seal()
        self.answered(b"HTTP/1.1 200 OK\r\n\r\nsome")
        got, _, _ = self.talk(self.secret(), size=10_000)
        self.assertEqual(got, b"HTTP/1.1 200 OK\r\n\r\nsome")

    def test_kept(self) -> None:
        """The connection serves the next request."""
        self.seal()
        self.answered()
        _, _, client = self.talk(self.secret())
        self.answered()

        def again() -> bytes:
            client.sendall(GET)
            return client.recv(1000)

        self.assertEqual(self.meanwhile(again), OK)

    def test_names(self) -> None:
        """sni, sni-regexp and sni-dir give each name its certificate; no other name leads to a file."""
        other = make(self.here, "other.example")
        make(self.here, "some.lan")
        folder = self.here / "names"
        folder.mkdir()
        make(folder, "third.example")
        for name in ("other.example", "some.lan"):
            with open(self.pair[0], "ab") as trusted:
                trusted.write((self.here / f"{name}.crt").read_bytes())
        trusts = self.here / "all.crt"
        every = [*self.here.glob("*.crt"), *folder.glob("*.crt")]
        trusts.write_bytes(b"".join(path.read_bytes() for path in every))
        self.seal(
            f"sni = Other.example {','.join(other)}\n"
            f"sni-regexp = \\.lan$ {self.here}/some.lan.crt,{self.here}/some.lan.key\n"
            f"sni-dir = {folder}"
        )
        context = self.secret(trusts=str(trusts))
        context.check_hostname = False
        for name, whom in (
            ("shop.example", "shop.example"),
            ("other.example", "other.example"),
            ("some.lan", "some.lan"),
            ("third.example", "third.example"),
            ("nobody.example", "shop.example"),
        ):
            self.answered()
            self.assertEqual(self.talk(context, name=name)[1], whom)

    def test_client_certificates(self) -> None:
        """Who a client is stands in HTTPS_DN, its certificate in HTTPS_CC; with ! nobody else comes in."""
        authority = make(self.here, "authority")[0]
        client = make(self.here, "ann", "authority")
        stranger = make(self.here, "stranger")
        self.seal("https-export-cert = true", client_ca=authority, needs_client=True)
        vars = self.answered()
        self.assertEqual(self.talk(self.secret(pair=client))[0], OK)
        self.assertEqual(vars["HTTPS_DN"], "/CN=ann")
        self.assertEqual(vars["HTTPS_CC"], Path(client[0]).read_text())
        for pair in (None, stranger):
            with self.assertRaises((ssl.SSLError, ConnectionError)):
                self.talk(self.secret(pair=pair))
        self.assertEqual(self.router.refused, 2)
        self.assertIn("TLS: ", self.lines[0])

    def test_optional_client_certificate(self) -> None:
        """Without ! a client may do without."""
        authority = make(self.here, "authority")[0]
        self.seal(client_ca=authority)
        vars = self.answered()
        self.assertEqual(self.talk(self.secret())[0], OK)
        self.assertNotIn("HTTPS_DN", vars)

    def test_plain_client(self) -> None:
        """Plain HTTP on an encrypted address is told in the log, and closed."""
        self.seal()
        self.all_heard(self.client(GET))
        self.assertRegex(self.lines[0], r"refused: TLS: .*, closed \(1 in all\)$")

    def test_slow_handshake(self) -> None:
        """A client that does not get on with it is sent away."""
        self.seal()
        client = self.client(b"\x16\x03\x01")
        self.until(lambda: self.router.sessions)
        self.later(100)
        self.assertEqual(self.all_heard(client), b"")


class Configured(Stage):
    """The lines of a configuration."""

    def setUp(self) -> None:
        super().setUp()
        self.pair = make(Path.cwd(), "shop.example")
        self.kept = Kept(Kernel())
        self.addCleanup(self.kept.close_all)

    def test_both_ways(self) -> None:
        """https and https2 say the same."""
        found = settings_of(
            "https = :443,a.crt,a.key,HIGH,!ca.crt\n"
            "https2 = addr=:443,cert=a.crt,key=a.key,ciphers=HIGH,clientca=!ca.crt,spdy=1"
        )[Https].addresses
        self.assertEqual(found[0], found[1])
        self.assertEqual(
            found[0].certificate, Certificate("a.crt", "a.key", "HIGH", "ca.crt", needs_client=True)
        )

    def test_bad_lines(self) -> None:
        """What lacks something is refused in uWSGI's words."""
        for line, said in (
            ("https = :443", "invalid https syntax must be socket,crt,key"),
            ("https = :443,a.crt", "invalid https syntax must be socket,crt,key"),
            ("https2 = addr=:443,cert=a.crt", "--https2 option needs addr, cert and key items"),
            ("https2 = addr=:443,cert=a.crt,key=b,color=red", "no item 'color'"),
            ("sni = name", "invalid sni syntax"),
            ("sni-regexp = ( a,b", "not a regular expression"),
            ("http-to-https = :80,x", "ADDRESS[,PORT]"),
        ):
            error = self.assertRaises(ConfigProblems, settings_of, line)
            self.assertIn(said, str(error))

    def test_bad_files(self) -> None:
        """A file that is not there, or does not fit, is named, and nothing starts."""
        certificate, key = self.pair
        other = make(Path.cwd(), "other.example")
        for files, reason in (
            (("none.crt", key), "none.crt can not be used: No such file or directory"),
            ((certificate, "none.key"), "none.key can not be used: No such file or directory"),
            ((certificate, other[1]), "can not be used: key values mismatch"),
            ((key, key), "can not be used: no start line"),
        ):
            settings = settings_of(f"https = 127.0.0.1:0,{','.join(files)}")
            error = self.assertRaises(ConfigError, gateways, settings, Kernel(), print, self.kept)
            self.assertRegex(str(error), rf"^\S+:1: https: .*{reason}$")

    def test_gateway(self) -> None:
        """https alone makes a gateway."""
        settings = settings_of(f"https = 127.0.0.1:0,{','.join(self.pair)}")
        (made,) = gateways(settings, Kernel(), self.lines.append, self.kept)
        self.assertEqual((made.name, made.workers), ("uWSGI http 1", "uwsgi"))
