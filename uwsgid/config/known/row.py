"""What is noted of an option of uWSGI, whether or not uwsgid acts on it.

The tables beside this module list every option name of uWSGI.  A row is a tuple of three texts::

    ("harakiri -t", "u64", "time limit of a request, in seconds")
    ("touch-reload", "list M", "reload when this file is touched")
    ("master-fifo", "list M 2.0", "named pipe that takes commands")

names and letters; the kind, the flags and the version that brought it (1.9 unless said); a few words.
Rows stand in blocks that say what becomes of them as long as no section declares the option.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from uwsgid.config.kinds import Takes

Row = tuple[str, str, str]

#: The reason for what will come.
LATER: Final = "uwsgid does not have this yet"
#: The reason for lists that uWSGI prints at start.
PRINTS: Final = "it would only print a list at start"
#: The reason for what belongs to the C program.
C_ONLY: Final = "uwsgid is not a C program"


class Support(enum.Enum):
    """What uwsgid does with an option."""

    HONOURED = "honoured"  #: acts on it
    ACCEPTED = "accepted"  #: ignores it, which harms nobody
    REFUSED = "refused"  #: does not start, since ignoring it would mislead or be dangerous


#: What the kinds of the tables take on the command line.  The words are those of uWSGI's table of arguments;
#: ``any`` is a flag that uWSGI registered with an argument by mistake.
KINDS: Final[Mapping[str, Takes]] = {
    "flag": Takes.NOTHING,
    "any": Takes.MAYBE,
    "none": Takes.NOTHING,
    "int": Takes.VALUE,
    "signed": Takes.VALUE,
    "u16": Takes.VALUE,
    "u64": Takes.VALUE,
    "MB": Takes.VALUE,
    "octal": Takes.VALUE,
    "str": Takes.VALUE,
    "list": Takes.VALUE,
    "csv": Takes.VALUE,
    "[int]": Takes.MAYBE,
    "[str]": Takes.MAYBE,
    "[list]": Takes.MAYBE,
    "[octal]": Takes.MAYBE,
}

#: What a flag of the table turns on when the option is seen (core/uwsgi.c, the flags of `uwsgi_option`).
IMPLIED: Final[Mapping[str, tuple[str, ...]]] = {
    "M": ("master",),
    "L": ("master", "log-master"),
    "R": ("master", "log-master"),
    "T": ("enable-threads",),
    "V": ("vhost",),
    "P": ("auto-procname",),
    "Z": ("lazy",),
    "S": ("no-server",),
}


@dataclass(frozen=True, slots=True)
class KnownOption:
    """One option of uWSGI under all its names.

    :ivar kind: a key of `KINDS`.
    :ivar flags: the letters of uWSGI's option flags: those of `IMPLIED`, and I (immediate), C (cheaper),
        m (memory accounting), N (no banner), X (MIME types), p (regex), s (TLS), l (Linux), f (FreeBSD),
        z (ZeroMQ).
    :ivar since: ``1.9`` for 1.9.16, ``2.0`` or ``2.1``.
    :ivar support: what happens as long as no section declares the option.
    :ivar reason: why, in a few words.
    """

    names: tuple[str, ...]
    letters: tuple[str, ...]
    kind: str
    flags: str
    since: str
    group: str
    support: Support
    reason: str
    help: str

    @property
    def name(self) -> str:
        return self.names[0]

    @property
    def takes(self) -> Takes:
        """Whether it has a value on the command line."""
        return KINDS[self.kind]

    @property
    def immediate(self) -> bool:
        """Whether it acts while the configuration is being read."""
        return "I" in self.flags

    @property
    def is_flag(self) -> bool:
        """Whether its value is only ever true or false."""
        return self.kind in ("flag", "any", "none")

    @property
    def implies(self) -> tuple[str, ...]:
        """The options that it turns on."""
        return tuple(dict.fromkeys(name for flag in self.flags for name in IMPLIED.get(flag, ())))


def _block(group: str, support: Support, reason: str, rows: tuple[Row, ...]) -> Iterator[KnownOption]:
    for spellings, facts, help in rows:
        words = spellings.split()
        kind, *more = facts.split()
        yield KnownOption(
            names=tuple(word for word in words if not _is_letter(word)),
            letters=tuple(word[1] for word in words if _is_letter(word)),
            kind=kind,
            flags="".join(word for word in more if word.isalpha()),
            since="".join(word for word in more if not word.isalpha()) or "1.9",
            group=group,
            support=support,
            reason=reason,
            help=help,
        )


def _is_letter(word: str) -> bool:
    return len(word) == 2 and word[0] == "-"


def honoured(group: str, *rows: Row) -> tuple[KnownOption, ...]:
    """Options that the reading of the configuration itself acts on; no section declares them."""
    return tuple(_block(group, Support.HONOURED, "", rows))


def accepted(group: str, reason: str, *rows: Row) -> tuple[KnownOption, ...]:
    """Options that may be ignored."""
    return tuple(_block(group, Support.ACCEPTED, reason, rows))


def refused(group: str, reason: str, *rows: Row) -> tuple[KnownOption, ...]:
    """Options without which a site would behave wrongly or unsafely."""
    return tuple(_block(group, Support.REFUSED, reason, rows))
