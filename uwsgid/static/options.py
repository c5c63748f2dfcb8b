"""The options of static files.  They are all that is imported where nobody serves any."""

from __future__ import annotations

import re
from typing import Annotated, Final

from uwsgid.config.kinds import Flag, Kind, Texts
from uwsgid.config.section import Section, flag, option, section


def _map(text: str) -> tuple[str, str]:
    point, equals, root = text.partition("=")
    if not equals or not root:
        raise ValueError(f"invalid document root in static map, syntax mountpoint=docroot, got {text!r}")
    return point, root


def _pattern(text: str) -> re.Pattern[bytes]:
    try:
        return re.compile(text.encode())
    except re.error as error:
        raise ValueError(f"pcre error: {error.msg} at offset {error.pos} of {text!r}") from None


def _seconds(text: str, whole: str) -> int:
    digits = text.strip()
    if not (digits.isascii() and digits.isdecimal()):
        raise ValueError(f"expected a number of seconds at the end of {whole!r}, got {digits!r}")
    return int(digits)


def _expiry(text: str) -> tuple[re.Pattern[bytes], int]:
    pattern, space, seconds = text.strip().rpartition(" ")
    if not space:
        raise ValueError(f"invalid dictionary syntax for {text}, expected: REGEXP SECONDS")
    return _pattern(pattern.rstrip()), _seconds(seconds, text)


def _type_expiry(text: str) -> tuple[str, int]:
    kind, equals, seconds = text.partition("=")
    if not equals or not kind:
        raise ValueError(f"invalid dictionary syntax for {text}, expected: TYPE=SECONDS")
    return kind.strip(), _seconds(seconds, text)


#: The header by which a front end is asked to send a file, by what ``file-serve-mode`` may say.
SERVE_MODES: Final = {
    "nginx": "X-Accel-Redirect",
    "x-accel-redirect": "X-Accel-Redirect",
    "xaccelredirect": "X-Accel-Redirect",
    "x-sendfile": "X-Sendfile",
    "xsendfile": "X-Sendfile",
}


def _serve_mode(text: str) -> str:
    header = SERVE_MODES.get(text.strip().lower())
    if header is None:
        raise ValueError
    return header


Maps = Annotated[
    tuple[tuple[str, str], ...], Kind("mountpoint=path list", "mountpoint=path", _map, many=True)
]
Patterns = Annotated[
    tuple[re.Pattern[bytes], ...],
    Kind("regular expressions", "a regular expression", _pattern, many=True),
]
Expiries = Annotated[
    tuple[tuple[re.Pattern[bytes], int], ...],
    Kind("REGEXP SECONDS list", "a regular expression, a space and seconds", _expiry, many=True),
]
TypeExpiries = Annotated[
    tuple[tuple[str, int], ...],
    Kind("type=seconds list", "a MIME type, an equals sign and seconds", _type_expiry, many=True),
]
ServeMode = Annotated[str, Kind("front end", f"one of {', '.join(SERVE_MODES)}", _serve_mode)]


@section("Static files, offload, TLS")
class StaticFiles(Section):
    """Which requests are answered with a file."""

    checks: Texts = option(
        "check-static",
        "static-check",
        default=(),
        help="answer with the file that PATH_INFO names in this directory, where there is one",
        note="the directory may be a link, as in uWSGI 2.0; 1.9.16 serves nothing where one is on the way",
    )
    check_docroot: Flag = flag(
        "check-static-docroot",
        default=False,
        help="the same in the directory that the front end calls DOCUMENT_ROOT",
    )
    maps: Maps = option(
        "static-map",
        default=(),
        help="mountpoint=path: answer with files of a directory, or with one file, for paths that begin so",
        note="as in uWSGI a mountpoint is compared without regard to segments: /img also catches /imgs/x",
    )
    maps2: Maps = option(
        "static-map2",
        default=(),
        help="as static-map, but the mountpoint stays part of the path: /img=/srv looks in /srv/img",
    )
    indexes: Texts = option(
        "static-index", default=(), help="answer for a directory with the file of this name in it"
    )
    skip_ext: Texts = option(
        "static-skip-ext", default=(), help="never answer with a file where the path ends so"
    )
    safe: Texts = option(
        "static-safe",
        default=(),
        help="a directory that links of served directories may lead to",
        note="a directory, and not the beginning of a text as in uWSGI: /srv does not allow /srv-secret",
    )

    @property
    def any(self) -> bool:
        """Whether a worker has files to serve."""
        return bool(self.checks or self.check_docroot or self.maps or self.maps2)


@section("Static files, offload, TLS")
class StaticAnswers(Section):
    """How a file is answered."""

    mime_files: Texts = option(
        "mimefile",
        "mime-file",
        default=(),
        help="take types of files from here instead of /etc/mime.types; may be repeated",
        note="without that file a table that is built in is used",
    )
    honour_range: Flag = flag(
        "honour-range",
        default=False,
        help="answer requests for parts of a file",
        note="all of RFC 9110's byte ranges, several at a time too; those of uWSGI 1.9.16 are a byte short",
    )
    serve_mode: ServeMode = option(
        "file-serve-mode",
        "fileserve-mode",
        default="",
        help="let the front end send files: nginx (X-Accel-Redirect) or x-sendfile",
        note="a word that uWSGI does not know makes it send the file itself; here it is an error",
    )
    expires: Expiries = option(
        "static-expires", default=(), help="files whose names match expire in so many seconds"
    )
    expires_mtime: Expiries = option(
        "static-expires-mtime", default=(), help="the same, counted from when the file was changed"
    )
    expires_path: Expiries = option(
        "static-expires-path-info", default=(), help="as static-expires, by PATH_INFO"
    )
    expires_path_mtime: Expiries = option(
        "static-expires-path-info-mtime", default=(), help="as static-expires-mtime, by PATH_INFO"
    )
    expires_uri: Expiries = option("static-expires-uri", default=(), help="as static-expires, by REQUEST_URI")
    expires_uri_mtime: Expiries = option(
        "static-expires-uri-mtime", default=(), help="as static-expires-mtime, by REQUEST_URI"
    )
    expires_type: TypeExpiries = option(
        "static-expires-type", default=(), help="files of this MIME type expire in so many seconds"
    )
    expires_type_mtime: TypeExpiries = option(
        "static-expires-type-mtime", default=(), help="the same, counted from when the file was changed"
    )
    gzip: Patterns = option(
        "static-gzip",
        default=(),
        help="send FILE.br or FILE.gz in place of files whose names match, to clients that take them",
    )
    gzip_all: Flag = flag("static-gzip-all", default=False, help="look for FILE.br and FILE.gz of every file")
    gzip_dir: Texts = option(
        "static-gzip-dir", "static-gzip-prefix", default=(), help="and of files whose names begin so"
    )
    gzip_ext: Texts = option(
        "static-gzip-ext", "static-gzip-suffix", default=(), help="and of files whose names end so"
    )
