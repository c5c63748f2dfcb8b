"""What live tests of protocols share: a server behind a socket for one, and the real uWSGI beside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar, Final

from tests.live.support import APPS, Daemon, LiveCase, requires

#: Keys of the environ that only one of the two servers has, or that have its name.
OWN = ("uwsgi.version", "wsgi.input_terminated")
#: The loops, as a configuration asks for them.
LOOPS: Final = ("", "threads = 2", "loop = reactor\nthreads = 2")


def digest(data: bytes) -> bytes:
    """What the page ``/digest`` says of a body."""
    return f"{len(data)} {hashlib.sha256(data).hexdigest()}".encode()


#: A large body.
BIG: Final = bytes(range(256)) * (1 << 15)
DIGEST: Final = digest(BIG)


def pages(ask: Callable[..., bytes]) -> dict[str, bytes]:
    """Requests for all kinds of pages by name.

    :param ask: makes one of variables, and a body.
    """
    return {
        "get": ask(PATH_INFO="/missing"),
        "redirect": ask(PATH_INFO="/redirect"),
        "empty": ask(PATH_INFO="/empty"),
        "stream": ask(PATH_INFO="/stream"),
        "write": ask(PATH_INFO="/write"),
        "large": ask(PATH_INFO="/large"),
        "file": ask(PATH_INFO="/file"),
        "odd": ask(PATH_INFO="/odd"),
        "digest": ask(PATH_INFO="/digest", REQUEST_METHOD="POST", body=BIG[:100_000]),
        "lines": ask(PATH_INFO="/lines", REQUEST_METHOD="POST", body=b"one\ntwo\nthree"),
        "no protocol": ask(PATH_INFO="/missing", SERVER_PROTOCOL=""),
    }


class ProtocolCase(LiveCase):
    """A server with the probe, which listens on ``<server>.sock``; not run by itself.

    :cvar options: those of its sockets, the usual one first.
    """

    options: ClassVar[tuple[str, ...]]

    def start(self, more: str = "", *, server: str = "uwsgid", option: str = "") -> Daemon:
        """Start it with one worker."""
        return self.serve(
            f"{option or self.options[0]} = {self.path(server + '.sock')}\nwsgi-file = {APPS / 'probe.py'}\n"
            f"need-app = true\nmaster = true\nchmod-socket = 666\n{more}\n",
            server=server,
            name=f"{server}.ini",
        )

    def told(self, data: bytes, server: str = "uwsgid") -> object:
        """The whole answer to a request on a connection of its own, which has to end behind it."""
        raise NotImplementedError

    def body(self, data: bytes, server: str = "uwsgid") -> bytes:
        """The body of the same."""
        raise NotImplementedError

    def compare_answers(self, asked: Mapping[str, bytes]) -> None:
        """Each request gets the same answer of both servers, byte for byte, on each kind of socket."""
        requires("uwsgi-core")
        for option in self.options:
            daemons = [self.start(server=server, option=option) for server in ("uwsgi", "uwsgid")]
            for name, data in asked.items():
                self.assertEqual(self.told(data), self.told(data, "uwsgi"), f"{option}: {name}")
            for daemon in daemons:
                daemon.close()

    def compare_environs(self, asked: Iterable[bytes]) -> None:
        """The application sees the same variables under both."""
        requires("uwsgi-core")
        for server in ("uwsgi", "uwsgid"):
            self.start(server=server)
        for data in asked:
            found = [json.loads(self.body(data, server)) for server in ("uwsgi", "uwsgid")]
            for environ in found:
                for own in OWN:
                    environ.pop(own, None)
            self.assertEqual(found[1], found[0])
