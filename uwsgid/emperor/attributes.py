"""What a vassal's configuration says to the emperor: the section ``[emperor]`` of an ini file.

The emperor may be root and the file anybody's, so it is only read: a regular file, not more than a part of
it, and as plain lines without any of the expansions that a vassal does with its own rights.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Final

SECTION: Final = "[emperor]"
_MOST: Final = 65536  #: bytes that are read


def attributes_of(path: str) -> dict[str, str]:
    """The keys and values of the section; nothing where there is none, or no file."""
    try:
        return parse(read_a_little(path).decode("utf-8", "surrogateescape"))
    except OSError:
        return {}


def read_a_little(path: str) -> bytes:
    """The beginning of a regular file, without ever waiting for anybody.

    :raises OSError: it can not be read, or is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        return os.read(descriptor, _MOST)
    finally:
        os.close(descriptor)


def parse(text: str) -> dict[str, str]:
    """The keys and values of the section ``[emperor]``; the last of a key counts.  Pure."""
    found: dict[str, str] = {}
    is_ours = False
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            is_ours = line == SECTION
        elif is_ours and not line.startswith((";", "#")):
            key, equals, value = line.partition("=")
            if equals and key.strip():
                found[key.strip()] = value.strip()
    return found
