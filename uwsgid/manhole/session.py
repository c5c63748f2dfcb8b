"""A session: what a client sends becomes lines, lines become answers.  It knows no socket and no thread.

There are two kinds of clients.  A *terminal* says how wide it is before anything else
(``CSI 8 ; rows ; columns t``, or a pty of ssh) and gets a prompt, an editor and a greeting.  Everything else
is a *pipe*: lines come in, answers go out, nothing is echoed.  A pipe whose first byte is NUL wants a
verdict: the first line that fails is the last one that is run, and the last two bytes it gets are a NUL and a
digit, ``0`` where all went well.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable
from typing import Any, Final

from uwsgid.manhole.console import ClientGone, Console, Outcome
from uwsgid.manhole.editor import END, INTERRUPT, Editor
from uwsgid.manhole.keys import Keys, Resized
from uwsgid.manhole.record import Record

PROMPT: Final = ">>> "
GOES_ON: Final = "... "
VERDICT: Final = "\0"  #: what asks for one, and stands before it

_LONGEST: Final = 1 << 20  #: characters of a line from a pipe
_TAB: Final = {9: None, 10: None}
#: What a terminal would obey; a statement that prints what strangers sent must not move the cursor
_OBEYED: Final = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code not in _TAB} | {
    10: "\r\n"
}


class Session:
    """One client.

    :param names: what its statements know.
    :param send: takes text for the client.  It may raise `ClientGone`.
    :param close: ends the connection, once everything was sent.
    :param greeting: the first line that a terminal sees.
    :ivar failed: a statement failed.
    :ivar is_running: a statement is being run.
    """

    def __init__(
        self,
        names: dict[str, Any],
        record: Record,
        send: Callable[[str], None],
        close: Callable[[], None],
        greeting: str = "",
    ) -> None:
        self._record = record
        self._send = send
        self._close = close
        self._greeting = greeting
        self._console = Console(names, self._answer)
        self._keys = Keys()
        self._editor = Editor(send, self._console.complete)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._text = ""
        self._is_terminal = False
        self._wants_verdict = False
        self._has_begun = False
        self._first = b""
        self._line_ended = True
        self.is_over = False
        self.is_running = False
        self.failed = False

    # ---- what comes

    def receive(self, data: bytes) -> None:
        """Take what the client sent."""
        if self.is_over:
            return
        try:
            if not self._has_begun:
                data = self._begin(self._first + data)
            if self._is_terminal:
                self._type(data)
            elif data:
                self._text += self._decoder.decode(data)
                self._take_lines()
        except ClientGone:
            self.end("it does not read what is sent")

    def end_of_input(self) -> None:
        """The client sends no more: run what is left, and end."""
        if self.is_over:
            return
        try:
            rest = (self._text + self._decoder.decode(b"", True)).rstrip("\r")
            if not self._is_terminal and rest:
                self._take(rest)
            if not self._is_terminal and not self.is_over and self._console.is_open:
                self._take("")
                if self._console.is_open:
                    self._fail("the last statement is not complete\n")
        except ClientGone:
            pass
        self.end("end of input")

    def open_terminal(self, columns: int) -> None:
        """Greet a terminal, or take its new size."""
        self._editor.press(Resized(columns or 80))
        if not self._is_terminal:
            self._is_terminal = self._has_begun = True
            if self._greeting:
                self._answer(self._greeting + "\n")
            self._editor.begin(PROMPT)

    def open_pipe(self) -> None:
        """Take lines and answer them, and run nothing after one that fails."""
        self._has_begun = self._wants_verdict = True

    def run_command(self, text: str) -> None:
        """Run *text*, lines of it, and end."""
        self.open_pipe()
        for line in text.splitlines():
            if not self.is_over:
                try:
                    self._take(line)
                except ClientGone:
                    self.end("it does not read what is sent")
        self.end_of_input()

    def begin_again(self) -> None:
        """Show a terminal a new prompt, after something came in between."""
        if self._is_terminal and not self.is_over:
            self._console.forget()
            self._editor.begin(PROMPT)

    # ---- the end

    @property
    def exit_code(self) -> int:
        """1 where a statement failed, else 0."""
        return int(self.failed)

    def end(self, why: str = "") -> None:
        """Say goodbye, once."""
        if self.is_over:
            return
        self.is_over = True
        try:
            if self._wants_verdict and self._first:
                self._send(f"{VERDICT}{int(self.failed)}")
        except ClientGone:
            pass
        self._record.logout(why)
        self._close()

    def dismiss(self, why: str) -> None:
        """End from our side, and tell the client why."""
        if not self.is_over:
            self.failed = True
            try:
                self._send(f"\r\n\x1b[J*** {why} ***\r\n" if self._is_terminal else f"*** {why} ***\n")
            except ClientGone:
                pass
            self.end(why)

    # ---- inside

    def _begin(self, data: bytes) -> bytes:
        """See what kind of client begins with *data*; what is left of it."""
        self._first = data[:1]
        if data.startswith(b"\x1b"):
            if b"t" not in data and len(data) < 32:
                self._first = data
                return b""
            self._has_begun = True
            for key in self._keys.feed(data[: data.find(b"t") + 1]):
                if isinstance(key, Resized):
                    self.open_terminal(key.columns)
            return data[data.find(b"t") + 1 :]
        self._has_begun = bool(data)
        if data.startswith(VERDICT.encode()):
            self._wants_verdict = True
            return data[1:]
        return data

    def _type(self, data: bytes) -> None:
        for key in self._keys.feed(data):
            if isinstance(key, Resized):
                self.open_terminal(key.columns)
                continue
            line = self._editor.press(key)
            if line is None:
                continue
            if line == END:
                self.end("left")
                return
            if line == INTERRUPT:
                self._console.forget()
                self._editor.begin(PROMPT)
                continue
            self._take(line)
            if self.is_over:
                return
            if not self._line_ended:
                self._answer("\n")
            self._editor.begin(GOES_ON if self._console.is_open else PROMPT)

    def _take_lines(self) -> None:
        *lines, self._text = self._text.split("\n")
        for line in lines:
            self._take(line.rstrip("\r"))
            if self.is_over:
                return
        if len(self._text) > _LONGEST:
            self._fail(f"a line may have {_LONGEST} characters\n")
            self.end("a line that is too long")

    def _take(self, line: str) -> None:
        if not self._is_terminal and self._console.ends_before(line):
            self._push("")
            if self.is_over:
                return
        self._push(line)

    def _push(self, line: str) -> None:
        self._record.line(line)
        self.is_running = True
        try:
            outcome = self._console.push(line)
        except KeyboardInterrupt:  # before its first step
            self._console.forget()
            self._answer("KeyboardInterrupt\n")
            outcome = Outcome.FAILED
        finally:
            self.is_running = False
        if outcome is Outcome.LEFT:
            self.end("left")
        elif outcome is Outcome.FAILED:
            self.failed = True
            if self._wants_verdict:
                self.end("a statement failed")

    def _fail(self, text: str) -> None:
        self.failed = True
        self._answer(text)

    def _answer(self, text: str) -> None:
        if text:
            self._line_ended = text.endswith("\n")
            self._send(text.translate(_OBEYED) if self._is_terminal else text)
