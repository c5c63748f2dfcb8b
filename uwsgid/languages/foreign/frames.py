"""What a worker and an interpreter of another language say to each other: bytes to frames, and back.

Both directions use one shape: a header of one ASCII letter and a little-endian u32, the length of the payload
that follows.  Perl and Ruby read it with ``unpack("aV")``.  Texts are latin-1: a byte is a character.

Two kinds of lists
    *Joined*: items with a NUL byte between them, which ``split`` of any language takes apart in one call.  It
    is used where no item has a NUL: names and values of variables and of header fields.  Whoever writes one
    counts the NULs, and refuses where there are more than there should be.
    *Counted*: items with a u32 for their length before each; ``pack("(V/a*)*")``.  Used for any bytes.

Three conversations
    *Boot*, over the descriptor ``UWSGID_LIFELINE_FD``, between the mother (`mother`) and whoever started her:
    ``c``, then any ``u``/``a``, an ``l`` for each application, and ``o`` or ``n``.  Afterwards nothing is
    said; the mother ends when she finds it closed.
    *Greeting* on each connection to the socket ``UWSGID_BRIDGE_FD``: ``t`` from the worker, then any
    ``u``/``a`` and ``i``, and ``o`` or ``n`` from the child that the mother forked for it.
    *Requests* on that connection, one after the other: ``q``; then what the interpreter asks and the worker
    answers; at last ``w``, ``e`` or ``x``.

From the interpreter
    ====== ============================================== ==================================================
    letter payload                                        meaning
    ====== ============================================== ==================================================
    ``o``  u32 pid, u32 applications                      serving
    ``n``  text                                           can not serve: why; then it ends
    ``l``  u32 application, u8 loaded, text               one application was loaded; or why it was not
    ``w``  u8 turn, u8 flags, u32 length of head, head,   the whole answer, and the end of the request
           body
    ``h``  u8 turn, head                                  an answer begins
    ``b``  bytes                                          some of its body
    ``f``  u32 descriptor, i64 offset, i64 count          send this open file; offset -1: its position; count
                                                          -1: all.  The worker says ``k`` when it has
    ``e``  u8 flags                                       the answer is complete
    ``x``  u8 flags, text                                 the application failed; text for the log, if any
    ``r``  u32 most                                       wants some of the request body: ``d`` or ``x``
    ``u``  counted: function, arguments                   call of an API function: ``a`` follows
    ``i``  joined: paths                                  files that the application was made of
    ``z``  u8 flags, or nothing                           what was to be done after the answer is done
    ``y``  nothing                                        from the mother: the child has ended, and had not
                                                          read the request
    ``m``  nothing                                        through the pipe: there is more on the line; also
                                                          from the mother, when the child has ended
    ====== ============================================== ==================================================

    A *head* is joined: status, name, value, name, value, ….  The *turn* is that of the request; another one
    belongs to an answer that nobody asked for.

    Flags of the end: 1, the interpreter goes on after the answer and says ``z`` when that is done (the client
    does not wait for it); 2, the worker is to be replaced after this request; 4, the interpreter wants the
    connection to the client closed.

From the worker
    ====== ============================================== ==================================================
    ``c``  counted: name, value, name, value, …           the configuration of the mother; names repeat
    ``t``  counted: token, slot, core, name, value, …     who connects; without the token nobody is served
    ``q``  u8 turn, u8 flags, u32 application, i64 body   a request.  Names and values of its variables are
           length, u32 length of names, u32 length of     two lists, each with a NUL behind it that its
           values, names, values, body                    length does not count; then what arrived of the
                                                          body
    ``d``  bytes                                          some of the request body; empty at its end
    ``x``  text                                           the request body broke; the text says how
    ``a``  u8 kind, bytes                                 what the function returned: 0 nothing, 1 bytes,
                                                          2 a counted list, 3 an error: its text, 4 a number
    ``k``  u8 sent                                        the file was sent; 0: it can not be, send its bytes
    ``s``  text                                           run this text as a shell on the terminal, or what
                                                          there is for people where it is empty; any ``u`` and
                                                          ``i``, and the end
    ``g``  u8 turn                                        the client is gone, nobody reads the answer
    ``m``  nothing                                        through the pipe: the next frame is on the line
    ====== ============================================== ==================================================

    Flags of ``q``: 1, the body is complete in this frame; 2, its length is not known (the length is -1); 4,
    the variables are counted and not joined, because one has a NUL or there is nothing to join.  Names stand
    together since most requests have the same: an interpreter takes a list of names apart when it sees it
    first, and knows it from then on.

    A child that was told the fact ``pipe`` may send the end of a pipe beside its ``o``.  From then on it
    waits for requests there, and takes from its line what it asks for.  What does not fit into one write that
    nothing can part comes over the line all the same, and ``m`` through the pipe before it.  Who waits at a
    UNIX socket is woken also when his own words are read there, for nothing; nobody is at a pipe.

    It may send the end of a second pipe, at which the worker then waits for the beginning of each answer.
    That is a ``w`` which fits into one write, or an ``m``, and then the rest of the request is talked about
    on the line.  The mother has this pipe open as well.  Where the child ends, she shuts the line down and
    says ``m``, so that the worker finds the end there, whoever else was left the pipe by a fork.  Nothing in
    a pipe is waited for beyond the first read: what is not whole then is junk.

    ``g`` is said once, as soon as a write to the client failed, whatever the interpreter is doing: it looks
    for it when it has more to send, and has to skip it where it waits for something else or for a request.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct
from typing import Any, Final

from uwsgid.errors import AppError

#: Bytes of a header.
HEADER: Final = 5
#: The largest payload that is believed.
MAX_PAYLOAD: Final = 1 << 30
#: Flags of the end of a request.
GOES_ON: Final = 1
REPLACE: Final = 2
CLOSE: Final = 4
#: Flags of a request.
COMPLETE: Final = 1
UNKNOWN_LENGTH: Final = 2
COUNTED: Final = 4

_header: Final = Struct("<cI")
_request: Final = Struct("<cIBBIqII")
_REQUEST_REST: Final = _request.size - HEADER
_OWN: Final = ("wsgi.", "uwsgi.")


class BridgeError(AppError):
    """An interpreter said what it must not, ended within a request, or could not be started."""


# ---- hot path, watched by bench-protocols ------------------------------------------------------------------


def request_frame(
    turn: int, application: int, vars: dict[str, Any], length: int | None, start: bytes
) -> bytes:
    """``q``: a request.

    :param turn: a byte that its answer repeats.
    :param application: its number.
    :param vars: of the request; what is no str, and names of Python's own gateway interface, stay here.
    :param length: of the body, None where that is not known.
    :param start: what arrived of the body.
    """
    try:
        # where nobody put anything else among them, two calls do
        names, values = "\0".join(vars), "\0".join(vars.values())
    except TypeError:
        vars = {
            name: value for name, value in vars.items() if type(value) is str and not name.startswith(_OWN)
        }
        names, values = "\0".join(vars), "\0".join(vars.values())
    flags = 0
    text = f"{names}\0{values}\0"
    size = len(names)
    if names and values and text.count("\0") == 2 * len(vars):  # what is empty, split() takes for no list
        data = text.encode("latin-1", "replace")
    else:
        flags = COUNTED
        block = counted([name.encode("latin-1", "replace") for name in vars])
        size = len(block)
        rest = counted([value.encode("latin-1", "replace") for value in vars.values()])
        data = block + b"\0" + rest + b"\0"
    if length is None:
        flags |= UNKNOWN_LENGTH
        length = -1
    elif len(start) == length:
        flags |= COMPLETE
    whole = len(data)
    head = _request.pack(
        b"q",
        _REQUEST_REST + whole + len(start),
        turn,
        flags,
        application,
        length,
        size,
        whole - size - 2,
    )
    return head + data + start if start else head + data


def read_head(head: bytes) -> tuple[str, list[tuple[str, str]]]:
    """Status and header fields of a head.

    :raises BridgeError: a name without a value.
    """
    parts = head.decode("latin-1").split("\0")
    if not len(parts) & 1:
        raise BridgeError(f"an answer with {len(parts)} texts in its head, a name without a value")
    return parts[0], list(zip(parts[1::2], parts[2::2], strict=True))


# ---- end of the hot path -----------------------------------------------------------------------------------


def frame(letter: bytes, payload: bytes = b"") -> bytes:
    """A frame around a payload that is ready."""
    return _header.pack(letter, len(payload)) + payload


def read_joined(data: bytes) -> list[str]:
    """The texts of a joined list; bytes that are not UTF-8 become surrogates."""
    return data.decode("utf-8", "surrogateescape").split("\0")


def counted(items: Iterable[bytes]) -> bytes:
    """A counted list."""
    return b"".join([len(item).to_bytes(4, "little") + item for item in items])


def read_counted(data: bytes) -> list[bytes]:
    """The items of a counted list.

    :raises BridgeError: it is cut.
    """
    items: list[bytes] = []
    pos, end = 0, len(data)
    while pos < end:
        start = pos + 4
        pos = start + int.from_bytes(data[pos:start], "little")
        if pos > end or start > end:
            raise BridgeError(f"a list whose item {len(items) + 1} runs past its end")
        items.append(data[start:pos])
    return items


class FrameReader:
    """Takes the bytes of one connection apart; it knows no socket.

    Feed it what arrived and ask for `next` until that is None.  A `BridgeError` is final.

    :param letters: those that may come.
    """

    __slots__ = ("_buffer", "_have", "_letters", "_need", "_parts")

    def __init__(self, letters: bytes) -> None:
        self._letters = frozenset(letters)
        self._buffer = b""
        # of a frame that is known to be larger than what arrived; joined when it is complete
        self._parts: list[bytes] = []
        self._have = 0
        self._need = 0

    @property
    def idle(self) -> bool:
        """Whether nothing of a frame has arrived."""
        return not (self._buffer or self._parts)

    def feed(self, data: bytes) -> None:
        """Take what arrived."""
        if self._need:
            self._parts.append(data)
            self._have += len(data)
        else:
            self._buffer = self._buffer + data if self._buffer else data

    def next(self) -> tuple[int, bytes] | None:
        """Letter and payload of the next frame; None where more has to arrive.

        :raises BridgeError: a letter that means nothing here, or a length that nothing has.
        """
        if self._need:
            if self._have < self._need:
                return None
            self._buffer = b"".join(self._parts)
            self._parts, self._need = [], 0
        buffer = self._buffer
        if not buffer:
            return None
        letter = buffer[0]
        if letter not in self._letters:
            raise BridgeError(f"junk in place of an answer: {buffer[:40]!r}")
        if len(buffer) < HEADER:
            return None
        size = int.from_bytes(buffer[1:HEADER], "little")
        if size > MAX_PAYLOAD:
            raise BridgeError(f"junk in place of an answer: {buffer[:40]!r}, a frame of {size} bytes")
        end = HEADER + size
        if len(buffer) < end:
            self._parts, self._have, self._need = [buffer], len(buffer), end
            self._buffer = b""
            return None
        self._buffer = buffer[end:]
        return letter, buffer[HEADER:end]
