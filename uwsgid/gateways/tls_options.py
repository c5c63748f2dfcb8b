"""What a configuration says about the encrypted side of the HTTP gateway.

The names and their syntax are those of uWSGI (plugins/http/https.c, core/ssl.c).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Annotated, Final

from uwsgid.config.directive import Directive
from uwsgid.config.kinds import Flag, Kind, Text
from uwsgid.config.section import Section, flag, option, section

_HTTPS2_KEYS: Final = {
    "addr": "address",
    "address": "address",
    "cert": "certificate",
    "crt": "certificate",
    "key": "key",
    "ciphers": "ciphers",
    "clientca": "client_ca",
    "client_ca": "client_ca",
    "spdy": "",
}


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a server proves itself with, and what it asks of clients.

    :ivar certificate: file with the certificate and those that it stands on.
    :ivar key: file of its key.
    :ivar ciphers: in OpenSSL's words; empty for our own choice.
    :ivar client_ca: file with whom clients' certificates have to be of; empty where none is asked for.
    :ivar needs_client: a client without a certificate is refused.
    :ivar origin: where the configuration says so; equal certificates may stand in two places.
    """

    certificate: str
    key: str
    ciphers: str = ""
    client_ca: str = ""
    needs_client: bool = False
    origin: str = field(default="sni-dir", compare=False)


@dataclass(frozen=True, slots=True)
class HttpsAddress:
    """Where clients come in encrypted."""

    address: str
    certificate: Certificate


@dataclass(frozen=True, slots=True)
class Named:
    """A certificate for clients that ask for a name.

    :ivar name: in lower case, or a regular expression.
    """

    name: str
    certificate: Certificate
    is_pattern: bool = False

    def fits(self, name: str) -> bool:
        """Whether it is for *name*."""
        return re.search(self.name, name) is not None if self.is_pattern else self.name == name


def _made(
    directive: Directive, certificate: str, key: str, ciphers: str = "", client_ca: str = ""
) -> Certificate:
    return Certificate(
        certificate,
        key,
        ciphers,
        client_ca.removeprefix("!"),
        client_ca.startswith("!"),
        f"{directive.origin}: {directive.name}",
    )


def _https(directive: Directive) -> HttpsAddress:
    text = directive.value or ""
    if directive.name == "https2":
        return _https2(directive)
    address, *files = text.split(",")
    if not address or not 2 <= len(files) <= 4 or not all(files[:2]):
        raise ValueError("invalid https syntax must be socket,crt,key")
    return HttpsAddress(address, _made(directive, *files))


def _https2(directive: Directive) -> HttpsAddress:
    given: dict[str, str] = {}
    for pair in (directive.value or "").split(","):
        name, _, value = pair.partition("=")
        if name not in _HTTPS2_KEYS:
            raise ValueError(f"https2 has no item {name!r}, only {', '.join(_HTTPS2_KEYS)}")
        given[_HTTPS2_KEYS[name]] = value
    given.pop("", None)
    address = given.pop("address", "")
    if not (address and given.get("certificate") and given.get("key")):
        raise ValueError("--https2 option needs addr, cert and key items")
    return HttpsAddress(address, _made(directive, **given))


def _named(directive: Directive) -> Named:
    name, blank, rest = (directive.value or "").strip().partition(" ")
    files = rest.strip().split(",")
    if not blank or not 2 <= len(files) <= 4 or not all(files[:2]):
        raise ValueError(f"invalid {directive.name} syntax, expected NAME CRT,KEY[,CIPHERS[,CA]]")
    is_pattern = directive.name == "sni-regexp"
    if is_pattern:
        try:
            re.compile(name)
        except re.error as error:
            raise ValueError(f"{name!r} is not a regular expression: {error}") from None
    return Named(name if is_pattern else name.lower(), _made(directive, *files), is_pattern)


ADDRESSES: Final = Kind(
    "https list", "ADDRESS,CRT,KEY[,CIPHERS[,CA]]", _https, many=True, reads_directive=True
)
NAMED: Final = Kind("sni list", "NAME CRT,KEY[,CIPHERS[,CA]]", _named, many=True, reads_directive=True)


@section("HTTP gateway")
class Https(Section):
    """The HTTP gateway, encrypted."""

    addresses: Annotated[tuple[HttpsAddress, ...], ADDRESSES] = option(
        "https",
        default=(),
        also={
            "https2": "the same, written as addr=ADDRESS,cert=CRT,key=KEY[,ciphers=…][,clientca=CA]",
        },
        help="speak HTTP over TLS on ADDRESS,CRT,KEY[,CIPHERS[,CA]]; with !CA clients need a certificate",
        note="TLS 1.2 and newer; spdy is ignored",
    )
    export_cert: Flag = flag(
        "https-export-cert", default=False, help="pass the certificate of a client on as HTTPS_CC"
    )
    session_context: Text = option(
        "https-session-context", default="", help="what sessions are resumed for; the address otherwise"
    )
    named: Annotated[tuple[Named, ...], NAMED] = option(
        "sni",
        default=(),
        also={"sni-regexp": "the same for all names that the regular expression is found in"},
        help="another certificate for clients that ask for NAME: NAME CRT,KEY[,CIPHERS[,CA]]",
    )
    folder: Text = option(
        "sni-dir", default="", help="a folder with NAME.crt, NAME.key and maybe NAME.ca for clients that ask"
    )
    folder_ciphers: Text = option("sni-dir-ciphers", default="", help="the ciphers of those, as in OpenSSL")
