"""What becomes of the fields and of the target of an HTTP/1 request: variables.

The variables are those of uWSGI's ``http-socket`` (``http_parse`` in proto/http.c), with these differences:

- header fields that come several times are joined with a comma, cookies with a semicolon;
- an absolute target (``GET http://host/path``) gives the path in PATH_INFO and the host in HTTP_HOST, as
  RFC 9112 section 3.2.2 wants;
- a field whose name has an underscore is accepted, but it never adds to or replaces a variable that a field
  with hyphens made, and it never makes one of the variables that frame the body.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import unquote

from uwsgid.errors import PeerError

_MAX_KNOWN_NAMES: Final = 1024  # nobody can fill the memory with invented names
_MAX_KNOWN_LENGTH: Final = 40
_HOST: Final = re.compile(
    r"(?:[0-9A-Za-z._~!$&'()*+;=%-]*|\[[0-9A-Fa-f:.]+(?:%25[0-9A-Za-z._~-]+)?\])(?::[0-9]*)?"
)
_ABSOLUTE: Final = re.compile(r"(?i:https?)://([^/?]+)([^?]*)")

#: Hosts that were found good, learnt on the way.
HOSTS: Final[set[str]] = set()
_MAX_HOSTS: Final = 1024

#: Fields that an underscore must not imitate: applications look there for the body.
_FRAMING: Final = frozenset({"HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE", "HTTP_TRANSFER_ENCODING"})

#: Variables by the field name as it was sent, learnt on the way; names with an underscore are never in it.
KNOWN: Final[dict[bytes, str]] = {}


def learn_host(host: str) -> None:
    """See whether a host that is not among `HOSTS` is good, and remember it if there is room.

    :raises PeerError: it is not.
    """
    if _HOST.fullmatch(host) is None:
        raise PeerError(f"a bad Host: {host[:80]!r}")
    if len(HOSTS) < _MAX_HOSTS:
        HOSTS.add(host)


def variable(name: bytes) -> str:
    """The variable of a field, uWSGI's rule: upper case, hyphens to underscores, and the CGI prefix."""
    key = name.decode("latin-1").upper().replace("-", "_")
    if key not in ("CONTENT_LENGTH", "CONTENT_TYPE"):
        key = "HTTP_" + key
    if len(name) <= _MAX_KNOWN_LENGTH and len(KNOWN) < _MAX_KNOWN_NAMES:
        KNOWN[name] = key
    return key


def joined(key: str, old: str, new: str) -> str:
    """One value for two fields of a name.

    :raises PeerError: the field is one that decides where a request ends or goes.
    """
    if key == "CONTENT_LENGTH":
        raise PeerError("two Content-Length")
    if key == "HTTP_HOST":
        raise PeerError("two Host")
    return f"{old}; {new}" if key == "HTTP_COOKIE" else f"{old}, {new}"


def add_underscored(fields: list[tuple[bytes, bytes]], vars: dict[str, Any]) -> None:
    """Add the fields whose names have an underscore, where they do not imitate another one."""
    extra: dict[str, str] = {}
    for name, raw in fields:
        if b"_" not in name:
            continue
        key = "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
        if key not in vars and key not in _FRAMING:
            value = raw.decode("latin-1").rstrip(" \t")
            extra[key] = f"{extra[key]}, {value}" if key in extra else value
    vars.update(extra)


def unusual_target(method: str, target: str, vars: dict[str, Any]) -> None:
    """Sort out a target that is not simply a path.

    :raises PeerError: it has a fragment, or it is of no form that this method may have.
    """
    if "#" in target:
        raise PeerError(f"a fragment in the target of a request: {target[:80]!r}")
    if target == "*" and method == "OPTIONS":
        return
    match = _ABSOLUTE.match(target)
    if match is None:
        raise PeerError(f"a bad target: {target[:80]!r}")
    host: str = match[1]
    if _HOST.fullmatch(host) is None or host[0] == ":":
        raise PeerError(f"a bad host in the target: {target[:80]!r}")
    vars["PATH_INFO"] = unquote(match[2] or "/", "latin-1")
    vars["HTTP_HOST"] = host
