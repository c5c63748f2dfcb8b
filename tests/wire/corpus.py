"""Reads `tests/corpus`: raw requests, each with a JSON file beside it that says what it must mean.

- ``http/good/NAME.http``: the bytes; ``NAME.json`` has ``requests``, one object each: ``vars`` (a part of
  them), ``absent``, ``body``, ``keep_alive`` (default true), ``expect_continue`` and ``trailers``.
- ``http/bad``: ``status`` and ``option`` of the error, and how many good requests come ``before`` it;
  ``in_body`` where the head itself is good.
- ``uwsgi/good/NAME.hex``: bytes in hexadecimal, comments behind ``#``; the JSON has ``modifier1``,
  ``modifier2``, ``count``, ``vars``, ``body`` and ``block`` (hexadecimal).
- ``uwsgi/bad``: ``words`` of the error, and its ``option``.
- ``fastcgi/good``: hexadecimal too; ``requests`` with ``vars`` (all of them), ``length``,
  ``body``, ``keep_alive`` and ``number``; ``answers`` of the protocol itself (hexadecimal), and ``close``
  where the last one ends the connection.
- ``fastcgi/bad``: ``words`` and ``option`` of the error; ``in_request`` where a request had begun.
- ``scgi/good``: ``vars`` (all of them), ``length`` and ``body``; ``scgi/bad`` as ``uwsgi/bad``.

Everywhere ``buffer_size`` and ``max_vars`` set other limits than the usual ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from uwsgid.wire.limits import Limits

HERE = Path(__file__).resolve().parent.parent / "corpus"


@dataclass(frozen=True, slots=True)
class Case:
    """One raw request, or several on one connection."""

    name: str
    data: bytes
    expected: dict[str, Any]

    @property
    def limits(self) -> Limits:
        usual = Limits()
        return Limits(
            self.expected.get("buffer_size", usual.buffer_size), self.expected.get("max_vars", usual.max_vars)
        )


def http(kind: str) -> list[Case]:
    """The HTTP cases, ``good`` or ``bad``."""
    return list(_cases(HERE / "http" / kind, ".http"))


def uwsgi(kind: str) -> list[Case]:
    """The uwsgi cases, ``good`` or ``bad``."""
    return list(_cases(HERE / "uwsgi" / kind, ".hex"))


def fastcgi(kind: str) -> list[Case]:
    """The FastCGI cases, ``good`` or ``bad``."""
    return list(_cases(HERE / "fastcgi" / kind, ".hex"))


def scgi(kind: str) -> list[Case]:
    """The SCGI cases, ``good`` or ``bad``."""
    return list(_cases(HERE / "scgi" / kind, ".hex"))


def _cases(folder: Path, suffix: str) -> Iterator[Case]:
    for path in sorted(folder.glob("*" + suffix)):
        data = path.read_bytes()
        if suffix == ".hex":
            lines = data.decode("ascii").splitlines()
            data = bytes.fromhex(" ".join(line.partition("#")[0] for line in lines))
        yield Case(path.stem, data, json.loads(path.with_suffix(".json").read_text("utf-8")))
