"""Clients of the gateway that come encrypted.

OpenSSL works on the connection itself; for the session above it reads and writes like any other, and has to
wait at times for another reason.  Certificates and keys are read while the instance starts, as the user that
it is then, except those of ``sni-dir``, which are read when somebody asks for them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from OpenSSL import SSL, crypto

from uwsgid.errors import ConfigError
from uwsgid.gateways.http_client import Session
from uwsgid.gateways.http_request import Ask
from uwsgid.gateways.http_wire import READ
from uwsgid.gateways.rounds import OUT
from uwsgid.gateways.tls_options import Certificate, Https, Named
from uwsgid.wire.uwsgi import MAX_BLOCK, write_vars

if TYPE_CHECKING:
    from uwsgid.gateways.http_router import Router

#: What is used where the configuration names no ciphers; of TLS 1.2 the ones with forward secrecy.
CIPHERS: Final = b"ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20"
#: What may be the name of files in ``sni-dir``.
_NAME: Final = re.compile(r"(?!-)[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_MAX_FOUND: Final = 1024


def context_of(what: Certificate, session: str) -> SSL.Context:
    """OpenSSL's view of a certificate.

    :param session: what sessions are resumed for.
    :raises ConfigError: a file can not be read, or does not fit.
    """
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_CIPHER_SERVER_PREFERENCE)
    context.set_session_id(session.encode()[:32])
    context.set_alpn_select_callback(_choose)
    step = what.certificate
    try:
        for step in filter(None, (what.certificate, what.key, what.client_ca)):
            open(step, "rb").close()  # OpenSSL does not say what is wrong with it
        step = what.certificate
        context.use_certificate_chain_file(what.certificate)
        step = what.key
        context.use_privatekey_file(what.key)
        context.check_privatekey()
        step = what.ciphers or "the ciphers"
        context.set_cipher_list(what.ciphers.encode() or CIPHERS)
        if what.client_ca:
            step = what.client_ca
            context.load_verify_locations(what.client_ca)
            context.set_client_ca_list(_names_of(step))
            context.set_verify(_mode(what), _accepted)
    except (SSL.Error, crypto.Error, OSError, ValueError) as error:
        raise ConfigError(f"{what.origin}: {step} can not be used: {_reason(error)}") from None
    return context


def _names_of(path: str) -> list[crypto.X509Name]:
    """Of whom clients' certificates may be."""
    with open(path, "rb") as file:
        text = file.read()
    blocks = re.findall(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", text, re.DOTALL)
    return [crypto.load_certificate(crypto.FILETYPE_PEM, block).get_subject() for block in blocks]


def _mode(what: Certificate) -> int:
    if not what.client_ca:
        return SSL.VERIFY_NONE
    return SSL.VERIFY_PEER | (SSL.VERIFY_FAIL_IF_NO_PEER_CERT if what.needs_client else 0)


def _accepted(connection: object, certificate: object, error: int, depth: int, is_good: int) -> bool:
    return bool(is_good)


def _choose(connection: object, offered: Sequence[bytes]) -> Any:
    """HTTP/1.1 is what we speak, whatever else a client would like."""
    for name in (b"http/1.1", b"http/1.0"):
        if name in offered:
            return name
    return SSL.NO_OVERLAPPING_PROTOCOLS


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    first = error.args[0] if error.args else ""
    if isinstance(first, list):
        first = next((text for one in first for text in reversed(one) if text), "")
    return str(first or type(error).__name__)


class Seal:
    """The encryption of one address.

    :param default: for clients that ask for no name, or one that nobody has.
    :param address: for the names of sessions.
    """

    def __init__(self, default: Certificate, address: str, https: Https) -> None:
        self._https = https
        self._session = https.session_context or address
        self._default = context_of(default, self._session)
        self._named: list[tuple[Named, SSL.Context]] = [
            (named, context_of(named.certificate, self._session)) for named in https.named
        ]
        self._found: dict[str, tuple[SSL.Context, Certificate] | None] = {}
        self._say: Any = None
        self.exports = https.export_cert
        if https.named or https.folder:
            self._default.set_tlsext_servername_callback(self._asked)

    def session(self, router: Router, fd: int, peer: bytes, who: str) -> TlsSession:
        """One connection that has come in."""
        self._say = router.say
        return TlsSession(router, fd, peer, who, self)

    def begin(self, fd: int) -> SSL.Connection:
        """Encryption for the socket *fd*, before the client said which name it wants."""
        return SSL.Connection(self._default, _Lent(fd))  # type: ignore[arg-type]

    def _asked(self, connection: SSL.Connection) -> None:
        """A client asks for a name."""
        name = (connection.get_servername() or b"").decode("ascii", "replace").lower().rstrip(".")
        for named, context in self._named:
            if named.fits(name):
                self._take(connection, context, named.certificate)
                return
        if self._https.folder and len(name) < 256 and _NAME.fullmatch(name):
            found = self._look_for(name)
            if found is not None:
                self._take(connection, *found)

    def _take(self, connection: SSL.Connection, context: SSL.Context, certificate: Certificate) -> None:
        connection.set_context(context)
        connection.set_verify(_mode(certificate), _accepted)

    def _look_for(self, name: str) -> tuple[SSL.Context, Certificate] | None:
        """The certificate of *name* in ``sni-dir``."""
        if name in self._found:
            return self._found[name]
        start = os.path.join(self._https.folder, name)
        found = None
        if os.path.exists(f"{start}.crt"):
            authority = f"{start}.ca" if os.path.exists(f"{start}.ca") else ""
            certificate = Certificate(f"{start}.crt", f"{start}.key", self._https.folder_ciphers, authority)
            try:
                found = context_of(certificate, self._session), certificate
            except ConfigError as error:
                self._say(f"[uwsgi-http] {error}")
            if len(self._found) < _MAX_FOUND:
                self._found[name] = found
        return found


class _Lent:
    """A descriptor for OpenSSL.  A socket object in its place would close it, again, when it is collected."""

    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def fileno(self) -> int:
        return self._fd


class TlsSession(Session):
    """One encrypted connection."""

    __slots__ = ("_is_broken", "_is_known", "_seal", "_tls")

    def __init__(self, router: Router, fd: int, peer: bytes, who: str, seal: Seal) -> None:
        super().__init__(router, fd, peer + _ON, who)
        self._tls = seal.begin(fd)
        self._tls.set_accept_state()
        self._seal = seal
        self._is_known = False
        self._is_broken = False

    def heard(self, mask: int) -> None:
        """As in `Session`; a handshake may wait for room to write."""
        if mask & OUT and not self._is_known and self.fd >= 0:
            self.readable = True
        super().heard(mask)
        if mask & OUT and not self._is_known and self.readable:
            self.read()

    def receive(self) -> bytes:
        try:
            return self._tls.recv(READ)
        except (SSL.WantReadError, SSL.WantWriteError):
            raise BlockingIOError from None
        except SSL.ZeroReturnError:
            return b""
        except SSL.SysCallError:
            self._is_broken = True
            return b""
        except SSL.Error as error:
            self._is_broken = True
            self.router.refused_handshake(self.who, _reason(error))
            raise ConnectionResetError from None

    def transmit(self, data: bytes) -> int:
        sent = 0
        view = memoryview(data)
        try:
            while sent < len(data):
                sent += self._tls.send(view[sent : sent + READ])
        except (SSL.WantReadError, SSL.WantWriteError):
            pass
        except (SSL.Error, ValueError):
            self._is_broken = True
            raise ConnectionResetError from None
        return sent

    def begin(self, ask: Ask) -> None:
        if not self._is_known:
            self._is_known = True
            self.peer += self._client()
        super().begin(ask)

    def _client(self) -> bytes:
        """What is known of a client that proved who it is."""
        certificate = self._tls.get_peer_certificate()
        if certificate is None:
            return b""
        parts = [(key.decode(), value.decode("utf-8", "replace")) for key, value in
                 certificate.get_subject().get_components()]  # fmt: skip
        name = "".join(f"/{key}={value}" for key, value in parts)
        vars: dict[str, str | bytes] = {"HTTPS_DN": name.encode()}
        if self._seal.exports:
            text = crypto.dump_certificate(crypto.FILETYPE_PEM, certificate)
            if len(text) < MAX_BLOCK // 2:
                vars["HTTPS_CC"] = text
        return write_vars(vars)

    def say_last_word(self) -> None:
        self._say_goodbye()
        super().say_last_word()

    def _say_goodbye(self) -> None:
        """Tell the client that nothing was cut off."""
        if self._is_broken:
            return
        try:
            self._tls.shutdown()
        except SSL.Error:
            self._is_broken = True

    def close(self) -> None:
        if self.fd >= 0:
            self._say_goodbye()
            super().close()


_ON: Final = write_vars({"HTTPS": "on"})
