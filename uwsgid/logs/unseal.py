"""What ``uwsgid unseal`` does: read what the log encoder ``aead`` sealed.

Records go to standard output as they were, so that whatever was made of them before they were sealed can go
on from there: ``uwsgid unseal site.key < site.log | zcat``.  What is wrong goes to standard error.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import BinaryIO, Final, TextIO

from uwsgid.errors import ConfigError
from uwsgid.logs.encoders.sealed import read_key
from uwsgid.logs.encoders.unsealing import Fault, Opened, Unsealer

USAGE: Final = """\
usage: uwsgid unseal <key file> [<key file> …] < sealed > log

Reads what the log encoder aead sealed, binary or text.  Each record is opened with the key that it was
sealed with; with several key files a log can be read in which the key changed.

0 when all could be read, 1 when something was damaged, is missing, came twice or has another key, 2 when
nothing was tried.
"""

_PIECE: Final = 1 << 16  #: bytes that are read at once


def unseal(argv: Sequence[str], source: BinaryIO, out: BinaryIO, err: TextIO) -> int:
    """Do what the words say; the exit code.

    :param source: what was sealed.
    :param out: gets the records.
    :param err: gets what is wrong.
    """
    if not {"-h", "--help", "help"}.isdisjoint(argv):
        out.write(USAGE.encode())
        return 0
    if not argv:
        err.write(USAGE)
        return 2
    try:
        unsealer = Unsealer([read_key(path, private=False) for path in argv])
    except ConfigError as error:
        err.write(f"{error}\n")
        return 2
    whole = True
    # what is there and no more, so that a log can be followed
    while piece := os.read(source.fileno(), _PIECE):
        whole = _say(unsealer.feed(piece), out, err) and whole
    return 0 if _say(unsealer.finish(), out, err) and whole else 1


def main(argv: Sequence[str]) -> int:
    """``uwsgid unseal`` with these words; the exit code."""
    try:
        return unseal(argv, sys.stdin.buffer, sys.stdout.buffer, sys.stderr)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left is flushed at the end
        return 1
    except KeyboardInterrupt:
        return 130


def _say(found: Iterable[Opened | Fault], out: BinaryIO, err: TextIO) -> bool:
    """Write what was found; whether nothing was wrong."""
    whole = True
    for said in found:
        if isinstance(said, Opened):
            out.write(said.record)
        else:
            whole = False
            err.write(f"{said.text}\n")
    out.flush()
    return whole
