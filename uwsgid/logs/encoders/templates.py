"""Templates with variables: ``format``, and ``json``, where nothing that is put in can break out.

uWSGI's parser decides what a ``$`` means (core/logging.c): before anything but ``{`` it is text together with
the character behind it, so that of ``$${msg}`` nothing is a variable; ``${`` without its ``}`` ends the
template.

In ``json`` the text of the template stays as it is, and each value is escaped as the inside of a JSON string,
by Python's own encoder.  What is no UTF-8 becomes U+FFFD; the control characters above ASCII and the two line
separators of Unicode, which some readers take for the end of a line, are written as ``\\uNNNN``.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable
from typing import Final

from uwsgid.errors import ConfigError
from uwsgid.families import log_encoders
from uwsgid.logs.encoders import Encoder
from uwsgid.logs.encoders.assembly import EachMoment, EachSecond, OfRecord, Piece, assemble, strip_newline
from uwsgid.logs.encoders.moments import MICROSECOND, MILLISECOND, checked_strftime, local_time
from uwsgid.logs.lines import encode

Escape = Callable[[bytes], bytes]

_STRFTIME: Final = "strftime:"
_NAMES: Final = ("msg", "msgnl", "unix", "micros", "millis", _STRFTIME)

_DOLLAR: Final = re.compile(
    r"""
    \$ \{ (?P<name> [^}]* ) \}   # a variable
    | \$ \{ [^}]* \Z             # one without an end
    | \$ [^{]                    # text
    """,
    re.VERBOSE | re.DOTALL,
)

#: Bytes that stand for themselves in a JSON string.
_PLAIN: Final = bytes(code for code in range(0x20, 0x80) if code not in b'"\\')

_UNUSUAL: Final = re.compile("[\x80-\x9f\u2028\u2029]")
_quote: Final = json.encoder.encode_basestring


@log_encoders.member("format")
def plain_format(arguments: str) -> Encoder:
    """Puts a template in place of each record, with ``${msg}`` and other variables replaced."""
    return assemble(parse(arguments))


@log_encoders.member("json")
def json_format(arguments: str) -> Encoder:
    """Puts a template in place of each record, as ``format`` does, with values escaped for JSON strings."""
    return assemble(parse(arguments, escape_json))


# hot path, watched by bench-logs
def escape_json(text: bytes) -> bytes:
    """*text* as it stands between the quotes of a JSON string."""
    if not text.translate(None, _PLAIN):  # the quickest way to look at all bytes
        return text
    if text.isascii():
        return _quote(text.decode("ascii"))[1:-1].encode("ascii")
    made = _quote(text.decode("utf-8", "replace"))[1:-1]
    if not made.isprintable():
        made = _UNUSUAL.sub(lambda found: f"\\u{ord(found.group()):04x}", made)
    return made.encode()


def parse(template: str, escape: Escape | None = None) -> list[Piece]:
    """The pieces of a template.

    :param escape: what becomes of values; they stay as they are where not given.
    :raises ConfigError: it names a variable that there is not, or nothing is left of it.
    """
    pieces: list[Piece] = []
    text, end = "", 0
    for found in _DOLLAR.finditer(template):
        text += template[end : found.start()]
        end = found.end()
        name = found.group("name")
        if name is not None:
            pieces += [encode(text), _variable(name, escape)]
            text = ""
        elif found.group().startswith("${"):
            break  # and what follows is dropped, as by uWSGI
        else:
            text += found.group()
    pieces.append(encode(text + template[end:]))
    pieces = [piece for piece in pieces if piece]
    if not pieces:
        raise ConfigError(f"{template!r} makes nothing of a record; a template is wanted, such as '${{msg}}'")
    return pieces


def _variable(name: str, escape: Escape | None) -> Piece:
    if name.startswith(_STRFTIME):
        shape = checked_strftime(name.removeprefix(_STRFTIME))
        if escape is None:
            return EachSecond(lambda second: local_time(shape, second))
        return EachSecond(lambda second: escape(local_time(shape, second)))
    match name:
        case "msg":
            return OfRecord(_message(escape))
        case "msgnl":
            return OfRecord(escape or (lambda record: record))
        case "unix":
            return EachSecond(lambda second: b"%d" % second)
        case "micros":
            return EachMoment(lambda moment: b"%d" % (moment // MICROSECOND))
        case "millis":
            return EachMoment(lambda moment: b"%d" % (moment // MILLISECOND))
    raise ConfigError(f"${{{name}}} is no variable of a log encoder; {_hint(name)}")


def _message(escape: Escape | None) -> Escape:
    if escape is None:
        return strip_newline
    return lambda record: escape(record[:-1] if record[-1:] == b"\n" else record)


def _hint(name: str) -> str:
    near = difflib.get_close_matches(name, _NAMES, n=2)
    names = near or _NAMES
    shown = [f"${{{one}FORMAT}}" if one == _STRFTIME else f"${{{one}}}" for one in names]
    return f"did you mean {' or '.join(shown)}?" if near else f"known: {', '.join(shown)}"
