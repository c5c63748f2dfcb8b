"""The mother: an interpreter that loads the applications once and forks a child for each core that connects.

Children share her memory, as workers share that of their zygote.  She listens on a socket in the abstract
namespace, so that no path has to exist in a jail; anybody may connect to that, and nobody is served without
the token that her starter gave her.

Her life hangs on a line: the starter's end of the socket pair of the boot.  It is never closed on purpose.
Whoever is forked later by the starter inherits it, so that she lives for as long as anybody of her generation
does, and ends when all are gone, however they went.  She keeps an eye on each connection that she accepted:
where its worker is gone, killed perhaps, she kills the child, whatever that is busy with; where a child
ends, she says how, and shuts its connection down, grandchildren that hold it notwithstanding.
"""

from __future__ import annotations

import contextlib
import os
import platform
import secrets
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from struct import unpack
from typing import Final

from uwsgid.languages.foreign.frames import BridgeError, FrameReader, counted, frame

Call = Callable[[bytes], bytes]
Learn = Callable[[bytes], None]

#: The number of prctl() where it is known: a child asks by it to die with its mother.
_PRCTL: Final = {"x86_64": 157, "aarch64": 167, "riscv64": 167, "armv7l": 172, "i686": 172, "ppc64le": 171,
                 "s390x": 172}  # fmt: skip
_FROM_MOTHER: Final = b"onlu"
_FROM_CHILD: Final = b"onui"
_GREETING: Final = 60.0  #: seconds that a child may take until it greets
_BACKLOG: Final = 128
_PIECE: Final = 65536


