"""What is put before and behind a record: ``prefix``, ``suffix`` and ``nl``.

A record usually ends with its newline, so a suffix stands at the begin of the next line, as with uWSGI;
``format ${msg}`` before it takes the newline away, and ``nl`` puts one back.
"""

from __future__ import annotations

from uwsgid.families import log_encoders
from uwsgid.logs.encoders import Encoder
from uwsgid.logs.lines import encode


@log_encoders.member("prefix")
def prefix(arguments: str) -> Encoder:
    """Puts a text before each record."""
    return encode(arguments).__add__


@log_encoders.member("suffix")
def suffix(arguments: str) -> Encoder:
    """Puts a text behind each record, after its newline where it has one."""
    text = encode(arguments)
    return lambda record: record + text


@log_encoders.member("nl")
def nl(arguments: str) -> Encoder:
    """Puts a newline behind each record.  Arguments mean nothing, as with uWSGI."""
    return lambda record: record + b"\n"
