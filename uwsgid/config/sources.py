"""Where a text comes from: a path, standard input, a descriptor, a command, the web, the program itself.

Every place that reads a configuration, and ``@(…)``, takes any of these, as in uWSGI (core/io.c).  A source
is a member of the family ``config_sources`` under its scheme: a function of what follows ``://`` and the
`Facts`, which returns bytes.
"""

from __future__ import annotations

import codecs
import importlib
import importlib.resources
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from uwsgid.config.facts import Facts
from uwsgid.errors import ConfigError
from uwsgid.families import config_sources

#: Seconds that a web server has for each step of its answer.
HTTP_TIMEOUT: Final = 10.0
_SLOT: Final = struct.Struct("<Q")

#: Texts that parts of the program registered for ``sym://NAME``.
resources: Final[dict[str, bytes]] = {}

Fetch = Callable[[str, Facts], bytes]


def scheme_of(uri: str) -> str:
    """The scheme of *uri* where it is one of a source, otherwise ""."""
    scheme, mark, _ = uri.partition("://")
    return scheme if mark and scheme in config_sources and scheme != "path" else ""


def has_scheme(uri: str) -> bool:
    """Whether *uri* is something else than a path or ``-``."""
    return bool(scheme_of(uri))


def fetch_bytes(uri: str, facts: Facts) -> bytes:
    """What stands at *uri*.

    :raises ConfigError: when it can not be had; the text says what was tried and why it failed.
    """
    scheme = scheme_of(uri)
    source: Fetch
    if scheme:
        source, rest = config_sources[scheme], uri[len(scheme) + 3 :]
    else:
        source, rest = config_sources["-" if uri == "-" else "path"], uri
    try:
        return source(rest, facts)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ConfigError(f"unable to read {uri}: {reason}") from error


def fetch(uri: str, facts: Facts) -> str:
    """The text at *uri*.

    :raises ConfigError: when it can not be had or is no text.
    """
    return decode(fetch_bytes(uri, facts), uri)


def decode(data: bytes, source: str) -> str:
    """*data* as UTF-8; bytes that are not survive as surrogates, as they do in file names.

    :raises ConfigError: for UTF-16 and for data with a NUL byte, which no option can hold.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ConfigError(f"{source}: the text is UTF-16; save it as UTF-8")
    line = data.count(b"\n", 0, data.find(b"\0")) + 1 if b"\0" in data else 0
    if line:
        raise ConfigError(f"{source}:{line}: there is a NUL byte; a configuration is a text in UTF-8")
    return data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")


@config_sources.member("path")
def read_path(path: str, facts: Facts) -> bytes:
    """A file, or a FIFO up to its end."""
    with open(os.path.join(facts.cwd, path), "rb") as file:
        return file.read()


@config_sources.member("-")
def read_stdin(rest: str, facts: Facts) -> bytes:
    """Standard input up to its end."""
    if sys.stdin is None:
        raise ValueError("standard input is closed")
    return sys.stdin.buffer.read()


@config_sources.member("fd")
def read_descriptor(rest: str, facts: Facts) -> bytes:
    """An inherited descriptor up to its end; it stays open."""
    if not rest.isdecimal():
        raise ValueError("write fd://N with the number of a descriptor")
    with open(int(rest), "rb", closefd=False) as file:
        return file.read()


@config_sources.member("exec")
def read_command(command: str, facts: Facts) -> bytes:
    """What a shell command writes to its standard output.

    As in uWSGI the status does not matter once there is output.
    """
    done = subprocess.run(  # the user's own command line
        ["/bin/sh", "-c", command],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        cwd=facts.cwd,
        check=False,
    )
    if done.returncode and not done.stdout:
        raise ValueError(f"the command wrote nothing and ended with status {done.returncode}")
    return done.stdout


@config_sources.member("http")
def read_http(rest: str, facts: Facts) -> bytes:
    """The body of a web page; only a status of 2xx will do, redirections are not followed."""
    return _get("http", rest, facts)


@config_sources.member("https")
def read_https(rest: str, facts: Facts) -> bytes:
    """As http, over TLS with a verified certificate.  uWSGI does not have it."""
    return _get("https", rest, facts)


def _get(scheme: str, rest: str, facts: Facts) -> bytes:
    import http.client  # with TLS it is a third of what this module costs, and few configurations need it

    parts = urlsplit(f"{scheme}://{rest}")
    if not parts.hostname:
        raise ValueError(f"write {scheme}://HOST[:PORT]/PATH")
    kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=HTTP_TIMEOUT)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(
            "GET", target, headers={"User-Agent": f"uWSGI on {facts.hostname}", "Connection": "close"}
        )
        response = connection.getresponse()
        if not 200 <= response.status < 300:
            raise ValueError(f"Not usable HTTP response: {response.status} {response.reason}".rstrip())
        return response.read()
    except http.client.HTTPException as error:
        raise ValueError(f"no HTTP server answers there: {type(error).__name__}") from error
    finally:
        connection.close()


@config_sources.member("data")
def read_appended(rest: str, facts: Facts) -> bytes:
    """The Nth blob at the end of the program, counted from the end.

    After each blob stands its size, 8 bytes little endian.
    """
    if not rest.isdecimal():
        raise ValueError("invalid binary data slot requested; write data://N with a number from 0")
    with open(facts.binary, "rb") as file:
        end = file.seek(0, os.SEEK_END)
        for _ in range(int(rest) + 1):
            start = file.seek(max(0, end - _SLOT.size))
            mark = file.read(_SLOT.size)
            size = _SLOT.unpack(mark)[0] if len(mark) == _SLOT.size else end + 1
            if size == 0 or size > start:
                raise ValueError(f"invalid binary data slot requested: {facts.binary} has no slot {rest}")
            end = start - size
        file.seek(end)
        return file.read(size)


@config_sources.member("sym")
def read_resource(name: str, facts: Facts) -> bytes:
    """A text registered under a name, or, for ``PACKAGE/NAME``, a file inside an installed package."""
    if name in resources:
        return resources[name]
    package, slash, path = name.partition("/")
    if slash:
        try:
            return importlib.resources.files(package).joinpath(path).read_bytes()
        except (ImportError, TypeError) as error:
            raise ValueError(f"there is no package {package!r}") from error
    known = ", ".join(sorted(resources)) or "none"
    raise ValueError(f"no such resource (registered: {known}); sym://PACKAGE/FILE reads a file of a package")


@config_sources.member("call", "callint")
def read_call(name: str, facts: Facts) -> bytes:
    """What a Python function, written ``module:function``, returns when it is called without arguments."""
    module, colon, function = name.partition(":")
    if not colon:
        raise ValueError("write call://MODULE:FUNCTION")
    try:
        result = getattr(importlib.import_module(module), function)()
    except Exception as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
    return result if isinstance(result, bytes) else str(result).encode("utf-8", "surrogateescape")


@config_sources.member("emperor")
def read_from_emperor(name: str, facts: Facts) -> bytes:
    """The text that the emperor sends to its vassal."""
    if facts.from_emperor is None:
        raise ValueError("this process has no emperor; emperor:// is for vassals")
    return facts.from_emperor(name).encode("utf-8", "surrogateescape")


@config_sources.member("section")
def read_elf_section(name: str, facts: Facts) -> bytes:
    """A section of the executable, which a Python program does not have: always an error."""
    raise ValueError("not available in this build: uwsgid is no ELF file; use sym:// or data://")
