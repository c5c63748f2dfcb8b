"""What ``uwsgid manhole …`` does: find the manhole that is meant, and attach to it.

The words name a place, as ``manhole`` does in a configuration, the socket itself, or the configuration, which
is read as the instance reads it.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from uwsgid.errors import ConfigError, UwsgidError
from uwsgid.manhole import client
from uwsgid.manhole.options import SSH, UNIX, Place, read_place, worker_path, worker_user
from uwsgid.manhole.verdict import UNREACHABLE

USAGE: Final = """\
usage: uwsgid manhole [--worker N] [-c CODE] <address or configuration>

A Python prompt in a running instance.  The address is that of the option manhole: unix:/run/site.hole, the
path alone, or ssh:127.0.0.1:2222, for which the program ssh is run; a configuration has such a line.

--worker N   the prompt of worker N instead of the master's (manhole-workers); by ssh it is the user workerN
-c CODE      run CODE instead of reading lines

Where standard input is no terminal, its lines are run, and nothing after one that fails.  The exit code is 0
where all went well, 1 where a statement failed, 2 where no manhole answers, 3 where the connection was cut.
In a terminal Ctrl-D leaves, and Ctrl-] leaves also where the instance does not answer.
"""

#: Finds the manholes of a configuration, which is given as on the command line of an instance.
Find = Callable[[str], Sequence[Place]]


class UsageError(UwsgidError):
    """The words behind ``uwsgid manhole`` make no sense."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a command line wants.

    :ivar worker: the number of a worker; 0 for the master.
    :ivar code: what to run; None reads lines.
    :ivar where: the address or the configuration.
    """

    where: str
    worker: int = 0
    code: str | None = None


def read_words(argv: Sequence[str]) -> Wish:
    """What the words behind ``uwsgid manhole`` mean.

    :raises UsageError: nothing.
    """
    words: list[str] = []
    worker, code = 0, None
    left = list(argv)
    while left:
        word = left.pop(0)
        if word in ("--worker", "-c") and not left:
            raise UsageError(f"{word} needs a value")
        if word == "--worker":
            text = left.pop(0)
            if not (text.isascii() and text.isdecimal() and int(text)):
                raise UsageError(f"--worker needs the number of a worker, from 1, got {text!r}")
            worker = int(text)
        elif word == "-c":
            code = left.pop(0)
        elif word.startswith("-") and len(word) > 1:
            raise UsageError(f"the option {word} is not known")
        else:
            words.append(word)
    if not words:
        raise UsageError("the address or the configuration is missing")
    if len(words) > 1:
        raise UsageError(f"{words[1]!r} means nothing here")
    return Wish(words[0], worker, code)


def place_of(wish: Wish, find: Find) -> Place:
    """The manhole that is meant.

    :raises UwsgidError: there is none.
    """
    first = wish.where
    if first.startswith((f"{UNIX}:", f"{SSH}:")):
        try:
            found = read_place(first)
        except ValueError as error:
            raise UsageError(str(error)) from None
    elif _is_socket(first):
        found = Place(UNIX, path=first)
    else:
        places = find(first)
        if not places:
            raise ConfigError(f"{first} opens no manhole; add a line such as manhole = unix:/run/site.hole")
        found = next((place for place in places if place.kind == UNIX), places[0])
    if not wish.worker or found.kind == SSH:
        return found
    return Place(UNIX, path=worker_path(found.path, wish.worker))


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def ssh_command(place: Place, wish: Wish) -> list[str]:
    """How the program ``ssh`` is run for *place*."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(place.host, place.host)
    user = ["-l", worker_user(wish.worker)] if wish.worker else []
    code = ["--", wish.code] if wish.code is not None else []
    return ["ssh", "-p", str(place.port), *user, host, *code]


def main(argv: Sequence[str], find: Find) -> int:
    """Run a command line, without its ``uwsgid manhole``; the exit code."""
    if not argv or argv[0] in ("help", "-h", "--help"):
        sys.stdout.write(USAGE)
        return 0 if argv else UNREACHABLE
    try:
        wish = read_words(argv)
        place = place_of(wish, find)
        if place.kind == SSH:
            _by_ssh(place, wish)
        connection = client.connect(place.path, wish.worker)
    except UsageError as error:
        sys.stderr.write(f"uwsgid manhole: {error}\n{USAGE}")
        return UNREACHABLE
    except UwsgidError as error:
        sys.stderr.write(f"uwsgid manhole: {error}\n")
        return UNREACHABLE
    with connection:
        try:
            if wish.code is not None:
                return client.run(connection, wish.code, sys.stdout.fileno())
            if sys.stdin.isatty() and sys.stdout.isatty():
                return client.attach(connection)
            return client.pipe(connection, sys.stdin.fileno(), sys.stdout.fileno())
        except UwsgidError as error:
            sys.stderr.write(f"uwsgid manhole: {error}\n")
            return UNREACHABLE
        except BrokenPipeError:
            return 0  # whoever read this has seen enough
        except KeyboardInterrupt:
            return 130


def _by_ssh(place: Place, wish: Wish) -> NoReturn:
    program = shutil.which("ssh")
    if program is None:
        raise client.Unreachable(f"{place} needs the program ssh (openssh-client)")
    os.execv(program, ssh_command(place, wish))