class NoInterpreter(BridgeError):
    """There is no interpreter, or it refuses to begin: the configuration asks for what can not be had."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of one application.

    :ivar application: its number.
    :ivar ok: whether it can answer.
    :ivar text: what there is to say about it.
    """

    application: int
    ok: bool
    text: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a mother is started.

    :ivar language: its name, for messages.
    :ivar command: the interpreter and its arguments; what it runs is a script of ours.
    :ivar option: the option that asked for it, for messages.
    :ivar configuration: names and values, as the script of the language understands them; names repeat.
    :ivar terminal: her standard input is ours.
    """

    language: str
    command: Sequence[str]
    option: str
    configuration: Sequence[tuple[str, str]]
    terminal: bool = False


class Mother:
    """One mother that serves.

    :param call: answers calls of the API while she loads: the payload of ``u`` to that of ``a``.
    :ivar loaded: what became of each application.
    :raises NoInterpreter: she can not be started, or says that she can not serve; the text tells why.
    :raises BridgeError: she ended, or said what makes no sense, while she loaded.
    """

    def __init__(self, recipe: Recipe, call: Call) -> None:
        self._recipe = recipe
        self._token = secrets.token_hex(16).encode()
        self._address = f"\0uwsgid-{recipe.language.lower()}-{secrets.token_hex(16)}"
        self.loaded: list[Loaded] = []
        self.pid = 0
        self._line = self._start(call)
        self._place = _place()

    @property
    def moved(self) -> bool:
        """Whether this process has taken another user or another root than it started her with."""
        return self._place != _place()

    def end(self) -> None:
        """Let go of her line; she ends unless somebody else holds it as well."""
        self._line.close()

    def connect(
        self,
        slot: int,
        core: int,
        facts: Iterable[tuple[str, str]] = (),
        call: Call | None = None,
        learn: Learn | None = None,
        pipes: list[int] | None = None,
    ) -> tuple[socket.socket, int]:
        """A child of its own for one core of a worker: its connection and its pid.

        :param facts: more that it is told.
        :param call: answers calls of the API until it serves.
        :param learn: takes the payload of ``i``.
        :param pipes: the child may send the end of a pipe for its requests, and that of one for its answers,
            which are put here.
        :raises BridgeError: she is gone, or the child does not greet.
        """
        items = [self._token.decode(), str(slot), str(core), *(text for pair in facts for text in pair)]
        if pipes is not None:
            items += ["pipe", "1"]
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            line.settimeout(_GREETING)
            line.connect(self._address)
            line.sendall(frame(b"t", counted([_bytes(item) for item in items])))
            reader = FrameReader(_FROM_CHILD)
            while True:
                greeting = reader.next()
                if greeting is None:
                    data, found, _, _ = socket.recv_fds(line, _PIECE, 2, socket.MSG_CMSG_CLOEXEC)
                    if pipes is not None:
                        pipes += found
                    if not data:
                        raise BridgeError(f"the {self._recipe.language} interpreter ended before it greeted")
                    reader.feed(data)
                elif greeting[0] == ord("u") and call is not None:
                    line.sendall(frame(b"a", call(greeting[1])))
                elif greeting[0] == ord("i") and learn is not None:
                    learn(greeting[1])
                else:
                    break
        except OSError as error:
            line.close()
            raise BridgeError(f"the {self._recipe.language} interpreter is not there: {error}") from None
        except BridgeError:
            line.close()
            raise
        letter, payload = greeting
        if letter != ord("o") or len(payload) < 4:
            line.close()
            raise BridgeError(payload.decode("utf-8", "replace"))
        line.settimeout(None)
        return line, unpack("<I", payload[:4])[0]

    def _start(self, call: Call) -> socket.socket:
        recipe = self._recipe
        if shutil.which(recipe.command[0]) is None:
            raise NoInterpreter(
                f"{recipe.command[0]}: there is no such program here; the option {recipe.option} needs "
                f"the {recipe.language} interpreter"
            )
        ours, theirs = socket.socketpair()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener, theirs:
            listener.bind(self._address)
            listener.listen(_BACKLOG)
            try:
                process = subprocess.Popen(
                    recipe.command,
                    stdin=None if recipe.terminal else subprocess.DEVNULL,
                    pass_fds=(listener.fileno(), theirs.fileno()),
                    env=os.environ
                    | {
                        "UWSGID_BRIDGE_FD": str(listener.fileno()),
                        "UWSGID_LIFELINE_FD": str(theirs.fileno()),
                        "UWSGID_PRCTL": str(_PRCTL.get(platform.machine(), 0)),
                    },
                )
            except OSError as error:
                ours.close()
                raise NoInterpreter(f"{recipe.command[0]} can not be run: {error}") from None
        self.pid = process.pid
        try:
            self._boot(ours, call)
        except OSError as error:
            ours.close()
            raise BridgeError(_ended(recipe.language, process, str(error))) from None
        except EOFError:
            ours.close()
            raise BridgeError(_ended(recipe.language, process, "")) from None
        except BaseException:
            ours.close()
            process.kill()
            process.wait()
            raise
        process.returncode = 0  # whoever reaps her, it is not this object
        return ours

    def _boot(self, line: socket.socket, call: Call) -> None:
        items = [_bytes(text) for pair in self._recipe.configuration for text in pair]
        line.sendall(frame(b"c", counted([b"token", self._token, *items])))
        reader = FrameReader(_FROM_MOTHER)
        while True:
            heard = reader.next()
            if heard is None:
                data = line.recv(_PIECE)
                if not data:
                    raise EOFError
                reader.feed(data)
                continue
            letter, payload = heard
            if letter == ord("u"):
                line.sendall(frame(b"a", call(payload)))
            elif letter == ord("l"):
                number, ok = unpack("<IB", payload[:5])
                self.loaded.append(Loaded(number, bool(ok), payload[5:].decode("utf-8", "replace")))
            elif letter == ord("n"):
                raise NoInterpreter(payload.decode("utf-8", "replace"))
            else:
                return


def _place() -> tuple[int, int, int, int]:
    root = os.stat("/")
    return os.geteuid(), os.getegid(), root.st_dev, root.st_ino


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _ended(language: str, process: subprocess.Popen[bytes], why: str) -> str:
    """What to say of an interpreter that ended, or stopped to make sense, while it loaded."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(1.0)
    if process.returncode is None:
        process.kill()
        process.wait()
        return f"the {language} interpreter closed its line while it loaded{f': {why}' if why else ''}"
    code = process.returncode
    how = f"of signal {-code}" if code < 0 else f"with exit status {code}"
    return f"the {language} interpreter ended {how} while it loaded its applications"
