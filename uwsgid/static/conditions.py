"""Whether a client has the file already: the conditional headers of RFC 9110 section 13, in its order."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

from uwsgid.wire.httpdate import parse_http_date


class Verdict(enum.Enum):
    """What the conditions of a request come to."""

    SEND = "send"
    NOT_MODIFIED = "not modified"  #: the client has it
    FAILED = "failed"  #: it is not what the client thinks it is


def tag_of(mtime: int, size: int, coding: str = "") -> str:
    """The ETag of a file: another one whenever its bytes may have changed.

    :param mtime: nanoseconds since the epoch.
    :param coding: of its content, ``gzip`` for a compressed twin.
    """
    return f'"{mtime:x}-{size:x}{f"-{coding}" if coding else ""}"'


def verdict(vars: Mapping[str, Any], tag: str, mtime: int) -> Verdict:
    """Compare what a GET or HEAD says of the file with what it is.

    :param mtime: whole unix seconds.
    """
    match = vars.get("HTTP_IF_MATCH", "")
    if match:
        if not _listed(match, tag, weakly=False):
            return Verdict.FAILED
    else:
        unmodified = parse_http_date(vars.get("HTTP_IF_UNMODIFIED_SINCE", ""))
        if unmodified is not None and mtime > unmodified:
            return Verdict.FAILED
    none_match = vars.get("HTTP_IF_NONE_MATCH", "")
    if none_match:
        return Verdict.NOT_MODIFIED if _listed(none_match, tag, weakly=True) else Verdict.SEND
    modified = parse_http_date(vars.get("HTTP_IF_MODIFIED_SINCE", ""))
    return Verdict.NOT_MODIFIED if modified is not None and mtime <= modified else Verdict.SEND


def ranges_hold(vars: Mapping[str, Any], tag: str, mtime: int) -> bool:
    """Whether ``If-Range`` lets the ``Range`` beside it count: the client's parts are of this very file."""
    condition: str = vars.get("HTTP_IF_RANGE", "").strip(" \t")
    if not condition:
        return True
    if '"' in condition:
        return condition == tag
    since = parse_http_date(condition)
    return since is not None and mtime <= since


def _listed(header: str, tag: str, *, weakly: bool) -> bool:
    """Whether *tag* is in a list of tags, of which there is none with a comma in it."""
    for one in header.split(","):
        text = one.strip(" \t")
        if text == "*" or text == tag or (weakly and text == f"W/{tag}"):
            return True
    return False


def accepts(header: str, coding: str) -> bool:
    """Whether ``Accept-Encoding`` names *coding* and does not give it a weight of 0."""
    for one in header.lower().split(","):
        name, _, parameters = one.partition(";")
        if name.strip(" \t") == coding:
            weight, equals, value = parameters.partition("=")
            if weight.strip(" \t") != "q" or not equals:
                return True
            return bool(value.strip(" \t0."))
    return False
